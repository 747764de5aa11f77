//! Captures: what the wire showed in a window, and whether there was a wire.
//!
//! A stranger decides how many findings there are and between whom; those who tell of them bound
//! what that costs. Here they are sorted by source, and counted.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::record::{
    DetectionTally, Doubts, Event, Gap, InterfaceState, Kind, Ledger, Note, RingCount, SourceId,
    StreamTally, WireReport,
};

use super::conflict::Conflicts;
use super::corruption::{Corruptions, Ended};
use super::detected::Detections;
use super::effect::Effects;
use super::losses::{LossWatch, RingWindow};
use super::neighbourhood::Neighbourhood;
use super::outbox::Outbox;
use super::refusal::Refusals;
use super::sequence::Jumps;
use super::unverifiable::{Hints, Origin};
use super::words::up;

/// Every source of reports; the configuration bounds them.
#[derive(Debug, Default)]
pub(super) struct Captures {
    by_source: BTreeMap<SourceId, Capture>,
    /// In: findings of analysers. Out: judged here.
    notes: Ledger,
    refusals: Refusals,
    effects: Effects,
    detections: Detections,
}

#[derive(Debug, Default)]
struct Capture {
    total: Count,
    rare: Rare,
    corrupt: u64,
    window: Window,
    conflicts: Conflicts,
    jumps: Jumps,
    neighbourhood: Neighbourhood,
    corruptions: Corruptions,
    losses: LossWatch,
    hints: Hints,
    interface: Option<InterfaceState>,
    down_since: Option<SystemTime>,
    /// Whether the last window lost frames: counts of a loss come after it.
    was_lossy: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Frames judged.
    frames: u64,
    ring: RingCount,
}

/// What no event tells of: strangers decide how often it happens.
#[derive(Clone, Copy, Debug, Default)]
struct Rare {
    /// Of the frames: with a structural error in some layer.
    malformed: u64,
    /// Of the frames: of a link type that nothing is known of.
    unknown_link: u64,
    /// Connections forgotten for want of room, and after long silence.
    flows_evicted: u64,
    flows_expired: u64,
    streams: StreamTally,
    detection: DetectionTally,
    /// Segments on a Modbus port that could not be read as Modbus.
    modbus_unread: u64,
    /// Reads of watched servers that were not kept, for want of room or of proof.
    reads_dropped: u64,
    reads_unproven: u64,
    /// Written values that were not held against what is read afterwards, for want of room.
    writes_untracked: u64,
    /// Of those that were, the ones that no read was held against.
    writes_unjudged: u64,
    suspects_evicted: u64,
}

#[derive(Debug, Default)]
struct Window {
    count: Count,
    gaps: u64,
    /// Packets of which only the beginning was kept.
    clipped: u64,
}

impl Captures {
    pub(super) fn on_report(&mut self, report: &WireReport, outbox: &mut Outbox) {
        let n_notes = report.notes.len() as u64;
        self.notes.entered += n_notes + report.notes_dropped;
        self.notes.left += n_notes;
        self.notes.drop("block_limit", report.notes_dropped);
        let capture = self.by_source.entry(report.source.clone()).or_default();
        capture.on_interface(report, outbox);
        capture.total.add(report);
        capture.rare.add(report);
        capture.window.add(report);
        capture.conflicts.add(report);
        capture.jumps.add(report);
        capture.neighbourhood.add(report);
        capture.losses.add(&report.losses);
        let tallies = report.checksums.by_protocol();
        capture.corrupt += tallies.iter().map(|(_, tally)| tally.invalid).sum::<u64>();
        let doubts = capture.doubts();
        if report.gap == Gap::Before || report.ring.drops > 0 {
            self.refusals.doubt(&report.source);
        }
        for note in &report.notes {
            match note {
                Note::Corrupt(corruption) => capture.corruptions.on_corruption(corruption),
                Note::Repaired(repaired) => capture.corruptions.on_repaired(repaired),
                Note::Unverifiable(hint) => capture.hints.on_note(hint),
                Note::Conflict(conflict) => capture.conflicts.on_conflict(conflict),
                Note::Jump(jump) => capture.jumps.on_jump(jump),
                Note::Modbus(seen) => {
                    self.refusals.tell(&report.source, (seen, doubts), outbox);
                }
                Note::Ineffective(found) => {
                    self.effects.tell(&report.source, (found, doubts), outbox);
                }
                Note::Layer2(finding) => {
                    capture.neighbourhood.on_finding(&report.source, (finding, doubts), outbox);
                }
                Note::Message(seen) => {
                    self.refusals.tell_message(&report.source, (seen, doubts), outbox);
                }
                Note::Detected(detected) => {
                    self.detections.tell(&report.source, (detected, doubts), outbox);
                }
            }
        }
        if report.notes_dropped > 0 {
            self.refusals.doubt(&report.source);
        }
        capture.corruptions.add(report);
    }

