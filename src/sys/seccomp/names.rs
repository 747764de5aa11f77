//! Names of system calls: of those in our tables, and of those that an intruder would make.

use std::ffi::c_long;

/// `None` for the many that mean nothing here.
pub fn name(call: c_long) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == call).map(|(_, name)| *name)
}

macro_rules! names {
    ($($(#[$condition:meta])* $call:ident)+) => {
        &[$($(#[$condition])* (libc::$call, stringify!($call).split_at(4).1)),+]
    };
}

const NAMES: &[(c_long, &str)] = names! {
    SYS_accept4 SYS_bind SYS_bpf SYS_brk SYS_capset SYS_chdir SYS_chroot SYS_clock_adjtime
    SYS_clock_gettime SYS_clock_nanosleep SYS_clock_settime SYS_clone SYS_clone3 SYS_close
    SYS_connect SYS_delete_module SYS_dup SYS_dup3 SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait
    SYS_eventfd2 SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_faccessat SYS_fchmod SYS_fchmodat SYS_fchownat
    SYS_finit_module SYS_flock SYS_fsync SYS_futex SYS_getcpu SYS_getcwd SYS_getdents64 SYS_getpeername
    SYS_getpid SYS_getrandom SYS_getsockname SYS_getsockopt SYS_gettid SYS_init_module
    SYS_io_uring_setup SYS_ioctl SYS_kcmp SYS_kexec_load SYS_keyctl SYS_kill SYS_linkat SYS_listen
    SYS_madvise SYS_memfd_create SYS_mkdirat SYS_mount SYS_mprotect SYS_mremap SYS_munmap
    SYS_nanosleep SYS_open_by_handle_at SYS_openat SYS_openat2 SYS_perf_event_open SYS_personality
    SYS_pidfd_getfd SYS_pidfd_open SYS_pipe2 SYS_pivot_root SYS_ppoll SYS_prctl SYS_pread64
    SYS_prlimit64 SYS_process_vm_readv SYS_process_vm_writev SYS_ptrace SYS_pwrite64 SYS_read
    SYS_readlinkat SYS_readv SYS_reboot SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_renameat2
    SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn
    SYS_sched_getaffinity SYS_sched_setaffinity SYS_sched_setscheduler SYS_sched_yield SYS_seccomp
    SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_set_robust_list SYS_setns SYS_setpriority SYS_setsockopt
    SYS_setuid SYS_shutdown SYS_sigaltstack SYS_socket SYS_socketpair SYS_splice SYS_statx
    SYS_symlinkat SYS_sysinfo SYS_tgkill SYS_tkill SYS_umount2 SYS_uname SYS_unlinkat SYS_unshare
    SYS_userfaultfd SYS_utimensat SYS_vmsplice SYS_wait4 SYS_write SYS_writev
    #[cfg(target_arch = "arm")] SYS__llseek
    #[cfg(target_arch = "arm")] SYS_fcntl64
    #[cfg(target_arch = "arm")] SYS_fstat64
    #[cfg(target_arch = "arm")] SYS_fstatat64
    #[cfg(target_arch = "arm")] SYS_mmap2
    #[cfg(target_arch = "arm")] SYS_recv
    #[cfg(target_arch = "arm")] SYS_send
    #[cfg(not(target_arch = "arm"))] SYS_fcntl
    #[cfg(not(target_arch = "arm"))] SYS_fstat
    #[cfg(not(target_arch = "arm"))] SYS_lseek
    #[cfg(not(target_arch = "arm"))] SYS_mmap
    #[cfg(not(target_arch = "arm"))] SYS_newfstatat
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_access
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_dup2
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_epoll_wait
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_fork
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_mkdir
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_open
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_poll
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_readlink
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_rename
    #[cfg(not(target_arch = "riscv64"))] SYS_renameat
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_unlink
    #[cfg(any(target_arch = "arm", target_arch = "x86_64"))] SYS_vfork
};
