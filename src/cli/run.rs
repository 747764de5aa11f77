//! `run`: the daemon in the foreground; a service manager puts it into the background.

use std::io;
use std::io::IsTerminal;
use std::path::Path;

use crate::app;
use crate::app::AppError;
use crate::app::Options;
use crate::app::Output;
use crate::config::Color;

use super::args;
use super::args::Log;
use super::configuration::load;
use super::diagnostics;
use super::failure::{Exit, Failure};
use super::terminal::color_of;

/// Where journald listens (systemd-journald.service(8)).
const JOURNAL: &str = "/run/systemd/journal/socket";

pub(super) fn run(args: &args::Run) -> Result<(), Failure> {
    let config = load(&args.config)?;
    if app::is_root() && !args.allow_root {
        return Err(root_refused(&args.config));
    }
    diagnostics::start(config.log.level);
    let options = Options {
        config_path: Some(args.config.clone()),
        output: output_to(args.log.unwrap_or_else(usual_log)),
        stop_after: None,
    };
    app::run(config, options)?;
    Ok(())
}

fn root_refused(config: &Path) -> Failure {
    let config = config.display();
    let text = format!(
        "error: run does not start as root: everything on this machine is root's, and nothing that \
         is captured or polled needs it\n  \
         as a service:  systemctl start infra_monitor, which has a user of its own\n  \
         as a user:     setcap cap_net_raw+ep /path/to/infra_monitor, if it is to capture\n  \
         all the same:  infra_monitor run --allow-root --config {config}"
    );
    Failure::new(Exit::NoPermission, text)
}

/// Text for whoever watches; else the journal, if there is one; else JSON lines.
fn usual_log() -> Log {
    let on_terminal = io::stdout().is_terminal();
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    if on_terminal {
        Log::Text
    } else if under_systemd || Path::new(JOURNAL).exists() {
        Log::Journald
    } else {
        Log::Json
    }
}

pub(super) fn output_to(log: Log) -> Output {
    match log {
        Log::Journald => Output::Journald,
        Log::Json => Output::Json(Box::new(io::stdout())),
        Log::Text => Output::Text {
            out: Box::new(io::stdout()),
            color: color_of(&io::stdout()) == Color::Ansi,
        },
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        if let AppError::Baseline(error) = error {
            return error.into();
        }
        Self::new(error.exit_code(), format!("error: {error}"))
    }
}
