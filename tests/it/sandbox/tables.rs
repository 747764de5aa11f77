//! The tables against what the daemon really calls, as `strace` sees it.

use std::collections::BTreeSet;
use std::process::Command;

use infra_monitor::sys::seccomp;
use infra_monitor::sys::seccomp::Filter;

use crate::netns::skip;

const FILTERS: [(&str, Filter); 5] = [
    ("process", seccomp::process()),
    ("analysis", seccomp::analysis()),
    ("capture", seccomp::capture()),
    ("counters", seccomp::counters()),
    ("sink", seccomp::sink()),
];

/// Rows for other kernels, other C libraries and other cases stay unused here: they are listed with
/// their reasons, to be judged by whoever reads this.
#[test]
fn rows_that_a_demonstration_does_not_use_are_listed_with_their_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_infra_monitor"))
        .args(["demo", "--for", "6s", "--log", "json"])
        .output();
    let Ok(run) = run else { return skip("no strace to see calls with") };
    if !log.exists() {
        return skip("strace may not watch processes here");
    }
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{}: {errors}", run.status);
    let text = std::fs::read_to_string(&log).unwrap();
    let seen: BTreeSet<_> = text.lines().filter_map(call).collect();
    for call in ["futex", "sendto", "recvfrom", "epoll_ctl", "clone", "clone3", "seccomp", "ioctl"]
    {
        assert!(seen.contains(call), "{call} was not seen: {seen:?}");
    }
    for (thread, filter) in FILTERS {
        for (call, when, reason) in filter.rows() {
            let name = seccomp::name(*call).unwrap();
            if !seen.contains(name) {
                println!("{thread}: {name} ({when:?}) was not seen; {reason}");
            }
        }
    }
}

/// `123 futex(…) = 0`, or `123 <... futex resumed>) = 0`.
fn call(line: &str) -> Option<&str> {
    let (_, call) = line.split_once(' ')?;
    let (name, _) = call.trim_start().split_once('(')?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
}
