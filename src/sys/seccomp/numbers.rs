//! Numbers of the kernel that the C library's headers spell differently, or not at all.

use std::ffi::{c_int, c_long, c_ulong};

#[cfg(target_arch = "arm")]
mod own {
    use super::c_long;

    pub(in super::super) const SYS_MMAP: c_long = libc::SYS_mmap2;
    pub(in super::super) const SYS_FCNTL: c_long = libc::SYS_fcntl64;
    pub(in super::super) const SYS_LSEEK: c_long = libc::SYS__llseek;
    pub(in super::super) const SYS_FSTAT: c_long = libc::SYS_fstat64;
    pub(in super::super) const SYS_FSTATAT: c_long = libc::SYS_fstatat64;
    // Numbers above 402 are the same on all 32-bit processors (include/uapi/asm-generic/unistd.h).
    pub(in super::super) const CLOCK_GETTIME64: c_long = 403;
    pub(in super::super) const CLOCK_NANOSLEEP_TIME64: c_long = 407;
    pub(in super::super) const PPOLL_TIME64: c_long = 414;
    pub(in super::super) const FUTEX_TIME64: c_long = 422;
}

#[cfg(not(target_arch = "arm"))]
mod own {
    use super::c_long;

    pub(in super::super) const SYS_MMAP: c_long = libc::SYS_mmap;
    pub(in super::super) const SYS_FCNTL: c_long = libc::SYS_fcntl;
    pub(in super::super) const SYS_LSEEK: c_long = libc::SYS_lseek;
    pub(in super::super) const SYS_FSTAT: c_long = libc::SYS_fstat;
    pub(in super::super) const SYS_FSTATAT: c_long = libc::SYS_newfstatat;
}

pub(super) use own::*;

/// `prctl(PR_SET_VMA)`: include/uapi/linux/prctl.h.
pub(super) const PR_SET_VMA: u64 = 0x5356_4d41;

/// An `int` as the kernel compares it: its low 32 bits.
pub(super) const fn unsigned(value: c_int) -> u64 {
    value.unsigned_abs() as u64
}

/// The request of an `ioctl`.
pub(super) const fn request(value: c_ulong) -> u64 {
    value as _
}
