//! The configuration file, parsed into types that cannot hold a bad value.
//!
//! [`parse`] takes the whole file and reports everything that is wrong with it at once. It touches
//! nothing but the bytes: whether an interface or a line exists is found out when it is acquired.

mod baseline;
mod build;
mod capture;
mod checksum;
mod complaint;
mod document;
mod endpoint;
mod field;
mod file;
mod lines;
mod modbus;
mod opcua;
mod plan;
mod problem;
mod render;
mod sandbox;
mod section;
mod serial;
mod services;
mod spelling;
mod syntax;
mod tags;

pub use baseline::{
    Addition, Aspect, Baseline, BaselineError, Deviation, Grant, MergeError, Parties, Prefix,
    Ranges, Service, Talk, merged, parse_baseline, read_baseline,
};
pub use capture::Processors;
pub use capture::{BLOCK_SIZES, BLOCKS, MAX_RINGS_IN_ALL};
pub use checksum::{Checksum, Expect, RegisterRange};
pub use document::parse;
pub use endpoint::{Endpoint, EndpointError, Parity, Serial, StopBits, Tls, UnitError, Units};
pub use file::read;
pub use plan::{Change, diff};
pub use problem::{Problem, Rejected};
pub use render::Color;
pub use sandbox::{Missing, Sandbox, Seccomp};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::record::{Services, SourceId};
use crate::tag::Tag;

/// Everything the daemon can be told. Adding a field here is the only way to add a knob.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Config {
    /// Name of the place, in every event.
    pub site: Option<Arc<str>>,
    pub runtime: Runtime,
    pub log: Log,
    pub sandbox: Sandbox,
    /// File of what is allowed on the wire, for [`read_baseline`].
    pub baseline: Option<PathBuf>,
    /// Interfaces to capture from, by interface name.
    pub captures: BTreeMap<SourceId, Arc<Capture>>,
    /// Links to poll, by name.
    pub links: BTreeMap<SourceId, Arc<Link>>,
    /// OPC UA servers to subscribe to, by name.
    pub servers: BTreeMap<SourceId, Arc<Server>>,
    /// Serial lines of others to listen to, by name.
    pub taps: BTreeMap<SourceId, Arc<SerialTap>>,
}

/// A source that has a task: it is asked for values, whatever it speaks, or only listened to.
#[derive(Clone, Debug, PartialEq)]
pub enum Polled {
    Modbus(Arc<Link>),
    OpcUa(Arc<Server>),
    /// A line that another master polls.
    Tap(Arc<SerialTap>),
}

impl Polled {
    /// Where it leads, for people.
    pub fn endpoint(&self) -> String {
        match self {
            Self::Modbus(link) => link.endpoint.to_string(),
            Self::OpcUa(server) => server.url.to_string(),
            Self::Tap(tap) => tap.device.display().to_string(),
        }
    }

    /// How often the device that readings of `id` call so is read or tells of changes, and how long
    /// an answer may take.
    pub fn pace_of(&self, id: &SourceId, device: &str) -> Option<(Duration, Duration)> {
        match self {
            Self::Modbus(link) => {
                let device = link.devices.iter().find(|known| &*known.name == device);
                device.map(|device| (device.every, link.timeout))
            }
            Self::OpcUa(server) => {
                (id.as_str() == device).then_some((server.every, server.timeout))
            }
            Self::Tap(_) => None,
        }
    }

    /// The tags of the device that readings of `id` call so. A server is its own only device.
    pub fn tags_of(&self, id: &SourceId, device: &str) -> Option<&[Arc<Tag>]> {
        match self {
            Self::Modbus(link) => {
                let device = link.devices.iter().find(|known| &*known.name == device);
                device.map(|device| device.tags.as_slice())
            }
            Self::OpcUa(server) => (id.as_str() == device).then_some(server.tags.as_slice()),
            Self::Tap(_) => None,
        }
    }
}

impl Config {
    /// Every source that has a task, by name.
    pub fn polled(&self) -> BTreeMap<SourceId, Polled> {
        let links =
            self.links.iter().map(|(id, link)| (id.clone(), Polled::Modbus(Arc::clone(link))));
        let servers =
            self.servers.iter().map(|(id, server)| (id.clone(), Polled::OpcUa(Arc::clone(server))));
        let taps = self.taps.iter().map(|(id, tap)| (id.clone(), Polled::Tap(Arc::clone(tap))));
        links.chain(servers).chain(taps).collect()
    }
}

/// The process itself. A change needs a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Runtime {
    /// Processors the runtime's workers are pinned to, one worker each; empty: two, unpinned.
    pub cpus: Vec<usize>,
    /// Of all threads, as of `nice(1)`: -20 is served first, 19 last.
    pub nice: i32,
    /// Capture threads come before all that is not real-time (`SCHED_FIFO`, `sched(7)`).
    pub realtime: bool,
    /// How long shutdown may take before the process exits anyway.
    pub shutdown_grace: Duration,
    /// Length of a window: how often counts become events.
    pub window: Duration,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            cpus: Vec::new(),
            nice: 0,
            realtime: false,
            shutdown_grace: Duration::from_secs(5),
            window: Duration::from_secs(1),
        }
    }
}

