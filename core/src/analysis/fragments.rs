//! IP fragments put together again, so that what was cut can be verified as a whole.
//!
//! Bounded in datagrams, in parts of each and in bytes over all; when there is no room, the oldest
//! datagram is given up and counted. Parts that contradict each other leave no whole: receivers
//! would not agree on it either, which is how somebody hides from a monitor.

use std::net::IpAddr;

use crate::record::FragmentTally;
use crate::wire::packet::{Fragment, Vlan};

/// Datagrams that wait for the rest of them.
const MAX_DATAGRAMS: usize = 64;
/// Parts of one. An ordinary datagram of 64 KiB has 45.
const MAX_PARTS: usize = 64;
/// Bytes in all of them.
const MAX_BYTES: usize = 1 << 20;
/// Longest datagram (RFC 791, section 3.1).
const MAX_LEN: usize = 65_535;
/// How long a part waits for the others. Receivers wait for half a minute, but all parts cross one
/// wire, and identifications come round again (RFC 4963).
const PATIENCE_NS: u64 = 2_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// The oldest first.
    datagrams: Vec<Datagram>,
    n_bytes: usize,
}

/// What makes a fragment one of a certain datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) vlan: Vlan,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) identification: u32,
}

#[derive(Debug)]
struct Datagram {
    key: Key,
    since_ns: u64,
    /// By offset, none inside another.
    parts: Vec<Part>,
    /// Known from the last part.
    len: Option<usize>,
    /// No whole can be made of it any more.
    is_spoiled: bool,
}

#[derive(Debug)]
struct Part {
    offset: usize,
    bytes: Box<[u8]>,
}

impl Fragments {
    /// Take one part; returns the whole if it was the last that was missing.
    pub(super) fn accept(
        &mut self,
        key: Key,
        fragment: &Fragment<'_>,
        at_ns: u64,
        tally: &mut FragmentTally,
    ) -> Option<Vec<u8>> {
        tally.seen += 1;
        self.expire(at_ns, tally);
        let at = self.find(key).unwrap_or_else(|| self.begin(key, at_ns, tally));
        let datagram = self.datagrams.get_mut(at)?;
        let was_spoiled = datagram.is_spoiled;
        match datagram.place(fragment) {
            Placed::Kept => self.n_bytes += fragment.bytes.len(),
            Placed::Repeated | Placed::Spoiled => (),
            Placed::Contradicted => tally.contradicted += u64::from(!was_spoiled),
        }
        if let Some(whole) = datagram.whole() {
            self.remove(at);
            tally.reassembled += 1;
            return Some(whole);
        }
        self.make_room(tally);
        None
    }

    fn find(&self, key: Key) -> Option<usize> {
        self.datagrams.iter().position(|datagram| datagram.key == key)
    }

    fn begin(&mut self, key: Key, since_ns: u64, tally: &mut FragmentTally) -> usize {
        if self.datagrams.len() == MAX_DATAGRAMS {
            self.give_up_oldest(tally);
        }
        let datagram = Datagram { key, since_ns, parts: vec![], len: None, is_spoiled: false };
        self.datagrams.push(datagram);
        self.datagrams.len() - 1
    }

    fn expire(&mut self, at_ns: u64, tally: &mut FragmentTally) {
        let is_old = |datagram: &Datagram| at_ns.saturating_sub(datagram.since_ns) > PATIENCE_NS;
        while self.datagrams.first().is_some_and(is_old) {
            self.give_up_oldest(tally);
        }
    }

    fn make_room(&mut self, tally: &mut FragmentTally) {
        while self.n_bytes > MAX_BYTES && !self.datagrams.is_empty() {
            self.give_up_oldest(tally);
        }
    }

    fn give_up_oldest(&mut self, tally: &mut FragmentTally) {
        tally.given_up += 1;
        self.remove(0);
    }

    fn remove(&mut self, at: usize) {
        let datagram = self.datagrams.remove(at);
        self.n_bytes -= datagram.parts.iter().map(|part| part.bytes.len()).sum::<usize>();
    }
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    Kept,
    /// Nothing in it is new.
    Repeated,
    /// It says something else than an earlier one.
    Contradicted,
    /// It cannot be one, or there are too many, or the capture cut it.
    Spoiled,
}

impl Datagram {
    fn place(&mut self, fragment: &Fragment<'_>) -> Placed {
        if self.is_spoiled {
            return Placed::Spoiled;
        }
        let placed = self.try_place(fragment);
        self.is_spoiled = match placed {
            Placed::Kept | Placed::Repeated => false,
            Placed::Contradicted | Placed::Spoiled => true,
        };
        placed
    }

    fn try_place(&mut self, fragment: &Fragment<'_>) -> Placed {
        let Fragment { offset, is_last, bytes, is_whole, .. } = *fragment;
        let end = offset + bytes.len();
        // All but the last are cut at eighths (RFC 791, section 3.2).
        let is_odd = !is_last && !bytes.len().is_multiple_of(8);
        if !is_whole || is_odd || bytes.is_empty() || end > MAX_LEN {
            return Placed::Spoiled;
        }
        let is_longer = self.len.is_some_and(|len| end > len || is_last && end != len);
        let is_shorter = is_last && self.parts.iter().any(|part| part.end() > end);
        if is_longer || is_shorter || self.contradicts(offset, bytes) {
            return Placed::Contradicted;
        }
        self.len = self.len.or(is_last.then_some(end));
        if self.parts.iter().any(|part| part.offset <= offset && end <= part.end()) {
            return Placed::Repeated;
        }
        if self.parts.len() == MAX_PARTS {
            return Placed::Spoiled;
        }
        let at = self.parts.partition_point(|part| part.offset < offset);
        self.parts.insert(at, Part { offset, bytes: bytes.into() });
        Placed::Kept
    }

    /// True if a part that is here has other bytes where both have some.
    fn contradicts(&self, offset: usize, bytes: &[u8]) -> bool {
        self.parts.iter().any(|part| {
            let (start, end) = (offset.max(part.offset), part.end().min(offset + bytes.len()));
            start < end
                && bytes.get(start - offset..end - offset)
                    != part.bytes.get(start - part.offset..end - part.offset)
        })
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let len = self.len.filter(|_| !self.is_spoiled)?;
        let mut whole = Vec::with_capacity(len);
        for part in &self.parts {
            let known = whole.len().checked_sub(part.offset)?;
            whole.extend_from_slice(part.bytes.get(known..).unwrap_or_default());
        }
        (whole.len() == len).then_some(whole)
    }
}

impl Part {
    fn end(&self) -> usize {
        self.offset + self.bytes.len()
    }
}

#[cfg(test)]
mod tests;
