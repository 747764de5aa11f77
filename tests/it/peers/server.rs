//! Servers of other people's libraries, found where they are installed. Dropping one kills it.

use std::ffi::OsString;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};

use crate::netns::skip;

/// A program that serves until it is killed.
pub(super) struct Program {
    path: OsString,
    arguments: Vec<PathBuf>,
    node_modules: Option<PathBuf>,
    /// Where the program was built, if it had to be.
    _built: Option<tempfile::TempDir>,
}

impl Program {
    /// pymodbus, of `PyPI`, in a virtual environment.
    pub(super) fn pymodbus() -> Option<Self> {
        let python = installed("INFRA_MONITOR_VENV", "venv").join("bin/python");
        let mut trial = Command::new(&python);
        if !succeeds(trial.args(["-c", "import pymodbus, serial"])) {
            skip(&format!("no pymodbus with pyserial for {}", python.display()));
            return None;
        }
        let arguments = vec![source("pymodbus_server.py")];
        Some(Self { path: python.into(), arguments, node_modules: None, _built: None })
    }

    /// modbus-serial, of npm.
    pub(super) fn modbus_serial() -> Option<Self> {
        let node_modules = installed("INFRA_MONITOR_NODE", "node").join("node_modules");
        let is_there = node_modules.join("modbus-serial").is_dir();
        if !is_there || !succeeds(Command::new("node").arg("--version")) {
            skip(&format!("no node, or no modbus-serial in {}", node_modules.display()));
            return None;
        }
        let arguments = vec![source("modbus_serial_server.js")];
        let node_modules = Some(node_modules);
        Some(Self { path: "node".into(), arguments, node_modules, _built: None })
    }

    /// libmodbus, built here against the system's library.
    pub(super) fn libmodbus() -> Option<Self> {
        if !succeeds(Command::new("pkg-config").args(["--exists", "libmodbus"])) {
            skip("no libmodbus, or no pkg-config to find it");
            return None;
        }
        let flags =
            Command::new("pkg-config").args(["--cflags", "--libs", "libmodbus"]).output().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libmodbus_server");
        let mut cc = Command::new("cc");
        cc.arg("-O1").arg(source("libmodbus_server.c")).arg("-o").arg(&path);
        cc.args(String::from_utf8(flags.stdout).unwrap().split_whitespace());
        assert!(cc.status().unwrap().success(), "cc builds the server");
        let path = path.into();
        Some(Self { path, arguments: vec![], node_modules: None, _built: Some(folder) })
    }

    /// Serve on a port (`tcp`) or a terminal (`rtu`).
    pub(super) fn start(&self, kind: &str, place: &str) -> Running {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).args([kind, place]).stdin(Stdio::null());
        command.envs(self.node_modules.as_ref().map(|modules| ("NODE_PATH", modules)));
        Running(command.spawn().unwrap())
    }
}

pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// tokio-modbus, in this process. It leaves its connections running when it stops, so it gets a
/// runtime of its own to be killed with.
pub(super) struct Simulated(Option<Runtime>);

impl Simulated {
    pub(super) fn start(port: u16) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        runtime.spawn(async move {
            let server = Server::new(TcpListener::bind(address).await.unwrap());
            let connected = |stream, peer| async move {
                accept_tcp_connection(stream, peer, |_| Ok(Some(Plant)))
            };
            server.serve(&connected, |_| ()).await.unwrap();
        });
        Self(Some(runtime))
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.0.take().unwrap().shutdown_background();
    }
}

struct Plant;

impl Service for Plant {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = std::future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        let every = |n: u16| move |index: u16| index.is_multiple_of(n);
        ready(match request.request {
            Request::ReadCoils(first, count) => {
                Ok(Response::ReadCoils((first..first + count).map(every(3)).collect()))
            }
            Request::ReadDiscreteInputs(first, count) => {
                Ok(Response::ReadDiscreteInputs((first..first + count).map(every(5)).collect()))
            }
            Request::ReadHoldingRegisters(first, count) => {
                Ok(Response::ReadHoldingRegisters((first..first + count).collect()))
            }
            Request::ReadInputRegisters(first, count) => {
                let registers = (first..first + count).map(|index| !index);
                Ok(Response::ReadInputRegisters(registers.collect()))
            }
            Request::WriteSingleCoil(..)
            | Request::WriteMultipleCoils(..)
            | Request::WriteSingleRegister(..)
            | Request::WriteMultipleRegisters(..)
            | Request::ReportServerId
            | Request::MaskWriteRegister(..)
            | Request::ReadWriteMultipleRegisters(..)
            | Request::ReadDeviceIdentification(..)
            | Request::Custom(..) => Err(ExceptionCode::IllegalFunction),
        })
    }
}

/// Where `.ci/run` installs what is not the system's, unless the environment says otherwise.
fn installed(variable: &str, folder: &str) -> PathBuf {
    let by_default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(folder);
    std::env::var_os(variable).map_or(by_default, PathBuf::from)
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(file)
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
