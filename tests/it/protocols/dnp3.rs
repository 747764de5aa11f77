//! DNP3.

use infra_monitor::wire::dnp3;

use super::*;

const CAPTURE: &str = "icsnpp-dnp3_example.pcap";

/// Function, how many more of it we tell, and why.
const DIFFERENCES: [(u64, i64, &str); 3] = [
    (0, -1, "the first half of a response, joined with a response of a later connection"),
    (129, 4, "that one, and three whose two segments have the numbers 63 and 0"),
    (130, 1, "the capture ends before its second segment"),
];

#[test]
fn functions_of_dnp3_are_counted_as_tshark_counts_them() {
    let Some(path) = captures().map(|captures| captures.join(CAPTURE)) else { return };
    let Some(ours) = codes(&path, "tcp.payload", dnp3::extent, dnp3::message) else { return };
    let Some(theirs) = tshark(&path, "dnp3", "dnp3.al.func") else { return };
    let mut expected: BTreeMap<u64, i64> = numbers(&theirs);
    for (function, more, why) in DIFFERENCES {
        eprintln!("{CAPTURE}: function {function}: {more:+}: {why}");
        *expected.entry(function).or_default() += more;
    }
    expected.retain(|_, count| *count != 0);
    assert_eq!(ours, expected);
    assert_eq!(ours.values().sum::<i64>(), 732);
}

#[test]
fn every_crc_of_dnp3_is_verified_and_every_message_told_by_its_role() {
    let Some(summary) = summary(CAPTURE) else { return };
    let verdicts = &summary["checksums"]["dnp3"];
    assert_eq!((&verdicts["valid"], &verdicts["invalid"]), (&834.into(), &0.into()));
    let ours = &summary["messages"]["dnp3"];
    let counts = ["requests", "responses", "reports", "reads", "commands", "errors", "unread"];
    let counts = counts.map(|count| ours[count].as_u64().unwrap());
    assert_eq!(counts, [364, 364, 4, 97, 267, 0, 0]);
}

#[test]
fn selects_and_operates_are_told_with_the_station_they_are_for() {
    let events = events(CAPTURE, "protocol.write");
    for event in &events {
        assert_eq!(event["station"], 5, "{event}");
        assert!(["select", "operate"].contains(&event["function"].as_str().unwrap()), "{event}");
    }
    assert!(captures().is_none() || !events.is_empty());
}
