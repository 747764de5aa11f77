//! What an intruder in the running daemon could call: each of its threads is stopped on the way into
//! the kernel, and the call that it was about to make is exchanged for another.

use std::ffi::c_long;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::is_root;
use super::violations::CALLS;
use crate::program::program;

/// Main, two workers, sink, watchdog, counters, capture and analysis.
const N_THREADS: usize = 8;
/// Main and workers, which open files; Landlock says where.
const OPENING: [&str; 2] = ["infra_monitor", "runtime"];

/// Of a daemon that captures, once all of its threads have all of their filters: their names.
#[expect(clippy::zombie_processes, reason = "who is given it ends it and waits for that")]
fn started(config: &Path) -> (Child, Vec<(Pid, String)>) {
    let mut command = program();
    command.args(["run", "--allow-root", "--log", "json", "--config"]).arg(config);
    // Nobody listens there; that is enough for a watchdog to be wanted.
    command.env("NOTIFY_SOCKET", "/nonexistent/notify").env("WATCHDOG_USEC", "30000000");
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        let threads: Vec<_> = tasks.filter_map(|task| confined(&task.unwrap().path())).collect();
        if threads.len() == N_THREADS {
            return (child, threads);
        }
        assert!(Instant::now() < deadline, "{threads:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A thread that has the filter of calls that do not exist, that of all, and its own if it is to; and
/// that waits. One that starts another blocks signals meanwhile: the kernel would end it unexplained.
fn confined(task: &Path) -> Option<(Pid, String)> {
    let status = fs::read_to_string(task.join("status")).ok()?;
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let (name, n_filters) = (field("Name")?, field("Seccomp_filters")?.parse::<u32>().ok()?);
    let wanted = if OPENING.contains(&name) { 2 } else { 3 };
    let thread = Pid::from_raw(field("Pid")?.parse().ok()?);
    let waits =
        field("State")?.starts_with('S') && field("SigBlk")?.bytes().all(|byte| byte == b'0');
    (n_filters == wanted && waits).then(|| (thread, name.to_owned()))
}

/// Have `thread` make this call instead of its next one, and follow it to its end.
fn exchange(thread: Pid, call: c_long, [first, second, third]: [c_long; 3]) -> WaitStatus {
    let wait = || waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
    ptrace::seize(thread, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL).unwrap();
    ptrace::interrupt(thread).unwrap();
    wait();
    ptrace::syscall(thread, None).unwrap();
    let entering = wait();
    assert_eq!(entering, WaitStatus::PtraceSyscall(thread));
    let mut registers = ptrace::getregs(thread).unwrap();
    registers.orig_rax = call.cast_unsigned();
    (registers.rdi, registers.rsi, registers.rdx) =
        (first.cast_unsigned(), second.cast_unsigned(), third.cast_unsigned());
    (registers.r10, registers.r8, registers.r9) = (0, 0, 0);
    ptrace::setregs(thread, registers).unwrap();
    let mut signal = None;
    loop {
        ptrace::cont(thread, signal).unwrap();
        let status = wait();
        let WaitStatus::Stopped(_, by) = status else { return status };
        signal = Some(by);
    }
}

#[test]
fn whatever_thread_of_the_daemon_is_taken_over_its_first_strange_call_ends_the_process() {
    if !is_root() {
        return;
    }
    let config = tempfile::NamedTempFile::new().unwrap();
    fs::write(config.path(), "[[capture]]\ninterface = \"lo\"\n").unwrap();
    let mut n_tried = 0;
    for place in 0..N_THREADS {
        for (call, number, arguments) in CALLS {
            let (mut daemon, threads) = started(config.path());
            let (thread, name) = &threads[place];
            let may_open = call == "openat" && OPENING.contains(&name.as_str());
            if !may_open {
                let end = exchange(*thread, number, arguments);
                assert_eq!(end, WaitStatus::Exited(*thread, 99), "{name}: {call}");
                let mut told = String::new();
                daemon.stderr.take().unwrap().read_to_string(&mut told).unwrap();
                let text = format!("thread `{name}` called {call} ({number}), which its system");
                assert!(told.contains(&text), "{name}: {call}: {told}");
                n_tried += 1;
            }
            // Of the main thread the end was that of the process, and is waited for already.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
    assert_eq!(n_tried, N_THREADS * CALLS.len() - 3, "three threads may open files");
}
