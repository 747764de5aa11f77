//! The tables. Nothing else: read them side by side with the code that makes the calls.

use std::ffi::c_long;

use super::Row;
use super::When::{Always, Equals, NotExecutable, SmallTransfer};

#[cfg(target_arch = "arm")]
const SYS_MMAP: c_long = libc::SYS_mmap2;
#[cfg(not(target_arch = "arm"))]
const SYS_MMAP: c_long = libc::SYS_mmap;

#[cfg(target_arch = "riscv64")]
const SYS_KEXEC_FILE_LOAD: c_long = 294; // include/uapi/asm-generic/unistd.h; not in libc yet
#[cfg(not(target_arch = "riscv64"))]
const SYS_KEXEC_FILE_LOAD: c_long = libc::SYS_kexec_file_load;

/// Denied with `EPERM` to every thread. (An allow-list for each kind of thread is narrower; until
/// there is one for all of them, this is the floor: a kernel with the x32 ABI knows these calls by
/// other numbers too, and a deny-list does not see those.)
pub(super) const PROCESS: &[Row] = &[
    (libc::SYS_execve, Always, "runs another program"),
    (libc::SYS_execveat, Always, "runs another program"),
    (libc::SYS_ptrace, Always, "reads and writes another process"),
    (libc::SYS_process_vm_readv, Always, "reads another process"),
    (libc::SYS_process_vm_writev, Always, "writes another process"),
    (libc::SYS_process_madvise, Always, "acts on another process"),
    (libc::SYS_pidfd_getfd, Always, "takes descriptors from another process"),
    (libc::SYS_kcmp, Always, "compares the kernel objects of processes"),
    (libc::SYS_bpf, Always, "loads programs into the kernel"),
    (libc::SYS_perf_event_open, Always, "samples kernel and processes"),
    (libc::SYS_userfaultfd, Always, "stalls the kernel in a page fault, which exploits need"),
    (libc::SYS_io_uring_setup, Always, "makes calls that no filter sees"),
    (libc::SYS_init_module, Always, "loads a kernel module"),
    (libc::SYS_finit_module, Always, "loads a kernel module"),
    (libc::SYS_delete_module, Always, "unloads a kernel module"),
    (libc::SYS_kexec_load, Always, "replaces the kernel"),
    (SYS_KEXEC_FILE_LOAD, Always, "replaces the kernel"),
    (libc::SYS_reboot, Always, "stops the machine"),
    (libc::SYS_mount, Always, "changes the file tree"),
    (libc::SYS_umount2, Always, "changes the file tree"),
    (libc::SYS_pivot_root, Always, "changes the file tree"),
    (libc::SYS_chroot, Always, "changes the file tree"),
    (libc::SYS_move_mount, Always, "changes the file tree"),
    (libc::SYS_open_tree, Always, "changes the file tree"),
    (libc::SYS_fsopen, Always, "changes the file tree"),
    (libc::SYS_fsconfig, Always, "changes the file tree"),
    (libc::SYS_fsmount, Always, "changes the file tree"),
    (libc::SYS_fspick, Always, "changes the file tree"),
    (libc::SYS_mount_setattr, Always, "changes the file tree"),
    (libc::SYS_swapon, Always, "changes memory management"),
    (libc::SYS_swapoff, Always, "changes memory management"),
    (libc::SYS_quotactl, Always, "changes disk quotas"),
    (libc::SYS_acct, Always, "logs processes to a file of the caller's choice"),
    (libc::SYS_open_by_handle_at, Always, "opens files around the permissions of their path"),
    (libc::SYS_unshare, Always, "enters a namespace, where new capabilities come from"),
    (libc::SYS_setns, Always, "enters a namespace, where new capabilities come from"),
    (libc::SYS_add_key, Always, "uses the kernel's key store"),
    (libc::SYS_request_key, Always, "uses the kernel's key store, and may run a program"),
    (libc::SYS_keyctl, Always, "uses the kernel's key store"),
    (libc::SYS_settimeofday, Always, "sets the clock"),
    (libc::SYS_clock_settime, Always, "sets the clock"),
    (libc::SYS_clock_adjtime, Always, "sets the clock"),
    (libc::SYS_adjtimex, Always, "sets the clock"),
    (libc::SYS_sethostname, Always, "renames the machine"),
    (libc::SYS_setdomainname, Always, "renames the machine"),
    (libc::SYS_syslog, Always, "reads the kernel log and its addresses"),
    (libc::SYS_personality, Always, "switches hardening off"),
    (libc::SYS_vhangup, Always, "hangs up a terminal"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_iopl, Always, "opens the I/O ports"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ioperm, Always, "opens the I/O ports"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_modify_ldt, Always, "changes segments, which exploits need"),
];

/// Allowed to an analysis thread, which parses what strangers send. It opens, connects and starts
/// nothing; blocks come and reports leave through memory.
pub(super) const ANALYSIS: &[Row] = &[
    (libc::SYS_futex, Always, "waits for a block, wakes the pipeline"),
    (libc::SYS_sched_yield, Always, "a channel's short spin"),
    (libc::SYS_clock_gettime, Always, "the clock, where the vDSO has none"),
    (libc::SYS_restart_syscall, Always, "a wait that was interrupted, taken up by the kernel"),
    // Waking a runtime that sleeps in epoll is a write of eight bytes to its eventfd(2).
    (libc::SYS_write, SmallTransfer(8), "wakes the runtime"),
    (libc::SYS_write, Equals(0, 2), "the last words of a panic"),
    (libc::SYS_writev, Equals(0, 2), "the last words of a panic, or of the C library"),
    // Memory, as the allocators of Rust and C want it. Never to be executed.
    (SYS_MMAP, NotExecutable(2), "allocates"),
    (libc::SYS_mprotect, NotExecutable(2), "allocates: opens and guards pages"),
    (libc::SYS_munmap, Always, "frees"),
    (libc::SYS_mremap, Always, "grows an allocation"),
    (libc::SYS_madvise, Always, "frees, and keeps the address"),
    (libc::SYS_brk, Always, "allocates"),
    (libc::SYS_getrandom, Always, "seeds the allocator and hash tables"),
    (libc::SYS_sched_getaffinity, Always, "the C library counts processors to size its heap"),
    (libc::SYS_getcpu, Always, "the allocator asks which memory is near"),
    (libc::SYS_prctl, Equals(0, 0x5356_4d41), "PR_SET_VMA: the allocator names its memory"),
    // The end: of the thread, or by a panic, which aborts the process.
    (libc::SYS_sigaltstack, Always, "a thread that ends gives up its signal stack"),
    (libc::SYS_rt_sigprocmask, Always, "a thread that ends, and abort(3), block signals"),
    (libc::SYS_rt_sigaction, Always, "abort(3) resets its handler"),
    (libc::SYS_rt_sigreturn, Always, "returns from a signal handler"),
    (libc::SYS_getpid, Always, "abort(3) signals itself"),
    (libc::SYS_gettid, Always, "abort(3) signals itself; a panic names its thread"),
    (libc::SYS_tgkill, Always, "abort(3) signals itself"),
    (libc::SYS_exit, Always, "ends the thread"),
    (libc::SYS_exit_group, Always, "ends the process"),
];
