//! Writes that only repeat themselves: told once, then counted.

use crate::record::{Gap, Note, TapReport, WireReport};

use super::super::written::MAX_PLACES;
use super::*;

/// As a capture reports it.
fn see(pipeline: &mut Pipeline, seen: Transaction) -> Vec<Event> {
    see_at("eth1", pipeline, seen)
}

fn see_at(source: &str, pipeline: &mut Pipeline, seen: Transaction) -> Vec<Event> {
    let mut report = WireReport::new(SourceId::from(source), seen.at);
    report.note(Note::Modbus(seen));
    pipeline.on_report(&report);
    drain(pipeline)
}

fn n_told(pipeline: &mut Pipeline, writes: &[Transaction]) -> Vec<usize> {
    writes.iter().map(|seen| see(pipeline, *seen).len()).collect()
}

fn noted(pipeline: &Pipeline, what: &str) -> u64 {
    pipeline.ledgers()["notes"].noted.get(what).copied().unwrap_or(0)
}

fn path(vlan: u16, client: u8, server: u8) -> Path {
    Path::Network {
        vlan: Vlan { outer: vlan, inner: 0 },
        client: SocketAddr::new(host(client), 40112),
        server: SocketAddr::new(host(server), 502),
    }
}

/// A register gets a value, by host 5.
fn set(seconds: u64, address: u16, value: u16) -> Transaction {
    let pdu = [&[6], &address.to_be_bytes()[..], &value.to_be_bytes()].concat();
    Transaction {
        at: at(seconds),
        address: Some(address),
        value: Some(value),
        written: Some(Written::of(&pdu)),
        ..write()
    }
}

fn by(client: u8, seen: Transaction) -> Transaction {
    Transaction { path: path(0, client, 10), ..seen }
}

/// Registers, or coils if the function is 15, get values of which the last is named.
fn set_many(seconds: u64, function: u8, extent: (u16, u16), last: u8) -> Transaction {
    let (address, quantity) = extent;
    Transaction {
        function,
        quantity: Some(quantity),
        written: Some(Written::of(&[function, last])),
        ..set(seconds, address, 0)
    }
}

#[test]
fn a_repeated_write_is_told_once_then_counted_and_told_again_after_five_minutes_with_the_count() {
    let mut pipeline = quiet();
    let first = see(&mut pipeline, set(0, 100, 17));
    assert_eq!((first.len(), field(&first[0], "count")), (1, None));
    for seconds in 1..300 {
        assert_eq!(see(&mut pipeline, set(seconds, 100, 17)), [], "{seconds} s");
    }
    let events = see(&mut pipeline, set(300, 100, 17));
    assert!(events[0].text.ends_with("; done (299 more since this was last told)"), "{events:?}");
    assert_eq!(field(&events[0], "count"), Some(&Scalar::Unsigned(300)));
    assert_eq!(see(&mut pipeline, set(301, 100, 17)), []);
    assert_eq!(noted(&pipeline, "writes_repeated"), 300);
}

#[test]
fn start_stop_and_start_are_three_events() {
    let mut pipeline = quiet();
    let writes = [(0, 1), (1, 0), (2, 1), (3, 1), (4, 0)].map(|(s, value)| set(s, 100, value));
    assert_eq!(n_told(&mut pipeline, &writes), [1, 1, 1, 0, 1]);
}

#[test]
fn a_change_by_another_client_makes_the_next_one_of_the_first_told() {
    let mut pipeline = quiet();
    let writes = [set(0, 100, 1), by(6, set(1, 100, 0)), set(2, 100, 1), set(3, 100, 1)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 1, 1, 0]);
    let same_value = [by(6, set(4, 100, 1)), by(6, set(5, 100, 1)), set(6, 100, 1)];
    assert_eq!(n_told(&mut pipeline, &same_value), [1, 0, 1], "another client is told of");
}

#[test]
fn only_the_same_client_function_and_place_are_one() {
    let mut pipeline = quiet();
    let same = set(1, 100, 17);
    assert_eq!(n_told(&mut pipeline, &[same, same]), [1, 0]);
    let others = [
        Transaction { unit: 2, ..same },
        Transaction { path: path(7, 5, 10), ..same },
        Transaction { path: path(0, 5, 11), ..same },
        Transaction { path: Path::Serial, ..same },
        set(1, 101, 17),
        set_many(1, 15, (100, 1), 17),
    ];
    for other in others {
        assert_eq!(n_told(&mut pipeline, &[other, other]), [1, 0], "{other:?}");
        assert_eq!(n_told(&mut pipeline, &[same]), [0], "{other:?} is elsewhere");
    }
    let another_function = set_many(1, 16, (100, 1), 17);
    assert_eq!(n_told(&mut pipeline, &[another_function, same]), [1, 1]);
    let reconnected = Path::Network {
        vlan: Vlan::default(),
        client: SocketAddr::new(host(5), 40999),
        server: SocketAddr::new(host(10), 502),
    };
    let reconnected = Transaction { path: reconnected, ..same };
    assert_eq!(n_told(&mut pipeline, &[reconnected]), [0], "a new port is no other client");
}

