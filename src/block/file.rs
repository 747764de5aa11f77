//! Frames of a capture file, where they lie in its memory map.

use std::hint::black_box;
use std::sync::Arc;

use crate::sys::FileMap;
use crate::wire::packet::Link;

use super::Frame;

/// Some frames of one file. The file stays mapped as long as a block of it lives.
#[derive(Debug)]
pub struct FileBlock {
    map: Arc<FileMap>,
    frames: Vec<FileFrame>,
}

/// Where one frame lies, and what its record says of it.
#[derive(Clone, Copy, Debug)]
pub struct FileFrame {
    /// Bytes from the start of the file.
    pub offset: usize,
    /// Captured bytes.
    pub len: u32,
    pub wire_len: u32,
    /// Nanoseconds since the Unix epoch.
    pub at_ns: u64,
    pub link: Option<Link>,
}

impl FileBlock {
    /// `frames` lie inside `map`; one that does not is shown with no bytes.
    pub fn new(map: Arc<FileMap>, frames: Vec<FileFrame>) -> Self {
        Self { map, frames }
    }

    pub fn for_each(&self, mut visit: impl FnMut(Frame<'_>)) {
        let ahead = self.span();
        for frame in &self.frames {
            // Reading where the next block will lie makes memory work while the processor does:
            // without it a replay takes a tenth longer.
            black_box(self.map.get(frame.offset + ahead).copied());
            visit(Frame {
                at_ns: frame.at_ns,
                link: frame.link,
                bytes: bytes_of(&self.map, frame),
                wire_len: frame.wire_len,
                stripped_vlan: None,
                checksum_pending: false,
            });
        }
    }

    /// Bytes of the file between the first frame and the last.
    fn span(&self) -> usize {
        let (first, last) = (self.frames.first(), self.frames.last());
        first.zip(last).map_or(0, |(first, last)| last.offset.saturating_sub(first.offset))
    }
}

fn bytes_of<'a>(map: &'a [u8], frame: &FileFrame) -> &'a [u8] {
    let len = usize::try_from(frame.len).unwrap_or(usize::MAX);
    map.get(frame.offset..).and_then(|rest| rest.get(..len)).unwrap_or_default()
}
