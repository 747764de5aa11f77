//! Who we are, and how to give up every capability, for good.

use std::ffi::{c_int, c_ulong};
use std::io;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::geteuid;

/// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h): two sets of 32 bits each.
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;
/// More than any kernel has; the first unknown one ends the walk.
const MAX_CAPABILITY: c_ulong = 63;

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    /// 0: the calling thread.
    pid: c_int,
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// True for the user that owns the machine. One that is root only in a user namespace, which the
/// kernel takes for a plain user outside of it, is not (`user_namespaces(7)`).
pub fn is_root() -> bool {
    // Where /proc is hidden nothing speaks for a namespace.
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    geteuid().is_root() && root_outside(&map) != Some(false)
}

/// Whether user 0 of a namespace is user 0 of the one around it. A line of the map is: first user
/// inside, first user outside, how many.
fn root_outside(map: &str) -> Option<bool> {
    let first = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    let outside = map.lines().filter_map(first).find(|(inside, _)| *inside == 0);
    outside.map(|(_, outside)| outside == 0)
}

/// Empty the bounding, ambient, effective, permitted and inheritable sets and set `no_new_privs`.
///
/// Capabilities belong to a thread: call this before any other exists. What is open stays open.
pub fn drop_capabilities() -> io::Result<()> {
    prctl::set_no_new_privs()?;
    empty_bounding_set()?;
    empty_ambient_set()?;
    empty_own_sets()
}

/// Without `CAP_SETPCAP` the set cannot be changed; nor does it matter then, because with
/// `no_new_privs` no program we could start gains a capability from it.
fn empty_bounding_set() -> io::Result<()> {
    for capability in 0..=MAX_CAPABILITY {
        // SAFETY: PR_CAPBSET_DROP takes one number and touches no memory.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        match Errno::result(result) {
            Ok(_) => (),
            Err(Errno::EINVAL | Errno::EPERM) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn empty_ambient_set() -> io::Result<()> {
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL;
    // SAFETY: PR_CAP_AMBIENT takes numbers only and touches no memory.
    Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, clear, 0, 0, 0) })?;
    Ok(())
}

fn own_sets() -> io::Result<[Sets; 2]> {
    let mut header = Header { version: CAPABILITY_VERSION_3, pid: 0 };
    let mut sets = [Sets::default(); 2];
    // SAFETY: version 3 reads and may write one header, and writes two sets; both live until the
    // call returns, and any bits are a valid `Sets`.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    Errno::result(result)?;
    Ok(sets)
}

/// Nothing is asked for where nothing is left: a service manager that gave none may refuse the call.
fn empty_own_sets() -> io::Result<()> {
    if own_sets()? == [Sets::default(); 2] {
        return Ok(());
    }
    let header = Header { version: CAPABILITY_VERSION_3, pid: 0 };
    let sets = [Sets::default(); 2];
    // SAFETY: version 3 reads one header and two sets, which live until the call returns; it writes
    // the header only where it does not know the version, and a copy of ours may be lost.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    Errno::result(result)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_of_a_namespace_is_a_plain_user_outside() {
        assert_eq!(root_outside("         0          0 4294967295\n"), Some(true));
        assert_eq!(root_outside("         0       1000          1\n"), Some(false));
        assert_eq!(
            root_outside("         1     100000      65536\n         0 1000 1\n"),
            Some(false)
        );
        assert_eq!(root_outside(""), None);
    }
}
