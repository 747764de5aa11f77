//! A ring that a process left behind: its socket was kept elsewhere, and the kernel filled it on.

use std::io;
use std::iter;

use nix::errno::Errno;
use nix::sys::socket::getsockopt;

use super::mapping::Mapping;
use super::private_area::Description;
use super::{MIN_BLOCKS, RingSpec, TPACKET_V3};
use crate::sys::packet_socket::{PacketSocket, Version};

/// A ring that says what it is, not read from yet.
#[derive(Debug)]
pub struct KeptRing {
    pub(super) socket: PacketSocket,
    pub(super) mapping: Mapping,
    description: Description,
}

/// A packet socket that was passed on.
#[derive(Debug)]
pub enum Passed {
    /// Nobody made a ring on it yet.
    Unused(PacketSocket),
    Ring(KeptRing),
    /// There is something on it that is not a ring of ours, or of none of the sizes asked for.
    Unknown,
}

/// What was found in a ring that was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Frames that the processes before gave back to the kernel, and so will not be seen again.
    pub judged: u64,
    /// Frames that wait, as far as they had come when it was taken over.
    pub frames: u64,
    /// Frames lost because every block was full.
    pub drops: u64,
}

impl Passed {
    /// Find out what is on a socket that was passed on. A ring can be mapped only by its length, so
    /// one is found if it has the length of one of `specs`, or of what memory may have left of it.
    /// How that length is divided only its memory says, which nobody but us can have mapped.
    pub fn look(socket: PacketSocket, specs: &[RingSpec]) -> io::Result<Self> {
        if getsockopt(&socket, Version)? != TPACKET_V3 {
            return Ok(Self::Unused(socket));
        }
        let mut mapping = None;
        for (block_size, n_blocks) in specs.iter().flat_map(sizes) {
            match Mapping::new(&socket, block_size, n_blocks) {
                Ok(found) => mapping = Some(found),
                Err(error) if error.raw_os_error() == Some(Errno::EINVAL as i32) => continue,
                Err(error) => return Err(error),
            }
            break;
        }
        let described = mapping.and_then(|mapping| {
            let description = mapping.description()?;
            let Description { block_size, n_blocks, .. } = description;
            let len = u64::from(block_size) * u64::from(n_blocks);
            (len == mapping.len() as u64).then_some(description)
        });
        let Some(description) = described else { return Ok(Self::Unknown) };
        let mapping = Mapping::new(&socket, description.block_size, description.n_blocks)?;
        Ok(Self::Ring(KeptRing { socket, mapping, description }))
    }
}

/// The sizes that a ring of this specification may have: as asked, or halved for lack of memory.
fn sizes(spec: &RingSpec) -> impl Iterator<Item = (u32, u32)> + use<> {
    let (block_size, blocks) = (spec.block_size, spec.blocks.max(MIN_BLOCKS));
    let halves = iter::successors(Some(blocks), |n| Some(n / 2));
    halves.take_while(|n| *n >= MIN_BLOCKS).map(move |n| (block_size, n))
}

impl KeptRing {
    /// True if it was made for just this.
    pub fn is_of(&self, spec: &RingSpec) -> bool {
        self.description.is_of(spec)
    }

    /// What it was made for, as [`RingSpec::purpose`] said.
    pub fn purpose(&self) -> [u8; 16] {
        self.description.purpose()
    }

    /// Frames that wait in it now.
    pub fn n_frames(&self) -> u64 {
        self.mapping.n_frames()
    }
}
