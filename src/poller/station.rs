//! What is known of one unit of a serial line, and whether its next reply can be believed. Pure.
//!
//! A unit answers in order, so the answer to a *probe*, a request whose answer no earlier reply
//! can pass for, proves that nothing older is under way. After a failure no reply is believed
//! before a probe was answered. For a while after a time-out a probe also follows each request:
//! were the reply another's, then the true one would be heard before the probe's answer. This
//! catches what is not kept in order: replies held back elsewhere for several cycles.

use std::time::Duration;

use tokio::time::Instant;

use crate::wire::modbus::request::{ReadRequest, Span};

use super::exchange::Cause;
use super::exchange::Confidence;
use super::exchange::Values;

/// A second reply is listened for at least this long after each request.
const MIN_WINDOW: Duration = Duration::from_millis(10);
/// Bounds of the silence that is waited for after a failure; the upper one is the time-out.
const MIN_GUARD: Duration = Duration::from_millis(20);
/// How long after a time-out requests are followed by a probe, unless four cycles take longer.
const MIN_VIGIL: Duration = Duration::from_secs(10);

/// How to show that no earlier reply of the unit is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    /// Return Query Data with a nonce: any reply with function 8, refusals included.
    Echo,
    /// A read with a function that is not used on this unit: any reply, refusals included.
    OtherFunction(ReadRequest),
    /// A read of a quantity that is not used on this unit: values only, since a refusal has the
    /// same form whatever was asked.
    OtherQuantity(ReadRequest),
    /// Nothing to ask: leave the unit alone until replies must have run out.
    Silence,
}

impl Rung {
    /// The rungs for a unit of which only `requests` are ever asked, the surest first.
    fn ladder(requests: &[ReadRequest]) -> Vec<Self> {
        let narrow = requests.iter().find_map(|request| other_quantity(*request, requests));
        let function = other_function(requests);
        let probes = [Some(Self::Echo), narrow, function];
        probes.into_iter().flatten().chain([Self::Silence]).collect()
    }

    fn is_answered_by(self, values: &Values) -> bool {
        match self {
            Self::Echo | Self::OtherFunction(_) => true,
            Self::OtherQuantity(_) => !matches!(values, Values::Exception(_)),
            Self::Silence => false,
        }
    }
}

/// A smaller part of `request`, known to exist, whose answer has another length than that of any
/// of `requests`.
fn other_quantity(request: ReadRequest, requests: &[ReadRequest]) -> Option<Rung> {
    let (Span { first, count }, with): (Span, fn(Span) -> ReadRequest) = match request {
        ReadRequest::Coils(span) => (span, ReadRequest::Coils),
        ReadRequest::Discretes(span) => (span, ReadRequest::Discretes),
        ReadRequest::Holding(span) => (span, ReadRequest::Holding),
        ReadRequest::Input(span) => (span, ReadRequest::Input),
        ReadRequest::Echo { .. } => return None,
    };
    (1..count)
        .map(|count| with(Span { first, count }))
        .find(|probe| requests.iter().all(|request| probe.is_distinguishable_from(*request)))
        .map(Rung::OtherQuantity)
}

fn other_function(requests: &[ReadRequest]) -> Option<Rung> {
    const SPAN: Span = Span { first: 0, count: 1 };
    let reads: [fn(Span) -> ReadRequest; 4] =
        [ReadRequest::Holding, ReadRequest::Input, ReadRequest::Coils, ReadRequest::Discretes];
    let is_unused =
        |probe: &ReadRequest| requests.iter().all(|request| request.function() != probe.function());
    reads.into_iter().map(|read| read(SPAN)).find(is_unused).map(Rung::OtherFunction)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Every reply so far was accounted for.
    Settled,
    /// A reply may be under way that would pass for the answer to the next request.
    Suspect,
}

/// What was heard of a unit where nothing was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stray {
    /// So long after the request it probably answers.
    Late(Duration),
    OwnRequest,
}

/// One unit of a line.
#[derive(Debug)]
pub(super) struct Station {
    trust: Trust,
    ladder: Vec<Rung>,
    /// The rung that worked last, or that is to be tried next.
    rung: usize,
    n_failures: u32,
    /// Worst time from the end of a request to the first byte of its reply, slowly forgotten.
    turnaround: Duration,
    /// When the last request had been sent, and the last that got no reply.
    asked: Option<Instant>,
    owed: Option<Instant>,
    /// A reply that was not due and that no reading has told of yet.
    stray: Option<Stray>,
    /// Times that silence settled the unit since a probe last did.
    n_silences: u32,
    vigil: Duration,
    vigilant_until: Option<Instant>,
}

