//! Capture threads: take blocks from a ring and hand them on. They never look at a packet.
//!
//! The channel to the analyser is as deep as the ring has blocks ([`Opened::n_blocks`]), so a slow
//! analyser shows up in one place only: the kernel's own drop counter. An interface that is down
//! or absent is a state to report, not an error.

pub mod counters;
pub mod file;
mod parked;
mod ring;

pub use parked::{Discarded, Leavings, Parked};

use std::io;
use std::sync::Arc;

use nix::errno::Errno;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::block::Delivery;
use crate::config;
use crate::record::{Activity, Doing};
use crate::sys::interface::{Interface, LinkWatch};
use crate::sys::{Backlog, KeptRing, PacketRing, RingSpec, Share};

/// Why there is no capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error(
        "capture on {interface}: not permitted to open a packet socket, and none was passed in; as \
         a systemd unit: `open-sockets` passes it (ExecStartPre=, which 20-passive.conf leaves out), \
         and `journalctl -u infra_monitor` has what it said; else grant it with \
         `setcap cap_net_raw+ep` on the program, or be root (`run --allow-root`)"
    )]
    NoPermission { interface: Arc<str> },
    #[error("capture on {interface}: cannot {attempt}: {source}")]
    Io { interface: Arc<str>, attempt: &'static str, source: io::Error },
}

impl CaptureError {
    fn new(interface: &Arc<str>, attempt: &'static str, source: io::Error) -> Self {
        let interface = Arc::clone(interface);
        // A unit with RestrictAddressFamilies= refuses a packet socket as if there were none.
        let is_withheld = source.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32);
        if is_withheld || source.kind() == io::ErrorKind::PermissionDenied {
            return Self::NoPermission { interface };
        }
        Self::Io { interface, attempt, source }
    }
}

/// A ring, of which nobody has read yet, bound if its interface is there. [`run`] binds it again
/// when that comes, for which it needs no permission any more.
#[derive(Debug)]
pub struct Opened {
    interface: Arc<str>,
    ring: PacketRing,
    links: LinkWatch,
    /// What waits in it from before this process.
    backlog: Option<Backlog>,
    /// The interface that it is bound to, until [`run`] knows.
    bound: Option<u32>,
    activity: Activity,
}

impl Opened {
    /// Show the watchdog what the capture thread does.
    #[must_use]
    pub fn showing(self, activity: Activity) -> Self {
        Self { activity, ..self }
    }

    /// Blocks of the ring, and so the right depth for the channel of deliveries.
    pub fn n_blocks(&self) -> usize {
        self.ring.n_blocks() as usize
    }

    /// What was found in the ring, if it is one of a process that died.
    pub fn backlog(&self) -> Option<Backlog> {
        self.backlog
    }
}

/// Get everything that takes permission, for one of the rings that share an interface, counted
/// from 0. The interface need not exist.
pub fn open(spec: &config::Capture, ring: u8) -> Result<Opened, CaptureError> {
    open_from(&mut Parked::default(), spec, ring)
}

/// The same, with what a service manager keeps for us before a socket of our own.
pub fn open_from(
    parked: &mut Parked,
    spec: &config::Capture,
    ring: u8,
) -> Result<Opened, CaptureError> {
    let ring_spec = ring_spec(spec, ring);
    let parked = parked.open(spec, &ring_spec);
    parked.unwrap_or_else(|| opened(spec, PacketRing::open(&ring_spec)))
}

fn ring_spec(spec: &config::Capture, ring: u8) -> RingSpec {
    let mut purpose = [0; 16]; // one more than the name of an interface has (IFNAMSIZ)
    purpose.iter_mut().zip(spec.interface.bytes()).for_each(|(place, byte)| *place = byte);
    RingSpec {
        block_size: spec.block_size,
        blocks: spec.blocks,
        block_timeout: spec.block_timeout,
        promiscuous: spec.promiscuous,
        share: Share { ring, of: spec.rings },
        purpose,
    }
}

/// A ring that was made for `spec`, if it was.
fn opened(spec: &config::Capture, ring: io::Result<PacketRing>) -> Result<Opened, CaptureError> {
    let failed = |attempt, source| CaptureError::new(&spec.interface, attempt, source);
    let mut ring = ring.map_err(|source| failed("allocate the ring", source))?;
    if ring.n_blocks() < spec.blocks {
        let (interface, asked, granted) = (&*spec.interface, spec.blocks, ring.n_blocks());
        tracing::warn!(interface, asked, granted, "not enough memory for the ring: it is smaller");
    }
    let links =
        LinkWatch::open().map_err(|source| failed("watch the state of interfaces", source))?;
    let interface = Arc::clone(&spec.interface);
    let bound = bind(&mut ring, &interface).map_err(|source| failed("bind the ring", source))?;
    let activity = Activity::default();
    Ok(Opened { interface, ring, links, backlog: None, bound, activity })
}

/// Bind a ring that is bound to nothing, and say to which interface it is bound then. Here, and not
/// when its thread runs: who waits until we are ready is promised every frame from then on.
fn bind(ring: &mut PacketRing, interface: &str) -> io::Result<Option<u32>> {
    if let bound @ Some(_) = ring.bound()? {
        return Ok(bound);
    }
    let Some(found) = Interface::find(interface)? else { return Ok(None) };
    match ring.rebind(found) {
        Ok(()) => Ok(Some(found.index())),
        Err(error) if ring::is_no_device(&error) => Ok(None), // gone again
        Err(error) => Err(error),
    }
}

/// A ring that was kept, to be read on.
fn resume(
    spec: &config::Capture,
    kept: KeptRing,
    ring_spec: &RingSpec,
) -> Result<Opened, CaptureError> {
    let failed = |source| CaptureError::new(&spec.interface, "read the kept ring on", source);
    let (ring, backlog) = PacketRing::resume(kept, ring_spec).map_err(failed)?;
    Ok(Opened { backlog: Some(backlog), ..opened(spec, Ok(ring))? })
}

/// Capture until the token is cancelled or the analyser is gone: the body of a thread. After an
/// error it can be called again with the same ring, for which it needs no permission.
///
/// The first delivery is the state of the interface, and each change of it another. The last holds
/// the last count, so that summed over all of them packets = frames in blocks + drops.
pub fn run(
    opened: &mut Opened,
    deliveries: &mpsc::Sender<Delivery>,
    stop: &CancellationToken,
) -> Result<(), CaptureError> {
    let interface = Arc::clone(&opened.interface);
    let activity = opened.activity.clone();
    let ended = ring::Session::new(opened, deliveries).run(stop);
    // It has ended, or is called again after a pause.
    activity.set(Doing::Waits);
    ended.map_err(|source| CaptureError::new(&interface, "read the ring", source))
}
