//! A service manager: the other side of `sd_pid_notify_with_fds(3)` and of `sd_listen_fds(3)`.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::netns::Namespace;
use crate::program::{Run, program, program_as_nobody};

const PATIENCE: Duration = Duration::from_secs(20);

/// Sockets by name, as systemd keeps them; and the program as `nobody` can run it.
pub(super) struct Manager {
    heard: Arc<Mutex<Heard>>,
    dir: TempDir,
    nobody: TempDir,
}

#[derive(Default)]
struct Heard {
    store: Vec<(String, OwnedFd)>,
    n_ready: u32,
    n_marks: u32,
}

impl Manager {
    /// `None`, aloud, where the program cannot be run as `nobody`.
    pub(super) fn new() -> Option<Self> {
        let (_, nobody) = program_as_nobody()?;
        let dir = nobody_can_read();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let told = Arc::clone(&heard);
        std::thread::Builder::new().spawn(move || listen(&socket, &told)).unwrap();
        Some(Self { heard, dir, nobody })
    }

    /// Names of what it keeps, once it has read all that was sent before.
    pub(super) fn names(&self) -> Vec<String> {
        let n_marks = self.heard.lock().unwrap().n_marks;
        let socket = UnixDatagram::unbound().unwrap();
        socket.send_to(b"MARK", self.dir.path().join("notify")).unwrap();
        self.wait_until(|heard| heard.n_marks > n_marks);
        self.heard.lock().unwrap().store.iter().map(|(name, _)| name.clone()).collect()
    }

