//! Whatever comes in, the books balance, and memory does not follow a stranger.

use proptest::prelude::*;

use crate::record::{Doubt, Fault, Note, RingCount, StreamTally, WireReport};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Reading { device: u8, quality: Quality, value: f64 },
    Report { frames: u64, drops: u64, corrupt: Vec<u8>, writes: usize },
    WindowEnd,
}

fn quality() -> impl Strategy<Value = Quality> {
    prop_oneof![
        4 => Just(Quality::Good),
        1 => prop::sample::select(vec![
            Quality::Uncertain(Doubt::LateReply),
            Quality::Uncertain(Doubt::Status(STATUS)),
        ]),
        4 => prop::sample::select(vec![
            Fault::Timeout,
            Fault::LinkDown,
            Fault::BadCrc,
            Fault::ForeignReply,
            Fault::Exception(2),
            Fault::Exception(11),
            Fault::Status(STATUS),
            Fault::NotAValue,
            Fault::BackedOff,
        ])
        .prop_map(Quality::Bad),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u8, quality(), 0.0..12.0)
            .prop_map(|(device, quality, value)| Step::Reading { device, quality, value }),
        3 => (0..1000_u64, 0..9_u64, prop::collection::vec(any::<u8>(), 0..40), 0..100_usize)
            .prop_map(|(frames, drops, corrupt, writes)| Step::Report { frames, drops, corrupt, writes }),
        1 => Just(Step::WindowEnd),
    ]
}

fn apply(pipeline: &mut Pipeline, seconds: u64, step: Step) {
    match step {
        Step::Reading { device, quality, value } => {
            let value = (!matches!(quality, Quality::Bad(_))).then_some(Value::Real(value));
            let reading = from_device(&format!("pump-{device}"), reading(seconds, quality));
            pipeline.on_reading(&with_sample(&pressure(), value, reading));
        }
        Step::Report { frames, drops, corrupt, writes } => {
            let mut report = WireReport::new(SourceId::from("eth1"), at(seconds));
            report.frames = frames;
            report.ring = RingCount { packets: frames + drops, drops };
            report.checksums.tcp.invalid = corrupt.len() as u64;
            for to in corrupt {
                report.note(Note::Corrupt(corruption(1, to)));
            }
            (0..writes).for_each(|_| report.note(Note::Modbus(write())));
            pipeline.on_report(&report);
        }
        Step::WindowEnd => pipeline.on_window_end(at(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ledgers_balance_whatever_comes_in_and_however_small_the_queue(
        steps in prop::collection::vec(step(), 0..200),
        room in 0..20_usize,
        burst in 0..20_u32,
    ) {
        let mut pipeline = pipeline(Log { burst, ..Log::default() });
        let mut delivered = 0;
        for (seconds, step) in (0..).zip(steps) {
            apply(&mut pipeline, seconds, step);
            let mut left = room;
            pipeline.hand_on(|_| {
                left = left.checked_sub(1).ok_or("sink_full")?;
                delivered += 1;
                Ok(())
            });
        }
        let ledgers = pipeline.ledgers();
        for (name, ledger) in &ledgers {
            prop_assert!(ledger.balances(), "{name}: {ledger}");
        }
        prop_assert_eq!(ledgers["events"].left, delivered);
    }
}

#[test]
fn a_file_has_no_ring_and_loses_nothing() {
    let mut pipeline = quiet();
    pipeline
        .on_report(&WireReport { frames: 7, ..WireReport::new(SourceId::from("a.pcap"), at(0)) });
    assert_eq!(pipeline.ledgers()["capture:a.pcap"].to_string(), "in 7 = out 7");
}

#[test]
fn what_no_event_tells_of_is_in_the_books_of_its_capture() {
    let mut pipeline = quiet();
    let mut report = WireReport::new(SourceId::from("lo"), at(0));
    (report.frames, report.malformed, report.unknown_link) = (7, 3, 2);
    (report.flows_evicted, report.modbus.unread) = (4, 5);
    report.streams = StreamTally { repeated_bytes: 6, missing_bytes: 7, holes: 8, conflicts: 9 };
    pipeline.on_report(&report);
    let ledger = pipeline.ledgers()["capture:lo"].clone();
    pipeline.report_ledger("capture:lo", &ledger, at(1));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    ledger.report: capture:lo: in 7 = out 5 + 2 unknown_link; flows_evicted 4; malformed 3; modbus_unread 5; stream_bytes_missing 7; stream_bytes_repeated 6; stream_conflicts 9; stream_holes 8
      ledger = Text("capture:lo")
      in = Unsigned(7)
      out = Unsigned(5)
      dropped = Unsigned(2)
      balances = Bool(true)
      unknown_link = Unsigned(2)
      flows_evicted = Unsigned(4)
      malformed = Unsigned(3)
      modbus_unread = Unsigned(5)
      stream_bytes_missing = Unsigned(7)
      stream_bytes_repeated = Unsigned(6)
      stream_conflicts = Unsigned(9)
      stream_holes = Unsigned(8)
    "#);
}

#[test]
fn frames_that_never_were_judged_show_as_an_imbalance() {
    let mut pipeline = quiet();
    let ring = RingCount { packets: 9, drops: 1 };
    pipeline.on_report(&WireReport {
        frames: 7,
        ring,
        ..WireReport::new(SourceId::from("lo"), at(0))
    });
    assert!(!pipeline.ledgers()["capture:lo"].balances());
}

#[test]
fn readings_are_counted_by_what_became_of_them() {
    let mut pipeline = quiet();
    let faults = [Fault::Timeout, Fault::Timeout, Fault::BadCrc, Fault::Exception(3)];
    pipeline.on_reading(&reading(0, Quality::Good));
    for fault in &faults {
        pipeline.on_reading(&reading(0, Quality::Bad(*fault)));
    }
    assert_eq!(
        pipeline.ledgers()["readings:line-a"].to_string(),
        "in 5 = out 1 + 1 bad_crc + 1 exception + 2 timeout"
    );
}

#[test]
fn notes_beyond_a_blocks_limit_are_in_the_books() {
    let mut pipeline = quiet();
    let mut report = WireReport::new(SourceId::from("lo"), at(0));
    (1..=100).for_each(|unit| report.note(Note::Modbus(Transaction { unit, ..write() })));
    pipeline.on_report(&report);
    assert_eq!(pipeline.ledgers()["notes"].to_string(), "in 100 = out 64 + 36 block_limit");
}

#[test]
fn the_status_is_one_line_that_says_how_things_stand() {
    let mut pipeline = quiet();
    pipeline.on_reading(&bar(0, 9.5));
    pipeline.on_reading(&from_device("pump-2", reading(0, Quality::Bad(Fault::Timeout))));
    let ring = RingCount { packets: 9, drops: 1 };
    pipeline.on_report(&WireReport {
        frames: 8,
        ring,
        ..WireReport::new(SourceId::from("lo"), at(0))
    });
    insta::assert_snapshot!(pipeline.status(), @"devices 2, down 1, alarms 1; captures 1, down 0; frames 8, corrupt 0, malformed 0, lost 1, stations 0; events 2, not logged 0");
}
