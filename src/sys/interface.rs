//! Network interfaces by name, and word of their changes from `rtnetlink(7)`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

/// An interface as it was when it was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    index: u32,
    flags: InterfaceFlags,
}

impl Interface {
    /// Look `name` up; `None` if there is no such interface.
    pub fn find(name: &str) -> io::Result<Option<Self>> {
        let index = match if_nametoindex(name) {
            Ok(index) => index,
            Err(Errno::ENODEV | Errno::ENXIO) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let found = getifaddrs()?.find(|entry| entry.interface_name == name);
        Ok(found.map(|entry| Self { index, flags: entry.flags }))
    }

    /// Changes when an interface is deleted and made again under the same name.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Up, administratively and physically.
    pub fn is_running(self) -> bool {
        self.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING)
    }

    pub fn is_loopback(self) -> bool {
        self.flags.contains(InterfaceFlags::IFF_LOOPBACK)
    }
}

/// Hears of every change to any interface. It says that something changed, not what: look it up.
#[derive(Debug)]
pub struct LinkWatch {
    socket: OwnedFd,
}

impl LinkWatch {
    /// Needs no permission.
    pub fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let route = SockProtocol::NetlinkRoute;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, route)?;
        let link_group = libc::RTMGRP_LINK.unsigned_abs();
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, link_group))?;
        Ok(Self { socket })
    }

    /// Wait until something changes, at most `wait`.
    pub fn wait(&self, wait: Duration) -> io::Result<()> {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// True if something changed since this was last asked.
    pub fn has_changed(&self) -> io::Result<bool> {
        let mut changed = false;
        loop {
            // Longer messages are cut off, which is all the same to us.
            match recv(self.socket.as_raw_fd(), &mut [0; 64], MsgFlags::empty()) {
                // ENOBUFS: there were more changes than the socket could hold.
                Ok(_) | Err(Errno::ENOBUFS) => changed = true,
                Err(Errno::EINTR) => (),
                Err(Errno::EAGAIN) => return Ok(changed),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_and_a_made_up_name_is_not() {
        let lo = Interface::find("lo").unwrap().unwrap();
        assert!(lo.is_loopback() && lo.index() > 0);
        assert_eq!(Interface::find("no-such-if").unwrap(), None);
        assert_eq!(Interface::find("a name longer than any interface may have").unwrap(), None);
    }

    #[test]
    fn a_quiet_watch_reports_no_change_and_does_not_block() {
        let watch = LinkWatch::open().unwrap();
        watch.wait(Duration::ZERO).unwrap();
        watch.has_changed().unwrap();
        watch.wait(Duration::from_millis(1)).unwrap();
    }
}
