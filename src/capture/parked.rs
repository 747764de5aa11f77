//! Packet sockets that a service manager keeps for us, with what became of them.
//!
//! Some are new, opened by somebody with a permission that we lack. Others have a ring, and come
//! from a process that died: the kernel went on filling it, so that nothing is lost if it is read
//! on. That is done if it was made for just what is asked for now; else it is given up, and said.

use std::iter;
use std::os::fd::OwnedFd;

use crate::config;
use crate::sys::{KeptRing, PacketRing, PacketSocket, Passed, RingSpec};

use super::{CaptureError, Opened, resume};

/// Sockets by the name under which they are kept.
#[derive(Debug, Default)]
pub struct Parked {
    unused: Vec<(String, PacketSocket)>,
    rings: Vec<(String, KeptRing)>,
    leavings: Leavings,
}

/// What became of the sockets, for whoever talks to the service manager.
#[derive(Debug, Default)]
pub struct Leavings {
    /// Names of those that are in use, and are to be kept if this process dies.
    pub in_use: Vec<String>,
    /// Names of those that nobody needs.
    pub surplus: Vec<String>,
    pub discarded: Vec<Discarded>,
}

/// A ring that was kept and is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    /// The interface it was bound to; `None` if that cannot be found out any more.
    pub interface: Option<String>,
    /// Frames that waited in it and that nobody will judge, if they could be counted.
    pub frames: Option<u64>,
    /// Frames that found no room in it, likewise.
    pub lost: Option<u64>,
}

impl Parked {
    /// What the names of our sockets begin with. Others are none of our business.
    pub const PREFIX: &str = "packet-";

    /// Look through what the service manager passed, with the captures that are wanted now, whose
    /// rings are the first to be looked for.
    pub fn sort<'a>(
        passed: Vec<(String, OwnedFd)>,
        wanted: impl Iterator<Item = &'a config::Capture>,
    ) -> Self {
        let wanted: Vec<_> = wanted.map(|spec| (spec.block_size, spec.blocks)).collect();
        let mut parked = Self::default();
        for (name, fd) in passed {
            let ours = name.starts_with(Self::PREFIX);
            if let Some(socket) = PacketSocket::check(fd).filter(|_| ours) {
                parked.add(name, socket, &wanted);
                continue;
            }
            tracing::warn!(name, "a descriptor was passed that is of no use to a capture");
            parked.leavings.surplus.extend(ours.then_some(name));
        }
        parked
    }

    fn add(&mut self, name: String, socket: PacketSocket, wanted: &[(u32, u32)]) {
        match Passed::look(socket, wanted.iter().copied().chain(sizes())) {
            Ok(Passed::Unused(socket)) => self.unused.push((name, socket)),
            Ok(Passed::Ring(ring)) => self.rings.push((name, ring)),
            Ok(Passed::Unknown) => self.give_up(name, None),
            Err(error) => {
                tracing::warn!(name, %error, "a ring that was kept cannot be looked at");
                self.give_up(name, None);
            }
        }
    }

    fn give_up(&mut self, name: String, ring: Option<&KeptRing>) {
        self.leavings.surplus.push(name);
        self.leavings.discarded.push(Discarded {
            interface: ring.map(|ring| name_of(ring.purpose())),
            frames: ring.map(KeptRing::n_frames),
            lost: ring.and_then(|ring| ring.n_drops().ok()),
        });
    }

    /// Read on in the ring that was kept for this; else make one on a socket that is not in use;
    /// else `None`: there is nothing to be had here.
    pub(super) fn open(
        &mut self,
        capture: &config::Capture,
        spec: &RingSpec,
    ) -> Option<Result<Opened, CaptureError>> {
        if let Some(place) = self.rings.iter().position(|(_, ring)| ring.is_of(spec)) {
            let (name, ring) = self.rings.swap_remove(place);
            match resume(capture, ring, spec) {
                Ok(opened) => {
                    self.leavings.in_use.push(name);
                    return Some(Ok(opened));
                }
                Err(error) => {
                    tracing::warn!(%error, "a ring that was kept is given up for a new one");
                    self.leavings.surplus.push(name);
                    let interface = Some(capture.interface.to_string());
                    self.leavings.discarded.push(Discarded { interface, frames: None, lost: None });
                }
            }
        }
        self.open_unused(capture, spec)
    }

    /// Make a ring on the first socket that can have one; `None` if there is no socket.
    fn open_unused(
        &mut self,
        capture: &config::Capture,
        spec: &RingSpec,
    ) -> Option<Result<Opened, CaptureError>> {
        let mut failed = None;
        while let Some((name, socket)) = self.unused.pop() {
            match super::opened(capture, PacketRing::on(&socket, spec)) {
                Ok(opened) => {
                    self.leavings.in_use.push(name);
                    return Some(Ok(opened));
                }
                Err(error) => {
                    tracing::warn!(name, %error, "a socket was passed that can have no ring");
                    self.leavings.surplus.push(name);
                    failed = Some(Err(error));
                }
            }
        }
        failed
    }

    /// Close what is not needed.
    pub fn close(mut self) -> Leavings {
        for (name, ring) in std::mem::take(&mut self.rings) {
            self.give_up(name, Some(&ring));
        }
        let mut leavings = self.leavings;
        leavings.surplus.extend(self.unused.into_iter().map(|(name, _)| name));
        // Somebody else may have given one name twice; to forget it would be to forget both.
        leavings.surplus.retain(|name| !leavings.in_use.contains(name));
        leavings
    }
}

/// Of every ring that any configuration asks for: the one before may have been another.
fn sizes() -> impl Iterator<Item = (u32, u32)> {
    let least = Some(*config::BLOCK_SIZES.start());
    let powers = iter::successors(least, |size| size.checked_mul(2));
    let powers = powers.take_while(|size| config::BLOCK_SIZES.contains(size));
    powers.flat_map(|size| config::BLOCKS.map(move |n| (size, n)))
}

fn name_of(purpose: [u8; 16]) -> String {
    let len = purpose.iter().position(|byte| *byte == 0).unwrap_or(purpose.len());
    String::from_utf8_lossy(purpose.get(..len).unwrap_or_default()).into_owned()
}
