//! The pipeline: readings, line reports and wire reports in, events out. [`Pipeline`] decides, [`run`] moves.
//!
//! Pure: no clock, no channel; the caller says when a window ends. What it remembers is bounded by
//! the configuration and by constants, whatever strangers send, and everything that it is given or
//! raises is in a ledger.

mod age;
mod alarm;
mod baseline;
mod budget;
mod capture;
mod clock;
mod conflict;
mod corruption;
mod crosscheck;
mod detected;
mod effect;
mod intake;
mod line;
mod link;
mod locator;
mod losses;
mod message;
mod missed;
mod neighbourhood;
mod outbox;
mod pairs;
mod refusal;
mod repeats;
mod reply;
mod sequence;
mod tag;
mod tap;
mod transaction;
mod unverifiable;
mod usage;
mod words;
mod written;

pub use baseline::function_of;
pub use intake::{Beat, Intake, Pulse, run};
pub use missed::LineLoad;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::{Baseline, Log, Polled};
use crate::record::{Event, Kind, Ledger, LineReport, Reading, SourceId, TapReport, WireReport};

use age::Pace;
use baseline::Deviations;
use capture::Captures;
use crosscheck::Crosscheck;
use line::Lines;
use link::Links;
use outbox::Outbox;
use tap::Taps;
use usage::Usages;

/// What the pipeline can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub log: Log,
    /// How often counts become events.
    pub window: Duration,
    /// At the start; a reload may bring others.
    pub sources: Sources,
}

/// What is expected of the sources of readings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    pub polled: BTreeMap<SourceId, Polled>,
    /// Of serial lines.
    pub loads: BTreeMap<SourceId, LineLoad>,
}

impl Sources {
    fn pace_of(&self, id: &SourceId, device: &str) -> Pace {
        let Some(polled) = self.polled.get(id) else { return Pace::Unknown };
        match (polled, polled.pace_of(id, device)) {
            (Polled::Modbus(_), Some((every, timeout))) => Pace::Asked { every, timeout },
            (Polled::OpcUa(_), Some((every, _))) => Pace::Told { every },
            (Polled::Tap(_), _) | (Polled::Modbus(_) | Polled::OpcUa(_), None) => Pace::Unknown,
        }
    }
}

/// What the application has to say.
#[derive(Clone, Debug)]
pub enum Notice {
    Event(Event),
    /// What is logged and what is polled from now on, and the event that tells so.
    Reloaded {
        event: Event,
        log: Log,
        sources: Sources,
    },
    /// What is allowed on the wire from now on.
    Baseline(Option<Arc<Baseline>>),
}

impl From<Event> for Notice {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

/// State of everything watched, and the events that follow from it.
#[derive(Debug)]
pub struct Pipeline {
    settings: Settings,
    links: Links,
    lines: Lines,
    captures: Captures,
    deviations: Deviations,
    crosscheck: Crosscheck,
    taps: Taps,
    usages: Usages,
    outbox: Outbox,
}

impl Pipeline {
    pub fn new(mut settings: Settings) -> Self {
        let outbox = Outbox::new(&settings.log, settings.window);
        let links = Links::new(std::mem::take(&mut settings.sources), settings.window);
        let usages = Usages::new(settings.window);
        Self {
            settings,
            links,
            lines: Lines::default(),
            captures: Captures::default(),
            deviations: Deviations::default(),
            crosscheck: Crosscheck::default(),
            taps: Taps::default(),
            usages,
            outbox,
        }
    }

    /// Hold what is seen on the wire against `baseline`, if there is one.
    #[must_use]
    pub fn holding_to(mut self, baseline: Option<Arc<Baseline>>) -> Self {
        self.deviations.hold_to(baseline);
        self
    }

    /// Take one answer, or the lack of one.
    pub fn on_reading(&mut self, reading: &Reading) {
        self.links.on_reading(reading, self.settings.log.samples, &mut self.outbox);
        self.crosscheck.on_reading(reading, &mut self.outbox);
    }

    /// Take one period of a line.
    pub fn on_line(&mut self, report: &LineReport) {
        self.lines.on_report(report, &mut self.outbox);
    }

