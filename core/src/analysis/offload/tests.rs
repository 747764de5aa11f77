use crate::analysis::Analyser;
use crate::analysis::tests::{delivery_of, tcp};
use crate::record::{Losses, Services, SourceId};
use crate::wire::packet::{Captured, Link, dissect};

use super::*;

fn analyser(mtu: u32, is_loopback: bool) -> Analyser {
    let mut analyser = Analyser::new(SourceId::from("eth1"), &Services::default());
    let count = InterfaceCount { losses: Losses::default(), mtu, is_loopback };
    analyser.offload.on_interface(&count);
    analyser
}

/// A segment whose checksum is that of its pseudo-header.
fn unfinished(payload: &[u8]) -> Vec<u8> {
    let mut frame = tcp([1, 1], payload);
    let covered = [&frame[14 + 12..14 + 20], &[0, 6]].concat();
    let len = u16::try_from(frame.len() - 34).unwrap().to_be_bytes();
    let sum = crate::wire::checksum::sum(0, &[covered, len.to_vec()].concat());
    let stored = !crate::wire::checksum::finish(sum);
    frame[14 + 20 + 16..14 + 20 + 18].copy_from_slice(&stored.to_be_bytes());
    frame
}

fn told(report: &WireReport) -> Vec<Unverifiable> {
    let told = report.notes.iter().map(|note| {
        let Note::Unverifiable(told) = note else { panic!("{note:?}") };
        *told
    });
    told.collect()
}

/// As the kernel hands them over, which says that they are still to be finished.
fn judge_pending(analyser: &mut Analyser, frame: &[u8], n: usize) -> WireReport {
    let mut report = WireReport::new(SourceId::from("eth1"), time(0));
    for _ in 0..n {
        let packet = dissect(&Captured {
            link: Link::Ethernet,
            bytes: frame,
            wire_len: u32::try_from(frame.len()).unwrap(),
            stripped_vlan: None,
            checksum_pending: true,
        });
        analyser.judge_packet((0, true), &packet, &mut report);
    }
    report
}

#[test]
fn a_sender_whose_checksums_the_kernel_will_finish_is_local_and_told_once() {
    let mut analyser = analyser(1500, false);
    let frame = tcp([1, 1], b"anything");
    assert_eq!(told(&judge_pending(&mut analyser, &frame, 99)), []);
    let [host] = told(&judge_pending(&mut analyser, &frame, 1))[..] else { panic!() };
    assert_eq!((host.cause, host.packets, host.verified), (Unfinished::Local, 100, 0));
    assert!(analyser.offload.is_empty(), "what was told of is not looked at any more");
    assert_eq!(told(&judge_pending(&mut analyser, &frame, 1000)), []);
}

#[test]
fn a_stored_pseudo_header_without_the_kernels_word_was_copied() {
    let report = analyser(1500, false).judge(delivery_of(vec![unfinished(b"x"); 200]));
    let [host] = told(&report)[..] else { panic!("{report:?}") };
    assert_eq!((host.cause, host.packets), (Unfinished::Copied, 100));
}

#[test]
fn long_packets_of_a_host_whose_short_ones_verify_were_merged_here() {
    let mut analyser = analyser(1500, false);
    let long = tcp([1, 1], &[7; 1461]);
    let report = judge_pending(&mut analyser, &long, 5000);
    assert_eq!(told(&report), [], "the sender may be on this machine");
    let report = analyser.judge(delivery_of(vec![tcp([1, 1], b"short"); 2]));
    let [host] = told(&report)[..] else { panic!("{report:?}") };
    assert_eq!((host.cause, host.packets, host.verified), (Unfinished::Merged, 5000, 1));
    assert!(analyser.offload.is_empty());
    assert_eq!(host.mtu, Some(1500));
}

#[test]
fn packets_that_fill_the_mtu_were_not_merged() {
    let mut analyser = analyser(1500, false);
    let full = tcp([1, 1], &[7; 1460 - 12]); // the header of these has options
    judge_pending(&mut analyser, &full, 1);
    analyser.judge(delivery_of(vec![tcp([1, 1], b"short")]));
    assert_eq!(told(&judge_pending(&mut analyser, &full, 5000)), []);
}

#[test]
fn nothing_is_said_of_loopback() {
    let mut analyser = analyser(65_536, true);
    assert_eq!(told(&judge_pending(&mut analyser, &tcp([1, 1], b"x"), 500)), []);
}

#[test]
fn a_flood_of_senders_costs_a_fixed_table_and_is_counted() {
    let mut analyser = analyser(1500, false);
    let mut report = WireReport::new(SourceId::from("eth1"), time(0));
    for n in 0..10_000_u16 {
        let mut frame = tcp([1, 1], b"x");
        frame[14 + 14..14 + 16].copy_from_slice(&n.to_be_bytes());
        let seen = judge_pending(&mut analyser, &frame, 1);
        report.suspects_evicted += seen.suspects_evicted;
    }
    assert!(report.suspects_evicted > 9_900, "{}", report.suspects_evicted);
    assert!(analyser.offload.n_open <= N_PLACES);
}
