//! What a poller says after each request.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::tag::{Tag, Value};

use super::{Exchange, Quality, SourceId};

/// One request to one device, answered or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Link it went over.
    pub source: SourceId,
    pub device: Arc<str>,
    /// Modbus unit identifier, if that is how the device is addressed.
    pub unit: Option<u8>,
    /// When the source of the values says they were taken; else when the last byte arrived, or the
    /// attempt was given up.
    pub at: SystemTime,
    /// First byte out to last byte in; zero if nothing was sent, or nothing was asked.
    pub latency: Duration,
    /// Turns of the device that were due before this reading and not taken: the link was busy.
    pub missed: u32,
    /// Of the reply as a whole.
    pub quality: Quality,
    /// What failed, with the likely cause and the next step. `None` when `Good`.
    pub detail: Option<Arc<str>>,
    /// The exchange that the values were taken from, if the wire may have shown it too.
    pub exchange: Option<Arc<Exchange>>,
    /// One for each tag the request was for, whatever the quality.
    pub samples: Vec<Sample>,
    /// Of the registers that these samples were taken from.
    pub checksum: BlockChecksum,
}

/// What the controller's own checksum says of the registers that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BlockChecksum {
    /// There is none over them, or no verdict.
    #[default]
    Unverified,
    Valid,
    Invalid(Arc<BlockMismatch>),
}

/// A checksum of a controller that its registers do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockMismatch {
    /// As the configuration calls it.
    pub algorithm: &'static str,
    /// What the controller keeps, or the configuration says.
    pub stored: u32,
    pub computed: u32,
    /// The registers as the bytes that were summed, at most 2000.
    pub block: Vec<u8>,
}

/// One reading of one tag. It carries its definition, so that no stage looks anything up.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub tag: Arc<Tag>,
    /// `None` exactly when the quality is `Bad`.
    pub value: Option<Value>,
    /// Never better than the reading's.
    pub quality: Quality,
}
