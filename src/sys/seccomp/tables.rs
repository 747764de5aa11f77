//! The tables. Nothing else: read them side by side with the code that makes the calls.
//!
//! What is in no table of a thread's filters, such as `execve`, `ptrace`, `sendmsg` with a
//! descriptor in it, `listen` or a socket of packets, is not made.

pub(super) mod threads;

use super::Is;
use super::Is::{Equal, Masked, Not, OffCaptures, OwnProcess, Whole};
use super::Row;
use super::When::{Always, Only};
#[cfg(target_arch = "arm")]
use super::numbers::{CLOCK_GETTIME64, CLOCK_NANOSLEEP_TIME64, FUTEX_TIME64, PPOLL_TIME64};
use super::numbers::{
    PR_SET_VMA, SYS_FCNTL, SYS_FSTAT, SYS_FSTATAT, SYS_LSEEK, SYS_MMAP, request, unsigned,
};
use super::violation::REPORT_FD;

const FAMILY: u8 = 0;
const KIND: u8 = 1;
/// `socket(2)`: the rest of the argument are flags.
const KIND_BITS: u64 = 0xf;
const STREAM: Is = Masked(KIND, KIND_BITS, unsigned(libc::SOCK_STREAM));
const DATAGRAM: Is = Masked(KIND, KIND_BITS, unsigned(libc::SOCK_DGRAM));

/// A thread of this process, in no namespace of its own.
const THREAD: Is = Masked(
    0,
    unsigned(
        libc::CLONE_THREAD
            | libc::CLONE_VM
            | libc::CLONE_VFORK
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWNET
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWCGROUP,
    ),
    unsigned(libc::CLONE_THREAD | libc::CLONE_VM),
);

const fn not_executable(at: u8) -> Is {
    Masked(at, unsigned(libc::PROT_EXEC), 0)
}

/// Answered with `ENOSYS`, so that the C library does it the old way.
pub(super) const ABSENT: &[Row] = &[(
    libc::SYS_clone3,
    Always,
    "its flags are in memory, where no filter sees them; those of clone are an argument",
)];

/// Allowed to every thread: what it takes to wait, to allocate, to end, and to say why.
pub(super) const COMMON: &[Row] = &[
    (libc::SYS_futex, Always, "waits for a block, wakes the pipeline"),
    #[cfg(target_arch = "arm")]
    (FUTEX_TIME64, Always, "the same, with a time that lasts beyond 2038"),
    (libc::SYS_sched_yield, Always, "a channel's short spin"),
    (libc::SYS_clock_gettime, Always, "the clock, where the vDSO has none"),
    #[cfg(target_arch = "arm")]
    (CLOCK_GETTIME64, Always, "the same, with a time that lasts beyond 2038"),
    (libc::SYS_restart_syscall, Always, "a wait that was interrupted, taken up by the kernel"),
    // Waking a runtime that sleeps in epoll is a write of eight bytes to its eventfd(2).
    (libc::SYS_write, Only(&[OffCaptures, Whole(2, 8)]), "wakes the runtime"),
    (libc::SYS_write, Only(&[Equal(0, 2)]), "the last words of a panic or a violation"),
    (libc::SYS_writev, Only(&[Equal(0, 2)]), "the last words of a panic, or of the C library"),
    // Memory, as the allocators of Rust and C want it. Never to be executed.
    (SYS_MMAP, Only(&[not_executable(2)]), "allocates"),
    (libc::SYS_mprotect, Only(&[not_executable(2)]), "allocates: opens and guards pages"),
    (libc::SYS_munmap, Always, "frees"),
    (libc::SYS_mremap, Always, "grows an allocation"),
    (libc::SYS_madvise, Always, "frees, and keeps the address"),
    (libc::SYS_brk, Always, "allocates"),
    (libc::SYS_getrandom, Always, "seeds the allocator and hash tables"),
    (libc::SYS_sched_getaffinity, Always, "the C library counts processors to size its heap"),
    (libc::SYS_getcpu, Always, "the allocator asks which memory is near"),
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_access, Always, "the allocator counts the nodes of memory, when it first needs to"),
    (libc::SYS_faccessat, Always, "the same, where there is no access"),
    (libc::SYS_prctl, Only(&[Equal(0, PR_SET_VMA)]), "the allocator names its memory"),
    // The end: of the thread, or by a panic, which aborts the process.
    (libc::SYS_sigaltstack, Always, "a thread that ends gives up its signal stack"),
    (libc::SYS_rt_sigprocmask, Always, "a thread that ends, and abort(3), block signals"),
    (
        libc::SYS_rt_sigaction,
        Only(&[Not(0, unsigned(libc::SIGSYS))]),
        "abort(3) resets its handler; what becomes of violations stays as it is",
    ),
    (libc::SYS_rt_sigreturn, Always, "returns from a signal handler"),
    (libc::SYS_getpid, Always, "abort(3) signals itself"),
    (libc::SYS_gettid, Always, "abort(3) signals itself; a panic names its thread"),
    (libc::SYS_tgkill, Only(&[OwnProcess(0)]), "abort(3) signals itself"),
    (libc::SYS_exit, Always, "ends the thread"),
    (libc::SYS_exit_group, Always, "ends the process"),
    // The report of a violation, made by the thread itself under its own filter.
    (
        libc::SYS_prctl,
        Only(&[Equal(0, unsigned(libc::PR_GET_NAME))]),
        "a violation names its thread",
    ),
    (
        libc::SYS_sendto,
        Only(&[Equal(0, unsigned(REPORT_FD)), Whole(4, 0)]),
        "a violation is told to journald, on a socket that is connected to nothing else",
    ),
    #[cfg(target_arch = "arm")]
    (libc::SYS_send, Only(&[Equal(0, unsigned(REPORT_FD))]), "the same, by its shorter name"),
];

