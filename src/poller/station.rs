//! What is known of one unit of a serial line, and whether its next reply can be believed. Pure.
//!
//! A unit answers in order. So the answer to a [`Probe`], which no reply still under way can pass
//! for, proves that nothing older is under way. After a failure no reply is believed before a
//! probe was answered; none is published before one was answered after it, at the end of the
//! unit's turn; and one stands between two requests of the same shape. After a time-out each
//! request is for a while followed by a probe and listened after, which catches what is not kept
//! in order: replies held back elsewhere for several cycles.

use std::time::Duration;

use tokio::time::Instant;

use crate::wire::modbus::request::ReadRequest;

use super::exchange::Cause;
use super::exchange::Confidence;
use super::exchange::Values;
use super::probe::{Probe, ladder};
use super::question::Question;

/// A second reply is listened for at least this long after each request that no probe confirms
/// together with others.
const MIN_WINDOW: Duration = Duration::from_millis(20);
/// Bounds of the silence that is waited for after a failure; the upper one is the time-out.
const MIN_GUARD: Duration = Duration::from_millis(20);
/// How long after a time-out requests are followed by a probe, unless four cycles take longer.
/// Also how late a reply may be at most.
const MIN_VIGIL: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// A reply may be under way that would pass for the answer to the next request.
    Suspect,
    /// A probe was answered, and every reply since was due.
    Settled,
    /// The unit answers no probe and was left alone instead, until replies had to have run out.
    Rested,
}

/// What was heard of a unit where nothing was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stray {
    /// So long after the request it probably answers.
    Late(Duration),
    OwnRequest,
}

/// Whether the replies of this turn are shown to be none but theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Closed,
    /// A probe is yet to show that each was due when it came, the last of them to this request.
    Open(Question),
    /// One of them may be another's.
    Doubtful(Confidence),
}

/// A probe, and until when it proves nothing: the answer to an earlier one may be under way.
#[derive(Debug)]
struct Rung {
    probe: Probe,
    spent_until: Option<Instant>,
}

/// One unit of a line.
#[derive(Debug)]
pub(super) struct Station {
    trust: Trust,
    ladder: Vec<Rung>,
    /// The rung tried last, and the one that held last.
    tried: usize,
    known: Option<usize>,
    n_failures: u32,
    /// Times in a row that no probe was answered although the unit was there.
    n_mute: u32,
    /// Worst time from the end of a request to the first byte of its reply, forgotten by degrees;
    /// and the same for replies that came too late.
    turnaround: Duration,
    lateness: Duration,
    /// When the last request had been sent, and the last that got no reply.
    asked: Option<Instant>,
    owed: Option<Instant>,
    /// A reply that was not due and that no reading has told of yet.
    stray: Option<Stray>,
    turn: Turn,
    vigil: Duration,
    vigilant_until: Option<Instant>,
}

impl Station {
    /// A unit of which only `requests` are ever asked, at intervals of `every`. Suspect from the
    /// start: whoever held the line before may have left a request unanswered.
    pub(super) fn new(requests: &[ReadRequest], every: Duration) -> Self {
        let rung = |probe| Rung { probe, spent_until: None };
        Self {
            trust: Trust::Suspect,
            ladder: ladder(requests).into_iter().map(rung).collect(),
            tried: 0,
            known: None,
            n_failures: 0,
            n_mute: 0,
            turnaround: Duration::ZERO,
            lateness: Duration::ZERO,
            asked: None,
            owed: None,
            stray: None,
            turn: Turn::Closed,
            vigil: MIN_VIGIL.max(every.saturating_mul(4)),
            vigilant_until: None,
        }
    }

    /// True if the next reply to a request can be believed as far as the past goes.
    pub(super) fn is_settled(&self) -> bool {
        match self.trust {
            Trust::Suspect => false,
            Trust::Settled | Trust::Rested => true,
        }
    }

    /// True if a reply just received is to be confirmed by a probe after it.
    pub(super) fn needs_confirmation(&self, now: Instant) -> bool {
        self.is_vigilant(now) && self.trust != Trust::Rested
    }

    /// True if one probe at the end will confirm all replies of a turn.
    pub(super) fn closes_turns(&self, now: Instant) -> bool {
        self.trust == Trust::Settled && !self.is_vigilant(now)
    }

