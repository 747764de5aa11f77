//! The private areas of a ring's blocks (`tp_sizeof_priv`): memory that the kernel leaves alone.
//!
//! It lives as long as the socket, so it tells a process that takes the ring over from a dead one
//! what the ring is and how far it was read. The area of the first block says how the ring is
//! divided and what for; that of each block, which of its fillings went back to the kernel last, and
//! how many frames had gone back by then.

use std::sync::atomic::Ordering;

use super::mapping::{BLOCK_HEADER, BLOCK_NUM_PKTS, BLOCK_SEQ_NUM, BLOCK_STATUS, Mapping};
use super::{RingSpec, Share};

/// Bytes of each area.
pub(super) const AREA_LEN: u32 = 64;

/// This program, first layout. Where the kernel keeps frames instead, a pointer to the next one
/// and a time in seconds stand in these words.
const MAGIC: [u32; 2] = [u32::from_ne_bytes(*b"imon"), u32::from_ne_bytes(*b"rg01")];
/// Words of a description: the magic, the blocks granted, and the [`RingSpec`].
const N_WORDS: usize = 3 + N_SPEC_WORDS;
const N_SPEC_WORDS: usize = 8;
// Words after the description, in the area of every block.
const GIVEN_BACK: usize = BLOCK_HEADER + 52;
const TOTAL_LOW: usize = BLOCK_HEADER + 56;
const TOTAL_HIGH: usize = BLOCK_HEADER + 60;

/// How a ring is divided, and what was asked for when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) block_size: u32,
    pub(super) n_blocks: u32,
    spec: [u32; N_SPEC_WORDS],
}

impl Description {
    pub(super) fn new(spec: &RingSpec, n_blocks: u32) -> Self {
        Self { block_size: spec.block_size, n_blocks, spec: spec_words(spec) }
    }

    /// Bytes of the whole ring.
    pub(super) fn len(&self) -> usize {
        (self.block_size as usize).saturating_mul(self.n_blocks as usize)
    }

    /// True if the ring is what `spec` would get, or got less than that only for lack of memory.
    pub(super) fn is_of(&self, spec: &RingSpec) -> bool {
        self.spec == spec_words(spec)
    }

    /// What the ring is for, as [`RingSpec::purpose`] said.
    pub(super) fn purpose(&self) -> [u8; 16] {
        let [.., a, b, c, d] = self.spec.map(u32::to_ne_bytes);
        let mut purpose = [0; 16];
        for (place, bytes) in purpose.chunks_exact_mut(4).zip([a, b, c, d]) {
            place.copy_from_slice(&bytes);
        }
        purpose
    }
}

fn spec_words(spec: &RingSpec) -> [u32; N_SPEC_WORDS] {
    let RingSpec { block_size, blocks, block_timeout, promiscuous, share, purpose } = *spec;
    let Share { ring, of } = share;
    let timeout = u32::try_from(block_timeout.as_millis()).unwrap_or(u32::MAX);
    let kind = u32::from_ne_bytes([ring, of, u8::from(promiscuous), 0]);
    let [a, b, c, d] = [0, 4, 8, 12].map(|at| {
        let bytes = purpose.get(at..).and_then(|rest| rest.first_chunk());
        u32::from_ne_bytes(bytes.copied().unwrap_or_default())
    });
    [block_size, blocks, timeout, kind, a, b, c, d]
}

impl Mapping {
    /// Write down what the ring is. Nobody may have a lease on its first block yet.
    pub(super) fn describe(&self, ring: &Description) {
        let Description { n_blocks, spec, .. } = ring;
        let words = MAGIC.iter().chain([n_blocks]).chain(spec);
        for (place, word) in (BLOCK_HEADER..).step_by(4).zip(words) {
            self.word(0, place).store(*word, Ordering::Release);
        }
    }

    /// What the ring says it is; `None` for one that says nothing.
    pub(super) fn description(&self) -> Option<Description> {
        let mut words = [0; N_WORDS];
        for (place, word) in (BLOCK_HEADER..).step_by(4).zip(&mut words) {
            *word = self.word(0, place).load(Ordering::Acquire);
        }
        let [magic, version, n_blocks, spec @ ..] = words;
        let [block_size, ..] = spec;
        ([magic, version] == MAGIC).then_some(Description { block_size, n_blocks, spec })
    }

