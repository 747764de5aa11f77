//! The last bytes that a direction handed on, by their sequence numbers.
//!
//! So a repetition that says something else is told from one that does not.

use super::{len, number};

/// Bytes that are kept, a power of two: every request that reads and most that write. More would
/// cost each segment the wait for memory that is not in the cache.
const LEN: usize = 64;

#[derive(Debug)]
pub(super) struct Recent {
    /// By the low bits of their sequence numbers.
    bytes: [u8; LEN],
    n_bytes: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { bytes: [0; LEN], n_bytes: 0 }
    }
}

impl Recent {
    /// What is kept must be without holes, and of one stream.
    pub(super) fn forget(&mut self) {
        self.n_bytes = 0;
    }

    /// Keep bytes that start at `sequence`, where the last ones ended.
    #[inline]
    pub(super) fn remember(&mut self, sequence: u32, bytes: &[u8]) {
        let at = len(sequence) % LEN;
        match self.bytes.get_mut(at..at + bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.wrap_around(sequence, bytes),
        }
        self.n_bytes = (self.n_bytes + bytes.len()).min(LEN);
    }

    /// The same of the last bytes, some of which have no room behind the ones before.
    fn wrap_around(&mut self, sequence: u32, bytes: &[u8]) {
        let skipped = bytes.len().saturating_sub(LEN);
        let kept = bytes.get(skipped..).unwrap_or_default();
        let at = len(sequence.wrapping_add(number(skipped))) % LEN;
        let (front, wrapped) = kept.split_at(kept.len().min(LEN - at));
        for (place, part) in [(at, front), (0, wrapped)] {
            if let Some(room) = self.bytes.get_mut(place..place + part.len()) {
                room.copy_from_slice(part);
            }
        }
    }

    /// True if `bytes`, which start at `sequence` and end at or before `next`, are not what was
    /// there, as far as that is still known.
    pub(super) fn differs(&self, next: u32, sequence: u32, bytes: &[u8]) -> bool {
        let numbered = (0..).zip(bytes).map(|(nth, byte)| (sequence.wrapping_add(nth), byte));
        let known = numbered.filter(|(at, _)| len(next.wrapping_sub(*at)) <= self.n_bytes);
        { known }.any(|(at, byte)| self.bytes.get(len(at) % LEN) != Some(byte))
    }
}
