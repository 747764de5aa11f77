//! A network of our own, for those who may not capture on the real one.

use std::ffi::c_char;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{getgid, getuid};

/// Enter a new user namespace, where we hold every capability, and in it a new network namespace
/// that has nothing but `lo`, which is up when this returns.
///
/// Only for a process with a single thread; sockets that are open stay in the old network. Fails
/// where the system allows no user namespaces to plain users.
pub fn enter_user_and_network() -> io::Result<()> {
    refuse_a_namespace_without_capabilities()?;
    let (user, group) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    fs::write("/proc/self/setgroups", "deny")?; // user_namespaces(7): else gid_map is refused
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    bring_up_loopback()
}

/// Ubuntu's `AppArmor` lets everybody in and then withholds the capabilities, and there is no way
/// back out: better not to enter.
fn refuse_a_namespace_without_capabilities() -> io::Result<()> {
    let switch = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
    match fs::read_to_string(switch) {
        Ok(value) if value.trim() == "1" => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{switch} is 1")))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn bring_up_loopback() -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut name = [0; libc::IFNAMSIZ];
    for (to, from) in name.iter_mut().zip(*b"lo") {
        *to = c_char::try_from(from).map_err(io::Error::other)?; // signed on some processors
    }
    let flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).map_err(io::Error::other)?;
    let request = libc::ifreq {
        ifr_name: name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags },
    };
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which lives until the call returns, and of its union
    // only the flags, which are set (netdevice(7)).
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    Errno::result(result)?;
    Ok(())
}
