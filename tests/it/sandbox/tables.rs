//! The tables against what the daemon really calls, as `strace` sees it: row by row, with arguments.

use std::collections::BTreeMap;
use std::process::Command;

use infra_monitor::sys::CAPTURE_FDS;
use infra_monitor::sys::seccomp;
use infra_monitor::sys::seccomp::{Filter, Is, Row, When};

use crate::netns::skip;

/// What the names of threads begin with, and their filters. Whatever is restricted has the first.
const FILTERS: [(&str, Filter); 6] = [
    ("", seccomp::process()),
    ("analysis", seccomp::analysis()),
    ("capture", seccomp::capture()),
    ("counters", seccomp::counters()),
    ("sink", seccomp::sink()),
    ("watchdog", seccomp::watchdog()),
];

/// A call that a thread made under its filters.
struct Call {
    thread: String,
    name: String,
    arguments: Vec<u64>,
}

#[test]
fn rows_that_a_demonstration_does_not_use_are_listed_with_their_reasons() {
    let Some(trace) = trace() else { return };
    let (process, calls) = calls(&trace);
    for (thread, filter) in FILTERS {
        let calls: Vec<_> = calls.iter().filter(|call| call.thread.starts_with(thread)).collect();
        assert!(calls.len() > 10, "{thread}: {}", calls.len());
        let is_meant = |row: &Row, call: &Call| is_meant(row, call, process);
        for call in &calls {
            let (name, arguments) = (&call.name, &call.arguments);
            let allowed = filter.rows().any(|row| is_meant(row, call));
            assert!(allowed, "{thread}: {name}({arguments:x?}) is in no table, and was made");
        }
        for row in filter.rows().filter(|row| !calls.iter().any(|call| is_meant(row, call))) {
            let (call, when, reason) = row;
            let name = seccomp::name(*call).unwrap();
            println!("{thread}: {name} ({when:?}) was not seen; {reason}");
        }
    }
}

/// Each call with its thread and bare arguments; `None`, aloud, where there is no `strace`.
fn trace() -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-Y", "-e", "raw=all", "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_infra_monitor"))
        .args(["demo", "--for", "6s", "--log", "json"])
        // Nobody listens there; that is enough for a watchdog to be wanted.
        .env("NOTIFY_SOCKET", "/nonexistent/notify")
        .env("WATCHDOG_USEC", "1000000")
        .output();
    let Ok(run) = run else {
        skip("no strace to see calls with");
        return None;
    };
    if !log.exists() {
        skip("strace may not watch processes here");
        return None;
    }
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{}: {errors}", run.status);
    Some(std::fs::read_to_string(&log).unwrap())
}

/// The number of the process, and the calls of each thread behind its last filter.
fn calls(trace: &str) -> (u64, Vec<Call>) {
    let mut calls: BTreeMap<&str, Vec<Call>> = BTreeMap::new();
    let (main, _) = trace.split_once('<').unwrap();
    for (number, mut call) in trace.lines().filter_map(call) {
        let calls = calls.entry(number).or_default();
        if call.name == "seccomp" && number == main {
            calls.clear(); // nothing was filtered yet
            continue;
        }
        if call.name == "seccomp" {
            call.thread.clear(); // so far it had the filter of all alone
            for call in calls.iter_mut() {
                call.thread.clear();
            }
        }
        calls.push(call);
    }
    // Threads of the simulated site began before there was a filter, and none of them is theirs.
    let calls = calls.into_values().flatten().filter(|call| call.thread != "site");
    (main.parse().unwrap(), calls.collect())
}

/// `123<sink> write(0x1, 0x7f…, 0x20) = 0x20`; nothing where a call goes on that was begun before.
fn call(line: &str) -> Option<(&str, Call)> {
    let (number, rest) = line.split_once('<')?;
    let (thread, rest) = rest.split_once("> ")?;
    let (name, rest) = rest.split_once('(')?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let arguments = rest.split([')', ' ']).map(|word| word.trim_end_matches(','));
    let arguments = arguments.map_while(|word| match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    });
    let (thread, name, arguments) = (thread.to_owned(), name.to_owned(), arguments.collect());
    Some((number, Call { thread, name, arguments }))
}

fn is_meant((number, when, _): &Row, call: &Call, process: u64) -> bool {
    let When::Only(all) = when else { return seccomp::name(*number) == Some(&call.name) };
    let whole = |at: u8| call.arguments.get(usize::from(at)).copied().unwrap_or(0);
    let low = |at: u8| whole(at) & u64::from(u32::MAX);
    let holds = |is: &Is| match *is {
        Is::Equal(at, value) => low(at) == value,
        Is::Not(at, value) => low(at) != value,
        Is::Masked(at, mask, value) => low(at) & mask == value,
        Is::Whole(at, value) => whole(at) == value,
        Is::OffCaptures => !i32::try_from(low(0)).is_ok_and(|fd| CAPTURE_FDS.contains(&fd)),
        Is::OwnProcess(at) => low(at) == process,
    };
    seccomp::name(*number) == Some(&call.name) && all.iter().all(holds)
}