    /// True if replies wait for a probe to confirm them.
    pub(super) fn has_open_turn(&self) -> bool {
        matches!(self.turn, Turn::Open(_))
    }

    /// True if the reply to the request before, come again, would pass for that to `request`.
    pub(super) fn may_confuse(&self, request: Question) -> bool {
        matches!(self.turn, Turn::Open(last) if !request.is_distinguishable_from(last))
    }

    /// A reply to `request` came that nothing has confirmed yet.
    pub(super) fn open_turn(&mut self, request: Question) {
        self.turn = match self.turn {
            Turn::Closed | Turn::Open(_) => Turn::Open(request),
            Turn::Doubtful(why) => Turn::Doubtful(why),
        }
    }

    /// The probe that is to confirm the turn; `None` if the turn ended with a failure: a dead unit
    /// must not cost its line another time-out.
    pub(super) fn closing_probe(&mut self, now: Instant) -> Option<Probe> {
        self.on_suspicion();
        if self.n_failures == 0 { self.next_probe(now) } else { None }
    }

    /// The closing probe was answered, or not.
    pub(super) fn on_closing(&mut self, now: Instant) {
        let confidence = self.confidence(now);
        self.turn = match self.turn {
            Turn::Doubtful(why) => Turn::Doubtful(why),
            Turn::Closed | Turn::Open(_) if confidence == Confidence::Proven => Turn::Closed,
            Turn::Closed | Turn::Open(_) => Turn::Doubtful(confidence),
        };
    }

    /// How far the replies of the turn that ends can be believed.
    pub(super) fn close_turn(&mut self) -> Confidence {
        match std::mem::replace(&mut self.turn, Turn::Closed) {
            Turn::Closed => Confidence::Proven,
            Turn::Open(_) => Confidence::Unsettled,
            Turn::Doubtful(why) => {
                self.on_suspicion();
                why
            }
        }
    }

    /// Probes to try in one turn: a dead unit must not cost its line more than one time-out.
    pub(super) fn patience(&self) -> u32 {
        if self.n_failures == 0 { 2 } else { 1 }
    }

    /// The probe to try next, the one that held last if it can; `None`: only silence is left.
    pub(super) fn next_probe(&mut self, now: Instant) -> Option<Probe> {
        if self.is_mute() {
            return None;
        }
        // Chances are spread: a fault that recurs would else always hit the same probe.
        let n_rungs = self.ladder.len().max(1);
        let shift = usize::try_from(self.n_mute).unwrap_or_default();
        let others = (0..n_rungs).map(|nth| (nth + shift) % n_rungs);
        let is_fresh = |rung: &Rung| rung.spent_until.is_none_or(|until| until <= now);
        let nth = { self.known }
            .into_iter()
            .chain(others)
            .find(|nth| self.ladder.get(*nth).is_some_and(is_fresh))?;
        self.tried = nth;
        self.ladder.get(nth).map(|rung| rung.probe)
    }

    /// Until when a second reply to the request just sent is listened for.
    pub(super) fn listen_until(&self) -> Instant {
        self.asked.unwrap_or_else(Instant::now) + MIN_WINDOW.max(self.turnaround * 3 / 2)
    }

    /// Silence to wait for after a failure.
    pub(super) fn guard(&self, timeout: Duration) -> Duration {
        (self.turnaround.max(self.lateness.saturating_sub(timeout)) * 2).max(MIN_GUARD).min(timeout)
    }

    /// How long the unit must yet be left alone before silence says anything.
    pub(super) fn quiet_for(&self, now: Instant, timeout: Duration) -> Option<Duration> {
        let quiet_at = self.asked? + (timeout.max(self.lateness) * 2).min(self.vigil);
        quiet_at.checked_duration_since(now).filter(|remaining| !remaining.is_zero())
    }

    pub(super) fn on_asked(&mut self, sent: Instant) {
        self.asked = Some(sent);
    }

    /// An answer began to arrive `turnaround` after its request.
    pub(super) fn on_answer(&mut self, turnaround: Duration) {
        let forgotten = self.turnaround.saturating_sub(turnaround) / 4;
        self.turnaround = turnaround.max(self.turnaround.saturating_sub(forgotten));
        self.lateness = self.lateness / 16 * 15;
        self.n_failures = 0;
    }

