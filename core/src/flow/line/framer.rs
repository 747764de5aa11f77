//! Bytes heard on a line become RTU frames, or are discarded for a stated reason.
//!
//! Frames end with silence, but an adapter hands bytes over in clumps: a request may come together
//! with its reply, or a frame in pieces. So frames are found by content (function, length, CRC),
//! and silence only settles what content leaves open. What starts where a frame must start is
//! believed when it fits; after damage, only what also fits with what comes before or behind it,
//! because among the bytes of a damaged frame one run in 65536 has a CRC that matches by chance.

use std::time::Duration;

use crate::wire::checksum::crc16_modbus;
use crate::wire::modbus::pdu::Direction;
use crate::wire::modbus::rtu::MAX_LEN;
use crate::wire::modbus::shape::{self, Extent};
use crate::wire::{Mismatch, checksum};

/// What was heard and is not yet read.
#[derive(Debug)]
pub(super) struct Framer {
    bytes: Vec<u8>,
    /// When each of `bytes` was heard.
    heard: Vec<Duration>,
    front: Front,
}

/// What is known of the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front {
    /// Nothing: listening began here, perhaps in the middle of a frame.
    Joined,
    /// A frame starts here: silence or a frame came before.
    Start,
    /// It follows bytes that were discarded without any silence.
    Amid,
}

/// The request that a reply is due to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited<'a> {
    pub(super) unit: u8,
    pub(super) pdu: &'a [u8],
    /// A frame that merely repeats the request, and is heard later than this, is the request again.
    pub(super) echo_until: Duration,
}

/// What became of the bytes at the front.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Frame {
        direction: Direction,
        bytes: &'a [u8],
        /// When its last byte was heard.
        heard: Duration,
    },
    Discarded {
        n_bytes: usize,
        why: Discard,
    },
    /// More bytes are needed, or silence.
    Wait,
}

/// Why bytes are in no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discard {
    /// The rest of a frame that had begun before anybody listened.
    Joined,
    /// As long as a frame, and its CRC is wrong.
    Damaged(Mismatch),
    /// Its CRC is right, but the protocol defines no such frame: a function of the maker's own.
    Foreign,
    /// Shorter or longer than any frame.
    Noise,
}

/// Whether more bytes may belong to what was heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Going,
    /// The line has been silent for so long that the next byte starts a frame.
    Silent,
}

/// What the bytes from some place on can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Frame {
        direction: Direction,
        len: usize,
        answers: bool,
    },
    /// The beginning of a frame, perhaps.
    Open,
    Nothing,
}

/// With so much held, and no frame at the front, the rest is searched without waiting for silence.
const FULL: usize = 3 * MAX_LEN;
/// Bytes that a transceiver may add where it changes direction.
const GLITCH: usize = 2;
/// Behind what a search can decide: a frame, a glitch, and a frame that makes it credible.
const UNDECIDED: usize = 2 * MAX_LEN + GLITCH;
/// Unit, function and CRC.
const MIN_LEN: usize = 4;

impl Framer {
    /// Most bytes that can be pushed between two calls of [`Framer::step`] until it waits.
    pub(super) const ROOM: usize = MAX_LEN;

    pub(super) fn new() -> Self {
        let bytes = Vec::with_capacity(FULL + Self::ROOM);
        let heard = Vec::with_capacity(FULL + Self::ROOM);
        Self { bytes, heard, front: Front::Joined }
    }

    /// Take bytes that were heard at `now`; at most [`Framer::ROOM`] of them.
    pub(super) fn push(&mut self, bytes: &[u8], now: Duration) {
        self.bytes.extend_from_slice(bytes);
        self.heard.resize(self.bytes.len(), now);
    }

    /// True if silence would settle something.
    pub(super) fn awaits_silence(&self) -> bool {
        !self.bytes.is_empty() || self.front != Front::Start
    }

