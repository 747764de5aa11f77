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
    match sandbox.seccomp {
        Seccomp::Enforce => sys::seccomp::install(&sys::seccomp::process()),
        Seccomp::Off => Ok(()),
    }
}