    /// What speaks against findings of a source at this moment.
    pub(super) fn doubts(&self, source: &SourceId) -> Doubts {
        self.by_source.get(source).map(Capture::doubts).unwrap_or_default()
    }

    /// `is_last`: nothing will come any more.
    pub(super) fn on_window_end(
        &mut self,
        (now, is_last): (SystemTime, bool),
        outbox: &mut Outbox,
    ) {
        for (source, capture) in &mut self.by_source {
            let window = std::mem::take(&mut capture.window);
            let ring = RingWindow {
                ring: window.count.ring,
                frames: window.count.frames,
                gaps: window.gaps,
                total_ring: capture.total.ring,
                total_frames: capture.total.frames,
            };
            let doubts = capture.doubts_of(&window);
            let losses = &capture.losses.on_window_end((source, now), ring, outbox);
            capture.was_lossy = window.is_lossy() || losses.is_loss();
            capture.conflicts.on_window_end((source, doubts), (now, is_last), outbox);
            capture.jumps.on_window_end((source, doubts), (now, is_last), outbox);
            let ended = Ended { source, now, losses, doubts, is_last };
            capture.corruptions.on_window_end(ended, outbox);
            let origin = capture.origin();
            capture.hints.on_window_end((source, origin), now, outbox);
            capture.neighbourhood.on_window_end(source, now, outbox);
        }
    }

    pub(super) fn ledgers(&self) -> impl Iterator<Item = (String, Ledger)> {
        let captures = self.by_source.iter();
        captures.map(|(id, capture)| (format!("capture:{id}"), capture.ledger()))
    }

    pub(super) fn notes(&self) -> Ledger {
        let mut notes = self.notes.clone();
        self.refusals.note_in(&mut notes);
        self.effects.note_in(&mut notes);
        self.detections.note_in(&mut notes);
        notes
    }

    pub(super) fn n_sources(&self) -> usize {
        self.by_source.len()
    }

    pub(super) fn status(&self) -> String {
        let sum = |of: fn(&Capture) -> u64| self.by_source.values().map(of).sum::<u64>();
        format!(
            "captures {}, down {}; frames {}, corrupt {}, malformed {}, lost {}, stations {}",
            self.by_source.len(),
            sum(|capture| u64::from(capture.down_since.is_some())),
            sum(|capture| capture.total.frames),
            sum(|capture| capture.corrupt),
            sum(|capture| capture.rare.malformed),
            sum(|capture| capture.total.ring.drops),
            sum(|capture| capture.neighbourhood.n_stations())
        )
    }
}

impl Count {
    fn add(&mut self, report: &WireReport) {
        self.frames += report.frames;
        self.ring.packets += report.ring.packets;
        self.ring.drops += report.ring.drops;
    }
}

impl Rare {
    fn add(&mut self, report: &WireReport) {
        self.malformed += report.malformed;
        self.unknown_link += report.unknown_link;
        self.flows_evicted += report.flows_evicted;
        self.flows_expired += report.flows_expired;
        self.streams.merge(&report.streams);
        self.detection.merge(&report.detection);
        self.modbus_unread += report.modbus.unread;
        self.reads_dropped += report.reads_dropped;
        self.reads_unproven += report.reads_unproven;
        self.writes_untracked += report.writes_untracked;
        self.writes_unjudged += report.writes_unjudged;
        self.suspects_evicted += report.suspects_evicted;
    }
}

