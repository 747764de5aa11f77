//! The start of a frame whose end is yet to come: bytes, and whether all of them are proven.

/// At most `ROOM` bytes.
#[derive(Debug, Default)]
pub(super) struct Tail<const ROOM: usize> {
    bytes: Vec<u8>,
    /// The checksum was right of every segment that brought some.
    is_verified: bool,
}

impl<const ROOM: usize> Tail<ROOM> {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_verified(&self) -> bool {
        self.is_verified
    }

    /// Forget everything, but keep the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Add bytes of one segment. The tail gets all the memory that it may ever need at once: one
    /// that grows by doubling would end up with twice as much, on each connection that a stranger
    /// cares to open.
    pub(super) fn push(&mut self, bytes: &[u8], is_verified: bool) {
        if bytes.is_empty() {
            return;
        }
        self.is_verified = is_verified && (self.is_verified || self.bytes.is_empty());
        self.bytes.reserve_exact(ROOM.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    /// Take the last bytes back.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// Take the first bytes off, of which `fresh` on are of the segment that was pushed last.
    pub(super) fn drain(&mut self, len: usize, (fresh, is_verified): (usize, bool)) {
        self.bytes.drain(..len.min(self.bytes.len()));
        if len >= fresh {
            self.is_verified = is_verified;
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}