impl Station {
    /// A unit of which only `requests` are ever asked, at intervals of `every`. Suspect from the
    /// start: whoever held the line before may have left a request unanswered.
    pub(super) fn new(requests: &[ReadRequest], every: Duration) -> Self {
        Self {
            trust: Trust::Suspect,
            ladder: Rung::ladder(requests),
            rung: 0,
            n_failures: 0,
            turnaround: Duration::ZERO,
            asked: None,
            owed: None,
            stray: None,
            n_silences: 0,
            vigil: MIN_VIGIL.max(every.saturating_mul(4)),
            vigilant_until: None,
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.trust == Trust::Settled
    }

    /// True while each reply is to be confirmed by a probe after it.
    pub(super) fn is_vigilant(&self, now: Instant) -> bool {
        self.vigilant_until.is_some_and(|until| now < until)
    }

    /// What to try next to settle the unit.
    pub(super) fn rung(&self) -> Rung {
        self.ladder.get(self.rung).copied().unwrap_or(Rung::Silence)
    }

    /// Rungs to try in one turn. A dead unit must not cost its line more than one time-out.
    pub(super) fn patience(&self) -> u32 {
        if self.n_failures == 0 { 2 } else { 1 }
    }

    /// Until when a second reply to the request just sent is listened for.
    pub(super) fn listen_until(&self) -> Instant {
        self.asked.unwrap_or_else(Instant::now) + MIN_WINDOW.max(self.turnaround * 3 / 2)
    }

    /// Silence to wait for after a failure.
    pub(super) fn guard(&self, timeout: Duration) -> Duration {
        (self.turnaround * 2).max(MIN_GUARD).min(timeout)
    }

    /// How long the unit must yet be left alone before silence says anything.
    pub(super) fn quiet_for(&self, now: Instant, timeout: Duration) -> Option<Duration> {
        let quiet_at = self.asked? + (timeout * 2).max(self.turnaround * 2);
        quiet_at.checked_duration_since(now).filter(|remaining| !remaining.is_zero())
    }

    pub(super) fn on_asked(&mut self, sent: Instant) {
        self.asked = Some(sent);
    }

    /// An answer began to arrive `turnaround` after its request.
    pub(super) fn on_answer(&mut self, turnaround: Duration) {
        let forgotten = self.turnaround.saturating_sub(turnaround) / 32;
        self.turnaround = turnaround.max(self.turnaround - forgotten);
        self.n_failures = 0;
    }

    /// The present rung was answered. Strays before that are accounted for; one that follows is
    /// not, so this comes before listening for one.
    pub(super) fn on_probe_answer(&mut self, values: &Values) {
        if self.rung().is_answered_by(values) {
            self.trust = Trust::Settled;
            self.n_silences = 0;
        }
    }

    /// The unit was left alone long enough. Its replies stay in doubt until the vigil is over.
    pub(super) fn on_quiet(&mut self) {
        self.trust = Trust::Settled;
    }

    /// After silence, a request was answered. The first time the unit may only just have come
    /// back, so probes get another chance; the second time it answers none.
    pub(super) fn on_answer_after_silence(&mut self) {
        self.n_silences = self.n_silences.saturating_add(1);
        if self.n_silences == 1 {
            self.trust = Trust::Suspect;
            self.climb();
        }
    }

    /// Try the next rung from now on.
    pub(super) fn climb(&mut self) {
        self.rung = (self.rung + 1) % self.ladder.len().max(1);
    }

    /// A reply of this unit arrived that was not due.
    pub(super) fn on_stray(&mut self, now: Instant) {
        let since = self.owed.take().or(self.asked).unwrap_or(now);
        self.stray = Some(Stray::Late(now.saturating_duration_since(since)));
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
                self.on_suspicion()
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
        match self.stray.take() {
            Some(Stray::Late(late)) => Confidence::LateReply(late),
            Some(Stray::OwnRequest) => Confidence::OwnRequest,
            None if self.is_settled() && !self.is_unproven(now) => Confidence::Proven,
            None => Confidence::Unsettled,
        }
    }

    fn is_unproven(&self, now: Instant) -> bool {
        self.is_vigilant(now) && self.rung() == Rung::Silence
    }

    fn doubt(&mut self, now: Instant) {
        self.trust = Trust::Suspect;
        self.vigilant_until = now.checked_add(self.vigil);
    }
}

#[cfg(test)]
mod tests;
