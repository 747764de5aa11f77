//! Tests that measure their own process, each in a process of its own, and what they measure.

use std::fs;
use std::process::Command;

/// Set in that process, to the name of the test.
const ALONE: &str = "INFRA_MONITOR_TEST_ALONE";

/// Run `body` of the test of this name, and nothing beside it.
pub(crate) fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some_and(|test| test == name) {
        return body();
    }
    let mut test = Command::new(std::env::current_exe().unwrap());
    let run = test.args([name, "--exact", "--nocapture"]).env(ALONE, name).output().unwrap();
    let (told, failures) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    print!("{told}");
    eprint!("{failures}");
    assert!(run.status.success() && told.contains("test result: ok. 1 passed"), "{name}");
}

/// Memory of a process that is in use, in KiB (`VmRSS`, `proc_pid_status(5)`); `self` is this one.
pub(crate) fn resident_kib(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A number from the environment, where somebody wants more than a quick run.
pub(crate) fn wish(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
