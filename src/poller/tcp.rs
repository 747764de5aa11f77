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
use tokio::time::{Instant, sleep, timeout_at};

use crate::config::Link;
use crate::config::TransactionId;
use crate::wire::modbus::mbap;
use crate::wire::modbus::mbap::Mbap;
use crate::wire::modbus::reply;
use crate::wire::modbus::request::PDU_LEN;
use crate::wire::modbus::request::ReadRequest;

use super::exchange::{Cause, Confidence, Foreign, Reply, Values};
use super::pace::Pace;

/// Length of a request's PDU, as the header states it.
const PDU_BYTES: u8 = 5;
const _: () = assert!(PDU_BYTES as usize == PDU_LEN);

/// Time-outs in a row after which the connection is taken for dead.
const MAX_SILENT: u32 = 3;
/// A second reply without an identifier is listened for at least this long after its request.
const MIN_WINDOW: Duration = Duration::from_millis(20);

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
    n_silent: u32,
    state: State,
    pace: Pace,
    /// Longest time each unit took to answer without an identifier.
    turnarounds: BTreeMap<u8, Duration>,
}

/// What a reply's transaction identifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbering {
    Ours,
    /// Nothing: the answer if no other reply is under way.
    Absent,
    Other,
}

/// What a complete frame is, seen from a request.
enum Judged {
    Answer(Values, Numbering),
    Stale,
    Foreign(Foreign),
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
            n_silent: 0,
            state: State::Usable,
            pace: Pace::new(link.pause),
            turnarounds: BTreeMap::new(),
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.state == State::Usable
    }

    /// Take in what arrived since the last request, without waiting. Fails if the peer closed the
    /// connection meanwhile, or if it matters that nothing was due.
    pub(super) async fn settle(&mut self) -> Result<(), Cause> {
        match (self.receive(Instant::now()).await?, self.policy) {
            (true, TransactionId::Lenient) => Err(self.spend(Cause::Unasked)),
            (true, TransactionId::Strict) | (false, _) => Ok(()),
        }
    }

    pub(super) async fn ask(&mut self, unit: u8, request: ReadRequest) -> Result<Reply, Cause> {
        sleep(self.pace.remaining()).await;
        self.settle().await?;
        let outcome = self.exchange(unit, request).await;
        match &outcome {
            Ok(_) => self.n_silent = 0,
            Err(Cause::Timeout { .. }) => self.n_silent += 1,
            Err(_) => (),
        }
        let is_doubtful = outcome.is_err() && self.policy == TransactionId::Lenient;
        if is_doubtful || self.n_silent >= MAX_SILENT {
            self.state = State::Spent;
        }
        outcome
    }

    async fn exchange(&mut self, unit: u8, request: ReadRequest) -> Result<Reply, Cause> {
        let started = Instant::now();
        self.send(unit, request).await?;
        let deadline = Instant::now() + self.timeout;
        let (values, numbering) = loop {
            match self.take_frame(unit, request)? {
                Some(Judged::Answer(values, numbering)) => break (values, numbering),
                Some(Judged::Foreign(why)) => return Err(why.into()),
                Some(Judged::Stale) => (),
                None if self.receive(deadline).await? => (),
                None => return Err(self.at_deadline()),
            }
        };
        let arrived = Instant::now();
        let confidence = match numbering {
            Numbering::Ours | Numbering::Other => Confidence::Proven,
            Numbering::Absent => self.listen(unit, started).await?,
        };
        Ok(Reply { values, arrived, latency: arrived - started, confidence })
    }

    async fn send(&mut self, unit: u8, request: ReadRequest) -> Result<(), Cause> {
        self.transaction = self.transaction.wrapping_add(1).max(1); // 0 is what some always answer
        let mut frame = [0; mbap::LEN + PDU_LEN];
        let (header, pdu) = frame.split_at_mut(mbap::LEN);
        header.copy_from_slice(&Mbap::new(self.transaction, unit, PDU_BYTES).to_bytes());
        pdu.copy_from_slice(&request.pdu());
        self.pace.mark();
        match self.stream.write_all(&frame).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.spend(error.into())),
        }
    }

    /// Judge the frame at the front of what was received and remove it, once all of it is there.
    fn take_frame(&mut self, unit: u8, request: ReadRequest) -> Result<Option<Judged>, Cause> {
        let Ok((mbap, rest)) = Mbap::parse(&self.received) else { return Ok(None) };
        let Some(pdu_len) = mbap.pdu_len() else { return Err(self.spend(Cause::NotModbus)) };
        let Some(pdu) = rest.get(..pdu_len) else { return Ok(None) };
        let judged = match self.numbering(mbap.transaction) {
            Numbering::Other => Judged::Stale,
            Numbering::Ours | Numbering::Absent if mbap.unit != unit => {
                Judged::Foreign(Foreign::Unit(mbap.unit))
            }
            numbering @ (Numbering::Ours | Numbering::Absent) => match reply::prove(request, pdu) {
                Ok(answer) => Judged::Answer(answer.into(), numbering),
                Err(why) => Judged::Foreign(why.into()),
            },
        };
        self.received.drain(..mbap::LEN + pdu_len);
        Ok(Some(judged))
    }

    fn numbering(&self, transaction: u16) -> Numbering {
        match self.policy {
            TransactionId::Strict | TransactionId::Lenient if transaction == self.transaction => {
                Numbering::Ours
            }
            TransactionId::Lenient if transaction == 0 => Numbering::Absent,
            TransactionId::Strict | TransactionId::Lenient => Numbering::Other,
        }
    }

    /// Listen for a second reply, for as long as this unit's replies take. Had the first been
    /// another request's, the true one is heard now.
    async fn listen(&mut self, unit: u8, started: Instant) -> Result<Confidence, Cause> {
        let worst = self.turnarounds.entry(unit).or_default();
        *worst = started.elapsed().max(*worst);
        let until = started + MIN_WINDOW.max(*worst * 3 / 2);
        if self.received.is_empty() && !self.receive(until).await? {
            return Ok(Confidence::Proven);
        }
        self.state = State::Spent;
        Ok(Confidence::LateReply(started.elapsed()))
    }

    fn at_deadline(&mut self) -> Cause {
        match self.received.len() {
            0 => Cause::timeout(0),
            received => self.spend(Cause::CutShort(received)),
        }
    }

    /// Take in what arrives before `until`; false if nothing does.
    async fn receive(&mut self, until: Instant) -> Result<bool, Cause> {
        match timeout_at(until, self.stream.read_buf(&mut self.received)).await {
            Err(_elapsed) => Ok(false),
            Ok(Ok(0)) => Err(self.spend(io::Error::from(io::ErrorKind::UnexpectedEof).into())),
            Ok(Ok(_)) => {
                self.pace.mark();
                Ok(true)
            }
            Ok(Err(error)) => Err(self.spend(error.into())),
        }
    }

    fn spend(&mut self, cause: Cause) -> Cause {
        self.state = State::Spent;
        cause
    }
}
