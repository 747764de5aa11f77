//! What is heard on a line, in pieces with pauses: every byte is accounted for, and every request.
//!
//! Pieces: how long after the one before, in units of 10 ms; how many bytes; the bytes.

use std::time::{Duration, SystemTime};

use infra_monitor::flow::{Line, Moment};
use infra_monitor::record::{HeardBytes, TapReport, WireReport};

/// Longer than this is silence.
const SILENCE: Duration = Duration::from_millis(30);

pub(crate) fn run(bytes: &[u8]) {
    let mut line = Line::new("line".into());
    let mut now = Moment { elapsed: Duration::ZERO, clock: SystemTime::UNIX_EPOCH };
    let mut rest = bytes;
    while let Some(([after, len], behind)) = rest.split_first_chunk() {
        let after = Duration::from_millis(u64::from(*after) * 10);
        now.elapsed += after;
        now.clock += after;
        if after > SILENCE {
            line.on_silence(now);
        }
        let (piece, behind) = behind.split_at(behind.len().min(usize::from(*len)));
        line.on_bytes(piece, now);
        rest = behind;
    }
    line.on_silence(now);
    assert!(!line.awaits_silence(), "silence settles everything");
    line.on_end(None);
    check(&line.take_report(now));
}

fn check(report: &TapReport) {
    let HeardBytes { heard, in_frames, joined, damaged, foreign, noise, cut_off } = report.bytes;
    assert_eq!(heard, in_frames + joined + damaged + foreign + noise + cut_off);
    assert_eq!(cut_off, 0, "nothing is held after silence");
    let modbus = &report.modbus;
    let TapReport { broadcasts, unanswered, unclear, strays, .. } = *report;
    assert_eq!(modbus.requests, modbus.transactions + broadcasts + unanswered + unclear);
    assert_eq!(modbus.responses, modbus.transactions + strays);
    assert!(modbus.requests + modbus.responses <= report.frames.valid);
    assert!(report.notes.len() <= WireReport::MAX_NOTES);
    assert!(report.notes.iter().all(|noted| noted.unit <= 247));
    let by_unit = |of: fn(&infra_monitor::record::UnitTally) -> u64| {
        report.units.values().map(of).sum::<u64>()
    };
    assert_eq!(by_unit(|unit| unit.answered), modbus.transactions);
    assert_eq!(by_unit(|unit| unit.requests), modbus.requests - broadcasts);
    assert_eq!(by_unit(|unit| unit.unanswered), unanswered);
}
