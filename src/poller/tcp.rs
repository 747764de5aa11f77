//! Modbus/TCP: a reply is believed if it carries the request's transaction identifier.
//!
//! Replies with other identifiers are late ones and are skipped until the deadline. Devices that
//! answer 0 to everything (`transaction_id = "lenient"`) give no such proof; with them, any reply
//! that was not due and any request without a reply costs the connection: no late reply crosses
//! into a new one. Bytes that cannot be Modbus/TCP, or half a frame, cost it too.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::config::Link;
use crate::config::TransactionId;
use crate::wire::modbus::identify::MAX_PDU_LEN;
use crate::wire::modbus::mbap;
use crate::wire::modbus::mbap::Mbap;
use crate::wire::modbus::request::ReadRequest;

use super::deadline::Deadline;
use super::exchange::{Cause, Confidence, Foreign, Reply, Values};
use super::pace::Pace;
use super::question::Question;

/// Time-outs in a row after which the connection is taken for dead.
const MAX_SILENT: u32 = 3;
/// A second reply without an identifier is listened for this long and a round trip after the first.
/// Its sender may keep it back until the first one is acknowledged (RFC 896), and Linux takes up to
/// 40 ms for that from when the first arrived, however late that was.
const ACKNOWLEDGED: Duration = Duration::from_millis(60);
/// A silence shows nothing if the poller was woken later than this after it, on a busy machine: the
/// runtime may not have looked at the socket meanwhile. Then it is looked at again, some ticks of
/// the timer later, this often.
const PUNCTUAL: Duration = Duration::from_millis(10);
const TICK: Duration = Duration::from_millis(2);
const LOOKS: u32 = 3;

/// Whether the connection can be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Usable,
    Spent,
}

pub(super) struct Tcp<S> {
    stream: S,
    /// Bytes of frames that are not complete yet.
    received: Vec<u8>,
    policy: TransactionId,
    transaction: u16,
    timeout: Duration,
    deadline: Deadline,
    n_silent: u32,
    state: State,
    pace: Pace,
    max_in_flight: usize,
    /// Longest time each unit took to answer without an identifier.
    turnarounds: BTreeMap<u8, Duration>,
}

/// A request under way.
struct Flight {
    request: Question,
    transaction: u16,
    outcome: Option<Result<Reply, Cause>>,
}

impl Flight {
    fn new(request: Question) -> Self {
        Self { request, transaction: 0, outcome: None }
    }

    /// Half a frame is left: this reply may have been cut short and end in the next one's header.
    fn doubt(&mut self) {
        if let Some(Ok(reply)) = &mut self.outcome {
            reply.confidence = Confidence::Unsettled;
        }
    }
}

/// What shows that a reply belongs to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbering {
    Own,
    /// Nothing: it does if no other reply is under way.
    Absent,
}