impl Window {
    fn add(&mut self, report: &WireReport) {
        self.count.add(report);
        self.gaps += match report.gap {
            Gap::None => 0,
            Gap::Before => 1,
        };
        let tallies = report.checksums.by_protocol();
        self.clipped += tallies.iter().map(|(_, tally)| tally.truncated).sum::<u64>();
    }

    fn is_lossy(&self) -> bool {
        self.count.ring.drops > 0 || self.gaps > 0
    }
}

impl Capture {
    /// What speaks against findings of this moment.
    fn doubts(&self) -> Doubts {
        self.doubts_of(&self.window)
    }

    /// The same, of a window that has just ended.
    fn doubts_of(&self, window: &Window) -> Doubts {
        let lossy = self.was_lossy || window.is_lossy() || self.losses.window().is_loss();
        Doubts { lossy, clipped: window.clipped > 0 }
    }

    /// A file has no state and no ring.
    fn origin(&self) -> Origin {
        match (self.interface, self.total.ring.packets) {
            (None, 0) => Origin::File,
            (None | Some(_), _) => Origin::Interface,
        }
    }

    /// A ring counts what it was offered; a file has no such counter, and loses nothing.
    fn ledger(&self) -> Ledger {
        let Count { frames, ring } = self.total;
        let Rare { malformed, unknown_link, modbus_unread, .. } = self.rare;
        let entered = if ring.packets > 0 { ring.packets } else { frames };
        let mut ledger = Ledger { entered, left: frames - unknown_link, ..Ledger::default() };
        ledger.drop("ring_full", ring.drops);
        ledger.drop("unknown_link", unknown_link);
        ledger.note("malformed", malformed);
        ledger.note("flows_evicted", self.rare.flows_evicted);
        ledger.note("flows_expired", self.rare.flows_expired);
        ledger.note("modbus_unread", modbus_unread);
        ledger.note("candidates_evicted", self.rare.detection.candidates_evicted);
        ledger.note("servers_evicted", self.rare.detection.servers_evicted);
        ledger.note("stream_bytes_missing", self.rare.streams.missing_bytes);
        ledger.note("stream_bytes_repeated", self.rare.streams.repeated_bytes);
        ledger.note("stream_conflicts", self.rare.streams.conflicts);
        ledger.note("stream_holes", self.rare.streams.holes);
        ledger.note("reads_dropped", self.rare.reads_dropped);
        ledger.note("reads_unproven", self.rare.reads_unproven);
        ledger.note("writes_untracked", self.rare.writes_untracked);
        ledger.note("writes_unjudged", self.rare.writes_unjudged);
        self.neighbourhood.note_in(&mut ledger);
        ledger.note("suspects_evicted", self.rare.suspects_evicted);
        ledger.note("hints_dropped", self.hints.n_unknown());
        let mut losses = *self.losses.total();
        losses.merge(self.losses.window());
        losses.by_name().into_iter().for_each(|(name, n)| ledger.note(name, n));
        ledger
    }

    fn on_interface(&mut self, report: &WireReport, outbox: &mut Outbox) {
        let Some(state) = report.interface else { return };
        if self.interface.replace(state) == Some(state) {
            return;
        }
        match (state, self.down_since) {
            (InterfaceState::Up, Some(since)) => {
                self.down_since = None;
                let seen = (&report.source, report.at);
                outbox.raise(Kind::CaptureUp, || up(seen, since, "captured"));
            }
            // It is expected to be up at the start.
            (InterfaceState::Up, None) => (),
            (InterfaceState::Down | InterfaceState::Absent, since) => {
                self.down_since = since.or(Some(report.at));
                outbox.raise(Kind::CaptureDown, || down(report, state));
            }
        }
    }
}

fn down(report: &WireReport, state: InterfaceState) -> Event {
    let (name, text) = match state {
        InterfaceState::Up => ("up", "is up"),
        InterfaceState::Down => ("down", "is down: nothing is seen until it is up; see `ip link`"),
        InterfaceState::Absent => {
            ("absent", "does not exist: nothing is seen until it does; see `ip link`")
        }
    };
    let text = format!("{} {text}", report.source);
    Event::new(Kind::CaptureDown, report.at, report.source.clone(), text).with("state", name)
}