    /// Remove a frame or something that is none from the front, and put it into `taken`.
    pub(super) fn step<'t>(
        &mut self,
        flow: Flow,
        awaited: Option<Awaited<'_>>,
        taken: &'t mut Vec<u8>,
    ) -> Step<'t> {
        taken.clear();
        if self.bytes.is_empty() {
            if flow == Flow::Silent {
                self.front = Front::Start;
            }
            return Step::Wait;
        }
        if self.front == Front::Start {
            match self.fit(0, flow, awaited) {
                Fit::Frame { direction, len, .. } => {
                    let heard = self.heard.get(len - 1).copied().unwrap_or_default();
                    self.take(len, taken);
                    return Step::Frame { direction, bytes: taken, heard };
                }
                Fit::Open if flow == Flow::Going && self.bytes.len() < FULL => return Step::Wait,
                Fit::Open | Fit::Nothing => (),
            }
        }
        if flow == Flow::Going && self.bytes.len() < FULL {
            return Step::Wait; // a search is dear: once for many bytes
        }
        self.give_up(flow, awaited, taken)
    }

    /// Discard up to the next credible frame.
    fn give_up(
        &mut self,
        flow: Flow,
        awaited: Option<Awaited<'_>>,
        taken: &mut Vec<u8>,
    ) -> Step<'static> {
        let first = usize::from(self.front == Front::Start);
        let found = (first..self.bytes.len()).find(|at| self.is_credible(*at, flow, awaited));
        let is_joined = self.front == Front::Joined;
        let (n_bytes, front) = match (found, flow) {
            (Some(at), _) => (at, Front::Start),
            (None, Flow::Silent) => (self.bytes.len(), Front::Start),
            (None, Flow::Going) if is_joined => (self.n_decided(), Front::Joined),
            (None, Flow::Going) => (self.n_decided(), Front::Amid),
        };
        self.front = front;
        self.take(n_bytes, taken);
        let why = match front {
            _ if is_joined => Discard::Joined,
            Front::Amid => Discard::Noise,
            Front::Start | Front::Joined => verdict(taken),
        };
        Step::Discarded { n_bytes, why }
    }

    /// Bytes at the front of which no more is to be found out.
    fn n_decided(&self) -> usize {
        self.bytes.len().saturating_sub(UNDECIDED)
    }

    /// Forget what is held, and how many bytes it was; what comes next was not listened to from
    /// its start.
    pub(super) fn clear(&mut self) -> usize {
        self.front = Front::Joined;
        self.heard.clear();
        self.bytes.drain(..).count()
    }

    fn take(&mut self, n_bytes: usize, taken: &mut Vec<u8>) {
        taken.extend(self.bytes.drain(..n_bytes));
        self.heard.drain(..n_bytes);
    }

    /// True if a frame at `at`, where none has to start, is none by chance only.
    fn is_credible(&self, at: usize, flow: Flow, awaited: Option<Awaited<'_>>) -> bool {
        let Fit::Frame { len, answers, .. } = self.fit(at, flow, awaited) else { return false };
        let end = at + len;
        let is_followed = || {
            let fits = |glitch| matches!(self.fit(end + glitch, flow, None), Fit::Frame { .. });
            (0..=GLITCH).any(fits)
        };
        answers || (flow == Flow::Silent && end == self.bytes.len()) || is_followed()
    }

    /// What starts at `at`. A due answer is looked for first: bytes that answer the request exactly
    /// may begin like another request.
    fn fit(&self, at: usize, flow: Flow, awaited: Option<Awaited<'_>>) -> Fit {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        let due = awaited.filter(|awaited| self.may_answer(at, awaited));
        let directions = [
            due.map(|_| (Direction::Response, true)),
            Some((Direction::Request, false)),
            Some((Direction::Response, false)),
        ];
        for (direction, must_answer) in directions.into_iter().flatten() {
            match shape::extent(direction, bytes) {
                Extent::Len(len) if len <= bytes.len() => {
                    let frame = bytes.get(..len).and_then(|bytes| shape::frame(direction, bytes));
                    let answers = |pdu| due.is_some_and(|due| shape::answers(due.pdu, pdu));
                    if frame.is_some_and(|frame| !must_answer || answers(frame.pdu)) {
                        return Fit::Frame { direction, len, answers: must_answer };
                    }
                }
                Extent::Len(_) | Extent::Open if flow == Flow::Going => return Fit::Open,
                Extent::Len(_) | Extent::Open | Extent::Impossible => (),
            }
        }
        Fit::Nothing
    }

    /// True if what starts at `at` is, or may become, the answer that is due.
    fn may_answer(&self, at: usize, awaited: &Awaited<'_>) -> bool {
        let Some([unit, pdu @ ..]) = self.bytes.get(at..) else { return false };
        if *unit != awaited.unit {
            return false;
        }
        // What follows the PDU is no part of it: three bytes tell function and count.
        let beginning = pdu.get(..2).unwrap_or(pdu);
        let is_repeated = awaited
            .pdu
            .first()
            .is_some_and(|function| shape::is_echoed(*function) && pdu.first() == Some(function));
        let in_time = self.heard.get(at).is_some_and(|heard| *heard <= awaited.echo_until);
        shape::answers(awaited.pdu, beginning) && (!is_repeated || in_time)
    }
}

/// What discarded bytes were.
fn verdict(bytes: &[u8]) -> Discard {
    let Some((covered, stored)) = bytes.split_last_chunk() else { return Discard::Noise };
    if !(MIN_LEN..=MAX_LEN).contains(&bytes.len()) {
        return if is_pair(bytes) { Discard::Foreign } else { Discard::Noise };
    }
    match checksum::compare(u16::from_le_bytes(*stored), crc16_modbus(covered)) {
        Ok(()) => Discard::Foreign,
        Err(_) if is_pair(bytes) => Discard::Foreign,
        Err(mismatch) => Discard::Damaged(mismatch),
    }
}

/// True if these are a request and a response of one unit and function, whatever the function is.
fn is_pair(bytes: &[u8]) -> bool {
    let is_whole = |part: &[u8]| {
        (MIN_LEN..=MAX_LEN).contains(&part.len())
            && part.split_last_chunk().is_some_and(|(covered, stored)| {
                crc16_modbus(covered) == u16::from_le_bytes(*stored)
            })
    };
    let is_of_one = |request: &[u8], response: &[u8]| match (request, response) {
        ([unit, function, ..], [other, answer, ..]) => {
            unit == other && function & 0x7f == answer & 0x7f
        }
        _ => false,
    };
    (MIN_LEN..bytes.len()).filter_map(|at| bytes.split_at_checked(at)).any(|(request, response)| {
        is_of_one(request, response) && is_whole(request) && is_whole(response)
    })
}

#[cfg(test)]
mod tests;
