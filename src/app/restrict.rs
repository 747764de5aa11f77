//! Restrict: what the process gives up once it holds what it needs.
//!
//! Capabilities, `no_new_privs`, Landlock and filters belong to a thread and are inherited by those
//! it makes: this runs before there is a second one. A socket that is open stays usable and can be
//! bound again to an interface that came back; a new packet socket needs a restart.

mod layers;
mod reach;
mod territory;

pub(super) use layers::Layers;
pub(super) use reach::Reach;

use std::io;
use std::path::Path;

use crate::config::Config;
use crate::config::Missing;
use crate::config::Seccomp;
use crate::record::Kind;
use crate::sink;
use crate::sys::landlock;
use crate::sys::privilege;
use crate::sys::seccomp;
use crate::sys::seccomp::Filter;
use crate::sys::seccomp::Mode;

use super::AppError;
use super::DAEMON;

/// Give up what the daemon does not need, and learn which layers of that this machine has.
pub(super) fn restrict(config: &Config, config_path: Option<&Path>) -> Result<Layers, AppError> {
    let layers = layers(config, config_path).map_err(AppError::Restrict)?;
    match config.sandbox.missing {
        Missing::Refuse if !layers.missing().is_empty() => Err(AppError::Weak(layers.missing())),
        Missing::Refuse | Missing::Warn => Ok(layers),
    }
}

/// The same for `learn`, which writes a file at its end: where the operator says, and nobody else
/// starts it. So the file tree stays in its reach.
pub(super) fn restrict_learner(config: &Config) -> io::Result<()> {
    privilege::drop_capabilities()?;
    if let Err(reason) = filter(config, &seccomp::learner())? {
        tracing::warn!(reason, "no system call filter");
    }
    Ok(())
}

/// What [`restrict`] would come to here, tried on a thread of its own.
pub(super) fn rehearse(config: &Config, config_path: &Path) -> io::Result<Layers> {
    std::thread::scope(|scope| {
        let rehearsal = || layers(config, Some(config_path));
        let thread = std::thread::Builder::new().spawn_scoped(scope, rehearsal)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}

fn layers(config: &Config, config_path: Option<&Path>) -> io::Result<Layers> {
    privilege::drop_capabilities()?;
    let territory = territory::territory(config, config_path);
    let reach = Reach::of(&territory);
    let landlock = landlock::restrict(&territory);
    let seccomp = filter(config, &seccomp::process())?;
    Ok(Layers { landlock, reach, seccomp })
}

/// Within: why there is no filter, which is no failure.
fn filter(config: &Config, filter: &Filter) -> io::Result<Result<Mode, String>> {
    let Some(mode) = mode(config.sandbox.seccomp) else {
        return Ok(Err("\"off\" in [sandbox]".to_owned()));
    };
    let fields = violation(config);
    let socket = sink::JOURNAL.as_ref();
    seccomp::explain_violations(Some(seccomp::Journal { socket, fields: &fields }))?;
    match seccomp::install_for_process(filter, mode) {
        Ok(()) => Ok(Ok(mode)),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Put this thread under a narrower filter, if the operator lets us and this machine has filters,
/// of which [`restrict`] has said what is to be said.
pub(super) fn confine(filter: &Filter, seccomp: Seccomp) -> io::Result<()> {
    let Some(mode) = mode(seccomp) else { return Ok(()) };
    match seccomp::install(filter, mode) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        outcome => outcome,
    }
}

/// The same for a thread that parses nothing a stranger sends: if it cannot be confined further, it
/// still has the filter of all, and does its work.
pub(super) fn confine_or_warn(filter: &Filter, seccomp: Seccomp) {
    if let Err(error) = confine(filter, seccomp) {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        tracing::warn!(%error, thread, "this thread has only the filter of all");
    }
}

fn mode(seccomp: Seccomp) -> Option<Mode> {
    match seccomp {
        Seccomp::Enforce => Some(Mode::Enforce),
        Seccomp::Audit => Some(Mode::Audit),
        Seccomp::Off => None,
    }
}

/// What stands in front of the report of a violation. No event: nobody is left to write one.
fn violation(config: &Config) -> String {
    let kind = Kind::SandboxViolation;
    let site = config.site.as_ref().map(|site| format!("IM_SITE={site}\n")).unwrap_or_default();
    format!(
        "PRIORITY={}\nSYSLOG_IDENTIFIER=infra_monitor\nMESSAGE_ID={}\nIM_EVENT={}\n\
         IM_SOURCE={DAEMON}\n{site}",
        kind.severity() as u8,
        kind.message_id(),
        kind.name(),
    )
}