/// What a complete frame is, seen from the requests, by their places.
enum Judged {
    Answer(usize, Values, Numbering),
    Stale,
    Foreign(usize, Foreign),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Tcp<S> {
    pub(super) fn new(stream: S, link: &Link) -> Self {
        let [low, high, ..] = RandomState::new().hash_one(()).to_le_bytes();
        Self {
            stream,
            received: Vec::with_capacity(mbap::LEN + mbap::MAX_PDU),
            policy: link.transaction_id,
            transaction: u16::from_le_bytes([low, high]),
            timeout: link.timeout,
            deadline: Deadline::new(),
            n_silent: 0,
            state: State::Usable,
            pace: Pace::new(link.pause),
            max_in_flight: link.max_in_flight,
            turnarounds: BTreeMap::new(),
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.state == State::Usable
    }

    /// Take in what arrived since the last request, without waiting. Fails if the peer closed the
    /// connection meanwhile, or if it matters that nothing was due.
    pub(super) async fn settle(&mut self) -> Result<(), Cause> {
        // A deadline of now would do too, but wait for the next tick of the timer: a millisecond.
        let arrived = tokio::select! {
            biased;
            received = self.stream.read_buf(&mut self.received) => self.hear(received)?,
            () = std::future::ready(()) => false,
        };
        match (arrived, self.policy) {
            (true, TransactionId::Lenient) => Err(self.spend(Cause::Unasked)),
            (true, TransactionId::Strict) | (false, _) => Ok(()),
        }
    }

    pub(super) fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// Ask all of `requests`, at most `max_in_flight`, and say of each in their order what became
    /// of it.
    pub(super) async fn ask(
        &mut self,
        unit: u8,
        requests: &[ReadRequest],
    ) -> Vec<Result<Reply, Cause>> {
        self.ask_all(unit, requests.iter().map(|request| (*request).into())).await
    }

    /// The same for requests of any kind.
    pub(super) async fn ask_all(
        &mut self,
        unit: u8,
        requests: impl Iterator<Item = Question>,
    ) -> Vec<Result<Reply, Cause>> {
        self.pace.rest().await;
        let mut flights: Vec<_> = requests.map(Flight::new).collect();
        if let Err(cause) = self.exchange(unit, &mut flights).await {
            if !self.received.is_empty() {
                flights.iter_mut().for_each(Flight::doubt);
            }
            let mut unanswered = flights.iter_mut().filter(|flight| flight.outcome.is_none());
            let first = unanswered.next();
            unanswered.for_each(|flight| flight.outcome = Some(Err(cause.clone())));
            // A copy of an I/O error has lost what TLS says of it; the first is what is told.
            if let Some(flight) = first {
                flight.outcome = Some(Err(cause));
            }
        }
        let outcomes: Vec<_> = flights.into_iter().filter_map(|flight| flight.outcome).collect();
        let is_silent = |outcome: &_| matches!(outcome, Err(Cause::Timeout { .. }));
        if outcomes.iter().any(Result::is_ok) {
            self.n_silent = 0;
        } else if outcomes.iter().any(is_silent) {
            self.n_silent += 1;
        }
        let is_doubtful =
            outcomes.iter().any(Result::is_err) && self.policy == TransactionId::Lenient;
        if is_doubtful || self.n_silent >= MAX_SILENT {
            self.state = State::Spent;
        }
        outcomes
    }

    /// Send `flights` and receive until each has its outcome, or for what befalls all that have
    /// none.
    async fn exchange(&mut self, unit: u8, flights: &mut [Flight]) -> Result<(), Cause> {
        self.settle().await?;
        let started = Instant::now();
        for flight in flights.iter_mut() {
            flight.transaction = self.send(unit, flight.request).await?;
        }
        let deadline = Instant::now() + self.timeout;
        while flights.iter().any(|flight| flight.outcome.is_none()) {
            let judged = match self.take_frame(unit, flights)? {
                Some(judged) => judged,
                None if self.receive(deadline).await? => continue,
                None => return Err(self.at_deadline()),
            };
            let (nth, outcome) = match judged {
                Judged::Stale => continue,
                Judged::Foreign(nth, why) => (nth, Err(why.into())),
                Judged::Answer(nth, values, numbering) => {
                    let arrived = Instant::now();
                    let (confidence, transaction) = match numbering {
                        Numbering::Own => {
                            (Confidence::Proven, flights.get(nth).map(|flight| flight.transaction))
                        }
                        Numbering::Absent => (self.listen(unit, started, arrived).await?, None),
                    };
                    let latency = arrived - started;
                    (nth, Ok(Reply { values, arrived, latency, confidence, transaction }))
                }
            };
            if let Some(flight) = flights.get_mut(nth) {
                flight.outcome = Some(outcome);
            }
        }
        Ok(())
    }

    /// Send a request, and say under which identifier.
    async fn send(&mut self, unit: u8, request: Question) -> Result<u16, Cause> {
        self.transaction = following(self.transaction);
        let pdu = request.pdu();
        let pdu_len = u8::try_from(pdu.as_bytes().len()).unwrap_or(u8::MAX);
        let header = Mbap::new(self.transaction, unit, pdu_len).to_bytes();
        let mut frame = [0; mbap::LEN + MAX_PDU_LEN];
        let bytes = header.iter().chain(pdu.as_bytes());
        frame.iter_mut().zip(bytes).for_each(|(byte, part)| *byte = *part);
        let frame = frame.get(..header.len() + pdu.as_bytes().len()).unwrap_or_default();
        self.pace.mark();
        let sent = match self.stream.write_all(frame).await {
            Ok(()) => self.stream.flush().await, // TLS would keep it back
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Ok(self.transaction),
            Err(error) => Err(self.spend(error.into())),
        }
    }

    /// Judge the frame at the front of what was received and remove it, once all of it is there.
    fn take_frame(&mut self, unit: u8, flights: &[Flight]) -> Result<Option<Judged>, Cause> {
        let Ok((mbap, rest)) = Mbap::parse(&self.received) else { return Ok(None) };
        let Some(pdu_len) = mbap.pdu_len() else { return Err(self.spend(Cause::NotModbus)) };
        let Some(pdu) = rest.get(..pdu_len) else { return Ok(None) };
        let asked = self.numbering(mbap.transaction, flights);
        let judged = match asked.and_then(|(nth, n)| Some((nth, n, flights.get(nth)?.request))) {
            None => Judged::Stale,
            Some((nth, ..)) if mbap.unit != unit => Judged::Foreign(nth, Foreign::Unit(mbap.unit)),
            Some((nth, numbering, request)) => match request.prove(pdu) {
                Ok(values) => Judged::Answer(nth, values, numbering),
                Err(why) => Judged::Foreign(nth, why.into()),
            },
        };
        self.received.drain(..mbap::LEN + pdu_len);
        Ok(Some(judged))
    }

    /// Which request a reply's identifier belongs to, if to any that has no reply.
    fn numbering(&self, transaction: u16, flights: &[Flight]) -> Option<(usize, Numbering)> {
        let mut open = flights.iter().enumerate().filter(|(_, flight)| flight.outcome.is_none());
        match self.policy {
            // Only one request is under way where replies need not be numbered.
            TransactionId::Lenient if transaction == 0 => {
                open.next().map(|(nth, _)| (nth, Numbering::Absent))
            }
            TransactionId::Strict | TransactionId::Lenient => open
                .find(|(_, flight)| flight.transaction == transaction)
                .map(|(nth, _)| (nth, Numbering::Own)),
        }
    }

    /// Listen for a second reply, for as long as this unit's replies take. Had the first been
    /// another request's, the true one is heard now. No round trip is longer than the slowest reply.
    async fn listen(
        &mut self,
        unit: u8,
        started: Instant,
        arrived: Instant,
    ) -> Result<Confidence, Cause> {
        let worst = self.turnarounds.entry(unit).or_default();
        *worst = (arrived - started).max(*worst);
        let mut until = (started + *worst * 3 / 2).max(arrived + ACKNOWLEDGED + *worst);
        for _ in 0..LOOKS {
            if !self.received.is_empty() || self.receive(until).await? {
                self.state = State::Spent;
                return Ok(Confidence::LateReply(started.elapsed()));
            }
            if until.elapsed() < PUNCTUAL {
                return Ok(Confidence::Proven);
            }
            until = Instant::now() + TICK;
        }
        self.state = State::Spent;
        Ok(Confidence::Unsettled)
    }

    fn at_deadline(&mut self) -> Cause {
        match self.received.len() {
            0 => Cause::timeout(0),
            received => self.spend(Cause::CutShort(received)),
        }
    }

    /// Take in what arrives before `until`; false if nothing does.
    async fn receive(&mut self, until: Instant) -> Result<bool, Cause> {
        match self.deadline.bound(until, self.stream.read_buf(&mut self.received)).await {
            None => Ok(false),
            Some(received) => self.hear(received),
        }
    }

    fn hear(&mut self, received: io::Result<usize>) -> Result<bool, Cause> {
        match received {
            Ok(0) => Err(self.spend(io::Error::from(io::ErrorKind::UnexpectedEof).into())),
            Ok(_) => {
                self.pace.mark();
                Ok(true)
            }
            Err(error) => Err(self.spend(error.into())),
        }
    }

    fn spend(&mut self, cause: Cause) -> Cause {
        self.state = State::Spent;
        cause
    }
}

/// The next identifier. Each has an even number of ones, so that no flipped bit makes the answer
/// to one request that to another; none is 0, which is what some devices always answer.
fn following(transaction: u16) -> u16 {
    let counter = (transaction >> 1).wrapping_add(1) & 0x7fff;
    let counter = counter.max(1);
    counter << 1 | u16::from(counter.count_ones() % 2 == 1)
}

#[cfg(test)]
mod tests;
