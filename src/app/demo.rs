//! The demonstration: a simulated site and the real daemon that watches it, in one process.
//!
//! The daemon is the one that `run` starts; only its configuration is made up here. Frames on the
//! wire need `CAP_NET_RAW`, which everybody has in a network namespace of their own.

mod frame;
mod line;
mod modbus;
mod narrator;
mod plant;
mod script;
mod site;

pub use narrator::Narrator;
pub use site::Staged;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config;
use crate::config::Config;
use crate::config::Rejected;
use crate::sys::inject::Injector;
use crate::sys::namespace::enter_user_and_network;

use super::AppError;
use super::Options;
use super::Output;
use super::Summary;
use site::Site;

/// A site that runs, and a configuration to watch it with.
pub struct Demo {
    site: Site,
    config: Config,
    setting: Setting,
}

/// What the reader should know before it begins.
#[derive(Debug)]
pub struct Setting {
    /// Modbus/TCP, with its unit.
    pub controller: (SocketAddr, u8),
    /// Terminal of the serial line, with the unit on it.
    pub line: (PathBuf, u8),
    pub wire: Wire,
}

/// Whether frames can be seen, and where.
#[derive(Debug)]
pub enum Wire {
    /// The loopback interface of this machine.
    Host,
    /// The loopback interface of a namespace that holds nothing else.
    Namespace,
    /// Nowhere: why not.
    Unseen(io::Error),
}

/// What was done to the site, and what became of it.
#[derive(Debug)]
pub struct Outcome {
    pub staged: Staged,
    pub summary: Summary,
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(
        "cannot set up the simulated site: {0}\n\
         It needs a free TCP port on 127.0.0.1 and two pseudo-terminals (/dev/ptmx, /dev/pts)."
    )]
    Site(#[source] io::Error),
    #[error("the simulated site stopped: {0}")]
    SiteStopped(#[source] io::Error),
    /// A bug: the text is part of the program.
    #[error("the demonstration's configuration is wrong:\n{0}")]
    Config(#[source] Rejected),
    #[error(transparent)]
    App(#[from] AppError),
}

impl Demo {
    /// Start the site. To be called before the process has a second thread: only then may it
    /// enter a namespace.
    pub fn set_up(narrator: Narrator) -> Result<Self, DemoError> {
        let (wire, injector) = open_wire();
        let site = Site::start(injector, narrator).map_err(DemoError::Site)?;
        let setting = Setting {
            controller: (site.controller, site::CONTROLLER_UNIT),
            line: (site.line.clone(), modbus::RELAY_UNIT),
            wire,
        };
        let config = config_for(&setting).map_err(DemoError::Config)?;
        Ok(Self { site, config, setting })
    }

    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Watch the site until interrupted, or for `duration`.
    pub fn run(self, output: Output, duration: Option<Duration>) -> Result<Outcome, DemoError> {
        let options = Options { config_path: None, output, stop_after: duration };
        let summary = super::run(self.config, options);
        let staged = self.site.stop().map_err(DemoError::SiteStopped);
        Ok(Outcome { summary: summary?, staged: staged? })
    }
}

/// A way to put frames on the loopback interface, which shows that they can be captured too.
fn open_wire() -> (Wire, Option<Injector>) {
    if let Ok(injector) = Injector::open(LOOPBACK) {
        return (Wire::Host, Some(injector));
    }
    match enter_user_and_network().and_then(|()| Injector::open(LOOPBACK)) {
        Ok(injector) => (Wire::Namespace, Some(injector)),
        Err(error) => (Wire::Unseen(error), None),
    }
}

const LOOPBACK: &str = "lo";

fn config_for(setting: &Setting) -> Result<Config, Rejected> {
    let text = include_str!("demo/config.toml")
        .replace("{port}", &setting.controller.0.port().to_string())
        .replace("{line}", &setting.line.0.to_string_lossy())
        .replace("{unit}", &setting.line.1.to_string());
    let mut config = config::parse("demo.toml", &text)?;
    match setting.wire {
        Wire::Host | Wire::Namespace => (),
        Wire::Unseen(_) => config.captures.clear(),
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(wire: Wire) -> Setting {
        let controller = "127.0.0.1:1502".parse().unwrap();
        Setting { controller: (controller, 1), line: ("/dev/pts/7".into(), 17), wire }
    }

    #[test]
    fn the_demonstration_watches_both_controllers_and_the_wire_between() {
        let config = config_for(&setting(Wire::Host)).unwrap();
        assert_eq!((config.captures.len(), config.links.len()), (1, 2));
    }

    #[test]
    fn where_the_wire_cannot_be_seen_the_controllers_are_still_polled() {
        let unseen = Wire::Unseen(io::Error::other("user namespaces are switched off"));
        let config = config_for(&setting(unseen)).unwrap();
        assert_eq!((config.captures.len(), config.links.len()), (0, 2));
    }
}
