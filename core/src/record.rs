//! What crosses a channel: owned, small, and free of protocol bytes.

mod activity;
mod address_key;
mod blame;
mod checksum_tally;
mod detected;
mod effect;
mod event;
mod exchange;
mod kind;
mod layer2;
mod ledger;
mod line_report;
mod losses;
mod quality;
mod reading;
mod services;
mod spoken;
mod tap_report;
mod transaction;
mod trust;
mod usage;
mod usage_change;
mod wire_report;

pub use activity::{Activity, Doing, Look};
pub use address_key::AddressKey;
pub use blame::{Intact, Repaired, Unfinished, Unverifiable};
pub use checksum_tally::{Checked, ChecksumTally, Corruption, Tally};
pub use detected::{Detected, DetectionTally, connects_out};
pub use effect::{Bank, Ineffective};
pub use event::{Event, Scalar};
pub use exchange::{Exchange, Identity, Overheard, ReadAnswer, canonical};
pub use kind::{Kind, Severity};
pub use layer2::{
    GooseChange, GooseFlags, GooseNumber, Layer2Change, Layer2Finding, Layer2Tally, Neighbour,
    NeighbourChange, Stream,
};
pub use ledger::Ledger;
pub use line_report::{LineCount, LineReport, Uart, UartCount, UnitCount};
pub use losses::{InterfaceCount, Losses};
pub use quality::{Doubt, Fault, Quality, Status};
pub use reading::{BlockChecksum, BlockMismatch, Reading, Sample};
pub use services::Services;
pub use spoken::{Jump, MessageTallies, MessageTally, Spoken};
pub use tap_report::{HeardBytes, TapReport, TapState, UnitTally};
pub use transaction::{ModbusTally, Path, Transaction, Written};
pub use trust::{Doubts, Trust};
pub use usage::{News, Usage};
pub use usage_change::{Change, Ending, Pace, Poll, UsageChange};
pub use wire_report::{
    Conflict, Contested, FragmentTally, Gap, InterfaceState, Note, RingCount, StreamTally,
    WireReport,
};

use std::sync::Arc;

pub use crate::wire::message::{Message, Operation, Protocol, Role};
pub use crate::wire::packet::Vlan;

/// Name of a configured source, as the operator wrote it: a link, an interface, a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(Arc<str>);

impl SourceId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SourceId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl std::fmt::Display for SourceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
