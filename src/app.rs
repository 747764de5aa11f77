//! Composition root: the only module that knows all the others.
//!
//! Acquire what needs a permission, give the permissions up, run, drain. Nothing but the command
//! line calls in here, and nothing here decides what is worth an operator's time.

mod backoff;
mod captures;
mod crosscheck;
mod daemon;
pub mod demo;
mod drain;
pub mod learn;
mod links;
mod notices;
mod notify;
pub mod printer;
pub mod probe;
pub mod read;
mod reload;
pub mod replay;
mod restrict;
mod signals;
mod store;
mod supervisor;
mod watchdog;
mod workers;

pub use crate::poller::load;
pub use crate::sink::Output;
pub use crate::sys::privilege::is_root;
pub use store::{ParkError, park};

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::capture::CaptureError;
use crate::config::BaselineError;
use crate::config::Config;
use crate::config::read_baseline;
use crate::record::Ledger;
use crate::sys;

use daemon::Daemon;

/// Source of the events that the daemon raises about itself.
const DAEMON: &str = "daemon";

/// How to run, beside what the configuration says.
pub struct Options {
    /// Read again on `SIGHUP`. `None`: the configuration is fixed, and `SIGHUP` stops.
    pub config_path: Option<PathBuf>,
    pub output: Output,
    pub stop_after: Option<Duration>,
}

/// The books, closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// By stage: `capture:<source>`, `readings:<link>`, `notes`, `events`, `sink`.
    pub ledgers: BTreeMap<String, Ledger>,
}

/// Why the daemon did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    #[error("the process cannot give up its privileges: {0}; see [sandbox] in the configuration")]
    Restrict(#[source] io::Error),
    #[error(
        "this machine does not give every layer of the sandbox, and `missing = \"refuse\"` in \
         [sandbox] forbids to run without: {}",
        .0.join("; ")
    )]
    Weak(Vec<String>),
    #[error("a part of the daemon cannot be started: {0}")]
    Start(#[source] io::Error),
    #[error("the pipeline ended by itself; this is a bug, please report it")]
    PipelineEnded,
    #[error(
        "shutdown took longer than [runtime] shutdown_grace ({grace:?}); left running: {}",
        parts.join(", ")
    )]
    Hung { grace: Duration, parts: Vec<String> },
}

impl AppError {
    /// As in `sysexits.h`.
    pub fn exit_code(&self) -> u8 {
        const BUG: u8 = 70;
        const NO_PERMISSION: u8 = 77;
        const BAD_CONFIG: u8 = 78;
        match self {
            Self::Capture(CaptureError::NoPermission { .. }) => NO_PERMISSION,
            Self::Baseline(_) | Self::Weak(_) => BAD_CONFIG,
            // Short of memory, mostly: worth another start, which systemd makes after this code.
            Self::Capture(CaptureError::Io { .. })
            | Self::Restrict(_)
            | Self::Start(_)
            | Self::PipelineEnded
            | Self::Hung { .. } => BUG,
        }
    }
}

/// What [`run`] would deny itself here: what it would have, and what of it is missing.
pub fn rehearse_sandbox(config: &Config, config_path: &Path) -> io::Result<(String, Vec<String>)> {
    let layers = restrict::rehearse(config, config_path)?;
    Ok((layers.to_string(), layers.missing()))
}

/// Run until told to stop. Blocks; must be called while the process has one thread, which is how
/// every later one comes to be restricted.
pub fn run(config: Config, options: Options) -> Result<Summary, AppError> {
    let baseline = config.baseline.as_deref().map(read_baseline).transpose()?;
    let acquired = captures::acquire(&config, store::parked(&config))?;
    if config.runtime.nice != 0
        && let Err(error) = sys::set_nice(config.runtime.nice)
    {
        tracing::warn!(%error, "served as other processes are; see [runtime] nice");
    }
    let layers = restrict::restrict(&config, options.config_path.as_deref())?;
    let runtime = workers::build(&config.runtime).map_err(AppError::Start)?;
    let mut daemon = Daemon::start(config, options, (acquired, baseline, &layers), &runtime)?;
    let reason = runtime.block_on(daemon.until_stopped());
    let ended = daemon.drain(reason);
    // What hangs is left behind; waiting for it here would undo the deadline.
    runtime.shutdown_background();
    ended
}