/// Allowed to every thread together with [`COMMON`]; the only filter of the main thread and of
/// the runtime's workers, where links, serial lines and the pipeline are tasks.
///
/// A capture socket is not sent on: each call that could is limited to other descriptors, those
/// that send one descriptor through another (`sendmsg`) or move bytes between two (`splice`,
/// `sendfile`) are not here, and `dup` is only the kind that says from where.
pub(super) const PROCESS: &[Row] = &[
    // Waiting.
    (libc::SYS_epoll_create1, Always, "the runtime's driver"),
    (libc::SYS_epoll_ctl, Always, "the runtime watches a socket or a line"),
    (libc::SYS_epoll_pwait, Always, "the runtime waits"),
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_epoll_wait, Always, "the runtime waits"),
    (libc::SYS_eventfd2, Always, "wakes the runtime"),
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_poll, Always, "a capture waits for a block, the sink for journald"),
    (libc::SYS_ppoll, Always, "the same, where there is no poll"),
    #[cfg(target_arch = "arm")]
    (PPOLL_TIME64, Always, "the same, with a time that lasts beyond 2038"),
    (libc::SYS_clock_nanosleep, Always, "a short wait of a thread; of demo's site"),
    #[cfg(target_arch = "arm")]
    (CLOCK_NANOSLEEP_TIME64, Always, "the same, with a time that lasts beyond 2038"),
    (libc::SYS_nanosleep, Always, "the same, in an older C library"),
    // Sockets.
    (
        libc::SYS_socket,
        Only(&[Equal(FAMILY, unsigned(libc::AF_INET)), STREAM]),
        "connects to a controller",
    ),
    (
        libc::SYS_socket,
        Only(&[Equal(FAMILY, unsigned(libc::AF_INET6)), STREAM]),
        "connects to a controller",
    ),
    (
        libc::SYS_socket,
        Only(&[Equal(FAMILY, unsigned(libc::AF_UNIX)), DATAGRAM]),
        "journald, the service manager, the index of an interface",
    ),
    (
        libc::SYS_socket,
        Only(&[Equal(FAMILY, unsigned(libc::AF_NETLINK)), Equal(2, unsigned(libc::NETLINK_ROUTE))]),
        "flags, changes and counters of interfaces",
    ),
    (
        libc::SYS_socketpair,
        Only(&[Equal(FAMILY, unsigned(libc::AF_UNIX)), STREAM]),
        "the runtime passes signals on",
    ),
    (libc::SYS_bind, Always, "a ring to its interface that came back, a netlink socket"),
    (libc::SYS_connect, Always, "a controller, journald"),
    (libc::SYS_getsockname, Always, "the C library asks for its netlink address"),
    (libc::SYS_getpeername, Always, "whether a connection is still there"),
    (libc::SYS_getsockopt, Always, "how a connection ended, what a ring lost"),
    (libc::SYS_setsockopt, Always, "promiscuous mode of an interface that came back, TCP_NODELAY"),
    (libc::SYS_shutdown, Always, "the orderly end of a connection"),
    (libc::SYS_recvfrom, Always, "replies"),
    (libc::SYS_recvmsg, Always, "answers of netlink"),
    #[cfg(target_arch = "arm")]
    (libc::SYS_recv, Always, "replies"),
    (libc::SYS_sendto, Only(&[OffCaptures]), "requests, events to journald"),
    #[cfg(target_arch = "arm")]
    (libc::SYS_send, Only(&[OffCaptures]), "requests, events to journald"),
    // Files and terminals.
    (libc::SYS_openat, Always, "the configuration again, certificates, serial lines"),
    (libc::SYS_close, Always, "what is no longer needed"),
    (libc::SYS_read, Always, "files, serial lines, signals"),
    (libc::SYS_readv, Always, "a connection into two buffers"),
    (libc::SYS_pread64, Always, "counters of the kernel, from their beginning"),
    (SYS_LSEEK, Always, "how much of a file is left to read"),
    (libc::SYS_write, Only(&[OffCaptures]), "requests on a serial line, events, wakes the runtime"),
    (libc::SYS_writev, Only(&[OffCaptures]), "a request and its header at once"),
    (SYS_FSTAT, Always, "the size of a file to read"),
    (SYS_FSTATAT, Always, "whether a certificate is there"),
    (libc::SYS_statx, Always, "whether a certificate is there"),
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_readlink, Always, "where a link leads"),
    (libc::SYS_readlinkat, Always, "where a link leads"),
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_mkdir, Always, "the OPC UA client makes a place for certificates, or tries to"),
    (libc::SYS_mkdirat, Always, "the same, where there is no mkdir"),
    (libc::SYS_getcwd, Always, "the OPC UA client asks where its certificates would be"),
    (libc::SYS_getdents64, Always, "counts the certificates that were rejected"),
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    (libc::SYS_unlink, Always, "takes back half a rejected certificate"),
    (libc::SYS_unlinkat, Always, "takes back half a rejected certificate"),
    (libc::SYS_flock, Always, "keeps others off a serial line"),
    (SYS_FCNTL, Only(&[Equal(1, unsigned(libc::F_GETFD))]), "checks what is about to be closed"),
    (SYS_FCNTL, Only(&[OffCaptures]), "lets a serial line not block"),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TCGETS))]), "settings of a line"),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TCSETS))]), "settings of a line"),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TCSETSW))]), "settings of a line"),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TCGETS2))]), "any rate of a line"),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TCSETS2))]), "any rate of a line"),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TCSBRK))]),
        "waits for the last byte to leave",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TCFLSH))]),
        "drops what came before",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TIOCEXCL))]),
        "keeps others off a line",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TIOCNXCL))]),
        "lets others have a line",
    ),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TIOCMGET))]), "modem lines"),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TIOCMBIS))]), "modem lines"),
    (libc::SYS_ioctl, Only(&[OffCaptures, Equal(1, request(libc::TIOCMBIC))]), "modem lines"),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::FIONREAD))]),
        "bytes that wait to be read",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TIOCOUTQ))]),
        "bytes that wait to leave",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TIOCGICOUNT))]),
        "errors the driver counted",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TIOCGRS485))]),
        "who turns the transceiver round",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::TIOCSRS485))]),
        "who turns the transceiver round",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::FIONBIO))]),
        "lets a socket not block",
    ),
    (
        libc::SYS_ioctl,
        Only(&[OffCaptures, Equal(1, request(libc::SIOCGIFINDEX))]),
        "the index of an interface",
    ),
    // Threads.
    (libc::SYS_clone, Only(&[THREAD]), "starts a thread"),
    (libc::SYS_clone3, Always, "never made: the filter in front of this one answers it"),
    (libc::SYS_set_robust_list, Always, "a thread begins"),
    (libc::SYS_rseq, Always, "a thread begins"),
    (libc::SYS_sched_setaffinity, Always, "pins a thread to its processor"),
    (
        libc::SYS_sched_setscheduler,
        Only(&[Equal(0, 0), Equal(1, unsigned(libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK))]),
        "a capture thread is served first",
    ),
    (libc::SYS_prctl, Only(&[Equal(0, unsigned(libc::PR_SET_NAME))]), "a thread says what it is"),
    (
        libc::SYS_prctl,
        Only(&[Equal(0, unsigned(libc::PR_SET_NO_NEW_PRIVS))]),
        "a thread puts itself under a narrower filter",
    ),
    (
        libc::SYS_seccomp,
        Only(&[Equal(0, libc::SECCOMP_SET_MODE_FILTER as u64)]),
        "a thread puts itself under a narrower filter",
    ),
    (
        libc::SYS_prlimit64,
        Only(&[Equal(0, 0), Whole(2, 0)]),
        "a thread asks how large its stack is",
    ),
];
