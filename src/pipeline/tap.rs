//! Lines that others poll: what was heard in a window, who does not answer, and whether there is
//! a line.
//!
//! A state is told when it changes. What damages frames does so until somebody mends it, so that is
//! told once, and then every five minutes with the count; a line has at most 247 units, so each can
//! be told of.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::config::Polled;
use crate::record::{
    Doubts, Event, HeardBytes, Kind, Ledger, ModbusTally, SourceId, Tally, TapReport, TapState,
    UnitTally,
};
use crate::wire::Mismatch;

use super::corruption::with_coverage;
use super::outbox::Outbox;
use super::refusal::Refusals;
use super::repeats::Repeats;
use super::words::{elapsed, latency_ms, up};

/// A unit that leaves so many requests in a row unanswered is down: one may be lost to noise.
const UNANSWERED: u64 = 3;

/// Every line that was ever reported of; the configuration bounds them.
#[derive(Debug, Default)]
pub(super) struct Taps {
    by_source: BTreeMap<SourceId, Line>,
    /// In: findings of listeners. Out: judged here.
    notes: Ledger,
    refusals: Refusals,
}

#[derive(Debug, Default)]
struct Line {
    total: Total,
    untold: Untold,
    /// Damage.
    told: Repeats<(), 1>,
    down_since: Option<SystemTime>,
    /// Units that do not answer, and since when.
    silent: BTreeMap<u8, SystemTime>,
}

/// Since the start.
#[derive(Debug, Default)]
struct Total {
    bytes: HeardBytes,
    frames: Tally,
    modbus: ModbusTally,
    strays: u64,
    broadcasts: u64,
    unanswered: u64,
    unclear: u64,
}

/// Since damage was last told, or since the last window without any.
#[derive(Debug, Default)]
struct Untold {
    frames: Tally,
    damaged_bytes: u64,
    /// The first.
    damage: Option<Mismatch>,
    /// Damage was told a while ago, and then counted.
    is_counted: bool,
}

impl Taps {
    pub(super) fn on_report(&mut self, report: &TapReport, outbox: &mut Outbox) {
        let n_notes = report.notes.len() as u64;
        self.notes.entered += n_notes + report.notes_dropped;
        self.notes.left += n_notes;
        self.notes.drop("line_limit", report.notes_dropped);
        let line = self.by_source.entry(report.source.clone()).or_default();
        line.total.add(report);
        line.untold.add(report);
        let is_whole = report.frames.invalid + report.notes_dropped == 0 && report.state.is_none();
        for seen in &report.notes {
            if !is_whole {
                self.refusals.doubt(&report.source); // nobody knows before which something was lost
            }
            self.refusals.tell(&report.source, (seen, Doubts::default()), outbox);
        }
        if !is_whole {
            self.refusals.doubt(&report.source);
        }
        for (unit, tally) in &report.units {
            line.on_unit(*unit, *tally, report, outbox);
        }
        line.on_state(report, outbox);
    }

    /// `is_last`: nothing will come any more.
    pub(super) fn on_window_end(
        &mut self,
        (now, is_last): (SystemTime, bool),
        outbox: &mut Outbox,
    ) {
        for (source, line) in &mut self.by_source {
            let Line { untold, told, .. } = line;
            if let Some(damage) = untold.damage {
                if !is_last && told.untold((), now).is_none() {
                    untold.is_counted = true;
                    continue;
                }
                outbox.raise(Kind::ChecksumInvalid, || damaged(source, now, untold, damage));
            }
            *untold = Untold::default();
        }
    }

    /// Forget the state of what left the configuration. Its ledger stays.
    pub(super) fn on_reload(&mut self, configured: &BTreeMap<SourceId, Polled>) {
        for (source, line) in &mut self.by_source {
            if !matches!(configured.get(source), Some(Polled::Tap(_))) {
                line.down_since = None;
                line.silent.clear();
            }
        }
    }

    pub(super) fn ledgers(&self) -> impl Iterator<Item = (String, Ledger)> {
        self.by_source.iter().map(|(id, line)| (format!("line:{id}"), line.total.ledger()))
    }

    pub(super) fn notes(&self) -> Ledger {
        let mut notes = self.notes.clone();
        self.refusals.note_in(&mut notes);
        notes
    }

    pub(super) fn n_sources(&self) -> usize {
        self.by_source.len()
    }

    /// `None` if nothing is listened to.
    pub(super) fn status(&self) -> Option<String> {
        let lines = || self.by_source.values();
        let sum = |of: fn(&Line) -> u64| lines().map(of).sum::<u64>();
        (!self.by_source.is_empty()).then(|| {
            format!(
                "lines {}, down {}; frames {}, damaged {}, units silent {}",
                self.by_source.len(),
                sum(|line| u64::from(line.down_since.is_some())),
                sum(|line| line.total.frames.seen()),
                sum(|line| line.total.frames.invalid),
                sum(|line| line.silent.len() as u64)
            )
        })
    }
}

