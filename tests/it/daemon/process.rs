//! The daemon's process, and the service manager's side of `sd_notify(3)`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::Value;
use tempfile::TempDir;

use crate::alone::resident_kib;
use crate::program::Run;
use crate::program::program_as_nobody;

use super::PATIENCE;

const BINARY: &str = env!("CARGO_BIN_EXE_infra_monitor");

/// A running daemon that is killed when the test is over.
pub(super) struct Daemon {
    child: Child,
    dir: TempDir,
    events: mpsc::Receiver<Value>,
    seen: Vec<Value>,
}

impl Daemon {
    pub(super) fn start(config: &str) -> Self {
        Self::run(config, &[], Reader::Follows)
    }

    pub(super) fn start_under(systemd: &ServiceManager, config: &str) -> Self {
        Self::start_notifying(&systemd.path(), config)
    }

    /// Under the service manager that listens at `socket`.
    pub(super) fn start_notifying(socket: &Path, config: &str) -> Self {
        Self::run(config, &watched_at(socket), Reader::Follows)
    }

    /// Its standard output is a file on a disk that is full.
    pub(super) fn start_on_full_disk(config: &str) -> Self {
        Self::run(config, &[], Reader::FullDisk)
    }

    /// Its standard output is a pipe that nobody reads from.
    pub(super) fn start_unread(config: &str) -> Self {
        Self::run(config, &[], Reader::Hangs)
    }

    /// The same, under a service manager.
    pub(super) fn start_unread_under(systemd: &ServiceManager, config: &str) -> Self {
        Self::run(config, &watched_at(&systemd.path()), Reader::Hangs)
    }

    fn run(config: &str, environment: &[(&str, &str)], reader: Reader) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("infra_monitor.toml");
        fs::write(&path, config).unwrap();
        let mut child = Command::new(BINARY)
            .args(["run", "--allow-root", "--log", "json", "--config"])
            .arg(&path)
            .envs(environment.iter().copied())
            .stdout(reader.end())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, events) = mpsc::channel();
        if matches!(reader, Reader::Follows) {
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let follow = move || {
                for line in lines {
                    let event = serde_json::from_str(&line.unwrap()).unwrap();
                    let _ = sender.send(event);
                }
            };
            thread::Builder::new().spawn(follow).unwrap();
        }
        Self { child, dir, events, seen: vec![] }
    }

    /// The next event of that kind.
    pub(super) fn wait_for(&mut self, kind: &str) -> Value {
        self.wait_until(kind, |event| event["event"] == kind)
    }

    pub(super) fn wait_for_sample_of(&mut self, link: &str) -> Value {
        let is_sample = |event: &Value| event["event"] == "poll.sample" && event["source"] == link;
        self.wait_until(link, is_sample)
    }

    fn wait_until(&mut self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                let _ = self.child.kill();
                let errors = self.errors();
                panic!("waited in vain for {what}: {:#?}\n{errors}", self.seen);
            };
            self.seen.push(event.clone());
            if is_wanted(&event) {
                return event;
            }
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Replace the configuration file, and have it read again.
    pub(super) fn reload(&self, config: &str) {
        fs::write(self.dir.path().join("infra_monitor.toml"), config).unwrap();
        self.signal(Signal::SIGHUP);
    }

    /// Wait for the end; every event that the daemon told.
    pub(super) fn end(mut self) -> (ExitStatus, Vec<Value>) {
        let status = self.exit();
        let rest: Vec<_> = self.events.iter().collect();
        let seen = std::mem::take(&mut self.seen);
        (status, seen.into_iter().chain(rest).collect())
    }

    /// Wait for the end; what it said on standard error.
    pub(super) fn end_unread(mut self) -> (ExitStatus, String) {
        (self.exit(), self.errors())
    }

    /// Those of this name, which the kernel cuts after 15 bytes.
    pub(super) fn thread_ids(&self, name: &str) -> Vec<Pid> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let tasks = tasks.map(|task| task.unwrap().path());
        let named =
            tasks.filter(|task| fs::read_to_string(task.join("comm")).unwrap().trim_end() == name);
        named
            .map(|task| Pid::from_raw(task.file_name().unwrap().to_str().unwrap().parse().unwrap()))
            .collect()
    }

    /// Memory of it that is in use, in KiB.
    pub(super) fn resident_kib(&self) -> u64 {
        resident_kib(&self.child.id().to_string())
    }

    /// `status` of each thread, as proc(5) describes it.
    pub(super) fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap()).collect()
    }

    fn exit(&mut self) -> ExitStatus {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("the daemon did not end");
    }

    fn errors(&mut self) -> String {
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        errors
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }
}

/// What a service manager at `socket` puts into the environment.
fn watched_at(socket: &Path) -> [(&str, &str); 2] {
    [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "400000")]
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy)]
enum Reader {
    Follows,
    Hangs,
    FullDisk,
}

impl Reader {
    /// What the daemon writes to.
    fn end(self) -> Stdio {
        match self {
            Self::Follows | Self::Hangs => Stdio::piped(),
            Self::FullDisk => fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into(),
        }
    }
}

/// The receiving end of `NOTIFY_SOCKET`.
pub(super) struct ServiceManager {
    socket: UnixDatagram,
    dir: TempDir,
}

impl ServiceManager {
    pub(super) fn listen() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, dir }
    }

    /// The next notification with a line that starts like this.
    pub(super) fn wait_for(&self, state: &str) -> String {
        self.wait_until(state, |line| line.starts_with(state))
    }

    /// The next `STATUS=` that names this gate among those that have stalled.
    pub(super) fn wait_for_stall_of(&self, gate: &str) {
        let names = |line: &str| {
            let gates = line.strip_prefix("STATUS=stalled: ");
            gates.is_some_and(|gates| gates.split(", ").any(|stalled| stalled == gate))
        };
        self.wait_until(gate, names);
    }

    fn wait_until(&self, what: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let mut seen = vec![];
        let mut buffer = [0; 4096];
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let Ok(len) = self.socket.recv(&mut buffer) else { break };
            let told = String::from_utf8(buffer[..len].to_vec()).unwrap();
            if told.lines().any(&is_wanted) {
                return told;
            }
            seen.push(told);
        }
        panic!("waited in vain for {what}: {seen:?}");
    }

    /// All that it is told in this time.
    pub(super) fn within(&self, time: Duration) -> Vec<String> {
        let deadline = Instant::now() + time;
        let mut told = vec![];
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
                return told;
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(len) = self.socket.recv(&mut buffer) {
                told.push(String::from_utf8(buffer[..len].to_vec()).unwrap());
            }
        }
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("notify")
    }
}

/// True if a capture can be opened here.
pub(super) fn may_capture() -> bool {
    Uid::effective().is_root()
}

/// The line of proc(5) that names the processors a thread may run on.
pub(super) fn allowed_processors(status: &str) -> String {
    let status = fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list:"));
    line.unwrap().to_owned()
}

/// Run the daemon as somebody without any privilege; `None`, aloud, if we cannot.
pub(super) fn run_as_nobody(config: &str) -> Option<Run> {
    let (mut program, dir) = program_as_nobody()?;
    let file = dir.path().join("infra_monitor.toml");
    fs::write(&file, config).unwrap();
    let end = program.args(["run", "--log", "json", "--config"]).arg(file).output();
    Some(end.unwrap().into())
}
