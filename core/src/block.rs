//! A block of frames: what travels from a capture thread to its analyser, without a copy.

mod file;
mod tpacket;

pub use file::{FileBlock, FileBytes, FileFrame};

use std::fmt::Debug;
use std::time::SystemTime;

use crate::record::{Gap, InterfaceCount, InterfaceState, RingCount};
use crate::wire::packet::Link;

/// A frame still sitting in its block.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// `None` for a link type that is not known.
    pub link: Option<Link>,
    /// Captured bytes, link header first.
    pub bytes: &'a [u8],
    /// Length on the wire.
    pub wire_len: u32,
    /// Tag control information the kernel took out of the frame.
    pub stripped_vlan: Option<u16>,
    /// True if the NIC was still going to fill in the checksum.
    pub checksum_pending: bool,
}

/// What a capture thread hands to its analyser.
#[derive(Debug)]
pub struct Delivery {
    pub at: SystemTime,
    /// What the kernel counted since the last delivery.
    pub ring: RingCount,
    /// What the interface told of itself, if this is about that.
    pub interface: Option<InterfaceCount>,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    Block(Block),
    Interface(InterfaceState),
    /// Nothing but counts: of an interface, or the last of a ring.
    Empty,
}

/// A `TPACKET_V3` block that the kernel fills again once this is dropped.
pub trait Lease: Debug + Send {
    /// The block as the kernel laid it out, header first.
    fn bytes(&self) -> &[u8];

    /// True if the kernel may have lost frames just before it.
    fn follows_loss(&self) -> bool;
}

/// Frames in arrival order, owned by whoever holds the block. Dropping it gives the memory back.
#[derive(Debug)]
pub enum Block {
    /// On loan from an `AF_PACKET` ring.
    Ring(Box<dyn Lease>),
    /// From a capture file.
    File(FileBlock),
    /// From a test.
    Memory(Vec<Vec<u8>>),
}

impl Block {
    /// Show each frame to `visit`.
    pub fn for_each(&self, visit: impl FnMut(Frame<'_>)) {
        match self {
            Self::Ring(block) => tpacket::frames(block.bytes()).for_each(visit),
            Self::File(block) => block.for_each(visit),
            Self::Memory(frames) => frames.iter().map(|bytes| ethernet(bytes)).for_each(visit),
        }
    }

    /// Whether frames are missing just before this block.
    pub fn gap(&self) -> Gap {
        match self {
            Self::Ring(block) if block.follows_loss() => Gap::Before,
            Self::Ring(_) | Self::File(_) | Self::Memory(_) => Gap::None,
        }
    }
}

/// The frames of one `TPACKET_V3` block, for whoever has its bytes but no ring: a fuzzer.
pub fn ring_frames(block: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    tpacket::frames(block)
}

fn ethernet(bytes: &[u8]) -> Frame<'_> {
    Frame {
        at_ns: 0,
        link: Some(Link::Ethernet),
        bytes,
        wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        stripped_vlan: None,
        checksum_pending: false,
    }
}
