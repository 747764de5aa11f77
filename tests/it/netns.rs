//! Network namespaces joined by a veth pair, made for one test and removed with it.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use infra_monitor::sys::spawn_pinned;
use nix::sched::{CloneFlags, setns};

/// A named network namespace, without IPv6, so that nothing speaks unasked.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// `None`, aloud, where we may not make one.
    pub(crate) fn new(role: &str) -> Option<Self> {
        static N_MADE: AtomicU32 = AtomicU32::new(0);
        let n = N_MADE.fetch_add(1, Ordering::Relaxed);
        let namespace = Self { name: format!("im-{}-{n}-{role}", std::process::id()) };
        let made = Command::new("ip").args(["netns", "add", &namespace.name]).output();
        match made {
            Ok(made) if made.status.success() => (),
            failed => {
                skip(&format!("cannot make a network namespace: {failed:?}"));
                return None;
            }
        }
        namespace.ip("link set lo up");
        namespace.spawn(silence_ipv6).join().unwrap();
        Some(namespace)
    }

    /// As `ip netns` knows it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Run `ip` in it. Panics if that fails.
    pub(crate) fn ip(&self, arguments: &str) {
        let ip = Command::new("ip")
            .args(["-n", self.name()])
            .args(arguments.split_whitespace())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(ip.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&ip.stderr));
    }

    /// Start a thread in it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let namespace = File::open(format!("/var/run/netns/{}", self.name)).unwrap();
        spawn_pinned(self.name.clone(), None, move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            body()
        })
        .unwrap()
    }

    /// Join it with `peer` by two interfaces of this name, both up.
    pub(crate) fn join(&self, peer: &Self, interface: &str) {
        self.ip(&format!(
            "link add {interface} type veth peer name {interface} netns {}",
            peer.name
        ));
        for end in [peer, self] {
            end.ip(&format!("link set {interface} up"));
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "del", &self.name]).status().ok();
    }
}

/// In the network of the calling thread, for interfaces yet to come.
fn silence_ipv6() {
    let switch = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    if fs::exists(switch).unwrap() {
        fs::write(switch, "1").unwrap();
    }
}

/// Say that a test is not run here.
pub(crate) fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}
