//! Descriptors that the service manager passed to this process (`sd_listen_fds(3)`).

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// All of them, each with its name (`LISTEN_FDNAMES`). They are given out once; none afterwards.
pub fn passed_fds() -> io::Result<Vec<(String, OwnedFd)>> {
    static ARE_OUT: AtomicBool = AtomicBool::new(false);
    let passed = sd_notify::listen_fds_with_names()?;
    if ARE_OUT.swap(true, Ordering::AcqRel) {
        return Ok(Vec::new());
    }
    let owned = passed.map(|(fd, name)| {
        // SAFETY: it is open, which was just asked; and it is ours, because LISTEN_PID names this
        // process: whoever started it opened these descriptors for it and told nobody else in it.
        // Nor is it given out a second time.
        (name, unsafe { OwnedFd::from_raw_fd(fd) })
    });
    Ok(owned.collect())
}
