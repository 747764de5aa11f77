use crate::record::{InterfaceState, RingCount};
use crate::wire::fixture;

use super::*;

fn analyser() -> Analyser {
    Analyser::new(SourceId::from("eth1"), &[502])
}

fn delivery(content: Content) -> Delivery {
    let ring = RingCount { packets: 9, drops: 2 };
    Delivery { at: time(7), ring, content }
}

/// The report on a block of these frames.
fn judged(frames: Vec<Vec<u8>>) -> WireReport {
    analyser().judge(delivery(Content::Block(Block::Memory(frames))))
}

fn request() -> Vec<u8> {
    let segment = fixture::segment(6, &fixture::addresses_v4(), &fixture::MODBUS);
    fixture::ethernet(0x0800, &fixture::ipv4(6, &[], &segment))
}

/// The last byte of the TCP payload is wrong.
fn corrupt_request() -> Vec<u8> {
    let mut frame = request();
    *frame.last_mut().unwrap() ^= 0xff;
    frame
}

#[test]
fn a_good_frame_is_counted_and_its_request_followed() {
    let report = judged(vec![request()]);
    assert_eq!((report.frames, report.bytes), (1, request().len() as u64));
    assert_eq!((report.checksums.ipv4.valid, report.checksums.tcp.valid), (1, 1));
    assert_eq!((report.modbus.requests, report.modbus.functions[3]), (1, 1));
    assert_eq!((report.malformed, report.notes.len()), (0, 0));
}

#[test]
fn a_corrupt_frame_is_noted_and_not_followed() {
    let report = judged(vec![corrupt_request()]);
    let [Note::Corrupt(corruption)] = &report.notes[..] else { panic!("{:?}", report.notes) };
    assert_eq!(corruption.checked, Checked::L4(L4::Tcp));
    assert_eq!(corruption.source.to_string(), "192.0.2.1");
    assert_ne!(corruption.mismatch.stored, corruption.mismatch.computed);
    assert_eq!((report.checksums.tcp.invalid, report.modbus.requests), (1, 0));
}

#[test]
fn a_flood_of_corruption_costs_a_bounded_report_that_counts_the_rest() {
    let report = judged(vec![corrupt_request(); 1000]);
    assert_eq!((report.notes.len(), report.notes_dropped), (64, 936));
    assert_eq!(report.checksums.tcp.invalid, 1000);
}

#[test]
fn an_offloaded_checksum_is_no_corruption_and_its_request_is_followed() {
    let addresses = fixture::addresses_v4();
    let segment = fixture::offloaded(6, &addresses, &fixture::MODBUS, 32 + 12);
    let report = judged(vec![fixture::ethernet(0x0800, &fixture::ipv4(6, &[], &segment))]);
    assert_eq!((report.checksums.tcp.offloaded, report.notes.len()), (1, 0));
    assert_eq!(report.modbus.requests, 1);
}

#[test]
fn udp_and_icmp_are_tallied_apart() {
    let frame = |protocol| {
        let segment = fixture::segment(protocol, &fixture::addresses_v4(), b"x");
        fixture::ethernet(0x0800, &fixture::ipv4(protocol, &[], &segment))
    };
    let v6 = fixture::segment(58, &fixture::addresses_v6(), b"x");
    let v6 = fixture::ethernet(0x86dd, &fixture::ipv6(58, &v6));
    let checksums = judged(vec![frame(17), frame(1), v6]).checksums;
    assert_eq!((checksums.udp.valid, checksums.icmp.valid, checksums.icmpv6.valid), (1, 1, 1));
    assert_eq!((checksums.ipv4.valid, checksums.tcp.seen()), (2, 0));
}

#[test]
fn structural_errors_are_counted() {
    let cut = request()[..30].to_vec();
    assert_eq!(judged(vec![cut, request()]).malformed, 1);
}

#[test]
fn a_connection_goes_on_from_block_to_block() {
    let mut analyser = analyser();
    let block = || delivery(Content::Block(Block::Memory(vec![request()])));
    assert_eq!(analyser.judge(block()).modbus.requests, 1);
    assert_eq!(analyser.judge(block()).modbus.requests, 0); // a retransmission
}

#[test]
fn a_change_of_state_and_the_ring_s_count_are_passed_on() {
    let report = analyser().judge(delivery(Content::Interface(InterfaceState::Down)));
    assert_eq!(report.interface, Some(InterfaceState::Down));
    assert_eq!((report.ring.packets, report.ring.drops), (9, 2));
    assert_eq!((report.at, report.frames), (time(7), 0));
    assert_eq!(analyser().judge(delivery(Content::Empty)).ring.packets, 9);
}

#[test]
fn the_analyser_runs_until_its_capture_hangs_up() {
    let (to_analyser, deliveries) = mpsc::channel(4);
    let (reports, mut from_analyser) = mpsc::channel(4);
    for content in [Content::Block(Block::Memory(vec![request()])), Content::Empty] {
        to_analyser.try_send(delivery(content)).unwrap();
    }
    drop(to_analyser);
    run(analyser(), deliveries, &reports);
    drop(reports);
    assert_eq!(from_analyser.blocking_recv().unwrap().frames, 1);
    assert_eq!(from_analyser.blocking_recv().unwrap().frames, 0);
    assert!(from_analyser.blocking_recv().is_none());
}

#[test]
fn the_analyser_stops_when_nobody_reads_its_reports() {
    let (to_analyser, deliveries) = mpsc::channel(4);
    let (reports, from_analyser) = mpsc::channel(4);
    drop(from_analyser);
    to_analyser.try_send(delivery(Content::Empty)).unwrap();
    run(analyser(), deliveries, &reports);
}
