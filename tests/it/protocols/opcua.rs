//! OPC UA.

use super::*;

const CAPTURE: &str = "icsnpp-opcua_with_gap.pcap";

#[test]
fn opc_ua_is_counted_as_tshark_counts_it() {
    let Some(summary) = summary(CAPTURE) else { return };
    let path = captures().unwrap().join(CAPTURE);
    let count = |filter| {
        let counts = tshark(&path, filter, "opcua.transport.type")?;
        Some(counts.values().sum::<u64>())
    };
    let sides = (count("opcua && tcp.dstport == 4840"), count("opcua && tcp.srcport == 4840"));
    let (Some(requests), Some(responses)) = sides else { return };
    let ours = &summary["messages"]["opcua"];
    assert_eq!(ours["requests"], requests);
    // Of one answer a part is missing: its beginning says what it is, tshark does not read it.
    assert_eq!(ours["responses"], responses + 1);
    assert_eq!(ours["unread"], 0);
}

#[test]
fn opc_ua_writes_calls_and_refusals_are_told() {
    let services = |kind| {
        let events = events(CAPTURE, kind);
        let name = |event: &Value| event["function"].as_str().unwrap().to_owned();
        events.iter().map(name).collect::<Vec<_>>()
    };
    if captures().is_some() {
        let add = ["AddNodes"; 4];
        assert_eq!(services("protocol.write"), [&["Write", "Write", "Call"][..], &add].concat());
        assert_eq!(services("protocol.error"), ["Publish"], "ten alike are told once");
    }
}
