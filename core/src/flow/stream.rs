//! One direction of a connection: bytes in order become ADUs.
//!
//! After a hole, or when a connection is met under way, reading starts where a segment's new bytes
//! begin like an ADU.
//! A PDU that is not Modbus costs the rest of its segment, never the connection.

use crate::wire::modbus::mbap::{self, Mbap};
use crate::wire::modbus::pdu::{Direction, Layout, Pdu};

use super::tail::Tail;

/// Longest ADU.
const MAX_ADU: usize = mbap::LEN + mbap::MAX_PDU;

/// State of one direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    step: Step,
    /// Start of an ADU whose end is yet to come; never longer than one.
    tail: Tail<MAX_ADU>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// The next byte starts an ADU, or continues `tail`.
    Locked,
    /// Where ADUs start is not known.
    #[default]
    Lost,
}

/// What became of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Read, or kept as the start of an ADU.
    All,
    /// At least its last bytes could not be read as Modbus.
    Partly,
}

impl Stream {
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

    /// True if an ADU has begun and not ended.
    pub(super) fn has_open_adu(&self) -> bool {
        !self.tail.is_empty()
    }

    /// Show each ADU that `bytes` of one segment complete to `visit`, and whether all segments that it
    /// came in are verified.
    pub(super) fn accept(
        &mut self,
        (bytes, is_verified): (&[u8], bool),
        direction: Direction,
        mut visit: impl FnMut(Mbap, &[u8], bool),
    ) -> Taken {
        match (self.step, self.tail.is_empty()) {
            (Step::Lost, _) => self.start((bytes, is_verified), direction, visit),
            (Step::Locked, true) => self.read(bytes, is_verified, visit),
            (Step::Locked, false) => match self.complete_tail(bytes, is_verified) {
                Read::Open => Taken::All,
                Read::Complete { mbap, used } => {
                    let pdu = self.tail.bytes().get(mbap::LEN..).unwrap_or_default();
                    visit(mbap, pdu, self.tail.is_verified());
                    self.tail.clear();
                    self.read(bytes.get(used..).unwrap_or_default(), is_verified, visit)
                }
                Read::Foreign => {
                    self.lose();
                    self.start((bytes, is_verified), direction, visit);
                    Taken::Partly
                }
            },
        }
    }

    /// Look for the start of an ADU where a segment starts.
    fn start(
        &mut self,
        (bytes, is_verified): (&[u8], bool),
        direction: Direction,
        visit: impl FnMut(Mbap, &[u8], bool),
    ) -> Taken {
        if !starts_like_an_adu(bytes, direction) {
            return Taken::Partly;
        }
        self.step = Step::Locked;
        self.read(bytes, is_verified, visit)
    }

    /// Read ADUs off the front of `bytes`, and keep what is left of the last.
    fn read(
        &mut self,
        bytes: &[u8],
        is_verified: bool,
        mut visit: impl FnMut(Mbap, &[u8], bool),
    ) -> Taken {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Ok((mbap, body)) = Mbap::parse(rest) else {
                self.tail.push(rest, is_verified);
                break;
            };
            let Some(pdu_len) = mbap.pdu_len() else {
                self.lose();
                return Taken::Partly;
            };
            let Some((pdu, behind)) = body.split_at_checked(pdu_len) else {
                self.tail.push(rest, is_verified);
                break;
            };
            visit(mbap, pdu, is_verified);
            rest = behind;
        }
        Taken::All
    }

    /// Move bytes from the front of `bytes` to the tail until it holds one ADU.
    fn complete_tail(&mut self, bytes: &[u8], is_verified: bool) -> Read {
        let for_header = self.extend_tail((bytes, is_verified), mbap::LEN);
        let Ok((mbap, _)) = Mbap::parse(self.tail.bytes()) else {
            return Read::Open;
        };
        let Some(pdu_len) = mbap.pdu_len() else {
            return Read::Foreign;
        };
        let adu_len = mbap::LEN + pdu_len;
        let behind_header = bytes.get(for_header..).unwrap_or_default();
        let used = for_header + self.extend_tail((behind_header, is_verified), adu_len);
        if self.tail.len() < adu_len { Read::Open } else { Read::Complete { mbap, used } }
    }

    /// Make the tail `len` bytes long, or as long as `bytes` allow; returns how many it took.
    fn extend_tail(&mut self, (bytes, is_verified): (&[u8], bool), len: usize) -> usize {
        let missing = len.saturating_sub(self.tail.len());
        let taken = bytes.get(..missing).unwrap_or(bytes);
        self.tail.push(taken, is_verified);
        taken.len()
    }
}

/// State of a tail after more bytes came.
enum Read {
    /// It needs more.
    Open,
    /// Its header is not Modbus.
    Foreign,
    /// It holds one ADU, and took `used` bytes for it.
    Complete { mbap: Mbap, used: usize },
}

/// True if `payload` can be the start of an ADU. Strict where it can be: after a hole, bytes from
/// the middle of a PDU must not pass for its start.
fn starts_like_an_adu(payload: &[u8], direction: Direction) -> bool {
    let Ok((mbap, body)) = Mbap::parse(payload) else {
        return false;
    };
    let Some(pdu_len) = mbap.pdu_len() else {
        return false;
    };
    match body.split_at_checked(pdu_len) {
        // A length that ends with the segment speaks for itself, even of an odd PDU.
        Some((pdu, [])) => pdu.first() != Some(&0),
        Some((pdu, _)) => {
            Pdu::parse(direction, pdu).is_ok_and(|pdu| pdu.layout != Layout::Unexpected)
        }
        // The rest follows. Some clients send the header in a segment of its own.
        None => body.first() != Some(&0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_takes_no_more_memory_than_the_longest_adu() {
        let adu = [&[0, 1, 0, 0, 0, 254, 1, 16][..], &[0; 252]].concat();
        let mut stream = Stream::default();
        let mut n_adus = 0;
        for bytes in [&adu[..200], &adu[200..], &adu[..8], &adu[8..259], &adu[259..]] {
            stream.accept((bytes, true), Direction::Request, |_, _, _| n_adus += 1);
            assert_eq!(stream.tail.capacity(), MAX_ADU);
        }
        assert_eq!(n_adus, 2);
    }
}
