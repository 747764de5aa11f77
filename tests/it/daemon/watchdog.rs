//! A thread of the daemon that is stopped from outside is named, and the watchdog is not fed any more.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::plant::Controller;
use super::process::{self, Daemon, ServiceManager};
use super::{TAG, capture_of_loopback, config};

/// Stop the threads of this name, and no others: a tracer can. `None`, aloud, where it may not.
fn stop_threads(daemon: &Daemon, name: &str) -> Option<Vec<Pid>> {
    let threads = daemon.thread_ids(name);
    assert!(!threads.is_empty(), "no thread is called {name}");
    for thread in &threads {
        match ptrace::seize(*thread, ptrace::Options::PTRACE_O_EXITKILL) {
            Ok(()) => ptrace::interrupt(*thread).unwrap(),
            Err(error @ (Errno::EPERM | Errno::ENOSYS)) => {
                eprintln!("skipped: a thread cannot be stopped by ptrace(2) here: {error}");
                return None;
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    Some(threads)
}

/// How often the watchdog is fed in a time in which it is due six times.
fn n_fed(systemd: &ServiceManager) -> usize {
    let started = Instant::now();
    let all = systemd.within(Duration::from_millis(1_200));
    assert!(started.elapsed() >= Duration::from_millis(1_200));
    all.iter().filter(|told| *told == "WATCHDOG=1").count()
}

/// Stop all threads of this name and see that `gate` is told to have stalled; then let go.
fn is_noticed(capture: &str, thread: &str, gate: &str) {
    let (controller, systemd) = (Controller::start(), ServiceManager::listen());
    let daemon =
        Daemon::start_under(&systemd, &(config(&[("line-a", &controller, "20ms")]) + capture));
    systemd.wait_for("READY=1");
    systemd.wait_for("WATCHDOG=1");
    let Some(stopped) = stop_threads(&daemon, thread) else { return };
    // Workers that are stopped one after the other hold up the timer first.
    systemd.wait_for_stall_of(gate);
    assert_eq!(n_fed(&systemd), 0, "{gate} hangs");
    for thread in stopped {
        ptrace::detach(thread, None).unwrap_or_else(|error| eprintln!("{gate}: {error}"));
    }
    daemon.signal(Signal::SIGKILL);
    let (_, errors) = daemon.end_unread();
    let told = errors.lines().find(|line| line.contains("daemon.stalled") && line.contains(gate));
    assert!(told.is_some_and(|line| line.contains("has not moved for")), "{errors}");
}

#[test]
fn workers_that_hang_are_named_and_the_watchdog_starves() {
    is_noticed("", "runtime", "pipeline");
}

#[test]
fn a_sink_that_hangs_is_named_and_the_watchdog_starves() {
    is_noticed("", "sink", "sink");
}

#[test]
fn a_capture_thread_that_hangs_is_named_and_the_watchdog_starves() {
    if process::may_capture() {
        is_noticed(&capture_of_loopback(), "capture lo", "capture lo");
    } else {
        eprintln!("skipped: captures need root");
    }
}

#[test]
fn an_analyser_that_hangs_is_named_and_the_watchdog_starves() {
    if process::may_capture() {
        is_noticed(&capture_of_loopback(), "analysis lo", "analysis lo");
    } else {
        eprintln!("skipped: captures need root");
    }
}

#[test]
fn a_reader_of_the_log_that_hangs_is_no_reason_to_restart() {
    let (controller, systemd) = (Controller::start(), ServiceManager::listen());
    let tags: Vec<_> = (0..100).map(|n| TAG.replace("\"n\"", &format!("\"n{n}\""))).collect();
    let text = config(&[("line-a", &controller, "20ms")]).replace(TAG, &tags.join(", "));
    let _daemon = Daemon::start_unread_under(&systemd, &text);
    systemd.wait_for("READY=1");
    // The pipe is full then, and so is the queue before it.
    while systemd.wait_for("STATUS=").ends_with("not logged 0") {}
    assert!(n_fed(&systemd) >= 2);
}
