//! One direction of a connection that carries RTU frames: bytes in order become frames.
//!
//! A frame says neither where it starts nor how long it is; both follow from its function and its
//! CRC, as on a line, but here it is known who speaks. What silence is to a line, the ends of
//! segments are, as far as converters keep frames together: a frame may be cut anywhere, but after
//! a hole or damage reading goes on only with one that starts or ends where a segment does, because
//! among other bytes one run in 65536 has a CRC that matches by chance.

use crate::wire::Mismatch;
use crate::wire::modbus::pdu::Direction;
use crate::wire::modbus::rtu::{Frame, MAX_LEN, NotAFrame};
use crate::wire::modbus::shape::{self, Extent};

use super::tail::Tail;

/// State of one direction.
#[derive(Debug, Default)]
pub(super) struct RtuFrames {
    step: Step,
    /// What is not read yet: the start of a frame or, of a stream that is lost, its last bytes.
    tail: Tail<MAX_TAIL>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// The next byte starts a frame, or continues `tail`.
    Locked,
    /// Where frames start is not known.
    #[default]
    Lost,
}

/// What bytes turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Frame(Frame<'a>),
    /// As long as a frame that begins like it, where a frame had to start, and its CRC is wrong.
    Damaged(Mismatch),
    /// No frame that the protocol defines, though its CRC may be right; or bytes that nothing is
    /// known of.
    Foreign,
}

/// Unit, function and CRC.
const MIN_LEN: usize = 4;
/// Bytes that wait at most: less than a frame, and so many more of a segment.
const MAX_TAIL: usize = 2 * MAX_LEN;

impl RtuFrames {
    /// Forget everything, but keep the memory: bytes were missed.
    pub(super) fn lose(&mut self) {
        self.step = Step::Lost;
        self.tail.clear();
    }

    /// The next byte is the first of all.
    pub(super) fn lock(&mut self) {
        self.step = Step::Locked;
        self.tail.clear();
    }

    /// Show what the bytes of one segment complete to `visit`, and whether all segments that it came
    /// in are verified.
    pub(super) fn accept(
        &mut self,
        (bytes, is_verified): (&[u8], bool),
        direction: Direction,
        mut visit: impl FnMut(Found<'_>, bool),
    ) {
        if self.step == Step::Locked && !self.tail.is_empty() && is_frame(bytes, direction) {
            // A frame in a segment of its own: what was to go on did not, or its count was damaged.
            visit(abandoned(self.tail.bytes()), self.tail.is_verified());
            self.tail.clear();
        }
        if self.tail.is_empty() {
            let used = self.read(bytes, 0, direction, |found, _| visit(found, is_verified));
            self.tail.push(bytes.get(used..).unwrap_or_default(), is_verified);
            return;
        }
        for part in bytes.chunks(MAX_LEN) {
            let fresh = self.tail.len();
            self.tail.push(part, is_verified);
            let mut tail = std::mem::take(&mut self.tail);
            let is_whole_verified = tail.is_verified();
            let used = self.read(tail.bytes(), fresh, direction, |found, start| {
                visit(found, if start < fresh { is_whole_verified } else { is_verified });
            });
            tail.drain(used, (fresh, is_verified));
            self.tail = tail;
        }
    }

    /// Read off the front of `bytes`, of which those from `fresh` on are a segment, and show what is
    /// found and where it starts. Returns how many are done with; the others are fewer than a frame
    /// may have.
    fn read(
        &mut self,
        bytes: &[u8],
        fresh: usize,
        direction: Direction,
        mut visit: impl FnMut(Found<'_>, usize),
    ) -> usize {
        let was_lost = self.step == Step::Lost;
        let mut used = 0;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            if self.step == Step::Lost {
                let starts = used.max(fresh) - used;
                let Some(at) = search(rest, starts, direction) else {
                    if was_lost && !rest.is_empty() {
                        visit(Found::Foreign, used);
                    }
                    return bytes.len() - rest.len().min(MAX_LEN - 1);
                };
                used += at;
                self.step = Step::Locked;
                continue;
            }
            match front(rest, direction) {
                Front::Open => return used,
                Front::Found(found, len) => {
                    visit(found, used);
                    used += len;
                }
                Front::Lost(found) => {
                    visit(found, used);
                    self.step = Step::Lost;
                }
            }
        }
    }
}

/// What is at the front of bytes where a frame has to start.
enum Front<'a> {
    Found(Found<'a>, usize),
    /// More bytes are needed.
    Open,
    /// Where the next frame starts, nothing says.
    Lost(Found<'a>),
}

fn front(bytes: &[u8], direction: Direction) -> Front<'_> {
    match shape::extent(direction, bytes) {
        Extent::Len(len) => match bytes.get(..len) {
            Some(covered) => sized(covered, bytes, direction),
            None => Front::Open,
        },
        Extent::Open => Front::Open,
        Extent::Impossible if is_whole(bytes) => Front::Found(Found::Foreign, bytes.len()),
        Extent::Impossible => Front::Lost(Found::Foreign),
    }
}

/// Of `bytes`, the first few, which are as long as a frame that begins like them.
fn sized<'a>(frame: &'a [u8], bytes: &'a [u8], direction: Direction) -> Front<'a> {
    if let Some(frame) = shape::frame(direction, frame) {
        return Front::Found(Found::Frame(frame), frame.pdu.len() + 3);
    }
    match Frame::parse(frame) {
        // A quantity that the protocol rules out, or a function of the maker's own.
        Ok(_) => Front::Found(Found::Foreign, frame.len()),
        Err(NotAFrame::Crc(_)) if is_whole(bytes) => Front::Found(Found::Foreign, bytes.len()),
        Err(NotAFrame::Crc(mismatch)) => Front::Lost(Found::Damaged(mismatch)),
        Err(NotAFrame::Short(_)) => Front::Lost(Found::Foreign),
    }
}

fn is_frame(bytes: &[u8], direction: Direction) -> bool {
    shape::frame(direction, bytes).is_some()
}

/// Bytes that were taken for the beginning of a frame.
fn abandoned(bytes: &[u8]) -> Found<'_> {
    match Frame::parse(bytes) {
        Err(NotAFrame::Crc(mismatch)) => Found::Damaged(mismatch),
        Err(NotAFrame::Short(_)) | Ok(_) => Found::Foreign,
    }
}

/// True if bytes up to the end of a segment have the CRC of a frame, whatever else they are.
fn is_whole(bytes: &[u8]) -> bool {
    bytes.len() <= MAX_LEN && Frame::parse(bytes).is_ok()
}

/// Where a frame begins that starts at `fresh`, where the segment does, or ends with it.
fn search(bytes: &[u8], fresh: usize, direction: Direction) -> Option<usize> {
    let last = bytes.len().checked_sub(MIN_LEN)?;
    let tail = bytes.len().saturating_sub(MAX_LEN)..=last;
    let is_one_at = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        match shape::extent(direction, rest) {
            Extent::Len(len) if at == fresh || len == rest.len() => {
                rest.get(..len).is_some_and(|frame| is_frame(frame, direction))
            }
            Extent::Len(_) | Extent::Open | Extent::Impossible => false,
        }
    };
    std::iter::once(fresh).chain(tail).find(|at| is_one_at(*at))
}

#[cfg(test)]
mod tests;