#[test]
fn whatever_overlaps_makes_the_next_one_told() {
    let same = [set(9, 100, 1), set_many(9, 16, (200, 3), 1), set_many(9, 15, (100, 20), 1)];
    let cases = [
        (set_many(1, 16, (90, 11), 9), [1, 0, 0]),
        (set_many(1, 16, (90, 10), 9), [0, 0, 0]),
        (set_many(1, 16, (100, 123), 9), [1, 1, 0]),
        (set_many(1, 16, (101, 99), 9), [0, 0, 0]),
        (set(1, 202, 9), [0, 1, 0]),
        (set(1, 203, 9), [0, 0, 0]),
        (set_many(1, 22, (201, 1), 9), [0, 1, 0]),
        (set_many(1, 23, (201, 5), 9), [0, 1, 0]),
        (set_many(1, 15, (119, 1000), 9), [0, 0, 1]),
        (set_many(1, 5, (110, 1), 9), [0, 0, 1]),
        (set_many(1, 21, (0, 0), 9), [0, 0, 0]),
        (Transaction { written: None, ..set_many(1, 16, (9, 1), 9) }, [1, 1, 1]),
        (Transaction { unit: 0, ..set(1, 100, 9) }, [1, 1, 0]),
        (Transaction { unit: 2, ..set(1, 100, 9) }, [0, 0, 0]),
    ];
    for (between, told) in cases {
        let mut pipeline = quiet();
        assert_eq!(
            n_told(&mut pipeline, &same.map(|seen| Transaction { at: at(0), ..seen })),
            [1, 1, 1]
        );
        assert_eq!(see(&mut pipeline, between).len(), 1, "{between:?}");
        assert_eq!(n_told(&mut pipeline, &same), told, "{between:?}");
        assert_eq!(n_told(&mut pipeline, &same), [0, 0, 0], "{between:?}");
    }
}

#[test]
fn who_takes_a_unit_for_any_other_makes_the_next_one_of_it_told() {
    let mut pipeline = quiet();
    let any = |seconds, value| Transaction { unit: 255, ..set(seconds, 100, value) };
    let writes = [any(0, 1), any(1, 1), set(2, 100, 0), any(3, 1), set(4, 100, 0), set(5, 100, 0)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 0, 1, 1, 1, 0]);
}

#[test]
fn a_write_without_an_answer_is_told_and_what_it_may_have_changed_too() {
    let mut pipeline = quiet();
    let open = |seen| Transaction { latency: None, ..seen };
    let writes = [set(0, 100, 1), set(1, 100, 1), open(set(2, 100, 0)), set(3, 100, 1)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 0, 1, 1]);
    let writes = [open(set(4, 100, 1)), open(set(5, 100, 1)), set(6, 100, 1)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 1, 0], "done or not, the value is the same");
    let writes = [open(set(7, 101, 1)), set(8, 101, 1), set(9, 101, 1)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 1, 0], "nothing was known of it");
}

#[test]
fn a_refused_write_changes_nothing_and_is_no_repetition() {
    let mut pipeline = quiet();
    let refused = |seconds| Transaction { exception: Some(2), ..set(seconds, 100, 0) };
    let writes = [set(0, 100, 1), refused(1), set(2, 100, 1), refused(3)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 1, 0, 0]);
    assert_eq!(noted(&pipeline, "writes_repeated"), 1);
    assert_eq!(noted(&pipeline, "refusals_repeated"), 1);
}

#[test]
fn values_that_cannot_be_compared_are_told_each_time() {
    let mut pipeline = quiet();
    let cut = Transaction { written: None, ..set_many(0, 16, (100, 2), 1) };
    for seen in [cut, set_many(0, 22, (100, 1), 1), set_many(0, 23, (100, 1), 1)] {
        assert_eq!(n_told(&mut pipeline, &[seen; 3]), [1, 1, 1], "{seen:?}");
    }
    let file = Transaction { function: 21, address: None, written: None, ..write() };
    assert_eq!(n_told(&mut pipeline, &[file; 3]), [1, 1, 1]);
}

#[test]
fn after_a_loss_the_next_of_each_is_told() {
    let mut pipeline = quiet();
    assert_eq!(n_told(&mut pipeline, &[set(0, 100, 1), set(1, 100, 1)]), [1, 0]);
    let empty = WireReport::new(SourceId::from("eth1"), at(2));
    pipeline.on_report(&WireReport { gap: Gap::Before, ..empty.clone() });
    drain(&mut pipeline);
    assert_eq!(n_told(&mut pipeline, &[set(2, 100, 1), set(3, 100, 1)]), [1, 0]);
    pipeline.on_report(&WireReport { notes_dropped: 1, ..empty });
    drain(&mut pipeline);
    assert_eq!(n_told(&mut pipeline, &[set(4, 100, 1), set(5, 100, 1)]), [1, 0]);
    assert_eq!(noted(&pipeline, "writes_forgotten"), 2);
}

