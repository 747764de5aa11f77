//! Frames of a capture file, where they lie in what was read of it.

use std::sync::Arc;

use crate::wire::packet::Link;

use super::Frame;

/// Some of the bytes of a file, for as long as a block lies in them.
pub type FileBytes = Arc<Vec<u8>>;

/// Some frames of one file.
#[derive(Debug)]
pub struct FileBlock {
    bytes: FileBytes,
    frames: Vec<FileFrame>,
}

/// Where one frame lies, and what its record says of it.
#[derive(Clone, Copy, Debug)]
pub struct FileFrame {
    /// In the bytes of its block.
    pub offset: usize,
    /// Captured bytes.
    pub len: u32,
    pub wire_len: u32,
    /// Nanoseconds since the Unix epoch.
    pub at_ns: u64,
    pub link: Option<Link>,
}

impl FileBlock {
    /// `frames` lie inside `bytes`; one that does not is shown with no bytes.
    pub fn new(bytes: FileBytes, frames: Vec<FileFrame>) -> Self {
        Self { bytes, frames }
    }

    pub fn for_each(&self, mut visit: impl FnMut(Frame<'_>)) {
        for frame in &self.frames {
            visit(Frame {
                at_ns: frame.at_ns,
                link: frame.link,
                bytes: bytes_of(&self.bytes, frame),
                wire_len: frame.wire_len,
                stripped_vlan: None,
                checksum_pending: false,
            });
        }
    }
}

fn bytes_of<'a>(bytes: &'a [u8], frame: &FileFrame) -> &'a [u8] {
    let len = usize::try_from(frame.len).unwrap_or(usize::MAX);
    bytes.get(frame.offset..).and_then(|rest| rest.get(..len)).unwrap_or_default()
}
