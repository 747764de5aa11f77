//! `AF_PACKET` sockets: opening, options and binding (`packet(7)`), each behind its own type.

use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::sockopt::{GetStruct, SetStruct, SockType as SocketType};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket};

/// Descriptors of capture sockets, so that a system call filter can tell them from all others and
/// forbid to transmit on them.
pub const CAPTURE_FDS: std::ops::RangeInclusive<RawFd> = 900..=963;

/// Which frames a socket is given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    /// Every frame, in both directions.
    All,
    /// None at all. Not protocol 0: before Linux 6.13 `bind` takes that for "as before". This one
    /// is internal to the kernel, which files a received frame under its EtherType (at least
    /// 0x600), 802.3 or 802.2 (`eth_type_trans`), so none ever matches.
    Nothing,
}

/// An `AF_PACKET` socket: our own, or passed on by somebody who may open one.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// A socket that receives nothing until it is bound. Needs `CAP_NET_RAW`.
    pub fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC;
        Ok(Self(socket(AddressFamily::Packet, SockType::Raw, flags, None)?))
    }

    /// Take over what was passed on. `None` if it is anything else.
    pub fn check(fd: OwnedFd) -> Option<Self> {
        let is_raw = getsockopt(&fd, SocketType).is_ok_and(|kind| kind == SockType::Raw);
        let is_packet = getsockopt(&fd, Domain).is_ok_and(|domain| domain == libc::AF_PACKET);
        (is_raw && is_packet).then_some(Self(fd))
    }

    /// The same socket in [`CAPTURE_FDS`].
    pub(super) fn reserve(&self) -> io::Result<OwnedFd> {
        allow_capture_fds()?;
        let fd = fcntl(&self.0, FcntlArg::F_DUPFD_CLOEXEC(*CAPTURE_FDS.start()))?;
        // SAFETY: F_DUPFD_CLOEXEC just created this descriptor, and nothing else knows of it.
        let reserved = unsafe { OwnedFd::from_raw_fd(fd) };
        if CAPTURE_FDS.contains(&fd) {
            return Ok(reserved);
        }
        Err(io::Error::other(format!("no descriptor left in {CAPTURE_FDS:?}: too many captures")))
    }
}

