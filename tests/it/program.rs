//! The built program: run it, as ourselves or as somebody without any privilege.

use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use crate::netns::skip;

const PROGRAM: &str = env!("CARGO_BIN_EXE_infra_monitor");

/// What a run of the program came to.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The program with an environment in which nothing depends on who runs the tests.
pub(crate) fn program() -> Command {
    plain(Command::new(PROGRAM))
}

pub(crate) fn run(args: &[&str]) -> Run {
    program().args(args).output().unwrap().into()
}

/// The program as `nobody`, from a place that `nobody` can read. Skips aloud, with `None`, where
/// that cannot be arranged.
pub(crate) fn program_as_nobody() -> Option<(Command, tempfile::TempDir)> {
    let folder = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let copy: PathBuf = folder.path().join("infra_monitor");
    std::fs::copy(PROGRAM, &copy).unwrap();
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command
    };
    let mut trial = as_nobody();
    let tried = trial.args([copy.as_os_str(), "--version".as_ref()]).stdout(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        skip("cannot run the program as nobody; needs root and setpriv");
        return None;
    }
    let mut command = as_nobody();
    command.arg(copy);
    Some((plain(command), folder))
}

fn plain(mut command: Command) -> Command {
    for name in ["RUST_LOG", "JOURNAL_STREAM", "NOTIFY_SOCKET", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}
