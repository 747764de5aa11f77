//! Modbus RTU: one request at a time on a serial line, each reply believed only when proven.
//!
//! An RTU reply names neither its request nor an address, so one that is late passes for the
//! answer to the next request of its shape. [`Station`] says how that is excluded. What remains
//! leaves no trace on the line: a reply that is lost, with one of the same unit and shape from
//! before the last probe in its place and time; and a unit that is whole turns behind and repeats
//! no nonce, or answers no probe at all. `tests/boundary.rs` has an example of each.

mod nonces;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::wire::modbus::reply::NotTheAnswer;
use crate::wire::modbus::request::{ReadRequest, Span};
use crate::wire::modbus::rtu::Frame;
use crate::wire::modbus::rtu::{NotAFrame, RequestFrame};

use super::exchange::{Cause, Confidence, Foreign, Reply, Values};
use super::line::Line;
use super::probe::Probe;
use super::question::Question;
use super::station::Station;
use super::tally::Tally;

use nonces::Nonces;

/// Time-outs in a row, for each unit of the line, after which a connection is taken for dead.
const MAX_SILENT: u32 = 3;
/// What is left of a silence up to this is waited for: it must not cost a whole turn.
const MAX_WAIT: Duration = Duration::from_millis(20);

pub(super) struct Rtu<S> {
    line: Line<S>,
    stations: BTreeMap<u8, Station>,
    /// Whose reply noise on the line may have been.
    last_asked: u8,
    /// Requests in a row after which nothing was heard of any unit.
    n_silent: u32,
    timeout: Duration,
    nonces: Nonces,
    tally: Tally,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Rtu<S> {
    pub(super) fn new(line: Line<S>, stations: BTreeMap<u8, Station>, timeout: Duration) -> Self {
        Self {
            line,
            stations,
            last_asked: 0,
            n_silent: 0,
            timeout,
            nonces: Nonces::new(),
            tally: Tally::default(),
        }
    }

    /// Let any unit be asked anything: only an echo is then told apart from all else.
    pub(super) fn open_to_all(mut self) -> Self {
        const ONE: Span = Span { first: 0, count: 1 };
        let requests = [
            ReadRequest::Coils(ONE),
            ReadRequest::Discretes(ONE),
            ReadRequest::Holding(ONE),
            ReadRequest::Input(ONE),
        ];
        let station = |unit| (unit, Station::new(&requests, Duration::ZERO));
        self.stations = (0..=u8::MAX).map(station).collect();
        self
    }

    /// False once the stream failed.
    pub(super) fn is_usable(&self) -> bool {
        self.line.is_open()
    }

    /// What was counted since this was last asked, and the port, which may have counted too.
    pub(super) fn tally(&mut self) -> (&mut Tally, &S) {
        (&mut self.tally, self.line.stream())
    }

    /// True if nothing was heard for so long that each unit should have been: the other end of a
    /// connection may be gone without a word.
    pub(super) fn is_silent(&self) -> bool {
        let n_units = u32::try_from(self.stations.len()).unwrap_or(u32::MAX);
        self.n_silent >= n_units.saturating_mul(MAX_SILENT)
    }

    /// Note what arrived since the last request, without waiting. Fails if the other end closed
    /// the connection meanwhile.
    pub(super) async fn catch_up(&mut self) -> Result<(), Cause> {
        if !self.line.arrived().await?.is_empty() {
            self.note_unasked();
        }
        Ok(())
    }

    /// Ask `unit` without proving that no earlier reply of it is under way: whoever answers is
    /// there, whatever it answers. So its next reply is not believed before a probe was answered.
    pub(super) async fn call(&mut self, unit: u8, request: Question) -> Result<Reply, Cause> {
        self.keep_gap().await?;
        let outcome = self.exchange(unit, request).await;
        self.station(unit).on_suspicion();
        outcome
    }

    /// Ask `unit`, proving beforehand that no earlier reply of it is under way. While it is under
    /// suspicion this is proven afterwards too; else the reply is believed once
    /// [`close`](Self::close) says so.
    pub(super) async fn ask(&mut self, unit: u8, request: Question) -> Result<Reply, Cause> {
        self.keep_gap().await?;
        if self.station(unit).may_confuse(request) {
            self.confirm_turn(unit).await?;
        }
        let settled = if self.station(unit).is_settled() {
            Settled::ByProbe
        } else {
            self.settle(unit).await?
        };
        let mut reply = self.exchange(unit, request).await?;
        if self.station(unit).closes_turns(Instant::now()) {
            self.station(unit).open_turn(request);
            reply.confidence = Confidence::Proven;
            return Ok(reply);
        }
        self.listen(unit).await?;
        match settled {
            Settled::BySilence => self.audition(unit).await?,
            Settled::ByProbe => self.confirm(unit).await?,
        }
        reply.confidence = self.station(unit).confidence(Instant::now());
        Ok(reply)
    }

    /// Confirm the replies that `unit` gave since the last call: a probe's answer shows that none
    /// of theirs is still to come, so that each was the answer to its request. Says how far they
    /// can be believed.
    pub(super) async fn close(&mut self, unit: u8) -> io::Result<Confidence> {
        if self.station(unit).has_open_turn() {
            self.confirm_turn(unit).await?;
        }
        Ok(self.station(unit).close_turn())
    }

    async fn confirm_turn(&mut self, unit: u8) -> io::Result<()> {
        if let Some(probe) = self.station(unit).closing_probe(Instant::now())
            && let Err(Cause::Io(error)) = self.try_probe(unit, probe).await
        {
            return Err(error);
        }
        self.station(unit).on_closing(Instant::now());
        Ok(())
    }

    /// Try probes until one settles the unit or this turn's patience ends. Each that does not is
    /// spent, so this ends.
    async fn settle(&mut self, unit: u8) -> Result<Settled, Cause> {
        let mut patience = self.station(unit).patience();
        while let Some(probe) = self.station(unit).next_probe(Instant::now()) {
            match self.probe_alone(unit, probe).await {
                Ok(()) if self.station(unit).is_settled() => return Ok(Settled::ByProbe),
                Ok(()) => (), // refused, which costs the line next to nothing
                Err(cause @ Cause::Io(_)) => return Err(cause),
                Err(cause) => {
                    patience = patience.saturating_sub(1);
                    if patience == 0 {
                        return Err(cause);
                    }
                }
            }
        }
        let timeout = self.timeout;
        let station = self.station(unit);
        match station.quiet_for(Instant::now(), timeout) {
            Some(remaining) if remaining > MAX_WAIT => return Err(Cause::Quiet(remaining)),
            Some(remaining) => self.hush(remaining).await?,
            None => (),
        }
        self.station(unit).on_quiet();
        Ok(Settled::BySilence)
    }

    /// While the unit is under suspicion, show that the reply just received was not another's.
    /// Only the loss of the line is an error.
    async fn confirm(&mut self, unit: u8) -> io::Result<()> {
        let now = Instant::now();
        let station = self.station(unit);
        if !station.needs_confirmation(now) {
            return Ok(());
        }
        station.on_suspicion();
        let Some(probe) = station.next_probe(now) else { return Ok(()) };
        match self.probe_alone(unit, probe).await {
            Err(Cause::Io(error)) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The unit just answered, after silence: find a probe that it answers, if there is one.
    async fn audition(&mut self, unit: u8) -> io::Result<()> {
        while let Some(probe) = self.station(unit).next_probe(Instant::now()) {
            self.station(unit).on_suspicion();
            match self.probe_alone(unit, probe).await {
                Ok(()) if self.station(unit).is_settled() => return Ok(()),
                Err(Cause::Io(error)) => return Err(error),
                Ok(()) | Err(_) => (),
            }
        }
        self.station(unit).on_mute();
        Ok(())
    }

    /// Try `probe`, and listen for what comes after its answer.
    async fn probe_alone(&mut self, unit: u8, probe: Probe) -> Result<(), Cause> {
        self.try_probe(unit, probe).await?;
        Ok(self.listen(unit).await?)
    }

    async fn try_probe(&mut self, unit: u8, probe: Probe) -> Result<(), Cause> {
        let request = match probe {
            Probe::Echo => ReadRequest::Echo { nonce: self.nonces.next(unit) },
            Probe::OtherFunction(request) | Probe::OtherQuantity(request) => request,
        };
        let outcome = self.exchange(unit, request.into()).await;
        self.tally.on_probe(unit, &outcome);
        if let Ok(reply) = &outcome {
            self.station(unit).on_probe_answer(&reply.values);
        }
        let station = self.station(unit);
        if !station.is_settled() {
            station.on_probe_failure(Instant::now());
        }
        outcome.map(drop)
    }

    /// One request and what answers it, believed or not.
    async fn exchange(&mut self, unit: u8, request: Question) -> Result<Reply, Cause> {
        let rest = self.line.rest();
        if !rest.is_zero() {
            self.hush(rest).await?;
        }
        let started = Instant::now();
        let sent = self.line.send(RequestFrame::new(unit, &request.pdu())).await?;
        self.last_asked = unit;
        self.station(unit).on_asked(sent);
        match self.answer(unit, request, sent + self.timeout).await {
            Ok(values) => {
                let (first, arrived) = self.line.arrival();
                let turnaround = first.saturating_duration_since(sent);
                self.station(unit).on_answer(turnaround);
                self.tally.on_answer(unit, &values, turnaround);
                let latency = arrived.saturating_duration_since(started);
                Ok(Reply {
                    values,
                    arrived,
                    latency,
                    confidence: Confidence::Unsettled,
                    transaction: None,
                })
            }
            Err(cause) => {
                self.tally.on_failure(unit, &cause, self.line.burst().len());
                Err(self.fail(unit, cause).await)
            }
        }
    }

    /// Receive until the answer or the deadline. Frames that are not the answer are noted.
    async fn answer(
        &mut self,
        unit: u8,
        request: Question,
        deadline: Instant,
    ) -> Result<Values, Cause> {
        let mut foreign = None;
        loop {
            let burst = self.line.receive(deadline).await?;
            self.n_silent = if burst.is_empty() { self.n_silent.saturating_add(1) } else { 0 };
            if burst.is_empty() {
                return Err(foreign.map_or(Cause::timeout(0), Cause::Foreign));
            }
            match judge(burst, unit, request) {
                Judged::Answer(values) => return Ok(values),
                Judged::Noise(_) if !self.line.is_complete() => {
                    return Err(Cause::timeout(self.line.burst().len()));
                }
                Judged::Noise(why) => return Err(why.into()),
                Judged::Stray(from, why) => {
                    foreign = Some(why);
                    self.note_stray(from, why);
                }
            }
        }
    }

    /// Settle the account of a failed request and let the line come to rest.
    async fn fail(&mut self, unit: u8, cause: Cause) -> Cause {
        let timeout = self.timeout;
        let station = self.station(unit);
        station.on_failure(&cause, Instant::now());
        let guard = station.guard(timeout);
        if matches!(cause, Cause::Io(_)) {
            return cause;
        }
        match (self.hush(guard).await, cause) {
            (Err(Cause::Io(error)), _) => error.into(),
            (_, Cause::Timeout { received, .. }) => {
                Cause::Timeout { received, late: self.station(unit).late() }
            }
            (_, cause) => cause,
        }
    }

    /// Listen for a second reply, for as long as this unit's replies take. Had the first been
    /// another request's, late or repeated, then the true one is heard now.
    async fn listen(&mut self, unit: u8) -> io::Result<()> {
        let until = self.station(unit).listen_until();
        if !self.line.receive(until).await?.is_empty() {
            self.note_unasked();
        }
        Ok(())
    }

    /// Wait for the silence between frames, which each exchange mostly ends with.
    async fn keep_gap(&mut self) -> Result<(), Cause> {
        if self.line.is_silent() { Ok(()) } else { self.hush(self.line.frame_gap()).await }
    }

    /// Wait for `silence`, noting what breaks it.
    async fn hush(&mut self, silence: Duration) -> Result<(), Cause> {
        let limit = Instant::now() + silence + self.timeout;
        while Instant::now() <= limit {
            if self.line.receive(Instant::now() + silence).await?.is_empty() {
                return Ok(());
            }
            self.note_unasked();
        }
        self.tally.on_babble();
        Err(Cause::Babble)
    }

    fn note_unasked(&mut self) {
        if let Ok(frame) = Frame::parse(self.line.burst()) {
            self.note_stray(frame.unit, Foreign::Unit(frame.unit));
        } else {
            self.tally.on_noise(self.line.burst().len());
            self.station(self.last_asked).on_suspicion();
        }
    }

    fn note_stray(&mut self, from: u8, why: Foreign) {
        self.tally.on_stray();
        // A unit that is not polled has no station: another master talks to it.
        let Some(station) = self.stations.get_mut(&from) else { return };
        match why {
            Foreign::Shape(NotTheAnswer::OwnRequest) => station.on_own_request(),
            Foreign::Shape(_) | Foreign::Unit(_) => station.on_stray(Instant::now()),
        }
    }

    fn station(&mut self, unit: u8) -> &mut Station {
        self.stations.entry(unit).or_insert_with(|| Station::new(&[], Duration::ZERO))
    }
}

/// How a unit came out of suspicion.
enum Settled {
    ByProbe,
    BySilence,
}

/// What a burst is, seen from a request.
enum Judged {
    Answer(Values),
    /// A frame of this unit that is not the answer to the request.
    Stray(u8, Foreign),
    Noise(NotAFrame),
}

fn judge(burst: &[u8], unit: u8, request: Question) -> Judged {
    let frame = match Frame::parse(burst) {
        Ok(frame) => frame,
        Err(why) => return Judged::Noise(why),
    };
    if frame.unit != unit {
        return Judged::Stray(frame.unit, Foreign::Unit(frame.unit));
    }
    match request.prove(frame.pdu) {
        Ok(values) => Judged::Answer(values),
        Err(why) => Judged::Stray(unit, why.into()),
    }
}