    /// The probe was answered. Strays before that are accounted for; one that follows is not, so
    /// this comes before listening for one.
    pub(super) fn on_probe_answer(&mut self, values: &Values) {
        let is_proof = self.ladder.get(self.tried).is_some_and(|rung| rung.probe.is_met_by(values));
        if is_proof {
            self.trust = Trust::Settled;
            self.known = Some(self.tried);
            self.n_mute = 0;
            self.refresh();
        }
    }

    /// The probe got no answer, or none that settles the unit.
    pub(super) fn on_probe_failure(&mut self, now: Instant) {
        let spent_until = now.checked_add(self.vigil);
        if let Some(rung) = self.ladder.get_mut(self.tried) {
            rung.spent_until = spent_until;
        }
    }

    /// The unit was left alone for long enough.
    pub(super) fn on_quiet(&mut self) {
        self.trust = Trust::Rested;
        self.refresh();
    }

    /// The unit is there, and answered no probe.
    pub(super) fn on_mute(&mut self) {
        self.n_mute = self.n_mute.saturating_add(1);
        self.trust = if self.is_mute() { Trust::Rested } else { Trust::Suspect };
        self.known = None;
    }

    /// A reply of this unit arrived that was not due.
    pub(super) fn on_stray(&mut self, now: Instant) {
        let since = self.owed.take().or(self.asked).unwrap_or(now);
        let late = now.saturating_duration_since(since);
        self.lateness = self.lateness.max(late);
        self.stray = Some(Stray::Late(late));
        if self.has_open_turn() {
            // The true answer to one of the turn's requests, perhaps.
            self.turn = Turn::Doubtful(Confidence::LateReply(late));
        }
        self.doubt(now);
    }

    /// Our own request came back: the line echoes.
    pub(super) fn on_own_request(&mut self) {
        self.stray = Some(Stray::OwnRequest);
        self.trust = Trust::Suspect;
    }

    /// Something was heard, or will have to be, that could make the last reply another's.
    pub(super) fn on_suspicion(&mut self) {
        self.trust = Trust::Suspect;
    }

    pub(super) fn on_failure(&mut self, cause: &Cause, now: Instant) {
        self.n_failures = self.n_failures.saturating_add(1);
        match cause {
            Cause::Timeout { .. } | Cause::CutShort(_) => {
                self.owed = self.asked;
                self.doubt(now);
            }
            Cause::Foreign(_) | Cause::Unasked | Cause::NotModbus => self.doubt(now),
            // The reply came, damaged: nothing more is owed.
            Cause::Damaged(_) | Cause::Babble | Cause::Quiet(_) | Cause::Io(_) => {
                self.on_suspicion();
            }
        }
    }

    /// How late the reply was that no reading has told of yet.
    pub(super) fn late(&self) -> Option<Duration> {
        match self.stray? {
            Stray::Late(late) => Some(late),
            Stray::OwnRequest => None,
        }
    }

    /// How far the reply just received can be believed. Each stray puts one reading in doubt.
    pub(super) fn confidence(&mut self, now: Instant) -> Confidence {
        match (self.stray.take(), self.trust) {
            (Some(Stray::Late(late)), _) => Confidence::LateReply(late),
            (Some(Stray::OwnRequest), _) => Confidence::OwnRequest,
            (None, Trust::Settled) => Confidence::Proven,
            (None, Trust::Rested) if !self.is_vigilant(now) => Confidence::Proven,
            (None, Trust::Rested | Trust::Suspect) => Confidence::Unsettled,
        }
    }

    fn is_vigilant(&self, now: Instant) -> bool {
        self.vigilant_until.is_some_and(|until| now < until)
    }

    /// Probes get lost too: a unit is mute only if it repeats.
    fn is_mute(&self) -> bool {
        const CHANCES: u32 = 3;
        self.n_mute >= CHANCES
    }

    fn doubt(&mut self, now: Instant) {
        self.trust = Trust::Suspect;
        self.vigilant_until = now.checked_add(self.vigil);
    }

    /// Nothing is under way any more: each probe proves something again.
    fn refresh(&mut self) {
        for rung in &mut self.ladder {
            rung.spent_until = None;
        }
    }
}

#[cfg(test)]
mod tests;
