//! What a filter or the loss of capabilities forbids, tried in a process of its own.

mod files;
mod installed;
#[cfg(target_arch = "x86_64")] // whose registers it exchanges
mod intruder;
mod refused;
mod tables;
mod violations;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use infra_monitor::capture;
use infra_monitor::config::Capture;
use infra_monitor::sys::inject::Injector;
use infra_monitor::sys::seccomp;
use infra_monitor::sys::seccomp::Mode;
use infra_monitor::sys::{namespace, privilege, spawn_pinned};
use nix::sys::prctl::set_dumpable;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Uid, fork, getuid, setuid};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::netns::skip;

/// Names the case that this process is to try; unset in the process that judges.
const CASE: &str = "IM_SANDBOX_CASE";

/// Try `case` in a child process.
fn attempt(case: &str) -> Output {
    attempt_with(case, &[])
}

fn attempt_with(case: &str, environment: &[(&str, &OsStr)]) -> Output {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "sandbox::in_a_child_process", "--nocapture"])
        .env(CASE, case)
        .envs(environment.iter().copied())
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap()
}

#[track_caller]
fn assert_ends(case: &str, signal: Option<i32>) {
    let child = attempt(case);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert_eq!(child.status.signal(), signal, "{case}: {}: {errors}", child.status);
    assert!(signal.is_some() || child.status.success(), "{case}: {}: {errors}", child.status);
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skip("needs root");
    }
    root
}

#[test]
fn an_analyser_can_do_its_work_under_its_filter() {
    assert_ends("analysis works", None);
}

#[test]
fn an_analyser_that_aborts_is_not_mistaken_for_one_that_broke_its_filter() {
    assert_ends("analysis aborts", Some(libc::SIGABRT));
}

#[test]
fn an_analyser_that_opens_connects_or_starts_anything_is_killed() {
    for case in ["runs a program", "opens a socket", "opens a file", "makes memory executable"] {
        assert_ends(&format!("analysis {case}"), Some(libc::SIGSYS));
    }
}

#[test]
fn no_thread_of_the_process_starts_programs_or_enters_namespaces() {
    assert_ends("process runs a program", Some(libc::SIGSYS));
    assert_ends("process enters a namespace", Some(libc::SIGSYS));
}

#[test]
fn a_capture_can_do_its_work_under_its_filter() {
    if is_root() {
        assert_ends("capture works", None);
    }
}

#[test]
fn without_capabilities_nothing_can_be_opened_any_more() {
    if is_root() {
        assert_ends("capabilities", None);
    }
}

#[test]
fn a_plain_user_captures_in_a_network_of_its_own() {
    if is_root() {
        assert_ends("own network", None);
    }
}

/// The other side of [`attempt`]; by itself it does nothing.
#[test]
fn in_a_child_process() {
    let Ok(case) = env::var(CASE) else { return };
    match case.as_str() {
        "analysis works" => analysis_works(),
        "analysis aborts" => in_analysis(|| std::process::abort()),
        "analysis runs a program" => in_analysis(run_a_program),
        "analysis opens a socket" => in_analysis(|| drop(std::net::UdpSocket::bind("127.0.0.1:0"))),
        "analysis opens a file" => in_analysis(|| drop(fs::read("/etc/hostname"))),
        "analysis makes memory executable" => in_analysis(map_executable),
        "process runs a program" => in_process(run_a_program),
        "process enters a namespace" => in_process(enter_a_namespace),
        "capture works" => capture_works(),
        "audited violation" => violations::commit_audited(),
        "no packet sockets" => refused::run_without_packet_sockets(),
        "territory" => files::stay_inside(),
        "capabilities" => lose_capabilities(),
        "own network" => own_network(),
        case => match case.strip_prefix("violation ") {
            Some(case) => violations::commit(case),
            None => panic!("no such case: {case}"),
        },
    }
}

fn in_analysis(body: impl FnOnce() + Send + 'static) {
    let thread = spawn_pinned("analysis".to_owned(), None, || {
        seccomp::install(&seccomp::analysis(), Mode::Enforce).unwrap();
        body();
    });
    thread.unwrap().join().unwrap();
}

fn in_process(body: impl FnOnce()) {
    seccomp::install_for_process(&seccomp::process(), Mode::Enforce).unwrap();
    body();
}

/// What an analyser does: wait for blocks, allocate, wake a runtime that sleeps in `epoll`, end.
fn analysis_works() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (blocks, mut inbox) = mpsc::channel::<Vec<u8>>(4);
    let (reports, mut outbox) = mpsc::channel(4);
    let thread = spawn_pinned("analysis".to_owned(), None, move || {
        seccomp::install(&seccomp::analysis(), Mode::Enforce).unwrap();
        while let Some(block) = inbox.blocking_recv() {
            let copies = vec![block; 64];
            reports.blocking_send(copies.concat().len()).unwrap();
        }
    });
    runtime.block_on(async {
        for len in [1, 1 << 10, 1 << 20] {
            blocks.send(vec![1; len]).await.unwrap();
            assert_eq!(outbox.recv().await, Some(64 * len));
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    drop(blocks);
    thread.unwrap().join().unwrap();
}

fn run_a_program() {
    drop(Command::new("/bin/true").status());
}

fn enter_a_namespace() {
    namespace::enter_user_and_network().unwrap();
}

/// Bound, counted and handed on by a thread that could open none itself.
fn capture_works() {
    let mut opened = capture::open(&Capture::new("lo"), 0).unwrap();
    seccomp::install_for_process(&seccomp::process(), Mode::Enforce).unwrap();
    let (deliveries, mut received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let thread = spawn_pinned("capture lo".to_owned(), None, move || {
        seccomp::install(&seccomp::capture(), Mode::Enforce).unwrap();
        capture::run(&mut opened, &deliveries, &stopped).unwrap();
    });
    assert!(received.blocking_recv().is_some(), "the state of the interface");
    stop.cancel();
    while received.blocking_recv().is_some() {}
    thread.unwrap().join().unwrap();
}

fn map_executable() {
    drop(memmap2::MmapMut::map_anon(4096).unwrap().make_exec());
}

fn lose_capabilities() {
    privilege::drop_capabilities().unwrap();
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    for line in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{line}:\t0000000000000000\n")), "{line}: {status}");
    }
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    let refused = capture::open(&Capture::new("lo"), 0).unwrap_err();
    assert!(matches!(refused, capture::CaptureError::NoPermission { .. }), "{refused}");
}

/// A plain user's way to a capture, and onto the wire. In a fork, because a user namespace is only
/// open to a process of one thread, and a test is run on a second one.
#[expect(unsafe_code, reason = "there is no safe way to become a process of one thread")]
fn own_network() {
    // SAFETY: the only other thread waits for this test to end; it holds no lock that the child,
    // where it does not exist, could wait for.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
        }
        ForkResult::Child => {
            let outcome = std::panic::catch_unwind(capture_as_nobody);
            std::process::exit(i32::from(outcome.is_err()));
        }
    }
}

fn capture_as_nobody() {
    let nobody = Uid::from_raw(65534);
    setuid(nobody).unwrap();
    set_dumpable(true).unwrap(); // as a program is that a plain user starts
    capture::open(&Capture::new("lo"), 0).unwrap_err();
    namespace::enter_user_and_network().unwrap();
    assert_eq!(getuid(), nobody);
    capture::open(&Capture::new("lo"), 0).unwrap();
    Injector::open("lo").unwrap().send(&[0; 60]).unwrap();
}
