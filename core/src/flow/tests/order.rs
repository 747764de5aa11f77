//! Segments that come out of order, twice, in two versions, or not at all.

use std::net::SocketAddr;

use proptest::prelude::*;

use crate::flow::table::POOL;
use crate::record::{Conflict, Contested, Trust};

use super::*;

/// A client and a server that know each other, with the server watched.
fn acquainted() -> Wire {
    let mut wire = Wire::new();
    wire.table.watch(["192.0.2.2:502".parse::<SocketAddr>().unwrap()].into_iter().collect());
    wire.send(CLIENT, &read(1000));
    wire.send(SERVER, &values(1000));
    wire.next_block();
    wire
}

/// What each side says; parts of one side, of at most so many bytes, by where they start.
pub(super) fn parts(stream: &[u8], len: usize) -> Vec<(i32, &[u8])> {
    let offsets = (0..).step_by(len);
    offsets.zip(stream.chunks(len)).collect()
}

fn requests(n: u16) -> Vec<u8> {
    (0..n).flat_map(read).collect()
}

fn responses(n: u16) -> Vec<u8> {
    (0..n).flat_map(values).collect()
}

/// Say all that a side has to say, in parts, in an order.
pub(super) fn say(wire: &mut Wire, side: usize, parts: &[(i32, &[u8])], order: &[usize]) {
    for nth in order {
        let (offset, bytes) = parts[*nth];
        wire.segment(side, offset, Flags::ACK, bytes);
    }
    let len = parts.iter().map(|(_, bytes)| bytes.len()).sum();
    wire.skip(side, len);
}

/// Whatever the order, the transactions are those in order, and no read is proven that overtook.
fn check(wire: &Wire, n: u64, order: &[usize]) {
    assert_eq!(wire.counts(), (n, n, n), "{order:?}");
    let report = &wire.report;
    assert_eq!((report.modbus.unread, report.streams), (0, StreamTally::default()), "{order:?}");
    assert_eq!(report.reads.len() as u64 + report.reads_unproven, n, "{order:?}");
    assert_eq!(wire.table.pool_free(), POOL);
}

pub(super) fn permutations(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![vec![]] };
    let shorter = permutations(last);
    let placed = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, last);
        order
    };
    shorter.iter().flat_map(|order| (0..n).map(move |at| placed(order, at))).collect()
}

#[test]
fn five_segments_in_any_order_are_the_same_transactions() {
    let (asked, answered) = (requests(5), responses(5));
    let in_order = [0, 1, 2, 3, 4];
    for len in [12, 14] {
        for order in permutations(5) {
            for (client, server) in [(&order[..], &in_order[..]), (&in_order, &order)] {
                let mut wire = acquainted();
                say(&mut wire, CLIENT, &parts(&asked, len), client);
                say(&mut wire, SERVER, &parts(&answered, len - len / 14 + 1), server);
                check(&wire, 5, &order);
                let is_proven = order == in_order;
                assert_eq!(wire.report.reads_unproven == 0, is_proven, "{order:?}");
            }
        }
    }
}

#[test]
fn segments_of_two_bytes_in_reverse_are_the_same_transactions() {
    let mut wire = acquainted();
    let reverse: Vec<_> = (0..30).rev().collect();
    let asked = requests(5);
    say(&mut wire, CLIENT, &parts(&asked, 2), &reverse);
    let answered = responses(5);
    say(&mut wire, SERVER, &parts(&answered, 65), &[0]);
    check(&wire, 5, &reverse);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn segments_of_any_length_in_any_order_are_the_same_transactions(
        n in 1_u16..16,
        lens in (6_usize..60, 7_usize..60),
        seeds in any::<[u64; 2]>(),
    ) {
        let shuffled = |n: usize, mut seed: u64| {
            let mut order: Vec<_> = (0..n).collect();
            for at in (1..n).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                order.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
            }
            order
        };
        let mut wire = acquainted();
        let (asked, answered) = (requests(n), responses(n));
        for (side, bytes, len) in [(CLIENT, &asked, lens.0), (SERVER, &answered, lens.1)] {
            let parts = parts(bytes, len);
            say(&mut wire, side, &parts, &shuffled(parts.len(), seeds[side]));
        }
        check(&wire, u64::from(n), &[]);
    }
}

#[test]
fn a_lost_request_costs_no_other_transaction_and_no_time() {
    let mut wire = acquainted();
    wire.skip(CLIENT, 12); // to us; the server has it
    wire.send(CLIENT, &read(2));
    assert_eq!(wire.counts(), (0, 0, 0));
    wire.send(SERVER, &values(2)); // acknowledges both
    assert_eq!(wire.counts(), (1, 1, 1));
    assert_eq!(wire.report.modbus.latency, Duration::from_millis(1));
    let streams = StreamTally { missing_bytes: 12, holes: 1, ..StreamTally::default() };
    assert_eq!(wire.report.streams, streams);
}

#[test]
fn a_retransmission_fills_a_hole_and_is_what_is_waited_for() {
    let mut wire = acquainted();
    wire.segment(CLIENT, 12, Flags::ACK, &adu(2, &WRITE));
    wire.send(CLIENT, &read(1));
    wire.skip(CLIENT, 12);
    wire.send(SERVER, &[values(1), adu(2, &WRITE)].concat());
    assert_eq!((wire.counts(), wire.report.streams), ((2, 2, 2), StreamTally::default()));
    let [noted] = wire.transactions()[..] else { panic!("{:?}", wire.transactions()) };
    assert_eq!(noted.latency, Some(Duration::from_millis(1)), "after the retransmission");
}

