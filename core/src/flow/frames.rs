//! One direction of a connection: bytes in order become frames that say how long they are.
//!
//! As `stream` does it for Modbus: reading starts where a segment begins like a frame, and what is
//! no frame costs the rest of its segment, never the connection. Of a long frame only the first
//! [`HEAD`] bytes are shown, however it was cut into segments, so no more is ever kept.

use crate::wire::message::Extent;

use super::stream::Taken;
use super::tail::Tail;

/// State of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    step: Step,
    /// Start of a frame that is not shown yet; at most [`HEAD`] bytes.
    tail: Tail<HEAD>,
}

/// Bytes of a frame that are shown: every header of the protocols read here, and all of a frame of
/// DNP3, which is the longest with checksums.
pub(super) const HEAD: usize = 512;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// So many bytes belong to a frame that was shown; then one starts, or `tail` goes on.
    Locked { skip: usize },
    /// Where frames start is not known.
    #[default]
    Lost,
}

/// A frame, or its first [`HEAD`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) head: &'a [u8],
    /// Of the whole, header included.
    pub(super) len: usize,
    /// The checksum was right of every segment that brought some of the head.
    pub(super) is_verified: bool,
}

impl Frames {
    /// Forget everything, but keep the memory: bytes were missed.
    pub(super) fn lose(&mut self) {
        self.step = Step::Lost;
        self.tail.clear();
    }

    /// The next byte is the first of all.
    pub(super) fn lock(&mut self) {
        self.step = Step::Locked { skip: 0 };
        self.tail.clear();
    }

    /// Show each frame that begins in `bytes` of one segment, or that they complete up to its
    /// [`HEAD`], to `visit`.
    pub(super) fn accept(
        &mut self,
        (bytes, is_verified): (&[u8], bool),
        extent: fn(&[u8]) -> Extent,
        mut visit: impl FnMut(Frame<'_>),
    ) -> Taken {
        let mut rest = match self.step {
            Step::Lost if !starts_like_frames(bytes, extent) => return Taken::Partly,
            Step::Lost => bytes,
            Step::Locked { skip } if skip >= bytes.len() => {
                self.step = Step::Locked { skip: skip - bytes.len() };
                return Taken::All;
            }
            Step::Locked { skip } => bytes.get(skip..).unwrap_or_default(),
        };
        self.step = Step::Locked { skip: 0 };
        while !rest.is_empty() {
            let read = if self.tail.is_empty() {
                first((rest, is_verified), extent, &mut visit)
            } else {
                self.complete_tail((rest, is_verified), extent, &mut visit)
            };
            match read {
                Read::Frame { used } => rest = rest.get(used..).unwrap_or_default(),
                Read::Long { missing } => {
                    self.step = Step::Locked { skip: missing };
                    break;
                }
                Read::Open => {
                    self.tail.push(rest, is_verified);
                    break;
                }
                Read::Foreign => {
                    self.lose();
                    return Taken::Partly;
                }
            }
        }
        Taken::All
    }

    /// Go on with the tail, byte by byte until its length is known. It stays as it is if `bytes`
    /// do not complete it.
    fn complete_tail(
        &mut self,
        (bytes, is_verified): (&[u8], bool),
        extent: fn(&[u8]) -> Extent,
        visit: &mut impl FnMut(Frame<'_>),
    ) -> Read {
        let had = self.tail.len();
        for used in 0..=bytes.len() {
            match extent(self.tail.bytes()) {
                Extent::Foreign => return Read::Foreign,
                Extent::Short => match bytes.get(used..=used) {
                    Some(byte) if self.tail.len() < HEAD => self.tail.push(byte, is_verified),
                    Some(_) => return Read::Foreign,
                    None => break,
                },
                Extent::Whole(len) => {
                    return self.complete_frame((len, had), (bytes, is_verified), visit);
                }
            }
        }
        self.tail.truncate(had);
        Read::Open
    }

    /// Go on with a tail of which the length is known, and of which `had` bytes were there before.
    fn complete_frame(
        &mut self,
        (len, had): (usize, usize),
        (bytes, is_verified): (&[u8], bool),
        visit: &mut impl FnMut(Frame<'_>),
    ) -> Read {
        self.tail.truncate(had);
        let missing = len.min(HEAD).saturating_sub(had);
        let Some(of_head) = bytes.get(..missing) else { return Read::Open };
        self.tail.push(of_head, is_verified);
        let is_verified = self.tail.is_verified();
        visit(Frame { head: self.tail.bytes(), len, is_verified });
        self.tail.clear();
        behind(len - had, bytes.len())
    }
}

/// What was read off the front of some bytes.
enum Read {
    /// A frame of which `used` bytes were there.
    Frame {
        used: usize,
    },
    /// A frame that goes on behind them for so long.
    Long {
        missing: usize,
    },
    /// They do not tell yet.
    Open,
    Foreign,
}

fn first(
    (bytes, is_verified): (&[u8], bool),
    extent: fn(&[u8]) -> Extent,
    visit: &mut impl FnMut(Frame<'_>),
) -> Read {
    match extent(bytes) {
        Extent::Foreign => Read::Foreign,
        Extent::Short if bytes.len() >= HEAD => Read::Foreign,
        Extent::Short => Read::Open,
        Extent::Whole(len) => {
            let Some(head) = bytes.get(..len.min(HEAD)) else { return Read::Open };
            visit(Frame { head, len, is_verified });
            behind(len, bytes.len())
        }
    }
}

/// After a frame that takes `len` of so many bytes.
fn behind(len: usize, available: usize) -> Read {
    match len.checked_sub(available) {
        None | Some(0) => Read::Frame { used: len },
        Some(missing) => Read::Long { missing },
    }
}

/// True if `bytes` are frames from their first byte on, of which the last may go on behind them:
/// after a hole, bytes from the middle of one must not pass for its start.
fn starts_like_frames(bytes: &[u8], extent: fn(&[u8]) -> Extent) -> bool {
    let mut rest = bytes;
    loop {
        match extent(rest) {
            Extent::Foreign => return false,
            Extent::Short => return rest.len() < bytes.len(),
            Extent::Whole(len) => match rest.get(len..) {
                Some([]) | None => return true,
                Some(behind) => rest = behind,
            },
        }
    }
}

#[cfg(test)]
mod tests;
