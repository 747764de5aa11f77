//! A ring that a process left behind: its socket was kept elsewhere, and the kernel filled it on.

use std::io;

use nix::errno::Errno;
use nix::sys::socket::getsockopt;

use super::mapping::Mapping;
use super::private_area::Description;
use super::{RingSpec, TPACKET_V3};
use crate::sys::packet_socket::{PacketSocket, Statistics, Version, bound_index};

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
    /// Nobody made a ring on it yet, or nobody bound it.
    Unused(PacketSocket),
    Ring(KeptRing),
    /// It received into something that is not a ring of ours, or of none of the sizes asked for.
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
    /// one is found if it has one of `sizes`, which are the bytes of a block and how many there are.
    /// How that length is divided only its memory says, which nobody but us can have mapped.
    pub fn look(socket: PacketSocket, sizes: impl Iterator<Item = (u32, u32)>) -> io::Result<Self> {
        if getsockopt(&socket, Version)? != TPACKET_V3 {
            return Ok(Self::Unused(socket));
        }
        if let Some(description) = find(&socket, sizes)? {
            let mapping = Mapping::new(&socket, description.block_size, description.n_blocks)?;
            return Ok(Self::Ring(KeptRing { socket, mapping, description }));
        }
        // Its process died, or had no memory, before the ring was whole: nothing came in yet.
        let is_bound = bound_index(&socket)? != 0;
        Ok(if is_bound { Self::Unknown } else { Self::Unused(socket) })
    }
}

/// What the ring on `socket` says it is, if it has one of `sizes` and says anything.
fn find(
    socket: &PacketSocket,
    sizes: impl Iterator<Item = (u32, u32)>,
) -> io::Result<Option<Description>> {
    for (block_size, n_blocks) in sizes {
        match Mapping::new(socket, block_size, n_blocks) {
            Ok(mapping) => {
                return Ok(mapping.description().filter(|ring| ring.len() == mapping.len()));
            }
            Err(error) if is_of_another_len(&error) => (),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Of another length, or of none; or more than there is room for among the addresses of a 32-bit
/// process, in which no such ring was ever mapped.
fn is_of_another_len(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(Errno::from_raw);
    matches!(number, Some(Errno::EINVAL | Errno::ENOMEM))
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

    /// Frames that found every block full since this was last asked, by whatever process.
    pub fn n_drops(&self) -> io::Result<u64> {
        Ok(getsockopt(&self.socket, Statistics)?.tp_drops.into())
    }
}
