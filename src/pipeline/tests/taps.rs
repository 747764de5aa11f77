//! What becomes of what is heard on lines of others.

use std::collections::BTreeMap;

use crate::record::{Path, Tally, TapReport, TapState, UnitTally};

use super::*;

fn report(seconds: u64) -> TapReport {
    TapReport::new(SourceId::from("line-b"), at(seconds))
}

fn unit(seconds: u64, tally: UnitTally) -> TapReport {
    TapReport { units: BTreeMap::from([(7, tally)]), ..report(seconds) }
}

fn damaged(n: u64) -> TapReport {
    let mut report = report(0);
    report.frames = Tally { valid: 50, invalid: n, ..Tally::default() };
    report.bytes.damaged = 11 * n;
    report.damage = (n > 0).then_some(Mismatch { stored: 0x0bad, computed: 0x600d });
    report
}

#[test]
fn damaged_frames_are_told_when_the_window_ends_with_their_coverage() {
    let mut pipeline = quiet();
    pipeline.on_tap(&damaged(1));
    pipeline.on_tap(&damaged(2));
    assert_eq!(kinds(&mut pipeline), [], "not before the window ends");
    pipeline.on_window_end(at(1));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    checksum.invalid: damaged frames on line-b: 3 of 103 that were heard; look at shield, termination and ground of the line, and at baud rate and parity if no frame is valid
      layer = Text("modbus_rtu")
      failed = Unsigned(3)
      bytes = Unsigned(33)
      stored = Text("0x0bad")
      computed = Text("0x600d")
      verified = Unsigned(103)
      seen = Unsigned(103)
    "#);
    pipeline.on_window_end(at(2));
    assert_eq!(kinds(&mut pipeline), [], "a window is told once");
}

#[test]
fn a_line_that_goes_on_damaging_frames_is_told_again_after_five_minutes_with_the_count() {
    let mut pipeline = quiet();
    let mut events = vec![];
    for second in 0..700 {
        pipeline.on_tap(&damaged(u64::from(second < 400 && second % 2 == 0)));
        pipeline.on_window_end(at(second));
        events.extend(drain(&mut pipeline));
    }
    pipeline.on_tap(&damaged(2));
    pipeline.close(at(700));
    events.extend(drain(&mut pipeline));
    let told: Vec<_> = events.iter().map(|event| (event.at, field(event, "failed"))).collect();
    let failed = [1, 150, 49, 2].map(Scalar::Unsigned);
    let expected: Vec<_> =
        [0, 300, 600, 700].map(at).into_iter().zip(failed.iter().map(Some)).collect();
    assert_eq!(told, expected);
    assert!(
        events[1].text.contains("150 of 15100 that were heard since this was last told;"),
        "{}",
        events[1].text
    );
    assert!(!events[3].text.contains("since"), "{}", events[3].text);
}

#[test]
fn a_write_on_a_line_names_the_line_and_no_address() {
    let mut pipeline = quiet();
    let notes = vec![Transaction { path: Path::Serial, ..write() }];
    pipeline.on_tap(&TapReport { notes, notes_dropped: 2, ..report(0) });
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    modbus.write: the master on line-b to unit 1: write single register, 17 to address 100; done
      unit = Unsigned(1)
      function = Text("write single register")
      function_code = Unsigned(6)
      address = Unsigned(100)
      value = Unsigned(17)
      latency_ms = Real(3.15)
    "#);
    assert_eq!(pipeline.ledgers()["notes"].to_string(), "in 3 = out 1 + 2 line_limit");
}

#[test]
fn a_unit_that_does_not_answer_is_told_once_and_again_when_it_does() {
    let mut pipeline = quiet();
    let silent = |in_a_row| UnitTally { requests: 1, unanswered: 1, in_a_row, answered: 0 };
    let answers = UnitTally { requests: 1, answered: 1, ..UnitTally::default() };
    for (second, tally) in (0..).zip([silent(1), silent(2), answers, silent(1), silent(2)]) {
        pipeline.on_tap(&unit(second, tally));
    }
    assert_eq!(kinds(&mut pipeline), [], "a reply may be lost");
    for second in 5..9 {
        pipeline.on_tap(&unit(second, silent(second - 2)));
    }
    pipeline.on_tap(&unit(9, UnitTally { requests: 1, in_a_row: 6, ..UnitTally::default() }));
    pipeline.on_tap(&unit(10, answers));
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    device.down: unit 7 on line-b does not answer the master of the line: 3 requests in a row; device off, another unit, wiring, or a tap that hears only one direction
      unit = Unsigned(7)
      unanswered = Unsigned(3)
    device.up: unit 7 on line-b answers the master of the line again after 5s
      unit = Unsigned(7)
      down_ms = Real(5000.0)
    "#);
}

#[test]
fn a_line_that_goes_and_comes_is_told_once_each() {
    let mut pipeline = quiet();
    let state = |second, state| TapReport { state: Some(state), ..report(second) };
    pipeline.on_tap(&state(0, TapState::Open));
    assert_eq!(kinds(&mut pipeline), [], "it is expected to be there");
    pipeline.on_tap(&state(1, TapState::Lost("/dev/ttyS1: unplugged".into())));
    pipeline.on_tap(&report(2));
    pipeline.on_tap(&state(4, TapState::Open));
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    capture.down: line-b is not heard: /dev/ttyS1: unplugged
      state = Text("down")
    capture.up: line-b is heard again; nothing was heard for 3s
      state = Text("up")
      down_ms = Real(3000.0)
    "#);
    assert!(pipeline.status().contains("lines 1, down 0;"), "{}", pipeline.status());
    assert_eq!(pipeline.n_sources(), 1);
}

#[test]
fn the_books_of_a_line_balance_in_bytes() {
    let mut pipeline = quiet();
    let mut report = report(0);
    report.bytes.heard = 40;
    report.bytes.in_frames = 30;
    report.bytes.noise = 4;
    report.bytes.foreign = 6;
    report.unanswered = 1;
    pipeline.on_tap(&report);
    pipeline.on_tap(&report);
    let ledger = &pipeline.ledgers()["line:line-b"];
    assert_eq!(ledger.to_string(), "in 80 = out 60 + 8 noise + 12 not_modbus; unanswered 2");
    report.bytes.noise = 5;
    pipeline.on_tap(&report);
    assert!(!pipeline.ledgers()["line:line-b"].balances(), "a byte too many shows");
}
