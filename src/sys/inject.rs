//! Put frames on an interface exactly as given, wrong checksums included.
//!
//! For tests and the demonstration only: frames sent this way carry no offload flags, so what looks
//! corrupt in them is corrupt. The daemon never opens one.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{MsgFlags, send};

use super::interface::Interface;
use super::packet_socket::{self, PacketSocket, Protocol};

/// An `AF_PACKET` socket that transmits and never receives.
#[derive(Debug)]
pub struct Injector {
    socket: PacketSocket,
}

impl Injector {
    /// Needs `CAP_NET_RAW`.
    pub fn open(interface: &str) -> io::Result<Self> {
        let Some(found) = Interface::find(interface)? else {
            let text = format!("no interface named {interface}");
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        };
        let socket = PacketSocket::open()?;
        packet_socket::bind(&socket, found.index(), Protocol::Nothing)?;
        Ok(Self { socket })
    }

    /// Send one frame, link header first.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        send(self.socket.as_fd().as_raw_fd(), frame, MsgFlags::empty())?;
        Ok(())
    }
}
