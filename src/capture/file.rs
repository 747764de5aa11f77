//! Capture files: pcap and pcapng, a block of frames at a time, each frame used where it was read.
//!
//! A file that ends inside a record is read up to there and the record counted: that is what a
//! capture that was killed looks like. A record that contradicts itself is an error that names
//! the byte it starts at, because no later record can be found.

mod pcap;
mod pcapng;
mod window;

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::block::{Block, FileBlock, FileFrame};
use crate::wire::packet::Link;

use window::Window;

/// An open capture file.
#[derive(Debug)]
pub struct CaptureFile {
    path: PathBuf,
    window: Window,
    len: u64,
    format: Format,
    n_truncated: u64,
    span_ns: Option<RangeInclusive<u64>>,
}

/// Why a capture file cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{}: cannot be opened: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    #[error("{}: cannot be read from byte {offset} on: {error}", path.display())]
    Read { path: PathBuf, offset: u64, error: io::Error },
    #[error("{}: not a capture file: {found}; pcap and pcapng can be read", path.display())]
    NotACapture { path: PathBuf, found: &'static str },
    #[error(
        "{}: the record at byte {offset} is corrupt: {why}; nothing after it can be read",
        path.display()
    )]
    Corrupt { path: PathBuf, offset: u64, why: &'static str },
}

/// Frames in a block. Enough to make a report cheap, few enough that a report has room for a note
/// on every second frame.
const BLOCK_FRAMES: usize = 128;
/// How long a block may be, as the clock of the capture says: as the blocks of a ring, it ends when
/// its time is over, so that whoever takes a report for the time it is dated by is not far out.
const BLOCK_NS: u64 = 1_000_000_000;
/// Longer frames are not written by any tool (`MAXIMUM_SNAPLEN` of libpcap): a length above this
/// is not a length.
const MAX_FRAME: u32 = 262_144;

/// How records are laid out.
#[derive(Debug)]
enum Format {
    Pcap(pcap::Records),
    Pcapng(pcapng::Records),
}

/// What stands at a position.
#[derive(Debug)]
enum Record {
    Frame(FileFrame),
    /// A record that holds no frame.
    Other,
}

impl Record {
    fn frame(self) -> Option<FileFrame> {
        match self {
            Self::Frame(frame) => Some(frame),
            Self::Other => None,
        }
    }
}

/// Why there is no record at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The file ends before the record does.
    Truncated,
    Corrupt(&'static str),
}

/// No format needs more to be known by.
const LONGEST_HEADER: usize = 64;

impl CaptureFile {
    /// Open a file, or a pipe, and read as much as tells what it is.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |error| FileError::Open { path: path.into(), error };
        let file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let mut window = Window::new(file);
        while window.bytes().len() < LONGEST_HEADER && read_on(&mut window, path)? {}
        let (format, start) = Format::of(window.bytes()).ok_or_else(|| FileError::NotACapture {
            path: path.into(),
            found: looks_like(window.bytes()),
        })?;
        window.consume_to(start);
        Ok(Self { path: path.into(), window, len, format, n_truncated: 0, span_ns: None })
    }

    /// The next frames in file order; `None` at the end.
    pub fn next_block(&mut self) -> Result<Option<Block>, FileError> {
        loop {
            let mut frames = Vec::with_capacity(BLOCK_FRAMES);
            let stop = self.collect(&mut frames);
            if !frames.is_empty() {
                // What stopped it is met again by the next call.
                self.widen_span(&frames);
                return Ok(Some(Block::File(FileBlock::new(self.window.shared(), frames))));
            }
            if let Some(Stop::Corrupt(why)) = stop {
                let (path, offset) = (self.path.clone(), self.window.position());
                return Err(FileError::Corrupt { path, offset, why });
            }
            if !read_on(&mut self.window, &self.path)? {
                let end = self.window.bytes().len();
                self.n_truncated += u64::from(self.window.start() < end);
                self.window.consume_to(end);
                return Ok(None);
            }
        }
    }

    /// Records that are whole in memory, until there are enough; or why there are no more.
    fn collect(&mut self, frames: &mut Vec<FileFrame>) -> Option<Stop> {
        while frames.len() < BLOCK_FRAMES {
            match self.format.record(self.window.bytes(), self.window.start()) {
                Ok((record, next)) => {
                    let frame = record.frame();
                    if is_later(frames.first(), frame.as_ref()) {
                        return None; // it is read again, as the first of the next block
                    }
                    frames.extend(frame);
                    self.window.consume_to(next);
                }
                Err(stop) => return Some(stop),
            }
        }
        None
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.window.position()
    }

    /// Bytes in the file when it was opened; 0 for a pipe.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Earliest and latest time stamp of the frames read so far.
    pub fn span_ns(&self) -> Option<RangeInclusive<u64>> {
        self.span_ns.clone()
    }

    fn widen_span(&mut self, frames: &[FileFrame]) {
        // 0 is what a record without a time stamp gets.
        for at_ns in frames.iter().map(|frame| frame.at_ns).filter(|at_ns| *at_ns > 0) {
            let span = self.span_ns.get_or_insert(at_ns..=at_ns);
            *span = at_ns.min(*span.start())..=at_ns.max(*span.end());
        }
    }

    /// Records cut off by the end of the file: none or one.
    pub fn n_truncated(&self) -> u64 {
        self.n_truncated
    }
}

/// True if `frame` is too late for the block that `first` begins.
fn is_later(first: Option<&FileFrame>, frame: Option<&FileFrame>) -> bool {
    let (Some(first), Some(frame)) = (first, frame) else { return false };
    frame.at_ns.saturating_sub(first.at_ns) >= BLOCK_NS
}

fn read_on(window: &mut Window, path: &Path) -> Result<bool, FileError> {
    let offset = window.position();
    window.read_on().map_err(|error| FileError::Read { path: path.into(), offset, error })
}

impl Format {
    /// The format of a file, and where its first record starts.
    fn of(file: &[u8]) -> Option<(Self, usize)> {
        if let Some((records, position)) = pcap::Records::of(file) {
            return Some((Self::Pcap(records), position));
        }
        pcapng::Records::of(file).map(|records| (Self::Pcapng(records), 0))
    }

    /// The record at `position`, and where the next one starts.
    fn record(&mut self, file: &[u8], position: usize) -> Result<(Record, usize), Stop> {
        match self {
            Self::Pcap(records) => records.at(file, position),
            Self::Pcapng(records) => records.at(file, position),
        }
    }
}

/// What a file is that is not a capture, as far as its first bytes tell.
fn looks_like(file: &[u8]) -> &'static str {
    match file {
        [] => "it is empty",
        [0x1f, 0x8b, ..] => "it is compressed (gunzip it first)",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed (unzstd it first)",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is compressed (unxz it first)",
        _ => "its first bytes belong to no format of captures",
    }
}

/// The link layer of a `LINKTYPE_` value (tcpdump.org/linktypes.html).
fn link(linktype: i32) -> Option<Link> {
    // Above 16 bits stands the length of the frame check sequence.
    match linktype & 0xffff {
        1 => Some(Link::Ethernet),
        // 12 and 14 are what BSDs wrote for 101.
        12 | 14 | 101 | 228 | 229 => Some(Link::Raw),
        113 => Some(Link::Sll),
        276 => Some(Link::Sll2),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