    /// Give a block back to the kernel.
    pub(super) fn give_back(&self, index: u32) {
        for (place, word) in self.giving_back(index) {
            self.word(index, place).store(word, Ordering::Release);
        }
    }

    /// What to store where, in this order. The process may be killed between any two of these, and
    /// [`Mapping::n_judged_before`] counts the block as judged if its frames were cleared, which is
    /// to say if nobody will see them again.
    fn giving_back(&self, index: u32) -> [(usize, u32); 5] {
        let n = u64::from(self.word(index, BLOCK_NUM_PKTS).load(Ordering::Relaxed));
        let total = self.n_judged.fetch_add(n, Ordering::Relaxed).wrapping_add(n);
        let low = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        [
            (GIVEN_BACK, low(self.sequence(index))),
            (TOTAL_LOW, low(total)),
            (TOTAL_HIGH, low(total >> 32)),
            (BLOCK_NUM_PKTS, 0), // as the kernel does when it opens the block
            (BLOCK_STATUS, libc::TP_STATUS_KERNEL),
        ]
    }

    /// Frames in the ring that no block took out of it: in filled blocks, on loan or not, and in
    /// the one that is being filled.
    pub(super) fn n_frames(&self) -> u64 {
        let n_frames = |index| self.word(index, BLOCK_NUM_PKTS).load(Ordering::Acquire);
        (0..self.n_blocks()).map(|index| u64::from(n_frames(index))).sum()
    }

    /// Frames that went back to the kernel before this process had the ring. A block that was on
    /// its way back when the process was killed is not among them unless its frames are gone.
    pub(super) fn n_judged_before(&self) -> u64 {
        let total = |index: u32| {
            let word = |place| self.word(index, place).load(Ordering::Acquire);
            let on_its_way = word(BLOCK_NUM_PKTS) > 0 && self.was_given_back(index);
            let total = u64::from(word(TOTAL_HIGH)) << 32 | u64::from(word(TOTAL_LOW));
            if on_its_way { 0 } else { total }
        };
        (0..self.n_blocks()).map(total).max().unwrap_or(0)
    }

    /// Where reading goes on: at the oldest block that was filled; else at the one that is being
    /// filled, which is the youngest; else, if that one went back, behind it.
    ///
    /// The kernel fills and opens blocks meanwhile, so that a look at one after the other may miss
    /// the oldest and find the next. Once a block was seen filled, a second look misses none before.
    pub(super) fn first_unread(&self) -> u32 {
        let mut oldest = self.oldest_filled();
        loop {
            let youngest = (0..self.n_blocks()).max_by_key(|index| self.sequence(*index));
            match (oldest, self.oldest_filled()) {
                (Some(index), Some(again)) if index == again => return index,
                (None, None) => {
                    let youngest = youngest.unwrap_or(0);
                    let over = u32::from(self.was_given_back(youngest));
                    return (youngest + over) % self.n_blocks();
                }
                (_, again) => oldest = again,
            }
        }
    }

    fn oldest_filled(&self) -> Option<u32> {
        let filled = (0..self.n_blocks()).filter(|index| self.is_ready(*index));
        filled.min_by_key(|index| self.sequence(*index))
    }

    /// True if the block's present filling went back to the kernel.
    fn was_given_back(&self, index: u32) -> bool {
        let given_back = u64::from(self.word(index, GIVEN_BACK).load(Ordering::Acquire));
        given_back == self.sequence(index) & u64::from(u32::MAX) && given_back != 0
    }

    /// Which filling of the ring this block holds, counted from 1 (`seq_num`).
    fn sequence(&self, index: u32) -> u64 {
        let mut bytes = [0; 8];
        for (offset, half) in (BLOCK_SEQ_NUM..).step_by(4).zip(bytes.chunks_exact_mut(4)) {
            let word = self.word(index, offset).load(Ordering::Acquire);
            half.copy_from_slice(&word.to_ne_bytes());
        }
        u64::from_ne_bytes(bytes)
    }
}

#[cfg(test)]
mod tests;
