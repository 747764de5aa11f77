//! A serial line that others use: what is heard becomes frames, and frames become transactions.
//!
//! One master, one request at a time: a response belongs to the request before it, if it has its
//! unit and function and as much in it as was asked for. Two things no onlooker can tell. A late
//! reply that arrives after the same question was asked again looks like a prompt one. And the
//! answer to a single write repeats the request, as does a master that got none: a repetition
//! within twice the slowest reply of the line is taken for the answer, a later one for a request.

mod framer;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::record::{Path, SourceId, TapReport, TapState, Transaction, Trust};
use crate::wire::modbus::pdu::{Access, Direction, Pdu};
use crate::wire::modbus::shape;

use super::effect;
use super::outstanding::NoteAt;
use framer::{Awaited, Discard, Flow, Framer, Step};

/// One line, and what is open on it.
#[derive(Debug)]
pub struct Line {
    framer: Framer,
    outstanding: Option<Asked>,
    /// Longest time that a reply took which no request could be mistaken for.
    slowest: Duration,
    /// Unanswered requests since the last answer, by unit.
    in_a_row: BTreeMap<u8, u64>,
    report: TapReport,
    n_reports: u64,
}

/// A point in time. `elapsed` counts from any fixed start and never goes back; `clock` may be set.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub elapsed: Duration,
    pub clock: SystemTime,
}

impl Moment {
    /// The clock when `heard` was the elapsed time.
    fn clock_at(self, heard: Duration) -> SystemTime {
        self.clock.checked_sub(self.elapsed.saturating_sub(heard)).unwrap_or(self.clock)
    }
}

/// A request that may still be answered.
#[derive(Debug)]
struct Asked {
    heard: Duration,
    echo_until: Duration,
    unit: u8,
    /// As it was on the line.
    pdu: Vec<u8>,
    transaction: Transaction,
    note: Option<NoteAt>,
    /// Damaged bytes were heard since.
    is_unclear: bool,
}

/// How long the answer to a single write may take at least, and at most, to be told from the same
/// request again.
const ECHO: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(2)];
/// A report does not wait longer for the answer to the last request in it.
const PATIENCE: Duration = Duration::from_secs(1);

impl Line {
    pub fn new(source: SourceId) -> Self {
        Self {
            framer: Framer::new(),
            outstanding: None,
            slowest: Duration::ZERO,
            in_a_row: BTreeMap::new(),
            report: TapReport::new(source, SystemTime::UNIX_EPOCH),
            n_reports: 0,
        }
    }

    /// Take what was heard at `now`.
    pub fn on_bytes(&mut self, bytes: &[u8], now: Moment) {
        self.report.bytes.heard += bytes.len() as u64;
        for part in bytes.chunks(Framer::ROOM) {
            self.framer.push(part, now.elapsed);
            self.read(Flow::Going, now);
        }
    }

    /// The line has been silent for so long that the next byte starts a frame.
    pub fn on_silence(&mut self, now: Moment) {
        self.read(Flow::Silent, now);
    }

    /// Listening begins.
    pub fn on_open(&mut self) {
        self.report.state = Some(TapState::Open);
    }

    /// Listening ends, for now or for good; `why` is told to the operator.
    pub fn on_end(&mut self, why: Option<&str>) {
        self.report.bytes.cut_off += self.framer.clear() as u64;
        if self.outstanding.take().is_some() {
            self.report.unclear += 1;
        }
        if let Some(why) = why {
            self.report.state = Some(TapState::Lost(why.into()));
        }
    }

    /// True if silence would settle something.
    pub fn awaits_silence(&self) -> bool {
        self.framer.awaits_silence()
    }

    /// True if there is something to report.
    pub fn has_news(&self) -> bool {
        !self.report.is_empty()
    }

    /// True if no answer is about to complete what is to be reported.
    pub fn is_settled(&self, now: Moment) -> bool {
        self.outstanding
            .as_ref()
            .is_none_or(|asked| now.elapsed.saturating_sub(asked.heard) > PATIENCE)
    }

    /// What happened since this was last asked.
    pub fn take_report(&mut self, now: Moment) -> TapReport {
        let empty = TapReport::new(self.report.source.clone(), now.clock);
        self.n_reports += 1;
        TapReport { at: now.clock, ..std::mem::replace(&mut self.report, empty) }
    }

    /// Read off everything that can be told by now.
    fn read(&mut self, flow: Flow, now: Moment) {
        let mut taken = Vec::new();
        loop {
            let awaited = self.outstanding.as_ref().map(|asked| Awaited {
                unit: asked.unit,
                pdu: &asked.pdu,
                echo_until: asked.echo_until,
            });
            match self.framer.step(flow, awaited, &mut taken) {
                Step::Frame { direction, bytes, heard } => {
                    self.report.bytes.in_frames += bytes.len() as u64;
                    self.report.frames.valid += 1;
                    let [unit, pdu @ .., _, _] = bytes else { continue };
                    let frame = Heard { unit: *unit, pdu, at: heard, clock: now.clock_at(heard) };
                    match direction {
                        Direction::Request => self.on_request(&frame),
                        Direction::Response => self.on_response(&frame),
                    }
                }
                Step::Discarded { n_bytes, why } => self.on_discarded(n_bytes as u64, why),
                Step::Wait => return,
            }
        }
    }

