//! The demonstration keeps its promise: everything it names is seen within 15 seconds, by root
//! and by a user without any privilege.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::netns::skip;
use crate::program::Run;
use crate::program::program;
use crate::program::program_as_nobody;

/// What polling shows, with or without a wire to look at.
const POLLED: [&str; 6] = [
    "poll.sample",
    "limit.exceeded",
    "limit.returned",
    "reply.corrupt",
    "reply.late",
    "ledger.report",
];
/// What only frames show.
const CAPTURED: [&str; 2] = ["modbus.write", "checksum.invalid"];

/// Events of a run of 15 seconds.
fn events_of(mut command: Command) -> Vec<Value> {
    let output = command.args(["demo", "--for", "15s", "--log", "json"]).output().unwrap();
    let run = Run::from(output);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn assert_all_shown(events: &[Value], promised: impl IntoIterator<Item = &'static str>) {
    for name in promised {
        assert!(events.iter().any(|event| event["event"] == name), "{name} is missing");
    }
    let levels: BTreeSet<String> = events
        .iter()
        .filter(|event| event["event"] == "poll.sample" && event["tag"] == "level")
        .map(|event| event["value"].to_string())
        .collect();
    assert!(levels.len() > 5, "the level hardly moves: {levels:?}");
    for ledger in events.iter().filter(|event| event["event"] == "ledger.report") {
        assert_eq!(ledger["balances"], true, "{ledger}");
    }
}

#[test]
fn root_sees_everything_within_15_seconds() {
    if !nix::unistd::geteuid().is_root() {
        skip("needs root");
        return;
    }
    assert_all_shown(&events_of(program()), POLLED.into_iter().chain(CAPTURED));
}

#[test]
fn a_plain_user_sees_everything_within_15_seconds() {
    let Some((command, _folder)) = program_as_nobody() else { return };
    if !user_namespaces_are_allowed() {
        skip("plain users may not create user namespaces here");
        return;
    }
    assert_all_shown(&events_of(command), POLLED.into_iter().chain(CAPTURED));
}

fn user_namespaces_are_allowed() -> bool {
    let mut trial = Command::new("setpriv");
    trial.args(["--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "-Urn", "true"]);
    trial.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn where_user_namespaces_are_off_the_demo_says_so_and_goes_on() {
    // A user namespace that may hold no further one stands for a system without them; in it, root
    // is nobody to the network outside.
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c"]);
    command.arg("echo 0 >/proc/sys/user/max_user_namespaces || exit 99; exec \"$@\"").arg("sh");
    command.arg(program().get_program());
    let output = command.args(["demo", "--for", "4s"]).output().unwrap();
    let run = Run::from(output);
    if run.stderr.contains("unshare:") || run.code == Some(99) {
        skip(&format!("cannot make a place without user namespaces: {}", run.stderr));
        return;
    }
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("not captured"), "{}", run.stdout);
    assert!(run.stdout.contains("balance, to the unit"), "{}", run.stdout);
    assert!(!run.stdout.contains("modbus.write"), "promised and not shown: {}", run.stdout);
}

#[test]
fn the_readable_demo_explains_itself_and_closes_its_books_at_ctrl_c() {
    let mut child =
        program().arg("demo").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains(FIRST_ACT) {
        assert_ne!(reader.read_line(&mut text).unwrap(), 0, "it ended early: {text}");
    }
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}");
    for part in ["simulated pump station", "poll.sample", "balance, to the unit"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_demo_ends_when_nobody_reads_it_any_more() {
    for log in ["text", "json"] {
        let mut demo = program();
        demo.args(["demo", "--log", log]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = demo.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
    }
}

const FIRST_ACT: &str = "▸ somebody else writes";
