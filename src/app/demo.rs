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
use std::sync::Arc;
use std::time::Duration;

use crate::config;
use crate::config::Config;
use crate::config::Endpoint;
use crate::config::Rejected;
use crate::record::Protocol;
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

impl Wire {
    pub fn is_captured(&self) -> bool {
        match self {
            Self::Host | Self::Namespace => true,
            Self::Unseen(_) => false,
        }
    }
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

/// The shipped configuration, led to where the site is.
fn config_for(setting: &Setting) -> Result<Config, Rejected> {
    let text = include_str!("../../config/demo.toml");
    let mut config = config::parse("config/demo.toml", text)?;
    let controller = setting.controller.0;
    for link in config.links.values_mut() {
        match &mut Arc::make_mut(link).endpoint {
            Endpoint::Tcp(address) | Endpoint::RtuOverTcp(address) => *address = controller,
            Endpoint::Tls(tls) => tls.address = controller,
            Endpoint::Serial(serial) => serial.device.clone_from(&setting.line.0),
        }
    }
    if !setting.wire.is_captured() {
        config.captures.clear();
    }
    for capture in config.captures.values_mut() {
        let capture = Arc::make_mut(capture);
        capture.services = capture.services.with(Protocol::Modbus, &[controller.port()]);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_with(wire: Wire) -> Config {
        let controller = ("127.0.0.1:40502".parse().unwrap(), site::CONTROLLER_UNIT);
        let line = ("/dev/pts/7".into(), modbus::RELAY_UNIT);
        config_for(&Setting { controller, line, wire }).unwrap()
    }

    #[test]
    fn the_shipped_configuration_is_led_to_where_the_site_is() {
        let config = config_with(Wire::Host);
        let endpoints: Vec<_> =
            config.links.values().map(|link| link.endpoint.to_string()).collect();
        assert_eq!(
            endpoints,
            ["tcp://127.0.0.1:40502", "rtu:///dev/pts/7?baud=19200&parity=none&stop=1"]
        );
        let captures = config.captures.values();
        let ports: Vec<_> =
            captures.flat_map(|capture| capture.services.of(Protocol::Modbus)).collect();
        assert_eq!(ports, [40502]);
    }

    #[test]
    fn the_shipped_configuration_asks_for_the_units_of_the_site() {
        let config = config_with(Wire::Host);
        let devices = config.links.values().flat_map(|link| &link.devices);
        let units: Vec<_> = devices.map(|device| device.unit).collect();
        assert_eq!(units, [site::CONTROLLER_UNIT, modbus::RELAY_UNIT]);
    }

    #[test]
    fn where_the_wire_cannot_be_seen_the_controllers_are_still_polled() {
        let config = config_with(Wire::Unseen(io::Error::other("switched off")));
        assert_eq!((config.captures.len(), config.links.len()), (0, 2));
    }
}
