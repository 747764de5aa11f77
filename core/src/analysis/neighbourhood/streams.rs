//! Streams: GOOSE publications, and whether their numbers go on as they should.
//!
//! Nothing is claimed of frames that the capture may have missed. Frames that came twice, as in
//! networks with two paths (IEC 62439-3), are no repetition of old ones. A stream is known after
//! some frames, so that whoever sends one frame of each cannot make any of them look lost.

mod numbers;

use std::time::Duration;

use crate::record::{GooseChange, GooseFlags, GooseNumber, Layer2Change, Stream, WireReport};
use crate::wire::goose::Goose;
use crate::wire::mac::Mac;
use crate::wire::packet::Vlan;

use super::label::Label;
use super::places::{Met, Places};
use super::telling::Telling;
use super::{SECOND_NS, Seen, is_early};

use numbers::{Past, Step};

/// Times four: streams known at a time, at about three hundred bytes.
const N_SETS: usize = 256;
/// Frames after which a stream is missed when it is silent.
const KNOWN_AFTER: u8 = 3;
/// One stream's changes, its disorder and its silence are each told at most so often.
const AGAIN_NS: u64 = 60 * SECOND_NS;
/// How often it is looked for who is silent, at most.
const SWEEP_NS: u64 = SECOND_NS / 10;
const MILLISECOND_NS: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Streams {
    places: Places<Key, State>,
    /// Nothing can have been heard while the capture missed frames.
    deaf_until_ns: u64,
    n_gaps: u64,
    next_sweep_ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    vlan: Vlan,
    source: Mac,
    appid: u16,
    reference: Label,
}

#[derive(Debug)]
struct State {
    past: Past,
    flags: GooseFlags,
    allowed_ns: u64,
    n_frames: u8,
    /// Gaps of the capture when it was last heard.
    n_gaps: u64,
    /// No gap lies between the last frame and the one before.
    is_complete: bool,
    silence: Silence,
    changes: Telling,
    /// The last change, if it came too soon after another one to be told.
    owed: Option<GooseChange>,
    disorder: Telling,
    losses: Telling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    No,
    Told,
    Untold,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self { places: Places::new(N_SETS), deaf_until_ns: 0, n_gaps: 0, next_sweep_ns: 0 }
    }

    /// Frames may have been missed until now.
    pub(super) fn on_gap(&mut self, at_ns: u64) {
        self.deaf_until_ns = at_ns;
        self.n_gaps += 1;
    }

    pub(super) fn on_goose(&mut self, seen: &Seen, goose: &Goose<'_>, report: &mut WireReport) {
        let reference = Label::new(goose.reference);
        let key = Key { vlan: seen.vlan, source: seen.source, appid: goose.appid, reference };
        let n_gaps = self.n_gaps;
        let (met, state) =
            self.places.meet(key, seen.at_ns, || State::new(seen.at_ns, goose, n_gaps));
        report.layer2.evicted += u64::from(met == Met::Instead);
        if met == Met::Known {
            state.is_complete = std::mem::replace(&mut state.n_gaps, n_gaps) == n_gaps;
            state.on_silence(seen, &key, report);
            state.on_frame(seen, &key, goose, report);
        }
    }

    /// Tell which streams have said nothing for longer than they may.
    pub(super) fn sweep(&mut self, now_ns: u64, report: &mut WireReport) {
        if is_early(now_ns, self.next_sweep_ns, SWEEP_NS) {
            return;
        }
        self.next_sweep_ns = now_ns + SWEEP_NS;
        for (key, state) in self.places.iter_mut() {
            let since_ns = state.past.heard_ns.max(self.deaf_until_ns);
            let is_late = state.is_missed_after(now_ns.saturating_sub(since_ns));
            if is_late && state.silence == Silence::No {
                let untold = state.losses.is_due(now_ns, AGAIN_NS);
                state.silence = if untold.is_some() { Silence::Told } else { Silence::Untold };
                let lost = GooseChange::Lost { allowed: Duration::from_nanos(state.allowed_ns) };
                key.tell(now_ns, lost, untold, report);
            }
            if let Some(change) = state.owed
                && let Some(untold) = state.changes.is_overdue(now_ns, AGAIN_NS)
            {
                state.owed = None;
                key.tell(now_ns, change, Some(untold), report);
            }
        }
    }
}

