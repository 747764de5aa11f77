//! What threads of one purpose are left with, beside what all of them need.

use super::super::Is::{Equal, OffCaptures, Whole};
use super::super::Row;
use super::super::When::{Always, Only};
#[cfg(target_arch = "arm")]
use super::super::numbers::PPOLL_TIME64;
use super::super::numbers::{SYS_FCNTL, SYS_LSEEK, request, unsigned};
use super::{DATAGRAM, FAMILY};

/// To a thread that takes blocks from a ring and follows its interface. It opens no file, connects
/// to nothing and starts nothing.
pub(in super::super) const CAPTURE: &[Row] = &[
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_poll, Always, "waits for a block, or for news of interfaces"),
    (libc::SYS_ppoll, Always, "the same, where there is no poll"),
    #[cfg(target_arch = "arm")]
    (PPOLL_TIME64, Always, "the same, with a time that lasts beyond 2038"),
    (libc::SYS_getsockopt, Always, "what the ring lost, what became of the interface"),
    (
        libc::SYS_setsockopt,
        Only(&[Equal(1, unsigned(libc::SOL_PACKET))]),
        "promiscuous mode, what leaves on loopback",
    ),
    (libc::SYS_bind, Always, "the ring to its interface, a question to netlink"),
    (
        libc::SYS_socket,
        Only(&[Equal(FAMILY, unsigned(libc::AF_UNIX)), DATAGRAM]),
        "the index of an interface",
    ),
    (
        libc::SYS_socket,
        Only(&[Equal(FAMILY, unsigned(libc::AF_NETLINK)), Equal(2, unsigned(libc::NETLINK_ROUTE))]),
        "the flags of an interface",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::SIOCGIFINDEX))]),
        "the index of an interface",
    ),
    (libc::SYS_getsockname, Always, "the C library asks for its netlink address"),
    (libc::SYS_sendto, Only(&[OffCaptures]), "asks netlink"),
    (libc::SYS_recvfrom, Always, "news of interfaces"),
    #[cfg(target_arch = "arm")]
    (libc::SYS_recv, Always, "news of interfaces"),
    (libc::SYS_recvmsg, Always, "answers of netlink"),
    (libc::SYS_close, Always, "what it asked with"),
    (SYS_FCNTL, Only(&[Equal(1, unsigned(libc::F_GETFD))]), "checks what is about to be closed"),
];

/// To the thread that counts what interfaces lost before the ring: it has its files and sockets.
pub(in super::super) const COUNTERS: &[Row] = &[
    (libc::SYS_sendto, Only(&[OffCaptures]), "asks netlink"),
    #[cfg(target_arch = "arm")]
    (libc::SYS_send, Only(&[OffCaptures]), "asks netlink"),
    (libc::SYS_recvfrom, Always, "answers of netlink"),
    #[cfg(target_arch = "arm")]
    (libc::SYS_recv, Always, "answers of netlink"),
    (libc::SYS_read, Always, "counters of the kernel"),
    (libc::SYS_pread64, Always, "counters of the kernel, from their beginning"),
    (SYS_LSEEK, Always, "counters of the kernel, from their beginning"),
    (libc::SYS_close, Always, "at the end"),
    (SYS_FCNTL, Only(&[Equal(1, unsigned(libc::F_GETFD))]), "checks what is about to be closed"),
];

/// To the thread that writes events: to an output that is open, or to journald, which may have a
/// new socket under its old name.
pub(in super::super) const SINK: &[Row] = &[
    (libc::SYS_write, Only(&[OffCaptures]), "an event to standard output"),
    (libc::SYS_writev, Only(&[OffCaptures]), "an event to standard output"),
    (libc::SYS_sendto, Only(&[OffCaptures, Whole(4, 0)]), "an event to journald"),
    #[cfg(target_arch = "arm")]
    (libc::SYS_send, Only(&[OffCaptures]), "an event to journald"),
    (libc::SYS_connect, Always, "journald that was started again"),
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_poll, Always, "waits for journald to read"),
    (libc::SYS_ppoll, Always, "the same, where there is no poll"),
    #[cfg(target_arch = "arm")]
    (PPOLL_TIME64, Always, "the same, with a time that lasts beyond 2038"),
    (libc::SYS_close, Always, "at the end"),
    (SYS_FCNTL, Only(&[Equal(1, unsigned(libc::F_GETFD))]), "checks what is about to be closed"),
];

/// To the watchdog, which feeds the service manager, and has its own way to the log: beside what the
/// sink needs.
pub(in super::super) const WATCHDOG: &[Row] =
    &[(libc::SYS_sendto, Only(&[OffCaptures]), "tells the service manager that all is well")];

/// To `learn`, which writes one file at its end, in place of another: beside what the daemon needs.
pub(in super::super) const LEARNER: &[Row] = &[
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_rename, Always, "the file takes the other's place"),
    #[cfg(not(target_arch = "riscv64"))]
    (libc::SYS_renameat, Always, "the file takes the other's place"),
    (libc::SYS_renameat2, Always, "the file takes the other's place"),
    (libc::SYS_fchmod, Always, "with the other's permissions"),
    (libc::SYS_fsync, Always, "whole, even if the power fails"),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TIOCGWINSZ))]),
        "how wide a progress bar may be",
    ),
];
