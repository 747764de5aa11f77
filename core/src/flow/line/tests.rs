use std::time::Duration;

use crate::record::{HeardBytes, TapReport, UnitTally};
use crate::wire::checksum::crc16_modbus;
use crate::wire::modbus::rtu::MAX_LEN;

use super::*;

pub(super) fn framed(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut bytes = [&[unit], pdu].concat();
    bytes.extend(crc16_modbus(&bytes).to_le_bytes());
    bytes
}

/// A line that is heard from its start. Time passes only where a test says so.
struct Heard {
    line: Line,
    now_ms: u64,
}

impl Heard {
    fn new() -> Self {
        let mut heard = Self { line: Line::new("line-b".into()), now_ms: 0 };
        heard.silence();
        heard
    }

    fn now(&self) -> Moment {
        let elapsed = Duration::from_millis(self.now_ms);
        Moment { elapsed, clock: SystemTime::UNIX_EPOCH + elapsed }
    }

    /// So much later, hear a frame of unit 17.
    fn hear(&mut self, after_ms: u64, pdu: &[u8]) -> &mut Self {
        self.bytes(after_ms, &framed(17, pdu))
    }

    fn bytes(&mut self, after_ms: u64, bytes: &[u8]) -> &mut Self {
        self.now_ms += after_ms;
        self.line.on_bytes(bytes, self.now());
        self
    }

    fn silence(&mut self) -> &mut Self {
        self.now_ms += 30;
        self.line.on_silence(self.now());
        self
    }

    /// Everything so far, after a silence. The books must balance.
    fn report(&mut self) -> TapReport {
        self.silence();
        let report = self.line.take_report(self.now());
        let HeardBytes { heard, in_frames, joined, damaged, foreign, noise, cut_off } =
            report.bytes;
        assert_eq!(heard, in_frames + joined + damaged + foreign + noise + cut_off);
        report
    }
}

/// Requests, responses, transactions, unanswered, unclear, strays.
fn counts(report: &TapReport) -> [u64; 6] {
    let modbus = &report.modbus;
    let TapReport { unanswered, unclear, strays, .. } = *report;
    [modbus.requests, modbus.responses, modbus.transactions, unanswered, unclear, strays]
}

const READ: [u8; 5] = [3, 0, 107, 0, 3];
const REPLY: [u8; 8] = [3, 6, 2, 43, 0, 0, 0, 100];
const WRITE: [u8; 5] = [6, 0, 8, 0x12, 0x34];

#[test]
fn a_request_and_its_reply_are_one_transaction_with_its_latency() {
    let mut heard = Heard::new();
    heard.hear(10, &READ).hear(25, &REPLY).hear(10, &READ).hear(35, &REPLY);
    let report = heard.report();
    assert_eq!(counts(&report), [2, 2, 2, 0, 0, 0]);
    assert_eq!(report.modbus.latency, Duration::from_millis(60));
    assert_eq!(report.modbus.functions[3], 4);
    let unit = UnitTally { requests: 2, answered: 2, ..UnitTally::default() };
    assert_eq!(report.units, [(17, unit)].into());
    assert!(report.notes.is_empty());
}

#[test]
fn a_write_is_noted_once_with_what_it_wrote_and_how_it_was_answered() {
    let mut heard = Heard::new();
    heard.hear(10, &WRITE).hear(20, &WRITE);
    let report = heard.report();
    let [noted] = report.notes[..] else { panic!("{:?}", report.notes) };
    assert_eq!((noted.path, noted.unit, noted.function), (Path::Serial, 17, 6));
    assert_eq!((noted.address, noted.value), (Some(8), Some(0x1234)));
    assert_eq!(noted.latency, Some(Duration::from_millis(20)));
    assert_eq!(noted.at, SystemTime::UNIX_EPOCH + Duration::from_millis(40));
    assert_eq!((report.modbus.writes, counts(&report)), (1, [1, 1, 1, 0, 0, 0]));
}

#[test]
fn a_write_that_is_repeated_after_a_time_out_was_not_answered() {
    let mut heard = Heard::new();
    heard.hear(10, &WRITE).hear(500, &WRITE).hear(500, &WRITE).hear(500, &READ);
    let report = heard.report();
    assert_eq!((counts(&report), report.modbus.writes), ([4, 0, 0, 3, 0, 0], 3));
    assert!(report.notes.iter().all(|noted| noted.latency.is_none()));
    assert_eq!(report.units[&17].in_a_row, 3);
}

#[test]
fn a_slow_line_has_slow_answers_to_writes() {
    let mut heard = Heard::new();
    heard.hear(10, &READ).hear(400, &REPLY).hear(10, &WRITE).hear(500, &WRITE);
    assert_eq!(counts(&heard.report()), [2, 2, 2, 0, 0, 0]);
}

#[test]
fn another_write_while_one_is_open_is_another_request() {
    let mut heard = Heard::new();
    heard.hear(10, &WRITE).hear(20, &[6, 0, 8, 0x12, 0x35]);
    assert_eq!(counts(&heard.report()), [2, 0, 0, 1, 0, 0]);
}