    fn wait_until(&self, enough: impl Fn(&Heard) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !enough(&self.heard.lock().unwrap()) {
            assert!(Instant::now() < deadline, "the service manager is not told what it waits for");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Start a program in `namespace` as a service is started that is passed what is in the store.
    pub(super) fn launch(&self, namespace: &Namespace, program: &[&OsStr]) -> Child {
        let store = &self.heard.lock().unwrap().store;
        let passed: Vec<_> = store.iter().map(|(_, fd)| inheritable(fd)).collect();
        // One by one: bash keeps copies above 10 until the end of a command.
        let moves =
            passed.iter().zip(3..).map(|(from, to)| format!("exec {to}<&{from} {from}<&-; "));
        let moves: String = moves.collect();
        let names: Vec<_> = store.iter().map(|(name, _)| name.as_str()).collect();
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &format!("{moves} export LISTEN_PID=$$; exec \"$@\""), "bash"])
            .args(program)
            .env("NOTIFY_SOCKET", self.dir.path().join("notify"))
            .env("WATCHDOG_USEC", "200000")
            .env("LISTEN_FDS", names.len().to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let child = namespace.spawn(move || shell.spawn().unwrap()).join().unwrap();
        for fd in passed {
            nix::unistd::close(fd).unwrap();
        }
        child
    }

    /// What somebody else does.
    pub(super) fn keep(&self, name: &str, fd: OwnedFd) {
        self.heard.lock().unwrap().store.push((name.to_owned(), fd));
    }

    /// What `ExecStartPre=+` does.
    pub(super) fn open_sockets(&self, namespace: &Namespace, config: &str) {
        let mut opener = program();
        opener.args(["open-sockets", "--config"]).arg(self.write(config));
        opener.env("NOTIFY_SOCKET", self.dir.path().join("notify"));
        let output = namespace.spawn(move || opener.output().unwrap()).join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn open_sockets_as_nobody(&self, config: &str) -> Option<Run> {
        let (mut opener, _folder) = program_as_nobody()?;
        opener.args(["open-sockets", "--config"]).arg(self.write(config));
        opener.env("NOTIFY_SOCKET", self.dir.path().join("notify"));
        Some(opener.output().unwrap().into())
    }

    fn write(&self, config: &str) -> PathBuf {
        let path = self.dir.path().join("infra_monitor.toml");
        fs::write(&path, config).unwrap();
        path
    }
}

fn nobody_can_read() -> TempDir {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    tempfile::Builder::new().permissions(mode).tempdir().unwrap()
}

fn listen(socket: &UnixDatagram, heard: &Mutex<Heard>) {
    loop {
        let (text, fds) = receive(socket);
        let name = text.lines().find_map(|line| line.strip_prefix("FDNAME="));
        let name = name.unwrap_or("stored").to_owned();
        let mut heard = heard.lock().unwrap();
        match text.lines().next() {
            Some("FDSTORE=1") => {
                assert!(text.contains("FDPOLL=0"), "{text}");
                heard.store.extend(fds.into_iter().map(|fd| (name.clone(), fd)));
            }
            Some("FDSTOREREMOVE=1") => heard.store.retain(|(other, _)| *other != name),
            Some("READY=1") => heard.n_ready += 1,
            Some("MARK") => heard.n_marks += 1,
            Some(_) | None => (), // a barrier is answered by closing what came with it
        }
    }
}

#[expect(unsafe_code, reason = "there is no safe way to receive a descriptor")]
fn receive(socket: &UnixDatagram) -> (String, Vec<OwnedFd>) {
    let mut text = [0; 4096];
    let mut space = nix::cmsg_space!([RawFd; 8]);
    let mut slices = [IoSliceMut::new(&mut text)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let told = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), flags).unwrap();
    let mut fds = vec![];
    for message in told.cmsgs().unwrap() {
        if let ControlMessageOwned::ScmRights(rights) = message {
            // SAFETY: the kernel just made these descriptors for us, and nobody else knows them.
            fds.extend(rights.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let len = told.bytes;
    (String::from_utf8(text[..len].to_vec()).unwrap(), fds)
}

/// A daemon that was passed what is in the store.
pub(super) struct Life {
    child: Child,
    events: mpsc::Receiver<Value>,
    seen: Vec<Value>,
}

impl Life {
    /// Start it as `nobody`, and wait until it says that it is ready.
    pub(super) fn start(manager: &Manager, namespace: &Namespace, config: &str) -> Self {
        let n_ready = manager.heard.lock().unwrap().n_ready;
        let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let without = ["--inh-caps=-all", "--bounding-set=-all", "--"];
        let (copy, config) = (manager.nobody.path().join("infra_monitor"), manager.write(config));
        let mut program: Vec<_> = as_nobody.iter().chain(&without).map(OsStr::new).collect();
        program.push(copy.as_os_str());
        program.extend(["run", "--log", "json", "--config"].map(OsStr::new));
        program.push(config.as_os_str());
        let mut child = manager.launch(namespace, &program);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = mpsc::channel();
        let follow = move || {
            // The last line of a process that was killed may be cut off.
            for event in lines.map_while(Result::ok).flat_map(|line| serde_json::from_str(&line)) {
                let _ = sender.send(event);
            }
        };
        std::thread::Builder::new().spawn(follow).unwrap();
        let life = Self { child, events, seen: vec![] };
        manager.wait_until(|heard| heard.n_ready > n_ready);
        life
    }

    /// The next event of that kind.
    pub(super) fn wait_for(&mut self, kind: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left);
            let event = event.unwrap_or_else(|_| panic!("no {kind}: {:#?}", self.seen));
            self.seen.push(event.clone());
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// Long enough for a ring to hand over its last block, and for that to be judged.
    pub(super) fn wait_until_judged(&mut self) {
        std::thread::sleep(Duration::from_millis(500));
        assert!(self.child.try_wait().unwrap().is_none(), "{:#?}", self.seen);
    }

    /// In no thread is there a capability, nor a way to one.
    pub(super) fn assert_no_privilege(&self) {
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap() {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            for line in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                assert!(status.contains(&format!("{line}:\t0000000000000000\n")), "{status}");
            }
            assert!(status.contains("Uid:\t65534\t65534"), "{status}");
        }
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stop it in good order; every event that it told.
    pub(super) fn stop(mut self) -> Vec<Value> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().unwrap();
        let rest: Vec<_> = self.events.iter().collect();
        let seen: Vec<_> = std::mem::take(&mut self.seen).into_iter().chain(rest).collect();
        assert!(status.success(), "{status}: {seen:#?}");
        seen
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A copy that `exec` leaves open, above all that a service is passed.
fn inheritable(fd: &OwnedFd) -> RawFd {
    nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_DUPFD(200)).unwrap()
}
