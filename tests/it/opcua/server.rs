//! Servers as processes that can be killed and started again on the same port.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Asyncua,
    NodeOpcua,
}

impl Peer {
    /// How to start it; `None` where it is not installed.
    fn command(self) -> Option<Command> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let place = |variable: &str, default: &str| {
            std::env::var_os(variable).map_or_else(|| root.join(default), PathBuf::from)
        };
        let scripts = root.join("tests/it/opcua");
        match self {
            Self::Asyncua => {
                let python = place("INFRA_MONITOR_VENV", "target/venv").join("bin/python");
                let mut probe = Command::new(&python);
                probe.args(["-c", "import asyncua"]).stderr(Stdio::null());
                probe.status().ok().filter(std::process::ExitStatus::success)?;
                let mut command = Command::new(python);
                command.arg(scripts.join("server.py"));
                Some(command)
            }
            Self::NodeOpcua => {
                let modules = place("INFRA_MONITOR_NODE", "target/node").join("node_modules");
                modules.join("node-opcua").is_dir().then_some(())?;
                let mut command = Command::new("node");
                command.env("NODE_PATH", modules).arg(scripts.join("server.cjs"));
                Some(command)
            }
        }
    }
}

/// A server that is killed when the test is over.
pub(crate) struct Running {
    pub(crate) port: u16,
    peer: Peer,
    options: Vec<String>,
    process: Process,
}

struct Process {
    child: Child,
    input: ChildStdin,
    /// Held open: what is written to a closed one ends the server.
    _output: BufReader<ChildStdout>,
}

impl Running {
    /// Start it, or say that it is not installed.
    pub(crate) fn start(peer: Peer) -> Option<Self> {
        Self::start_with(peer, vec![])
    }

    /// `user=NAME`, `user=PASSWORD`: who may log in, and nobody else; anybody without.
    /// `own=CERTIFICATE`, `own=KEY`: only signed and encrypted channels; only open ones without.
    pub(crate) fn start_with(peer: Peer, options: Vec<String>) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Some(process) = spawn(peer, port, &options) else {
            eprintln!("skipped: no {peer:?}; .ci/run installs it");
            return None;
        };
        Some(Self { port, peer, options, process })
    }

    pub(crate) fn kill(&mut self) {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.peer, self.port, &self.options).unwrap();
    }

    /// Misbehave.
    pub(crate) fn command(&mut self, word: &str) {
        writeln!(self.process.input, "{word}").unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.child.kill();
        let _ = self.process.child.wait();
    }
}

fn spawn(peer: Peer, port: u16, options: &[String]) -> Option<Process> {
    let mut command = peer.command()?;
    command.arg(port.to_string()).args(options);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    while line.trim() != "ready" {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "{peer:?} did not start");
    }
    let input = child.stdin.take().unwrap();
    Some(Process { child, input, _output: output })
}
