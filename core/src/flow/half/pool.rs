//! Memory for bytes that wait, shared by all connections of a table.

/// Bytes that may wait in all connections together.
#[derive(Debug)]
pub(in crate::flow) struct Pool {
    free: usize,
}

impl Pool {
    pub(in crate::flow) fn new(len: usize) -> Self {
        Self { free: len }
    }

    /// A copy of `bytes`; `None` if there is no room for it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Box<[u8]>> {
        self.free = self.free.checked_sub(bytes.len())?;
        Some(bytes.into())
    }

    /// What was taken is not needed any more.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        self.free += bytes.len();
    }

    #[cfg(test)]
    pub(in crate::flow) fn free(&self) -> usize {
        self.free
    }
}