    fn on_discarded(&mut self, n_bytes: u64, why: Discard) {
        let bytes = &mut self.report.bytes;
        match why {
            Discard::Joined => bytes.joined += n_bytes,
            Discard::Noise => bytes.noise += n_bytes,
            Discard::Foreign => {
                bytes.foreign += n_bytes;
                self.report.frames.valid += 1;
            }
            Discard::Damaged(mismatch) => {
                bytes.damaged += n_bytes;
                self.report.frames.invalid += 1;
                self.report.damage.get_or_insert(mismatch);
            }
        }
        if n_bytes > 0
            && let Some(asked) = &mut self.outstanding
        {
            asked.is_unclear = true;
        }
    }

    fn on_request(&mut self, frame: &Heard<'_>) {
        self.give_up_waiting();
        let Ok(pdu) = Pdu::parse(Direction::Request, frame.pdu) else { return };
        self.report.modbus.requests += 1;
        self.count_function(pdu.function);
        let written = effect::written(&pdu, frame.pdu);
        let transaction = Transaction { written, ..frame.transaction(&pdu) };
        let mut note = None;
        if pdu.access == Access::Write {
            self.report.modbus.writes += 1;
            // Noted now, not when it is answered: a write that nobody answers may have worked.
            note = self.note(transaction);
        }
        if frame.unit == 0 {
            self.report.broadcasts += 1;
            return;
        }
        let in_a_row = self.in_a_row.get(&frame.unit).copied().unwrap_or_default();
        let unit = self.report.units.entry(frame.unit).or_default();
        unit.requests += 1;
        unit.in_a_row = in_a_row;
        let [least, most] = ECHO;
        self.outstanding = Some(Asked {
            heard: frame.at,
            echo_until: frame.at + self.slowest.saturating_mul(2).clamp(least, most),
            unit: frame.unit,
            pdu: frame.pdu.to_vec(),
            transaction,
            note,
            is_unclear: false,
        });
    }

    fn on_response(&mut self, frame: &Heard<'_>) {
        let Ok(pdu) = Pdu::parse(Direction::Response, frame.pdu) else { return };
        self.report.modbus.responses += 1;
        self.report.modbus.exceptions += u64::from(pdu.exception.is_some());
        self.count_function(pdu.function);
        let is_due =
            |asked: &mut Asked| asked.unit == frame.unit && shape::answers(&asked.pdu, frame.pdu);
        let Some(asked) = self.outstanding.take_if(is_due) else {
            self.report.strays += 1;
            if pdu.exception.is_some() {
                // A refusal of something we did not hear is told with what it says itself.
                self.note(Transaction { exception: pdu.exception, ..frame.transaction(&pdu) });
            }
            return;
        };
        let latency = frame.at.saturating_sub(asked.heard);
        if pdu.exception.is_some() || !shape::is_echoed(pdu.function) {
            self.slowest = self.slowest.max(latency);
        }
        self.report.modbus.transactions += 1;
        self.report.modbus.latency += latency;
        self.report.units.entry(frame.unit).or_default().answered += 1;
        self.set_in_a_row(frame.unit, 0);
        let answered =
            Transaction { exception: pdu.exception, latency: Some(latency), ..asked.transaction };
        if let Some(noted) = self.noted(asked.note) {
            *noted = answered;
        } else if pdu.exception.is_some() {
            self.note(answered);
        }
    }

    /// Another request comes: the one before will not be answered any more.
    fn give_up_waiting(&mut self) {
        let Some(asked) = self.outstanding.take() else { return };
        if asked.is_unclear {
            self.report.unclear += 1;
            return;
        }
        self.report.unanswered += 1;
        self.report.units.entry(asked.unit).or_default().unanswered += 1;
        let before = self.in_a_row.get(&asked.unit).copied().unwrap_or_default();
        self.set_in_a_row(asked.unit, before + 1);
    }

    fn set_in_a_row(&mut self, unit: u8, n: u64) {
        self.in_a_row.insert(unit, n);
        self.report.units.entry(unit).or_default().in_a_row = n;
    }

    fn count_function(&mut self, function: u8) {
        if let Some(count) = self.report.modbus.functions.get_mut(usize::from(function)) {
            *count += 1;
        }
    }

    fn note(&mut self, transaction: Transaction) -> Option<NoteAt> {
        let index = self.report.note(transaction)?;
        Some(NoteAt { block: self.n_reports, index })
    }

    /// The note, if its report has not left yet.
    fn noted(&mut self, note: Option<NoteAt>) -> Option<&mut Transaction> {
        let note = note.filter(|note| note.block == self.n_reports)?;
        self.report.notes.get_mut(note.index)
    }
}

/// A frame, and when its last byte was heard.
struct Heard<'a> {
    unit: u8,
    pdu: &'a [u8],
    at: Duration,
    clock: SystemTime,
}

impl Heard<'_> {
    /// As far as this frame says.
    fn transaction(&self, pdu: &Pdu) -> Transaction {
        Transaction {
            at: self.clock,
            path: Path::Serial,
            unit: self.unit,
            function: pdu.function,
            address: pdu.address,
            quantity: pdu.quantity,
            value: pdu.value,
            written: None,
            exception: None,
            latency: None,
            trust: Trust::FULL, // a frame without a right CRC is none
        }
    }
}

#[cfg(test)]
mod tests;