    /// Take one block's findings: writes are told at once, checksums when the window ends.
    pub fn on_report(&mut self, report: &WireReport) {
        self.captures.on_report(report, &mut self.outbox);
        let doubts = self.captures.doubts(&report.source);
        self.deviations.on_report((report, doubts), &mut self.outbox);
        self.crosscheck.on_report(report, doubts);
        self.usages.on_report((report, doubts), self.deviations.baseline(), &mut self.outbox);
    }

    /// Take what was heard on a line: writes are told at once, checksums when the window ends.
    pub fn on_tap(&mut self, report: &TapReport) {
        self.taps.on_report(report, &mut self.outbox);
    }

    /// Take what was raised or decided elsewhere.
    pub fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Event(event) => self.outbox.raise(event.kind, || event),
            Notice::Reloaded { event, log, sources } => {
                self.outbox.raise(event.kind, || event);
                self.outbox.on_reload(&log);
                self.lines.on_reload(&sources.polled);
                self.crosscheck.on_reload(&sources.polled);
                self.taps.on_reload(&sources.polled);
                self.links.on_reload(sources);
                self.settings.log = log;
            }
            Notice::Baseline(baseline) => self.deviations.hold_to(baseline),
        }
    }

    /// Turn the window's counts into events, and let the log budget recover.
    pub fn on_window_end(&mut self, now: SystemTime) {
        self.end_window(now, false);
    }

    fn end_window(&mut self, now: SystemTime, is_last: bool) {
        self.links.on_window_end(now, &mut self.outbox);
        self.captures.on_window_end((now, is_last), &mut self.outbox);
        self.crosscheck.on_window_end(now, &mut self.outbox);
        self.taps.on_window_end((now, is_last), &mut self.outbox);
        self.usages.on_window_end((now, is_last), &mut self.outbox);
        self.outbox.on_window_end(now);
    }

    /// As [`Pipeline::on_window_end`], when nothing more will come.
    pub fn close(&mut self, now: SystemTime) {
        self.crosscheck.close(&mut self.outbox);
        self.end_window(now, true);
    }

    /// Give every raised event to `deliver`, which says why if it had to drop one.
    pub fn hand_on(&mut self, deliver: impl FnMut(Event) -> Result<(), &'static str>) {
        self.outbox.hand_on(deliver);
    }

    /// Raise one `ledger.report`.
    pub fn report_ledger(&mut self, name: &str, ledger: &Ledger, now: SystemTime) {
        self.outbox.raise(Kind::LedgerReport, || {
            let event = Event::new(
                Kind::LedgerReport,
                now,
                SourceId::from("daemon"),
                format!("{name}: {ledger}"),
            )
            .with("ledger", name)
            .with("in", ledger.entered)
            .with("out", ledger.left)
            .with("dropped", ledger.n_dropped())
            .with("balances", ledger.balances());
            let counts = ledger.dropped.iter().chain(&ledger.noted);
            counts.fold(event, |event, (name, n)| event.with(name, *n))
        });
    }

    /// The books: `readings:<link>`, `crosscheck:<link>`, `capture:<source>`, `line:<source>`,
    /// `notes`, `events`.
    pub fn ledgers(&self) -> BTreeMap<String, Ledger> {
        let mut ledgers: BTreeMap<_, _> = self
            .links
            .ledgers()
            .chain(self.captures.ledgers())
            .chain(self.taps.ledgers())
            .chain(self.crosscheck.ledgers())
            .collect();
        let mut notes = self.captures.notes();
        notes.merge(&self.taps.notes());
        self.deviations.note_in(&mut notes);
        self.usages.note_in(&mut notes);
        ledgers.insert("notes".to_owned(), notes);
        ledgers.insert("events".to_owned(), self.outbox.ledger().clone());
        ledgers
    }

    /// Links, captures and lines heard of so far.
    pub fn n_sources(&self) -> usize {
        self.links.n_sources() + self.captures.n_sources() + self.taps.n_sources()
    }

    /// One line for `systemctl status`.
    pub fn status(&self) -> String {
        let parts = [self.links.status(), self.captures.status()].into_iter();
        let parts = parts.chain(self.taps.status()).chain([self.outbox.status()]);
        parts.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;