impl State {
    fn new(at_ns: u64, goose: &Goose<'_>, n_gaps: u64) -> Self {
        let mut state = Self {
            past: Past { number: number(goose), heard_ns: at_ns, changed_ns: at_ns },
            flags: flags(goose),
            allowed_ns: 0,
            n_frames: 0,
            n_gaps,
            is_complete: false,
            silence: Silence::No,
            changes: Telling::default(),
            owed: None,
            disorder: Telling::default(),
            losses: Telling::default(),
        };
        state.allow(goose);
        state
    }

    fn allow(&mut self, goose: &Goose<'_>) {
        self.n_frames = self.n_frames.saturating_add(1);
        self.allowed_ns = u64::from(goose.time_allowed_to_live) * MILLISECOND_NS;
    }

    /// A stream that allows no time at all can not be late.
    fn is_missed_after(&self, silent_ns: u64) -> bool {
        self.n_frames >= KNOWN_AFTER && self.allowed_ns > 0 && silent_ns > self.allowed_ns
    }

    /// A frame has come: was it in time?
    fn on_silence(&mut self, seen: &Seen, key: &Key, report: &mut WireReport) {
        let silent_ns = seen.at_ns.saturating_sub(self.past.heard_ns);
        let is_late = self.silence == Silence::No;
        let untold = match std::mem::replace(&mut self.silence, Silence::No) {
            Silence::Told => Some(0),
            Silence::No if self.is_complete && self.is_missed_after(silent_ns) => {
                self.losses.is_due(seen.at_ns, AGAIN_NS)
            }
            Silence::No | Silence::Untold => None,
        };
        let silent = Duration::from_nanos(silent_ns);
        let allowed = Duration::from_nanos(self.allowed_ns);
        key.tell(seen.at_ns, GooseChange::Back { silent, allowed, is_late }, untold, report);
    }

    fn on_frame(&mut self, seen: &Seen, key: &Key, goose: &Goose<'_>, report: &mut WireReport) {
        let (at_ns, now, flags) = (seen.at_ns, number(goose), flags(goose));
        let before = self.past.number;
        let step = self.past.step(now, at_ns);
        if step == Step::Twice {
            return;
        }
        self.past.go_to(now, at_ns);
        self.allow(goose);
        let had = std::mem::replace(&mut self.flags, flags);
        let change = match step {
            Step::State { missed } => {
                let missed = if self.is_complete { missed } else { 0 };
                GooseChange::State { before, now, missed, flags }
            }
            Step::Restarted => GooseChange::Restarted { before, now },
            Step::Backwards => GooseChange::Backwards { before, now },
            Step::Skipped { missed } if self.is_complete => {
                GooseChange::Skipped { before, now, missed }
            }
            Step::Twice | Step::Next | Step::Skipped { .. } if had != flags => {
                GooseChange::Flags { now, flags }
            }
            Step::Twice | Step::Next | Step::Skipped { .. } => return,
        };
        let telling = match step {
            Step::Restarted | Step::Backwards => &mut self.disorder,
            Step::Skipped { .. } => &mut self.losses,
            Step::State { .. } | Step::Next | Step::Twice => &mut self.changes,
        };
        let untold = telling.is_due(at_ns, AGAIN_NS);
        if matches!(change, GooseChange::State { .. } | GooseChange::Flags { .. }) {
            self.owed = untold.is_none().then_some(change);
        }
        key.tell(at_ns, change, untold, report);
    }
}

impl Key {
    /// Tell unless it is not due.
    fn tell(&self, at_ns: u64, change: GooseChange, untold: Option<u64>, report: &mut WireReport) {
        let Some(untold) = untold else { return };
        let stream = Stream { appid: self.appid, reference: self.reference.text() };
        let (vlan, source) = (self.vlan, self.source);
        let seen = Seen { at_ns, vlan, source, destination: None, is_learning: false };
        seen.tell(Layer2Change::Goose { stream, change }, untold, report);
    }
}

fn number(goose: &Goose<'_>) -> GooseNumber {
    GooseNumber { state: goose.state, sequence: goose.sequence }
}

fn flags(goose: &Goose<'_>) -> GooseFlags {
    GooseFlags { test: goose.test, needs_commissioning: goose.needs_commissioning }
}
