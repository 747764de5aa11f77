//! BACnet/IP.

use infra_monitor::wire::bacnet;

use super::*;

const CAPTURE: &str = "icsnpp-bacnet_error_reject_abort.pcap";

#[test]
fn services_of_bacnet_are_counted_as_tshark_counts_them() {
    let Some(path) = captures().map(|captures| captures.join(CAPTURE)) else { return };
    let Some(ours) = codes(&path, "udp.payload", bacnet::extent, bacnet::message) else { return };
    let column = |field| Some(numbers(&tshark(&path, "bacapp", field)?));
    let Some(confirmed) = column("bacapp.confirmed_service") else { return };
    let Some(unconfirmed) = column("bacapp.unconfirmed_service") else { return };
    let Some(kinds) = column("bacapp.type") else { return };
    let unconfirmed = unconfirmed.into_iter().map(|(service, n)| (0x100 | service, n));
    // Those that name no service: segment acknowledgment, reject, abort.
    let others = [4, 6, 7].into_iter().filter_map(|kind| Some((0x400 | kind, *kinds.get(&kind)?)));
    let expected: BTreeMap<_, _> = confirmed.into_iter().chain(unconfirmed).chain(others).collect();
    assert_eq!(ours, expected);
    assert_eq!(ours.values().sum::<i64>(), kinds.values().sum::<i64>());
}

#[test]
fn what_is_refused_in_bacnet_is_told_with_its_reason() {
    let errors = events(CAPTURE, "protocol.error");
    let told: Vec<_> = errors.iter().map(|event| event["error"].as_str().unwrap()).collect();
    if captures().is_some() {
        let reasons = ["password failure", "rejected: unrecognized service", "aborted: other"];
        assert_eq!(told, reasons);
    }
}

#[test]
fn bacnet_datagrams_are_all_read() {
    let Some(summary) = summary(CAPTURE) else { return };
    let ours = &summary["messages"]["bacnet"];
    let counts = ["requests", "responses", "reports", "writes", "commands", "errors", "unread"];
    let counts = counts.map(|count| ours[count].as_u64().unwrap());
    assert_eq!(counts, [32, 3, 10, 10, 3, 3, 0]);
}