/// What is logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    pub samples: Samples,
    /// Events per second and kind, in the long run.
    pub rate: u32,
    /// Events per kind at once.
    pub burst: u32,
    /// Diagnostics, where `RUST_LOG` does not say otherwise.
    pub level: Level,
}

impl Default for Log {
    fn default() -> Self {
        Self { samples: Samples::Changes, rate: 10, burst: 100, level: Level::Info }
    }
}

/// Verbosity of diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// Which samples are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    None,
    /// The first, and every one that moved by more than the tag's deadband or changed quality.
    Changes,
    All,
}

/// One ring on one interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    pub interface: Arc<str>,
    /// Rings that share the traffic, each with a capture and an analysis thread of its own.
    pub rings: u8,
    pub cpus: Processors,
    /// Bytes; a multiple of the page size that holds a GSO frame (64 KiB and headers).
    pub block_size: u32,
    pub blocks: u32,
    /// After this a block is handed over however full it is: detection latency on a quiet wire.
    pub block_timeout: Duration,
    pub promiscuous: bool,
    pub services: Services,
}

impl Capture {
    /// The defaults, for one interface.
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.into(),
            rings: 1,
            cpus: Processors::Any,
            block_size: 256 << 10,
            blocks: 128,
            block_timeout: Duration::from_millis(20),
            promiscuous: true,
            services: Services::default(),
        }
    }

    /// Processor of the threads of one ring, counted from 0.
    pub fn cpu_of(&self, ring: u8) -> Option<usize> {
        self.cpus.of_ring(ring)
    }

    /// Bytes of memory that all rings take together.
    pub fn ring_memory(&self) -> u64 {
        u64::from(self.rings) * u64::from(self.blocks) * u64::from(self.block_size)
    }
}

/// One TCP connection or one serial line, and the devices behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub endpoint: Endpoint,
    /// From the last byte of a request to the last of its reply.
    pub timeout: Duration,
    /// Longest wait between two attempts at a device or connection that fails.
    pub backoff_max: Duration,
    pub transaction_id: TransactionId,
    /// Least silence between what was last heard or sent and the next request.
    pub pause: Duration,
    /// Requests under way at once on a TCP connection; more than one needs strict identifiers.
    pub max_in_flight: usize,
    /// Connections that the devices of a Modbus/TCP link are shared among.
    pub max_connections: usize,
    pub devices: Vec<Arc<Device>>,
}

impl Link {
    /// What `timeout` can be: from the round trip of a local network to a radio link that is half
    /// asleep.
    pub const TIMEOUT: RangeInclusive<Duration> =
        Duration::from_millis(10)..=Duration::from_secs(60);

    /// The defaults, without devices.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            timeout: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            transaction_id: TransactionId::Strict,
            pause: Duration::ZERO,
            max_in_flight: 1,
            max_connections: 1,
            devices: Vec::new(),
        }
    }
}

/// A serial line (tty) on which another master polls. It is only listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialTap {
    pub device: PathBuf,
    /// Bits per second.
    pub baud: u32,
    pub parity: Parity,
    pub stop_bits: StopBits,
}

/// Whether a Modbus/TCP reply must carry the request's transaction identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionId {
    Strict,
    /// 0 is accepted too: some controllers never fill it in.
    Lenient,
}

/// One unit on a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub name: Arc<str>,
    pub unit: u8,
    /// Time between the starts of two readings.
    pub every: Duration,
    /// Most registers that one request may ask for.
    pub max_registers: u16,
    pub tags: Vec<Arc<Tag>>,
    /// What the controller says of some of its registers; tags that lie there are held to it.
    pub checksum: Option<Arc<Checksum>>,
}

impl Device {
    /// The defaults, without tags.
    pub fn new(name: &str, unit: u8) -> Self {
        Self {
            name: name.into(),
            unit,
            every: Duration::from_secs(1),
            max_registers: 125, // Application Protocol V1.1b3, section 6.3
            tags: Vec::new(),
            checksum: None,
        }
    }
}

/// One OPC UA server and the nodes that are of interest there.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// `opc.tcp://192.0.2.10:4840/path`, as the server is told where it is.
    pub url: Arc<str>,
    /// Where `url` leads.
    pub address: SocketAddr,
    pub security: Security,
    /// `None`: anonymous.
    pub user: Option<User>,
    /// Publishing interval: how often the server tells what has changed.
    pub every: Duration,
    /// From a request to its answer.
    pub timeout: Duration,
    /// Longest wait between two attempts to connect.
    pub backoff_max: Duration,
    pub tags: Vec<Arc<Tag>>,
}

impl Server {
    /// The defaults, without tags.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            url: format!("opc.tcp://{address}").into(),
            address,
            security: Security::None,
            user: None,
            every: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            backoff_max: Duration::from_secs(5),
            tags: Vec::new(),
        }
    }
}

/// How an OPC UA channel is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    None,
    /// Signed and encrypted.
    Basic256Sha256(Certificates),
}

/// What a protected channel needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// Our own, DER or PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Directory with `trusted` and `rejected` certificates of servers.
    pub pki: PathBuf,
    /// The URI that `certificate` was made for.
    pub application_uri: Arc<str>,
}

/// Who logs in at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: Arc<str>,
    /// Read at each login; the configuration holds no secret.
    pub password_file: PathBuf,
}
