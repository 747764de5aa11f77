//! `AF_PACKET` sockets: opening, options and binding (`packet(7)`), each behind its own type.

use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::sockopt::{GetStruct, SetStruct};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Descriptors of capture sockets, so that a system call filter can tell them from all others and
/// forbid to transmit on them.
pub(super) const CAPTURE_FDS: std::ops::RangeInclusive<RawFd> = 900..=963;

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

/// A socket that receives nothing until it is bound. Needs `CAP_NET_RAW`.
pub(super) fn open() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?)
}

/// Move `socket` into [`CAPTURE_FDS`].
pub(super) fn reserve(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let need = libc::rlim_t::try_from(*CAPTURE_FDS.end()).map_err(io::Error::other)? + 1;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < need {
        setrlimit(Resource::RLIMIT_NOFILE, need.min(hard), hard)?;
    }
    let fd = fcntl(socket, FcntlArg::F_DUPFD_CLOEXEC(*CAPTURE_FDS.start()))?;
    // SAFETY: F_DUPFD_CLOEXEC just created this descriptor, and nothing else knows of it.
    let reserved = unsafe { OwnedFd::from_raw_fd(fd) };
    if CAPTURE_FDS.contains(&fd) {
        return Ok(reserved);
    }
    Err(io::Error::other(format!("no descriptor left in {CAPTURE_FDS:?}: too many captures")))
}

/// Receive (or send) on the interface with this index; 0 stands for all of them.
pub(super) fn bind(socket: &OwnedFd, index: u32, protocol: Protocol) -> io::Result<()> {
    let protocol = match protocol {
        Protocol::All => libc::ETH_P_ALL,
        Protocol::Nothing => libc::ETH_P_CONTROL,
    };
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?,
        sll_protocol: u16::try_from(protocol).map_err(io::Error::other)?.to_be(),
        sll_ifindex: c_int::try_from(index).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let len =
        libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    // SAFETY: `bind` reads `len` bytes, the size of `address`, which lives until it returns.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
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
/// `SO_LOCK_FILTER` (`socket(7)`): the filter stays as it is.
#[derive(Clone, Copy)]
pub(super) struct LockFilter;

// Each pairs an option with the type the kernel reads or writes for it (linux/if_packet.h). None of
// these types holds a pointer, and every bit pattern of `tpacket_stats_v3` is a value.
nix::setsockopt_impl!(Version, libc::SOL_PACKET, libc::PACKET_VERSION, c_int, SetStruct<'_, c_int>);
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
