//! The program as it is installed: who may start it, with which capabilities, and what it refuses.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use nix::unistd::geteuid;
use serde_json::Value;

use crate::netns::skip;
use crate::program::{Run, program, program_as_nobody, run};

const NOTHING: &str = "site = \"s\"\n";

fn written(folder: &Path, text: &str) -> String {
    let path = folder.join("plant.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn root_is_refused_with_what_to_do_instead() {
    if !geteuid().is_root() {
        return skip("needs root, to be refused");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = written(folder.path(), NOTHING);
    let run = run(&["run", "--config", &config]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(77), ""), "{}", run.stderr);
    for remedy in ["systemctl start infra_monitor", "setcap cap_net_raw+ep", "run --allow-root"] {
        assert!(run.stderr.contains(remedy), "{}", run.stderr);
    }
}

#[test]
fn a_daemon_that_must_have_every_layer_does_not_run_without_one() {
    let folder = tempfile::tempdir().unwrap();
    for (seccomp, why) in [("off", "\"off\" in [sandbox]"), ("audit", "only logs")] {
        let text = format!("[sandbox]\nseccomp = \"{seccomp}\"\nmissing = \"refuse\"\n");
        let config = written(folder.path(), &text);
        let refused = run(&["run", "--allow-root", "--config", &config]);
        assert_eq!(refused.code, Some(78), "{}", refused.stderr);
        assert!(refused.stderr.contains("seccomp (") && refused.stderr.contains(why));
        let check = run(&["check", &config]);
        assert_eq!(check.code, Some(0), "{}", check.stderr);
        assert!(check.stderr.contains("run will refuse: the sandbox lacks "), "{}", check.stderr);
        assert!(check.stdout.contains("sandbox on this machine: no capabilities, no_new_privs"));
    }
}

/// The daemon's events until `wanted` is told, and the state of its threads once it has so many.
fn events_until(mut command: Command, wanted: &str, n_threads: usize) -> (Vec<Value>, Vec<String>) {
    let mut daemon = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut events: Vec<Value> = Vec::new();
    for line in BufReader::new(daemon.stdout.take().unwrap()).lines() {
        events.push(serde_json::from_str(&line.unwrap()).unwrap());
        if events.last().unwrap()["event"] == wanted {
            break;
        }
    }
    let mut statuses = Vec::new();
    let started = Instant::now();
    while statuses.len() < n_threads && started.elapsed() < Duration::from_secs(10) {
        let tasks = fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap();
        let status = |task: io::Result<fs::DirEntry>| {
            fs::read_to_string(task.unwrap().path().join("status")).ok()
        };
        statuses = tasks.filter_map(status).collect();
    }
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    (events, statuses)
}

#[test]
fn a_sandbox_with_a_hole_is_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let config = written(folder.path(), "[sandbox]\nseccomp = \"off\"\n");
    let mut command = program();
    command.args(["run", "--allow-root", "--log", "json", "--config", &config]);
    let (events, _) = events_until(command, "sandbox.weak", 1);
    let [started, .., weak] = &events[..] else { panic!("{events:#?}") };
    assert_eq!(started["event"], "daemon.started");
    assert!(!started["sandbox"].as_str().unwrap().contains("seccomp"), "{started}");
    assert!(weak["missing"].as_str().unwrap().contains("seccomp (\"off\" in [sandbox])"), "{weak}");
}

#[test]
fn a_capability_of_the_file_opens_the_capture_and_is_gone_afterwards() {
    let Some((mut command, folder)) = program_as_nobody() else { return };
    let config = written(folder.path(), "[[capture]]\ninterface = \"lo\"\n");
    let program = folder.path().join("infra_monitor");
    let granted = Command::new("setcap").arg("cap_net_raw+ep").arg(&program).output();
    if !granted.is_ok_and(|output| output.status.success()) {
        return skip("no setcap, or no extended attributes where temporary files are");
    }
    if fs::read_to_string("/proc/self/status").unwrap().contains("NoNewPrivs:\t1") {
        return skip("no_new_privs is set, so that no file grants anything");
    }
    command.args(["run", "--log", "json", "--config", &config]);
    // Main, two workers, sink, counters, capture and analysis.
    let (events, threads) = events_until(command, "daemon.started", 7);
    assert!(threads.len() == 7, "{}: {events:#?}", threads.len());
    for thread in threads {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(thread.contains(&format!("{set}:\t0000000000000000\n")), "{set}: {thread}");
        }
    }
}

/// What the kernel takes for a plain user outside of it may run as root inside of it.
#[test]
fn root_of_a_user_namespace_is_not_refused() {
    let Some((command, folder)) = program_as_nobody() else { return };
    let config = written(folder.path(), "[sandbox]\nseccomp = \"off\"\nmissing = \"refuse\"\n");
    let mut inside = Command::new("setpriv");
    inside.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    inside.args(["unshare", "--user", "--map-root-user"]).arg(folder.path().join("infra_monitor"));
    drop(command);
    let output = inside.args(["run", "--config", &config]).output();
    let run: Run = output.unwrap().into();
    if run.stderr.contains("unshare") {
        return skip("user namespaces are switched off");
    }
    assert_eq!(run.code, Some(78), "refused for its sandbox, not as root: {}", run.stderr);
}

/// So that the tests of everything else try the filters too: what they start is not let off.
#[test]
fn nothing_but_the_tests_of_the_sandbox_runs_a_daemon_without_it() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending = vec![tree.join("tests/it"), tree.join(".ci"), tree.join("benches")];
    while let Some(path) = pending.pop() {
        if path.ends_with("tests/it/sandbox") {
            continue;
        }
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&text);
        for lax in ["seccomp = \"off\"", "seccomp = \"audit\"", "Seccomp::Off", "Seccomp::Audit"] {
            let escaped = lax.replace('"', "\\\"");
            assert!(!text.contains(lax) && !text.contains(&escaped), "{}: {lax}", path.display());
        }
    }
}
