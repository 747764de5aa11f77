use std::time::SystemTime;

use crate::analysis::tests::tcp;
use crate::analysis::{Analyser, tests::delivery_of};
use crate::record::{Corruption, Services, SourceId};

use super::*;

fn analyser() -> Analyser {
    Analyser::new(SourceId::from("eth1"), &Services::default())
}

fn damaged(mut frame: Vec<u8>) -> Vec<u8> {
    *frame.last_mut().unwrap() ^= 0x10;
    frame
}

fn notes(report: &WireReport) -> (Vec<Corruption>, Vec<Repaired>) {
    let (mut corrupt, mut repaired) = (vec![], vec![]);
    for note in &report.notes {
        match note {
            Note::Corrupt(corruption) => corrupt.push(*corruption),
            Note::Repaired(seen) => repaired.push(*seen),
            Note::Modbus(_)
            | Note::Message(_)
            | Note::Conflict(_)
            | Note::Jump(_)
            | Note::Ineffective(_)
            | Note::Detected(_)
            | Note::Layer2(_)
            | Note::Unverifiable(_) => panic!("{note:?}"),
        }
    }
    (corrupt, repaired)
}

#[test]
fn a_damaged_segment_that_is_repeated_intact_is_noted_once() {
    let segment = tcp([100, 1], b"one two three");
    let mut analyser = analyser();
    let report = analyser.judge(delivery_of(vec![damaged(segment.clone())]));
    let (corrupt, repaired) = notes(&report);
    assert_eq!((corrupt.len(), corrupt[0].is_awaited, repaired.len()), (1, true, 0));
    let report = analyser.judge(delivery_of(vec![segment.clone(), segment]));
    let (corrupt, repaired) = notes(&report);
    assert_eq!((corrupt.len(), repaired.len()), (0, 1));
    assert_eq!(repaired[0].source.to_string(), "192.0.2.1");
    assert_eq!(report.intact, [Intact { host: repaired[0].source, packets: 2 }]);
}

#[test]
fn another_place_length_or_connection_is_no_repetition() {
    let segment = tcp([100, 1], b"one two three");
    let mut other_port = segment.clone();
    other_port[14 + 20 + 1] ^= 1;
    for other in [tcp([101, 1], b"one two three"), tcp([100, 1], b"one two thre")] {
        let report = analyser().judge(delivery_of(vec![damaged(segment.clone()), other]));
        assert_eq!(notes(&report).1, []);
    }
}

#[test]
fn what_carries_nothing_is_not_waited_for() {
    let acknowledgment = tcp([100, 1], b"");
    let report = analyser().judge(delivery_of(vec![damaged(acknowledgment)]));
    assert!(!notes(&report).0[0].is_awaited);
}

#[test]
fn a_flood_of_damaged_segments_keeps_a_few_and_counts_the_rest() {
    let mut analyser = analyser();
    let flood = (0..2000).map(|n| damaged(tcp([1000 * n, 1], b"x"))).collect();
    let report = analyser.judge(delivery_of(flood));
    assert!((1900..2000).contains(&report.suspects_evicted), "{}", report.suspects_evicted);
    let intact = (0..2000).map(|n| tcp([1000 * n, 1], b"x")).collect();
    let report = analyser.judge(delivery_of(intact));
    assert!(notes(&report).1.len() <= N_PLACES && !notes(&report).1.is_empty());
}

#[test]
fn what_was_long_ago_is_forgotten_and_costs_nothing_any_more() {
    let mut damage = Damage::new(Seed::new());
    let mut report = WireReport::new(SourceId::from("eth1"), SystemTime::UNIX_EPOCH);
    let frame = damaged(tcp([100, 1], b"x"));
    let packet = crate::wire::packet::dissect(&crate::wire::packet::Captured {
        link: crate::wire::packet::Link::Ethernet,
        bytes: &frame,
        wire_len: 60,
        stripped_vlan: None,
        checksum_pending: false,
    });
    damage.on_damaged(1, &packet, &mut report);
    assert_eq!(damage.n_known, 2);
    damage.end_block(AWAIT_NS + 2, &mut report);
    assert_eq!(damage.n_known, 1);
    damage.end_block(SUSPECT_NS + 2, &mut report);
    assert!(damage.is_empty());
}
