//! Packet sockets that a service manager keeps for us, with what became of them.
//!
//! Some are new, opened by somebody with a permission that we lack. Others have a ring, and come
//! from a process that died: the kernel went on filling it, so that nothing is lost if it is read
//! on. That is done if it was made for just what is asked for now; else it is given up, and said.

use std::os::fd::OwnedFd;

use crate::config;
use crate::sys::{KeptRing, PacketRing, PacketSocket, Passed, RingSpec};

use super::{CaptureError, Opened, resume, ring_spec};

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
}

impl Parked {
    /// What the names of our sockets begin with. Others are none of our business.
    pub const PREFIX: &str = "packet-";

    /// Look through what the service manager passed, with the captures that are wanted now.
    pub fn sort<'a>(
        passed: Vec<(String, OwnedFd)>,
        wanted: impl Iterator<Item = &'a config::Capture>,
    ) -> Self {
        let specs: Vec<_> = wanted.map(|spec| ring_spec(spec, 0)).collect();
        let mut parked = Self::default();
        for (name, fd) in passed {
            let ours = name.starts_with(Self::PREFIX);
            if let Some(socket) = PacketSocket::check(fd).filter(|_| ours) {
                parked.add(name, socket, &specs);
            } else {
                tracing::warn!(name, "a descriptor was passed that is of no use to a capture");
            }
        }
        parked
    }

    fn add(&mut self, name: String, socket: PacketSocket, specs: &[RingSpec]) {
        match Passed::look(socket, specs) {
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
                    self.leavings.discarded.push(Discarded { interface, frames: None });
                }
            }
        }
        let (name, socket) = self.unused.pop()?;
        self.leavings.in_use.push(name);
        Some(super::opened(capture, PacketRing::on(&socket, spec)))
    }

    /// Close what is not needed.
    pub fn close(mut self) -> Leavings {
        for (name, ring) in std::mem::take(&mut self.rings) {
            self.give_up(name, Some(&ring));
        }
        let mut leavings = self.leavings;
        leavings.surplus.extend(self.unused.into_iter().map(|(name, _)| name));
        leavings
    }
}

fn name_of(purpose: [u8; 16]) -> String {
    let len = purpose.iter().position(|byte| *byte == 0).unwrap_or(purpose.len());
    String::from_utf8_lossy(purpose.get(..len).unwrap_or_default()).into_owned()
}