/// Raise the limit of descriptors above [`CAPTURE_FDS`], if it is below.
fn allow_capture_fds() -> io::Result<()> {
    let need = libc::rlim_t::try_from(*CAPTURE_FDS.end()).map_err(io::Error::other)? + 1;
    match getrlimit(Resource::RLIMIT_NOFILE)? {
        (soft, _) if soft >= need => Ok(()),
        (_, hard) if hard >= need => Ok(setrlimit(Resource::RLIMIT_NOFILE, need, hard)?),
        (_, hard) => Err(io::Error::other(format!(
            "capture sockets have descriptors up to {}, and this process may have {hard}: let it \
             have {need} (LimitNOFILE= in a systemd unit, `ulimit -Hn` in a shell)",
            CAPTURE_FDS.end()
        ))),
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The interface a socket is bound to: 0 for none, negative if it is gone (`packet_notifier`).
pub(super) fn bound_index(socket: &impl AsFd) -> io::Result<c_int> {
    let mut address = sockaddr(0, 0)?;
    let mut len =
        libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    // SAFETY: `getsockname` writes at most `len` bytes, the size of `address`, and then the length;
    // both live until it returns, and any bytes are a `sockaddr_ll`.
    let result = unsafe {
        libc::getsockname(socket.as_fd().as_raw_fd(), (&raw mut address).cast(), &raw mut len)
    };
    match result {
        0 => Ok(address.sll_ifindex),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Receive (or send) on the interface with this index; 0 stands for all of them.
pub(super) fn bind(socket: &impl AsFd, index: u32, protocol: Protocol) -> io::Result<()> {
    let protocol = match protocol {
        Protocol::All => libc::ETH_P_ALL,
        Protocol::Nothing => libc::ETH_P_CONTROL,
    };
    let protocol = u16::try_from(protocol).map_err(io::Error::other)?;
    let address = sockaddr(c_int::try_from(index).map_err(io::Error::other)?, protocol)?;
    let len =
        libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    // SAFETY: `bind` reads `len` bytes, the size of `address`, which lives until it returns.
    match unsafe { libc::bind(socket.as_fd().as_raw_fd(), (&raw const address).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn sockaddr(index: c_int, protocol: u16) -> io::Result<libc::sockaddr_ll> {
    Ok(libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?,
        sll_protocol: protocol.to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    })
}

/// `PACKET_VERSION`: layout of the ring.
#[derive(Clone, Copy)]
pub(super) struct Version;
/// `PACKET_RX_RING`: allocate the ring.
#[derive(Clone, Copy)]
pub(super) struct RxRing;
/// `PACKET_STATISTICS`: counts since they were last read.
#[derive(Clone, Copy)]
pub(super) struct Statistics;
/// `PACKET_ADD_MEMBERSHIP`.
#[derive(Clone, Copy)]
pub(super) struct AddMembership;
/// `PACKET_DROP_MEMBERSHIP`.
#[derive(Clone, Copy)]
pub(super) struct DropMembership;
/// `PACKET_IGNORE_OUTGOING`.
#[derive(Clone, Copy)]
pub(super) struct IgnoreOutgoing;
/// `SO_DOMAIN` (`socket(7)`): the address family.
#[derive(Clone, Copy)]
struct Domain;
/// `SO_LOCK_FILTER` (`socket(7)`): the filter stays as it is.
#[derive(Clone, Copy)]
pub(super) struct LockFilter;

// Each pairs an option with the type the kernel reads or writes for it (linux/if_packet.h). None of
// these types holds a pointer, and every bit pattern of `tpacket_stats_v3` is a value.
nix::setsockopt_impl!(Version, libc::SOL_PACKET, libc::PACKET_VERSION, c_int, SetStruct<'_, c_int>);
nix::getsockopt_impl!(Version, libc::SOL_PACKET, libc::PACKET_VERSION, c_int, GetStruct<c_int>);
nix::getsockopt_impl!(Domain, libc::SOL_SOCKET, libc::SO_DOMAIN, c_int, GetStruct<c_int>);
nix::setsockopt_impl!(
    RxRing,
    libc::SOL_PACKET,
    libc::PACKET_RX_RING,
    libc::tpacket_req3,
    SetStruct<'_, libc::tpacket_req3>
);
nix::getsockopt_impl!(
    Statistics,
    libc::SOL_PACKET,
    libc::PACKET_STATISTICS,
    libc::tpacket_stats_v3,
    GetStruct<libc::tpacket_stats_v3>
);
nix::setsockopt_impl!(
    AddMembership,
    libc::SOL_PACKET,
    libc::PACKET_ADD_MEMBERSHIP,
    libc::packet_mreq,
    SetStruct<'_, libc::packet_mreq>
);
nix::setsockopt_impl!(
    DropMembership,
    libc::SOL_PACKET,
    libc::PACKET_DROP_MEMBERSHIP,
    libc::packet_mreq,
    SetStruct<'_, libc::packet_mreq>
);
nix::setsockopt_impl!(
    IgnoreOutgoing,
    libc::SOL_PACKET,
    libc::PACKET_IGNORE_OUTGOING,
    c_int,
    SetStruct<'_, c_int>
);
nix::setsockopt_impl!(
    LockFilter,
    libc::SOL_SOCKET,
    libc::SO_LOCK_FILTER,
    c_int,
    SetStruct<'_, c_int>
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_packet_socket_is_not_taken_for_one() {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let [unix, _] = <[_; 2]>::from(std::os::unix::net::UnixStream::pair().unwrap());
        let file = tempfile::tempfile().unwrap();
        for fd in [OwnedFd::from(udp), unix.into(), file.into()] {
            assert!(PacketSocket::check(fd).is_none());
        }
    }
}