impl Total {
    fn add(&mut self, report: &TapReport) {
        let HeardBytes { heard, in_frames, joined, damaged, foreign, noise, cut_off } =
            report.bytes;
        let bytes = &mut self.bytes;
        bytes.heard += heard;
        bytes.in_frames += in_frames;
        bytes.joined += joined;
        bytes.damaged += damaged;
        bytes.foreign += foreign;
        bytes.noise += noise;
        bytes.cut_off += cut_off;
        self.frames.merge(&report.frames);
        self.modbus.merge(&report.modbus);
        self.strays += report.strays;
        self.broadcasts += report.broadcasts;
        self.unanswered += report.unanswered;
        self.unclear += report.unclear;
    }

    /// In: bytes heard. Out: bytes in frames.
    fn ledger(&self) -> Ledger {
        let HeardBytes { heard, in_frames, joined, damaged, foreign, noise, cut_off } = self.bytes;
        let mut ledger = Ledger { entered: heard, left: in_frames, ..Ledger::default() };
        ledger.drop("joined_late", joined);
        ledger.drop("bad_crc", damaged);
        ledger.drop("not_modbus", foreign);
        ledger.drop("noise", noise);
        ledger.drop("cut_off", cut_off);
        for (what, n) in [
            ("frames_valid", self.frames.valid),
            ("frames_invalid", self.frames.invalid),
            ("requests", self.modbus.requests),
            ("responses", self.modbus.responses),
            ("transactions", self.modbus.transactions),
            ("exceptions", self.modbus.exceptions),
            ("writes", self.modbus.writes),
            ("broadcasts", self.broadcasts),
            ("unanswered", self.unanswered),
            ("unclear", self.unclear),
            ("strays", self.strays),
        ] {
            ledger.note(what, n);
        }
        ledger
    }
}

impl Untold {
    fn add(&mut self, report: &TapReport) {
        self.frames.merge(&report.frames);
        self.damaged_bytes += report.bytes.damaged;
        self.damage = self.damage.or(report.damage);
    }
}

impl Line {
    fn on_state(&mut self, report: &TapReport, outbox: &mut Outbox) {
        match (&report.state, self.down_since) {
            (Some(TapState::Open), Some(since)) => {
                self.down_since = None;
                outbox.raise(Kind::CaptureUp, || up((&report.source, report.at), since, "heard"));
            }
            (Some(TapState::Lost(why)), since) => {
                self.down_since = since.or(Some(report.at));
                outbox.raise(Kind::CaptureDown, || down(report, why));
            }
            // It is expected to be there at the start.
            (Some(TapState::Open), None) | (None, _) => (),
        }
    }

    fn on_unit(&mut self, unit: u8, tally: UnitTally, report: &TapReport, outbox: &mut Outbox) {
        match self.silent.get(&unit).copied() {
            None if tally.in_a_row >= UNANSWERED => {
                self.silent.insert(unit, report.at);
                outbox.raise(Kind::DeviceDown, || unit_down(unit, tally, report));
            }
            Some(since) if tally.answered > 0 && tally.in_a_row < UNANSWERED => {
                self.silent.remove(&unit);
                outbox.raise(Kind::DeviceUp, || unit_up(unit, since, report));
            }
            None | Some(_) => (),
        }
    }
}

fn damaged(source: &SourceId, now: SystemTime, untold: &Untold, first: Mismatch) -> Event {
    let Untold { frames, damaged_bytes, is_counted, .. } = untold;
    let since = if *is_counted { " since this was last told" } else { "" };
    let text = format!(
        "damaged frames on {source}: {} of {} that were heard{since}; look at shield, termination \
         and ground of the line, and at baud rate and parity if no frame is valid",
        frames.invalid,
        frames.seen()
    );
    let event = Event::new(Kind::ChecksumInvalid, now, source.clone(), text)
        .with("layer", "modbus_rtu")
        .with("failed", frames.invalid)
        .with("bytes", *damaged_bytes)
        .with("stored", format!("{:#06x}", first.stored))
        .with("computed", format!("{:#06x}", first.computed));
    with_coverage(event, frames)
}

fn unit_down(unit: u8, tally: UnitTally, report: &TapReport) -> Event {
    let source = &report.source;
    let text = format!(
        "unit {unit} on {source} does not answer the master of the line: {} requests in a row; \
         device off, another unit, wiring, or a tap that hears only one direction",
        tally.in_a_row
    );
    Event::new(Kind::DeviceDown, report.at, source.clone(), text)
        .with("unit", unit)
        .with("unanswered", tally.in_a_row)
}

fn unit_up(unit: u8, since: SystemTime, report: &TapReport) -> Event {
    let source = &report.source;
    let down = elapsed(since, report.at);
    let text = format!(
        "unit {unit} on {source} answers the master of the line again after {}",
        humantime::format_duration(down)
    );
    Event::new(Kind::DeviceUp, report.at, source.clone(), text)
        .with("unit", unit)
        .with("down_ms", latency_ms(down))
}

fn down(report: &TapReport, why: &str) -> Event {
    let text = format!("{} is not heard: {why}", report.source);
    Event::new(Kind::CaptureDown, report.at, report.source.clone(), text).with("state", "down")
}
