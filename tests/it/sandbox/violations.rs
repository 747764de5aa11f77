//! Calls that no table allows, made by each kind of thread in a process of its own.

use std::env;
use std::ffi::{c_int, c_long};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use infra_monitor::sys::seccomp;
use infra_monitor::sys::seccomp::{Filter, Journal, Mode};
use infra_monitor::sys::spawn_pinned;

use super::attempt_with;

/// Where the process under test finds journald.
const JOURNAL: &str = "IM_SANDBOX_JOURNAL";

/// The name of a thread, and its filter beside that of the process.
const THREADS: [(&str, Option<Filter>); 6] = [
    ("links", None),
    ("worker", None),
    ("capture eth1", Some(seccomp::capture())),
    ("counters", Some(seccomp::counters())),
    ("analysis eth1", Some(seccomp::analysis())),
    ("sink", Some(seccomp::sink())),
];

/// What is tried: a call, and its first three arguments.
pub(super) const CALLS: [(&str, c_long, [c_long; 3]); 5] = [
    ("execve", libc::SYS_execve, [0; 3]),
    ("ptrace", libc::SYS_ptrace, [16, 1, 0]),
    ("socket", libc::SYS_socket, [libc::AF_PACKET as c_long, libc::SOCK_RAW as c_long, 0]),
    ("openat", libc::SYS_openat, [libc::AT_FDCWD as c_long, 0, 0]),
    ("sendto", libc::SYS_sendto, [900, 0, 0]),
];

#[test]
fn a_call_that_no_table_allows_ends_the_process_and_journald_hears_which_thread_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = UnixDatagram::bind(&path).unwrap();
    journal.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for (thread, filter) in THREADS {
        for (call, number, _) in CALLS {
            if call == "openat" && filter.is_none() {
                continue; // Landlock is what limits it, and a test of its own tries that
            }
            let case = format!("violation {thread}: {call}");
            let child = attempt_with(&case, &[(JOURNAL, path.as_os_str())]);
            let errors = String::from_utf8_lossy(&child.stderr);
            assert_eq!(child.status.code(), Some(99), "{case}: {}: {errors}", child.status);
            let text = format!("thread `{thread}` called {call} ({number}), which its system call");
            assert!(errors.contains(&text), "{case}: {errors}");
            let mut told = [0; 2048];
            let len = journal.recv(&mut told).unwrap();
            let told = String::from_utf8_lossy(&told[..len]);
            let fields = format!("PRIORITY=3\nIM_THREAD={thread}\nIM_SYSCALL={call}\n");
            assert!(told.starts_with(&fields), "{case}: {told}");
            assert!(told.contains(&format!("\nMESSAGE={text}")), "{case}: {told}");
        }
    }
}

#[test]
fn without_journald_standard_error_has_to_do() {
    let missing = Path::new("/nonexistent/journal").as_os_str();
    let child = attempt_with("violation sink: ptrace", &[(JOURNAL, missing)]);
    assert_eq!(child.status.code(), Some(99));
    assert!(String::from_utf8_lossy(&child.stderr).contains("thread `sink` called ptrace"));
}

#[test]
fn an_audit_lets_the_process_go_on() {
    let child = attempt_with("audited violation", &[]);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {errors}", child.status);
}

/// The side of the child.
pub(super) fn commit(case: &str) {
    let (thread, call) = case.split_once(": ").unwrap();
    let (_, filter) = THREADS.into_iter().find(|(name, _)| *name == thread).unwrap();
    let (_, number, arguments) = CALLS.into_iter().find(|(name, ..)| *name == call).unwrap();
    let journal = env::var_os(JOURNAL).unwrap();
    let journal = Journal { socket: Path::new(&journal), fields: "PRIORITY=3\n" };
    seccomp::explain_violations(Some(journal)).unwrap();
    seccomp::install_for_process(&seccomp::process(), Mode::Enforce).unwrap();
    if thread == "worker" {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.thread_name(thread).worker_threads(1).build().unwrap();
        let outcome = runtime.spawn(async move { system_call(number, arguments) });
        runtime.block_on(outcome).unwrap();
        return;
    }
    let body = move || {
        if let Some(filter) = filter {
            seccomp::install(&filter, Mode::Enforce).unwrap();
        }
        system_call(number, arguments)
    };
    spawn_pinned(thread.to_owned(), None, body).unwrap().join().unwrap();
}

/// The side of the child.
pub(super) fn commit_audited() {
    seccomp::explain_violations(None).unwrap();
    seccomp::install_for_process(&seccomp::process(), Mode::Audit).unwrap();
    assert_eq!(
        system_call(libc::SYS_getppid, [0; 3]),
        c_long::from(nix::unistd::getppid().as_raw())
    );
}

/// As an intruder makes it: with no library in between.
#[expect(unsafe_code, reason = "the calls that are tried are those that no library makes for us")]
fn system_call(number: c_long, [first, second, third]: [c_long; 3]) -> c_long {
    // SAFETY: every address among the arguments is null, so that the kernel touches no memory.
    unsafe { libc::syscall(number, first, second, third, c_int::from(false), 0, 0) }
}
