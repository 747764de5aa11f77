//! How a command ends when it does not end well: an exit code and a text for a person.

use std::io;
use std::process::ExitCode;

/// Exit codes, as `sysexits.h` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Usage = 64,
    /// A file that cannot be read or written.
    File = 66,
    /// A controller that did not give a proven answer.
    Unavailable = 69,
    Bug = 70,
    NoPermission = 77,
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    exit: ExitCode,
    /// What failed, where, the likely cause and the next step; empty if all of it is printed.
    text: String,
}

impl Failure {
    pub(super) fn new(exit: impl Into<ExitCode>, text: impl Into<String>) -> Self {
        Self { exit: exit.into(), text: text.into() }
    }

    /// Print the text, give the code.
    #[expect(clippy::print_stderr, reason = "this is where a person is told")]
    pub(super) fn report(self) -> ExitCode {
        if !self.text.is_empty() {
            eprintln!("{}", self.text.trim_end());
        }
        self.exit
    }
}

/// Failures to print. A reader that has seen enough (`| head`) is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::new(Exit::File, format!("error: cannot write to standard output: {error}"))
    }
}
