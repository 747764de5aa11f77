#[expect(dead_code, reason = "shared with the tests of what reads frames")]
#[path = "../../../core/src/wire/fixture.rs"]
mod fixture;

use std::io::Write as _;

use tempfile::NamedTempFile;

use crate::record::Kind;
use crate::wire::checksum;

use super::*;

/// A pcap file of these frames, one a second.
fn pcap(linktype: u32, frames: &[&[u8]]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut file: Vec<u8> = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, linktype]);
    for (second, frame) in (1..).zip(frames) {
        let len = u32::try_from(frame.len()).unwrap();
        file.extend::<Vec<u8>>(words(&[second, 0, len, len]));
        file.extend(*frame);
    }
    file
}

fn saved(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Summary and events of one file that can be read to its end.
fn replayed(bytes: &[u8]) -> (Summary, Vec<Event>) {
    let file = saved(bytes);
    let mut events = vec![];
    let replayed = replay(&[file.path().to_owned()], |observed| {
        if let Observed::Event(event) = observed {
            events.push(event.clone());
        }
    });
    let Replayed { summary, broken } = replayed.unwrap();
    assert!(broken.is_empty(), "{broken:?}");
    (summary, events)
}

/// An Ethernet frame with a Modbus PDU from client to server.
fn frame(pdu: &[u8]) -> Vec<u8> {
    let len = u8::try_from(pdu.len() + 1).unwrap();
    let adu = [&[0, 1, 0, 0, 0, len, 17], pdu].concat();
    let segment = fixture::segment(6, &fixture::addresses_v4(), &adu);
    fixture::ethernet(0x0800, &fixture::ipv4(6, &[], &segment))
}

const READ: [u8; 5] = [3, 0, 107, 0, 10];
const WRITE: [u8; 5] = [6, 0, 1, 0, 3];

#[test]
fn the_summary_has_exactly_the_published_keys() {
    let mut corrupt = frame(&READ);
    *corrupt.last_mut().unwrap() ^= 1;
    let (summary, _) = replayed(&pcap(1, &[&frame(&WRITE), &corrupt, &corrupt]));
    let tally = |valid: u64, invalid: u64| {
        let unverified = r#""offloaded":0,"absent":0,"truncated":0,"fragment":0"#;
        format!(r#"{{"valid":{valid},"invalid":{invalid},{unverified}}}"#)
    };
    let (ipv4, tcp, none) = (tally(3, 0), tally(1, 2), tally(0, 0));
    let expected = format!(
        concat!(
            r#"{{"packets":3,"bytes":234,"seconds":2.0,"checksums":{{"ipv4":{ipv4},"tcp":{tcp},"#,
            r#""udp":{none},"icmp":{none},"icmpv6":{none},"dnp3":{none},"modbus_rtu":{none}}},"#,
            r#""malformed":0,"modbus":{{"#,
            r#""requests":1,"responses":0,"transactions":0,"exceptions":0,"functions":{{"6":1}},"#,
            r#""writes":1}},"messages":{{}},"detection":{{"servers":0,"candidates_evicted":0,"#,
            r#""servers_evicted":0}},"layer2":{{}},"ledger":{{"in":3,"out":3,"dropped":{{}}}}}}"#
        ),
        ipv4 = ipv4,
        tcp = tcp,
        none = none
    );
    assert_eq!(serde_json::to_string(&summary).unwrap(), expected);
}

#[test]
fn writes_and_corruption_become_events_and_the_same_ones_each_time() {
    let mut corrupt = frame(&READ);
    *corrupt.last_mut().unwrap() ^= 1;
    let file = pcap(1, &[&frame(&WRITE), &corrupt]);
    let (_, events) = replayed(&file);
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::ModbusWrite, Kind::ChecksumInvalid]);
    assert_eq!(replayed(&file).1.len(), events.len());
}

#[test]
fn a_cut_record_and_an_unknown_link_are_in_the_ledger() {
    let whole = pcap(1, &[&frame(&READ), &frame(&READ)]);
    let (summary, _) = replayed(&whole[..whole.len() - 1]);
    assert_eq!(summary.ledger.to_string(), "in 2 = out 1 + 1 truncated_record");
    let (summary, _) = replayed(&pcap(147, &[b"?", b"?"]));
    assert_eq!(summary.ledger.to_string(), "in 2 = out 0 + 2 unknown_link");
    assert_eq!(summary.packets, 2);
}

#[test]
fn a_file_that_is_no_capture_is_told_before_any_is_read() {
    let good = saved(&pcap(1, &[&frame(&WRITE)]));
    let bad = saved(b"not a capture");
    let paths = [good.path().to_owned(), bad.path().to_owned()];
    let error = replay(&paths, |_| panic!("something was read")).unwrap_err();
    assert!(error.to_string().contains("not a capture file"), "{error}");
}

#[test]
fn a_corrupt_record_ends_its_file_with_its_place_and_what_was_read_is_summed_up() {
    let mut corrupt = pcap(1, &[&frame(&READ)]);
    let at = corrupt.len();
    corrupt.extend([0xff; 16]);
    let files = [saved(&corrupt), saved(&pcap(1, &[&frame(&WRITE)]))];
    let paths = files.each_ref().map(|file| file.path().to_owned());
    let Replayed { summary, broken } = replay(&paths, |_| ()).unwrap();
    let [error] = broken.try_into().unwrap();
    assert!(error.to_string().contains(&format!("byte {at} is corrupt")), "{error}");
    assert_eq!((summary.packets, summary.modbus.writes), (2, 1), "the next file is read");
    assert_eq!(summary.ledger.to_string(), "in 3 = out 2 + 1 corrupt_record");
    assert!(summary.ledger.balances());
}

#[test]
fn a_request_behind_a_hole_is_not_lost_when_the_file_ends() {
    let later = |by: u32| {
        let adu = [&[0, 1, 0, 0, 0, 6, 17], &WRITE[..]].concat();
        let addresses = fixture::addresses_v4();
        let mut segment = fixture::segment(6, &addresses, &adu);
        let sequence = u32::from_be_bytes(segment[4..8].try_into().unwrap()) + by;
        segment[4..8].copy_from_slice(&sequence.to_be_bytes());
        segment[16..18].fill(0);
        let len = u16::try_from(segment.len()).unwrap().to_be_bytes();
        let covered = [&addresses[..], &[0, 6], &len, &segment].concat();
        let sum = checksum::finish(checksum::sum(0, &covered));
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        fixture::ethernet(0x0800, &fixture::ipv4(6, &[], &segment))
    };
    let (summary, events) = replayed(&pcap(1, &[&later(0), &later(24)]));
    assert_eq!((summary.modbus.writes, summary.checksums.tcp.valid), (2, 2));
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::ModbusWrite, Kind::ModbusWrite]);
    let ledger = summary.ledger.to_string();
    assert_eq!(ledger, "in 2 = out 2; stream_bytes_missing 12; stream_holes 1");
}

#[test]
fn files_are_sources_of_their_own_whose_counts_add_up() {
    let files = [saved(&pcap(1, &[&frame(&READ)])), saved(&pcap(1, &[&frame(&READ)]))];
    let paths = files.each_ref().map(|file| file.path().to_owned());
    let summary = replay(&paths, |_| ()).unwrap().summary;
    assert_eq!((summary.packets, summary.modbus.requests), (2, 2)); // no retransmission
}
