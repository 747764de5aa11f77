//! Refusals of others: told once, then counted.

use crate::record::{Note, WireReport};

use super::*;

fn refused(seconds: u64, function: u8) -> Transaction {
    Transaction { at: at(seconds), function, exception: Some(2), ..write() }
}

/// As a capture reports it.
fn see(pipeline: &mut Pipeline, seen: Transaction) -> Vec<Event> {
    let mut report = WireReport::new(SourceId::from("eth1"), seen.at);
    report.note(Note::Modbus(seen));
    pipeline.on_report(&report);
    drain(pipeline)
}

#[test]
fn a_refusal_is_told_once_then_counted_and_told_again_after_five_minutes_with_the_count() {
    let mut pipeline = quiet();
    assert_eq!(see(&mut pipeline, refused(0, 3)).len(), 1);
    for seconds in 1..300 {
        assert_eq!(see(&mut pipeline, refused(seconds, 3)), [], "{seconds} s");
    }
    let events = see(&mut pipeline, refused(300, 3));
    assert!(events[0].text.ends_with("(299 more since this was last told)"), "{}", events[0].text);
    assert_eq!(field(&events[0], "count"), Some(&Scalar::Unsigned(300)));
    assert_eq!(see(&mut pipeline, refused(301, 3)), []);
    assert_eq!(pipeline.ledgers()["notes"].noted["refusals_repeated"], 300);
}

#[test]
fn only_the_same_client_server_unit_and_function_are_one() {
    let mut pipeline = quiet();
    assert_eq!(see(&mut pipeline, refused(0, 3)).len(), 1);
    let path = |vlan, client: u8, client_port, server: u8| Path::Network {
        vlan: Vlan { outer: vlan, inner: 0 },
        client: SocketAddr::new(host(client), client_port),
        server: SocketAddr::new(host(server), 502),
    };
    let same = refused(1, 3);
    let others = [
        refused(1, 4),
        Transaction { unit: 2, ..same },
        Transaction { path: path(7, 5, 40112, 10), ..same },
        Transaction { path: path(0, 6, 40112, 10), ..same },
        Transaction { path: path(0, 5, 40112, 11), ..same },
        Transaction { path: Path::Serial, ..same },
    ];
    for other in others {
        assert_eq!(see(&mut pipeline, other).len(), 1, "{other:?}");
    }
    let reconnected = Transaction { path: path(0, 5, 40999, 10), ..same };
    assert_eq!(see(&mut pipeline, reconnected), [], "a new port is no other client");
}

#[test]
fn writes_of_other_values_that_were_not_refused_are_all_told() {
    let mut pipeline = quiet();
    for value in [1, 2, 1, 2, 3] {
        let written = Some(Written::of(&[6, 0, 100, 0, value]));
        let value = Some(value.into());
        let events = see(&mut pipeline, Transaction { value, written, ..write() });
        assert_eq!((events.len(), field(&events[0], "count")), (1, None));
    }
}

#[test]
fn strangers_cannot_make_the_table_grow_and_what_makes_room_is_counted() {
    let log = Log { samples: Samples::None, rate: u32::MAX, burst: u32::MAX, ..Log::default() };
    let mut pipeline = pipeline(log);
    let from = |unit, server: u8, seconds| Transaction {
        unit,
        path: Path::Network {
            vlan: Vlan::default(),
            client: SocketAddr::new(host(5), 40112),
            server: SocketAddr::new(host(server), 502),
        },
        ..refused(seconds, 3)
    };
    assert_eq!(see(&mut pipeline, from(0, 1, 0)).len(), 1);
    assert_eq!(see(&mut pipeline, from(0, 1, 1)), []);
    for unit in 0..=255 {
        assert_eq!(see(&mut pipeline, from(unit, 2, 2)).len(), 1, "{unit}");
    }
    assert_eq!(see(&mut pipeline, from(0, 1, 3)).len(), 1, "forgotten, so it is told");
    let notes = &pipeline.ledgers()["notes"];
    assert_eq!((notes.noted["refusals_repeated"], notes.noted["refusals_forgotten"]), (1, 1));
    assert!(notes.balances());
}

#[test]
fn a_write_that_is_told_before_its_answer_is_in_the_books_as_such() {
    let mut pipeline = quiet();
    let unanswered = Transaction { latency: None, ..write() };
    let mut report = WireReport::new(SourceId::from("eth1"), at(0));
    for seen in [write(), unanswered, unanswered] {
        report.note(Note::Modbus(seen));
    }
    pipeline.on_report(&report);
    assert_eq!(pipeline.ledgers()["notes"].noted["writes_told_unanswered"], 2);
}
