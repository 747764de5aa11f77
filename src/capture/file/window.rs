//! The part of a capture file that is in memory: read ahead, and used where it lies.
//!
//! Reading copies each byte once, into memory that stays in the cache; the page faults of a memory
//! map cost more. And a file that is cut while it is read just ends, and a pipe is a file too.

use std::fs::File;
use std::io;
use std::io::Read;
use std::sync::Arc;

use crate::block::FileBytes;

/// Read at a time. Records are looked for in as much, and in more only if one is longer.
const CHUNK: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Window {
    file: File,
    /// Shared with the blocks of frames that lie in it. Of them, `..end` came from the file.
    bytes: FileBytes,
    end: usize,
    /// Start of the next record in `bytes`.
    start: usize,
    /// Bytes of the file before `bytes`.
    before: u64,
}

impl Window {
    pub(super) fn new(file: File) -> Self {
        Self { file, bytes: Arc::new(vec![0; CHUNK]), end: 0, start: 0, before: 0 }
    }

    /// What was read of the file and is still in memory.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.end).unwrap_or_default()
    }

    pub(super) fn shared(&self) -> FileBytes {
        Arc::clone(&self.bytes)
    }

    /// Where the next record starts in [`bytes`](Self::bytes).
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Where the next record starts in the file.
    pub(super) fn position(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The next record starts at `start` in [`bytes`](Self::bytes).
    pub(super) fn consume_to(&mut self, start: usize) {
        self.start = start.min(self.end);
    }

    /// Read on, and keep only what was not consumed. False at the end of the file.
    pub(super) fn read_on(&mut self) -> io::Result<bool> {
        self.make_room();
        let Some(room) = Arc::get_mut(&mut self.bytes).and_then(|bytes| bytes.get_mut(self.end..))
        else {
            return Ok(false); // `make_room` left nobody else to share it with
        };
        let n_bytes = loop {
            match self.file.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                outcome => break outcome?,
            }
        };
        self.end += n_bytes;
        Ok(n_bytes > 0)
    }

    /// Move what was not consumed to the front of memory that no block lies in, at least half of
    /// it empty.
    fn make_room(&mut self) {
        let unread = self.start..self.end;
        let len = unread.len();
        let needed = (len * 2).max(CHUNK);
        if let Some(bytes) = Arc::get_mut(&mut self.bytes) {
            bytes.copy_within(unread, 0);
            if bytes.len() < needed {
                bytes.resize(needed, 0);
            }
        } else {
            let mut bytes = self.bytes.get(unread).unwrap_or_default().to_vec();
            bytes.resize(needed, 0);
            self.bytes = Arc::new(bytes);
        }
        self.before += self.start as u64;
        (self.start, self.end) = (0, len);
    }
}