#[test]
fn on_a_line_a_repetition_is_counted_unless_a_frame_was_damaged() {
    let mut pipeline = quiet();
    let mut hear = |seconds, invalid| {
        let mut report = TapReport::new(SourceId::from("line-b"), at(seconds));
        report.frames.invalid = invalid;
        for _ in 0..2 {
            report.note(Transaction { path: Path::Serial, ..set(seconds, 100, 1) });
        }
        pipeline.on_tap(&report);
        drain(&mut pipeline).len()
    };
    assert_eq!([(0, 0), (1, 0), (2, 1), (3, 0), (4, 0)].map(|(s, n)| hear(s, n)), [1, 0, 2, 1, 0]);
}

/// Rings that share an interface report apart.
#[test]
fn what_was_reported_late_has_the_write_that_undid_it_told_after_it() {
    let mut pipeline = quiet();
    let writes = [set(0, 100, 1), set(2, 100, 1), set(3, 100, 1)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 0, 0]);
    let events = see(&mut pipeline, by(6, set(1, 100, 0)));
    let told: Vec<_> = events.iter().map(|event| (event.at, field(event, "value"))).collect();
    let [zero, one] = [0, 1].map(Scalar::Unsigned);
    assert_eq!(told, [(at(1), Some(&zero)), (at(3), Some(&one))]);
    assert_eq!(field(&events[1], "count"), Some(&Scalar::Unsigned(2)));
    assert_eq!(noted(&pipeline, "writes_told_late"), 1);

    let writes = [by(6, set(11, 100, 0)), set(10, 100, 1), set(12, 100, 1), set(13, 100, 1)];
    assert_eq!(n_told(&mut pipeline, &writes), [1, 1, 1, 0], "the first to arrive lay between");
}

#[test]
fn a_clock_that_was_set_back_hides_nothing_and_does_not_tell_all_for_ever() {
    let mut pipeline = quiet();
    let writes = [5000, 10, 11, 12].map(|seconds| set(seconds, 100, 1));
    assert_eq!(n_told(&mut pipeline, &writes), [1, 1, 0, 0]);
    let others = [13, 14].map(|seconds| set(seconds, 200, 1));
    assert_eq!(n_told(&mut pipeline, &others), [1, 0]);
}

#[test]
fn captures_do_not_know_of_each_other() {
    let mut pipeline = quiet();
    let mut told = |source, seen| see_at(source, &mut pipeline, seen).len();
    let same = set(0, 100, 1);
    assert_eq!(["eth1", "eth2", "eth1", "eth2"].map(|source| told(source, same)), [1, 1, 0, 0]);
    assert_eq!((told("eth2", set(1, 100, 0)), told("eth1", same)), (1, 0));
}

#[test]
fn strangers_cannot_make_the_table_grow_and_what_makes_room_is_told_again() {
    let log = Log { samples: Samples::None, rate: u32::MAX, burst: u32::MAX, ..Log::default() };
    let mut pipeline = pipeline(log);
    let place = |n: usize| set(1, u16::try_from(n).unwrap(), 1);
    assert_eq!(n_told(&mut pipeline, &[place(0), place(0)]), [1, 0]);
    for n in 1..MAX_PLACES {
        assert_eq!(see(&mut pipeline, place(n)).len(), 1, "{n}");
    }
    assert_eq!(n_told(&mut pipeline, &[place(0), place(MAX_PLACES), place(0)]), [0, 1, 1]);
    assert_eq!(n_told(&mut pipeline, &[place(2), place(1)]), [0, 1], "the one told longest ago");
    assert_eq!(noted(&pipeline, "writes_forgotten"), 3, "twice the first, once the third");
}

#[test]
fn told_and_repeated_are_all_that_was_written() {
    let log = Log { samples: Samples::None, rate: u32::MAX, burst: u32::MAX, ..Log::default() };
    let mut pipeline = pipeline(log);
    let (mut all, mut told) = (0, 0);
    for seconds in 0..2000_u64 {
        let value = u16::from(seconds % 97 < 50);
        let late = by(6, set(seconds - seconds % 7, 104, value));
        let mask = set_many(seconds, 22, (102, 1), 1);
        let some = [set(seconds, 100, 1), set_many(seconds, 16, (103, 2), 1), late, mask];
        for seen in some.into_iter().take(1 + usize::from(seconds % 5 == 0) * 3) {
            all += 1;
            told += see(&mut pipeline, seen).len() as u64;
        }
    }
    let [repeated, late] =
        ["writes_repeated", "writes_told_late"].map(|what| noted(&pipeline, what));
    assert_eq!(told + repeated, all + late);
    assert!(repeated > 1500 && pipeline.ledgers()["notes"].balances());
}
