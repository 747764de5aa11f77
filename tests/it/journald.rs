//! The sink against a real systemd-journald, running, stopped, and running again.
//!
//! The test starts itself once more inside a script that runs a private journald in namespaces of
//! its own, so that it can stop it without touching the machine's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use infra_monitor::record::{Activity, Event, Kind, Ledger, SourceId};
use infra_monitor::sink::{Output, spawn};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::sync::mpsc;

/// Set in the process that runs beside the private journald.
const INSIDE: &str = "INFRA_MONITOR_TEST_INSIDE";
const NAME: &str = "journald::a_stopped_journald_stalls_nothing_and_what_it_missed_is_counted";

#[test]
fn a_stopped_journald_stalls_nothing_and_what_it_missed_is_counted() {
    if std::env::var_os(INSIDE).is_some() {
        return beside_a_private_journald();
    }
    let Some(script) = script() else { return };
    let status = Command::new(script)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// The script, if it is here and works here; says aloud if not.
fn script() -> Option<PathBuf> {
    let lab = std::env::var_os("INFRA_MONITOR_LAB")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/lab"), PathBuf::from);
    let script = lab.join("journald_alone.sh");
    if !script.exists() {
        eprintln!("skipped: no {} to run a private journald", script.display());
        return None;
    }
    let probe = Command::new(&script).args(["journalctl", "--version"]).output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a private journald does not start here (needs root and systemd)");
        return None;
    }
    Some(script)
}

fn beside_a_private_journald() {
    let journald = Pid::from_raw(std::env::var("JOURNALD_PID").unwrap().parse().unwrap());
    let (events, received) = mpsc::channel(256);
    let thread = spawn(
        Output::Journald,
        Some("pump-station-7".into()),
        received,
        || (),
        Activity::default(),
    )
    .unwrap();

    events.blocking_send(sample()).unwrap();
    let entries = entries_until(|entries| entries.len() == 1);
    assert_fields(&entries[0]);

    kill(journald, Signal::SIGSTOP).unwrap();
    let start = Instant::now();
    for _ in 0..5_000 {
        events.blocking_send(sample()).unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(5), "stalled for {:?}", start.elapsed());

    kill(journald, Signal::SIGCONT).unwrap();
    let n_later = send_until_read(&events);
    drop(events);
    assert_books(&thread.join().unwrap(), 5_001 + n_later);
}

fn sample() -> Event {
    Event::new(Kind::PollSample, SystemTime::now(), SourceId::from("line-a"), "pressure\n= 4.2 bar")
        .with("device", "pump-1")
        .with("unit", 1_u8)
        .with("tag", "pressure")
        .with("value", 4.2)
        .with("quality", "Good")
}

fn assert_fields(entry: &Value) {
    for (name, value) in [
        ("MESSAGE", "pressure\n= 4.2 bar"),
        ("PRIORITY", "6"),
        ("SYSLOG_IDENTIFIER", "infra_monitor"),
        ("MESSAGE_ID", Kind::PollSample.message_id()),
        ("IM_EVENT", "poll.sample"),
        ("IM_SOURCE", "line-a"),
        ("IM_SITE", "pump-station-7"),
        ("IM_DEVICE", "pump-1"),
        ("IM_UNIT", "1"),
        ("IM_TAG", "pressure"),
        ("IM_VALUE", "4.2"),
        ("IM_QUALITY", "Good"),
        ("IM_SEQ", "0"),
    ] {
        assert_eq!(entry[name], value, "{name} of {entry:#}");
    }
    assert_eq!(entry["IM_RUN_ID"].as_str().map(str::len), Some(32), "{entry:#}");
    assert!(humantime::parse_rfc3339(entry["IM_AT"].as_str().unwrap()).is_ok(), "{entry:#}");
}

/// Later events, until one of them arrives: the sink finds out by itself that journald reads.
fn send_until_read(events: &mpsc::Sender<Event>) -> u64 {
    let later = || Event::new(Kind::DeviceUp, SystemTime::now(), SourceId::from("line-a"), "later");
    let mut n_sent = 0;
    entries_until(|entries| {
        events.blocking_send(later()).unwrap();
        n_sent += 1;
        entries.iter().any(|entry| entry["IM_EVENT"] == "device.up")
    });
    n_sent
}

fn assert_books(ledger: &Ledger, n_sent: u64) {
    assert_eq!(ledger.entered, n_sent);
    assert!(ledger.balances(), "{ledger}");
    let n_stalled = ledger.dropped["journal_stalled"];
    assert_eq!(ledger.n_dropped(), n_stalled, "for no other reason: {ledger}");
    // In the journal: all that was written, and the sink's own word on what was not.
    let is_own = |entry: &&Value| entry["IM_SOURCE"] == "sink";
    let n_written = usize::try_from(ledger.left).unwrap();
    let entries =
        entries_until(|entries| entries.iter().filter(|entry| !is_own(entry)).count() == n_written);
    let confessed = entries.iter().filter(is_own).map(|entry| number(entry, "IM_COUNT"));
    assert_eq!(confessed.sum::<u64>(), n_stalled);
    let numbered: Vec<_> = entries.iter().map(|entry| number(entry, "IM_SEQ")).collect();
    assert!(numbered.iter().copied().eq(0..entries.len() as u64), "journald lost entries");
    eprintln!("5000 events past a stopped journald: {ledger}");
}

fn number(entry: &Value, name: &str) -> u64 {
    entry[name].as_str().unwrap().parse().unwrap()
}

/// Our entries in the journal, as soon as they are `complete`.
fn entries_until(mut complete: impl FnMut(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let entries = entries();
        if complete(&entries) {
            return entries;
        }
        assert!(Instant::now() < deadline, "only {} entries", entries.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn entries() -> Vec<Value> {
    let query = ["-o", "json", "-q", "--no-pager", "SYSLOG_IDENTIFIER=infra_monitor"];
    let output = Command::new("journalctl").args(query).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