#[test]
fn what_waits_is_read_when_the_capture_ends_or_the_connection_is_not_met_again() {
    for is_end in [true, false] {
        let mut wire = acquainted();
        wire.skip(CLIENT, 5);
        wire.send(CLIENT, &adu(2, &WRITE));
        wire.next_block();
        assert!(wire.table.has_holes());
        if is_end {
            wire.table.finish(&mut wire.report);
        } else {
            wire.table.end_block(wire.now_ns, &mut wire.report);
            assert_eq!(wire.counts(), (0, 0, 0));
            wire.table.end_block(wire.now_ns + 3_000_000_000, &mut wire.report);
        }
        assert_eq!((wire.counts(), wire.transactions().len()), ((1, 0, 0), 1), "{is_end}");
        assert_eq!((wire.table.has_holes(), wire.table.pool_free()), (false, POOL));
    }
}

#[test]
fn a_retransmission_that_says_something_else_is_noticed_and_proves_nothing() {
    let mut wire = acquainted();
    wire.send(CLIENT, &read(1));
    wire.segment(CLIENT, -12, Flags::ACK, &adu(1, &[3, 0, 200, 0, 2]));
    wire.segment(CLIENT, -1, Flags::ACK, &[0x55]); // a keep-alive
    wire.segment(CLIENT, -12, Flags::ACK, &read(1));
    wire.send(SERVER, &values(1));
    assert_eq!((wire.counts(), wire.report.reads_unproven), ((1, 1, 1), 1));
    let streams = StreamTally { repeated_bytes: 25, conflicts: 1, ..StreamTally::default() };
    assert_eq!(wire.report.streams, streams);
    let of = Contested::Stream {
        source: "192.0.2.1:40000".parse().unwrap(),
        destination: "192.0.2.2:502".parse().unwrap(),
    };
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(4);
    assert_eq!(
        wire.report.notes,
        [Note::Conflict(Conflict { at, vlan: wire.vlan, of, trust: Trust::default() })]
    );
}

#[test]
fn new_bytes_behind_a_repetition_that_says_something_else_prove_nothing() {
    let mut wire = acquainted();
    wire.send(CLIENT, &read(1));
    wire.segment(SERVER, -13, Flags::ACK, &[values(7), values(1)].concat());
    assert_eq!((wire.counts(), wire.report.streams.conflicts), ((1, 1, 1), 1));
    assert_eq!((wire.report.reads.len(), wire.report.reads_unproven), (0, 1));
}

#[test]
fn after_a_gap_of_the_ring_nothing_open_is_proven_and_nothing_contradicts() {
    let mut wire = acquainted();
    wire.send(CLIENT, &read(1));
    wire.table.start_block(Gap::Before);
    wire.send(SERVER, &values(1));
    assert_eq!((wire.report.reads.len(), wire.report.reads_unproven), (0, 1));
    wire.table.start_block(Gap::Before);
    // The same ports and numbers, and another connection, whose SYN was lost.
    wire.segment(CLIENT, -12, Flags::ACK, &read(7));
    assert_eq!(wire.report.streams.conflicts, 0);
    wire.send(CLIENT, &read(2));
    wire.send(SERVER, &values(2));
    assert_eq!((wire.report.reads.len(), wire.report.reads_unproven), (1, 1));
}

#[test]
fn what_was_overtaken_before_its_server_was_watched_proves_nothing() {
    let mut wire = acquainted();
    wire.table.watch(WatchList::default());
    wire.evidence = Evidence::Unverified;
    wire.segment(CLIENT, 12, Flags::ACK, &read(2));
    wire.evidence = Evidence::Intact;
    wire.table.watch(["192.0.2.2:502".parse::<SocketAddr>().unwrap()].into_iter().collect());
    wire.send(CLIENT, &read(1));
    wire.skip(CLIENT, 12);
    wire.send(SERVER, &[values(1), values(2)].concat());
    assert_eq!((wire.report.reads.len(), wire.report.reads_unproven), (0, 2));
}

#[test]
fn a_connection_that_makes_room_gives_back_what_it_held_and_loses_nothing() {
    let mut wire = Wire::with_capacity(1);
    for port in 1..=100 {
        wire.client_port = port;
        wire.send(CLIENT, &read(1));
        wire.skip(CLIENT, 1);
        wire.send(CLIENT, &read(2));
    }
    let held = 12 * 32; // one in each of the 32 places
    assert_eq!(wire.table.pool_free(), POOL - held);
    assert_eq!(wire.counts(), (200 - 32, 0, 0));
    wire.table.finish(&mut wire.report);
    assert_eq!((wire.counts(), wire.table.pool_free()), ((200, 0, 0), POOL));
}

#[test]
fn a_hundred_thousand_spoofed_connections_cost_no_more_memory_than_there_is_room() {
    let mut wire = Wire::with_capacity(64);
    let early = [0_u8; 1460];
    for nth in 0..100_000_u32 {
        wire.client_port = u16::try_from(nth % 50_000 + 1000).unwrap();
        wire.vlan.outer = u16::try_from(nth / 50_000).unwrap();
        wire.segment(CLIENT, 0, Flags::SYN, &[]);
        wire.segment(CLIENT, 1, Flags::ACK, &[1]);
        for offset in 1..40 {
            if nth % 10 == 0 {
                wire.segment(CLIENT, offset * 2000, Flags::ACK, &early);
            }
        }
    }
    let (n_slots, capacity) = wire.table.room();
    assert!(n_slots <= 64 + 31 && capacity == 64 + 31, "{n_slots} {capacity}");
    assert!(wire.table.pool_free() < POOL);
    assert!(wire.report.notes.len() <= WireReport::MAX_NOTES);
    wire.table.finish(&mut wire.report);
    assert_eq!(wire.table.pool_free(), POOL);
}
