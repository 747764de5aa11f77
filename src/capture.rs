//! Capture threads: take blocks from a ring and hand them on. They never look at a packet.
//!
//! The channel to the analyser is as deep as the ring has blocks ([`Opened::n_blocks`]), so a slow
//! analyser shows up in one place only: the kernel's own drop counter. An interface that is down
//! or absent is a state to report, not an error.

pub mod counters;
pub mod file;
mod ring;

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::block::Delivery;
use crate::config;
use crate::sys::interface::LinkWatch;
use crate::sys::{PacketRing, RingSpec, Share};

/// Why there is no capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error(
        "capture on {interface}: not permitted to open a packet socket; \
         run as root, start the systemd unit, or grant it with `setcap cap_net_raw+ep` on the program"
    )]
    NoPermission { interface: Arc<str> },
    #[error("capture on {interface}: cannot {attempt}: {source}")]
    Io { interface: Arc<str>, attempt: &'static str, source: io::Error },
}

impl CaptureError {
    fn new(interface: &Arc<str>, attempt: &'static str, source: io::Error) -> Self {
        let interface = Arc::clone(interface);
        if source.kind() == io::ErrorKind::PermissionDenied {
            return Self::NoPermission { interface };
        }
        Self::Io { interface, attempt, source }
    }
}

/// A ring that receives nothing yet. [`run`] binds it, for which it needs no permission any more.
#[derive(Debug)]
pub struct Opened {
    interface: Arc<str>,
    ring: PacketRing,
    links: LinkWatch,
}

impl Opened {
    /// Blocks of the ring, and so the right depth for the channel of deliveries.
    pub fn n_blocks(&self) -> usize {
        self.ring.n_blocks() as usize
    }
}

/// Get everything that takes permission, for one of the rings that share an interface, counted
/// from 0. The interface need not exist.
pub fn open(spec: &config::Capture, ring: u8) -> Result<Opened, CaptureError> {
    let failed = |attempt, source| CaptureError::new(&spec.interface, attempt, source);
    let ring_spec = RingSpec {
        block_size: spec.block_size,
        blocks: spec.blocks,
        block_timeout: spec.block_timeout,
        promiscuous: spec.promiscuous,
        share: Share { ring, of: spec.rings },
    };
    let ring =
        PacketRing::open(&ring_spec).map_err(|source| failed("allocate the ring", source))?;
    if ring.n_blocks() < spec.blocks {
        let (interface, asked, granted) = (&*spec.interface, spec.blocks, ring.n_blocks());
        tracing::warn!(interface, asked, granted, "not enough memory for the ring: it is smaller");
    }
    let links =
        LinkWatch::open().map_err(|source| failed("watch the state of interfaces", source))?;
    Ok(Opened { interface: Arc::clone(&spec.interface), ring, links })
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
    ring::Session::new(opened, deliveries)
        .run(stop)
        .map_err(|source| CaptureError::new(&interface, "read the ring", source))
}
