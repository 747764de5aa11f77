//! Restrict: what the process gives up once it holds what it needs.
//!
//! Capabilities, `no_new_privs` and filters belong to a thread and are inherited by those it
//! makes: this runs before there is a second one. A socket that is open stays usable and can be
//! bound again to an interface that came back; a new packet socket needs a restart.

use std::io;

use crate::config::Sandbox;
use crate::config::Seccomp;
use crate::sys;

pub(super) fn restrict(sandbox: Sandbox) -> io::Result<()> {
    sys::privilege::drop_capabilities()?;
    confine(&sys::seccomp::process(), sandbox.seccomp)
}

/// Put this thread under a filter, if the operator lets us and the processor is one for which
/// filters can be written (all but 32-bit ARM).
pub(super) fn confine(filter: &sys::seccomp::Filter, seccomp: Seccomp) -> io::Result<()> {
    match seccomp {
        Seccomp::Off => Ok(()),
        Seccomp::Enforce => match sys::seccomp::install(filter) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!(%error, "no system call filter on this processor");
                Ok(())
            }
            outcome => outcome,
        },
    }
}
