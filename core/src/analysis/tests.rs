use crate::record::{Checked, InterfaceState, RingCount, Services};
use crate::wire::checksum;
use crate::wire::fixture;
use crate::wire::packet::L4;

use super::*;

fn analyser() -> Analyser {
    Analyser::new(SourceId::from("eth1"), &Services::default())
}

fn delivery(content: Content) -> Delivery {
    let ring = RingCount { packets: 9, drops: 2 };
    Delivery { at: time(7), ring, interface: None, content }
}

/// A block of these frames.
pub(super) fn delivery_of(frames: Vec<Vec<u8>>) -> Delivery {
    delivery(Content::Block(Block::Memory(frames)))
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
    assert_eq!((report.notes.len(), report.notes_dropped), (32, 968));
    assert_eq!(report.checksums.tcp.invalid, 1000);
}

#[test]
fn no_flood_of_one_sort_hides_what_is_told_once() {
    let claim = |mac| {
        let arp = fixture::arp(2, [2, 0, 0, 0, 0, mac], [192, 0, 2, 7], [192, 0, 2, 9]);
        fixture::ethernet(0x0806, &arp)
    };
    let frames = [vec![claim(1)], vec![corrupt_request(); 1000], vec![claim(2)]].concat();
    let report = judged(frames);
    assert!(matches!(report.notes.last(), Some(Note::Layer2(_))), "{:?}", report.notes.last());
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

#[test]
fn a_list_of_servers_that_changes_counts_from_the_next_block() {
    // 192.0.2.1 asks 192.0.2.2; the first connection stays as it is, whatever the list says.
    let (lists, list) = watch::channel(WatchList::default());
    let mut analyser = analyser().watching(list);
    let mut judge = |id: u8| {
        let frames = transaction(id).to_vec();
        analyser.judge(delivery(Content::Block(Block::Memory(frames)))).reads.len()
    };
    let server = "192.0.2.2:502".parse::<std::net::SocketAddr>().unwrap();
    assert_eq!(judge(1), 0);
    lists.send_replace([server].into_iter().collect());
    assert_eq!(judge(2), 1);
    lists.send_replace(WatchList::default());
    assert_eq!(judge(3), 0);
    lists.send_replace([server].into_iter().collect());
    drop(lists);
    assert_eq!(judge(4), 1, "the last list outlives who made it");
}

#[test]
fn a_checksum_that_is_explained_by_rewriting_proves_nothing() {
    let (_lists, list) = watch::channel(
        ["192.0.2.2:502".parse::<std::net::SocketAddr>().unwrap()].into_iter().collect(),
    );
    let mut analyser = analyser().watching(list);
    // Both ends' checksums miss by one and the same amount.
    let shifted = |mut frame: Vec<u8>| {
        let at = 14 + 20 + 16;
        let stored = u16::from_be_bytes([frame[at], frame[at + 1]]);
        frame[at..at + 2].copy_from_slice(&stored.wrapping_add(3).to_be_bytes());
        frame
    };
    let frames = (1..9).flat_map(transaction).map(shifted).collect();
    let report = analyser.judge(delivery(Content::Block(Block::Memory(frames))));
    assert!(report.modbus.transactions > 5, "{report:?}");
    assert_eq!(report.reads.len(), 0);
    assert!(report.reads_unproven > 5, "{report:?}");
}

#[test]
fn what_waits_is_reported_when_the_capture_ends() {
    let (to_analyser, deliveries) = mpsc::channel(4);
    let (reports, mut from_analyser) = mpsc::channel(4);
    let [first, _] = transaction(1);
    let [third, _] = transaction(3);
    to_analyser.try_send(delivery(Content::Block(Block::Memory(vec![first, third])))).unwrap();
    drop(to_analyser);
    run(analyser(), deliveries, &reports);
    let [block, rest] = [(); 2].map(|()| from_analyser.try_recv().unwrap());
    assert_eq!((block.modbus.requests, block.frames), (1, 2));
    assert_eq!((rest.modbus.requests, rest.frames, rest.at), (1, 0, block.at));
    assert_eq!(rest.streams.missing_bytes, 12);
}

#[test]
fn fragments_that_contradict_each_other_are_noted_with_their_hosts() {
    let fragment = |offset_and_more: u16, byte: u8| {
        let mut packet = fixture::ipv4(17, &[], &[byte; 16]);
        packet[6..8].copy_from_slice(&offset_and_more.to_be_bytes());
        packet[10..12].fill(0);
        let sum = checksum::finish(checksum::sum(0, &packet[..20]));
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        fixture::ethernet(0x0800, &packet)
    };
    let report = judged(vec![fragment(0x2000, 1), fragment(0x2001, 1), fragment(0x2001, 2)]);
    assert_eq!(report.fragments.contradicted, 1);
    let [Note::Conflict(conflict)] = &report.notes[..] else { panic!("{:?}", report.notes) };
    let of = Contested::Datagram {
        source: "192.0.2.1".parse().unwrap(),
        destination: "192.0.2.2".parse().unwrap(),
    };
    assert_eq!(conflict.of, of);
}

/// A read and its answer, as the `id`-th on one connection.
fn transaction(id: u8) -> [Vec<u8>; 2] {
    let request = [0, id, 0, 0, 0, 6, 1, 3, 0, 107, 0, 1];
    let response = [0, id, 0, 0, 0, 5, 1, 3, 2, 0, id];
    let (asked, answered) = (12 * u32::from(id), 11 * u32::from(id));
    let server = |mut frame: Vec<u8>| {
        frame[14 + 12..14 + 20].rotate_left(4); // addresses; sums do not change by that
        frame[14 + 20..14 + 24].rotate_left(2); // ports
        frame
    };
    [tcp([asked, answered], &request), server(tcp([answered, asked + 12], &response))]
}

/// A frame with these sequence and acknowledgment numbers, from the client.
pub(super) fn tcp(numbers: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let addresses = fixture::addresses_v4();
    let mut segment = fixture::segment(6, &addresses, payload);
    segment[4..12].copy_from_slice(&numbers.map(u32::to_be_bytes).concat());
    segment[16..18].fill(0);
    let len = u16::try_from(segment.len()).unwrap().to_be_bytes();
    let covered = [&addresses[..], &[0, 6], &len, &segment].concat();
    let checksum = checksum::finish(checksum::sum(0, &covered));
    segment[16..18].copy_from_slice(&checksum.to_be_bytes());
    fixture::ethernet(0x0800, &fixture::ipv4(6, &[], &segment))
}

#[test]
fn of_the_rings_that_share_an_interface_only_the_first_tells_what_becomes_of_it() {
    let tells = |ring| {
        let content = Content::Interface(InterfaceState::Down);
        analyser().of_ring(ring, 16).judge(delivery(content)).interface
    };
    assert_eq!([0, 1, 15].map(tells), [Some(InterfaceState::Down), None, None]);
}

mod shapes;
