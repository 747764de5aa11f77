//! Where connections lie in the table.

use super::Slot;

/// Where a connection may lie. Once used, it stays used, and keeps its slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Bits of the hash of its key; 0 if it was never used.
    pub(super) tag: u32,
    pub(super) slot: u32,
    /// Which of those in a window makes room: the lowest. Beside the others, so that the search
    /// does not visit the connections.
    pub(super) worth: u64,
}

/// Where a connection was found, and what is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) place: usize,
    pub(super) slot: usize,
}

impl Found {
    /// No slot has this number.
    pub(super) const NOTHING: Self = Self { place: usize::MAX, slot: usize::MAX };
}

/// Of a place in use, never 0: a closing connection goes first, then the one silent for longest.
pub(super) fn worth(slot: &Slot) -> u64 {
    let is_open = u64::from(slot.connection.is_open());
    is_open << 63 | (slot.last_ns & (u64::MAX >> 1)).max(1)
}

impl Place {
    pub(super) const UNUSED: Self = Self { tag: 0, slot: 0, worth: 0 };

    pub(super) fn number(self) -> usize {
        self.slot.try_into().unwrap_or(usize::MAX)
    }
}

/// The high bits, which the home position does not use; never 0.
pub(super) fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX).max(1)
}