#[test]
fn eight_bytes_that_are_request_and_reply_alike_are_told_apart_by_what_is_open() {
    // To read 17 to 24 coils from 0x0300 on, and the answer that holds 3, 0, 20.
    let alike = [1, 3, 0, 0, 20];
    let mut heard = Heard::new();
    heard.hear(10, &alike).hear(10, &alike).hear(10, &alike).hear(10, &alike);
    assert_eq!(counts(&heard.report()), [2, 2, 2, 0, 0, 0]);
    // Asked for seven coils, nobody answers with three bytes.
    heard.hear(10, &[1, 0, 0, 0, 7]).hear(10, &alike).hear(10, &alike);
    assert_eq!(counts(&heard.report()), [2, 1, 1, 1, 0, 0]);
}

#[test]
fn a_reply_of_another_length_or_unit_is_paired_with_nothing() {
    let mut heard = Heard::new();
    heard.hear(10, &READ).hear(10, &[3, 2, 0, 0]);
    heard.bytes(10, &framed(18, &REPLY)).hear(10, &REPLY);
    assert_eq!(counts(&heard.report()), [1, 3, 1, 0, 0, 2]);
}

#[test]
fn an_exception_is_noted_with_the_request_it_refuses() {
    let mut heard = Heard::new();
    heard.hear(10, &READ).hear(10, &[0x83, 2]);
    heard.hear(10, &WRITE).hear(10, &[0x86, 4]);
    heard.hear(10, &[0x84, 1]); // nobody asked
    let report = heard.report();
    let fields = |noted: &Transaction| (noted.function, noted.address, noted.exception);
    let noted: Vec<_> = report.notes.iter().map(fields).collect();
    assert_eq!(noted, [(3, Some(107), Some(2)), (6, Some(8), Some(4)), (4, None, Some(1))]);
    assert_eq!((report.modbus.exceptions, counts(&report)), (3, [2, 3, 2, 0, 0, 1]));
}

#[test]
fn units_that_never_answer_are_counted_each_for_itself() {
    let mut heard = Heard::new();
    for _ in 0..4 {
        heard.bytes(100, &framed(7, &READ)).hear(300, &READ).hear(20, &REPLY);
    }
    let report = heard.report();
    assert_eq!(counts(&report), [8, 4, 4, 4, 0, 0]);
    let silent = UnitTally { requests: 4, answered: 0, unanswered: 4, in_a_row: 4 };
    assert_eq!((report.units[&7], report.units[&17].in_a_row), (silent, 0));
    heard.bytes(100, &framed(7, &READ)).bytes(10, &framed(7, &REPLY));
    let unit = heard.report().units[&7];
    assert_eq!((unit.answered, unit.in_a_row), (1, 0));
}

#[test]
fn a_request_whose_reply_was_damaged_is_not_called_unanswered() {
    let mut damaged = framed(17, &REPLY);
    damaged[4] ^= 1;
    let mut heard = Heard::new();
    heard.hear(10, &READ).bytes(10, &damaged).silence().hear(10, &READ).hear(10, &REPLY);
    let report = heard.report();
    assert_eq!(counts(&report), [2, 1, 1, 0, 1, 0]);
    assert_eq!((report.frames.invalid, report.frames.valid), (1, 3));
    assert_eq!((report.bytes.damaged, report.damage.is_some()), (11, true));
}

#[test]
fn a_broadcast_waits_for_no_answer() {
    let mut heard = Heard::new();
    heard.bytes(10, &framed(0, &WRITE)).hear(10, &READ).hear(10, &REPLY);
    let report = heard.report();
    assert_eq!((counts(&report), report.broadcasts), ([2, 1, 1, 0, 0, 0], 1));
    assert_eq!((report.notes.len(), report.notes[0].unit), (1, 0));
}

#[test]
fn a_line_that_goes_leaves_nothing_open_and_nothing_uncounted() {
    let mut heard = Heard::new();
    heard.hear(10, &READ).bytes(10, &framed(17, &REPLY)[..6]);
    heard.line.on_end(Some("gone"));
    let report = heard.line.take_report(heard.now());
    assert_eq!((report.bytes.cut_off, counts(&report)), (6, [1, 0, 0, 0, 1, 0]));
    assert_eq!(report.state, Some(TapState::Lost("gone".into())));
    let rest = &framed(17, &REPLY)[6..];
    heard.bytes(10, rest).silence().hear(10, &READ).hear(10, &REPLY);
    let report = heard.report();
    assert_eq!((report.bytes.joined, counts(&report)), (5, [1, 1, 1, 0, 0, 0]));
}

#[test]
fn notes_are_bounded_and_those_beyond_are_counted() {
    let mut heard = Heard::new();
    (0..70).for_each(|_| {
        heard.hear(10, &WRITE).hear(10, &WRITE);
    });
    let report = heard.report();
    assert_eq!((report.notes.len(), report.notes_dropped), (64, 6));
    assert_eq!(heard.line.in_a_row.len(), 1);
}

#[test]
fn no_flipped_bit_makes_a_wrong_pair() {
    let line = [framed(17, &READ), framed(17, &REPLY), framed(17, &WRITE)].concat();
    let line = [line, framed(17, &WRITE)].concat();
    assert!(line.len() < MAX_LEN);
    for bit in 0..line.len() * 8 {
        let mut flipped = line.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut heard = Heard::new();
        heard.bytes(10, &flipped);
        let report = heard.report();
        assert_eq!(report.frames.invalid, 1, "bit {bit}");
        assert!(report.modbus.transactions <= 1 && report.strays <= 1, "bit {bit}");
        // What is told of the write is what was written.
        assert!(report.notes.iter().all(|noted| noted.value == Some(0x1234)), "bit {bit}");
    }
}
