//! Events: what an operator should be able to find later.

use std::sync::Arc;
use std::time::SystemTime;

use super::SourceId;

/// One entry of the log: a kind, a sentence, and fields a machine can search.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: Kind,
    pub at: SystemTime,
    pub source: SourceId,
    /// What, where, the likely cause and the next step.
    pub text: String,
    /// Lower-case names; a journal shows them as `IM_` and upper case.
    pub fields: Vec<(&'static str, Scalar)>,
}

impl Event {
    pub fn new(kind: Kind, at: SystemTime, source: SourceId, text: impl Into<String>) -> Self {
        Self { kind, at, source, text: text.into(), fields: Vec::new() }
    }

    /// Add a field. Names are lower-case words joined by `_`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Scalar>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Real(f64),
    Text(Arc<str>),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

macro_rules! scalar_from {
    ($($from:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$from> for Scalar {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

scalar_from! {
    bool => Bool,
    i64 => Signed,
    u8 => Unsigned,
    u16 => Unsigned,
    u32 => Unsigned,
    u64 => Unsigned,
    f64 => Real,
    &str => Text,
    String => Text,
    Arc<str> => Text,
}

/// Syslog severities in use (RFC 5424, table 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
}

/// What happened. Names and message ids are fixed for ever: people search and alarm on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    PollSample,
    LimitExceeded,
    LimitReturned,
    DeviceDown,
    DeviceUp,
    LinkDown,
    LinkUp,
    ReplyCorrupt,
    ReplyLate,
    ReplyForeign,
    PollException,
    ChecksumMismatch,
    ChecksumRestored,
    LineDegraded,
    LineRecovered,
    CrosscheckMismatch,
    TagStale,
    TagFresh,
    ScheduleMissed,
    ChecksumInvalid,
    StreamConflict,
    ModbusWrite,
    ModbusException,
    ProtocolDetected,
    ProtocolWrite,
    ProtocolError,
    ProtocolSequence,
    MasterNew,
    MasterSecond,
    DeviceNew,
    DeviceScanned,
    PollStopped,
    PollResumed,
    LatencyRaised,
    LatencyReturned,
    WriteIneffective,
    BaselineDeviation,
    StationNew,
    StationConflict,
    NeighbourChanged,
    TopologyChanged,
    ProfinetSet,
    GooseChanged,
    GooseLost,
    ChecksumUnverifiable,
    InterfaceErrors,
    CaptureLoss,
    CaptureDown,
    CaptureUp,
    EventsSuppressed,
    DaemonStarted,
    DaemonStopping,
    ConfigReloaded,
    ConfigRejected,
    TaskFailed,
    LedgerReport,
}

impl Kind {
    pub const ALL: [Self; 56] = [
        Self::PollSample,
        Self::LimitExceeded,
        Self::LimitReturned,
        Self::DeviceDown,
        Self::DeviceUp,
        Self::LinkDown,
        Self::LinkUp,
        Self::ReplyCorrupt,
        Self::ReplyLate,
        Self::ReplyForeign,
        Self::PollException,
        Self::ChecksumMismatch,
        Self::ChecksumRestored,
        Self::LineDegraded,
        Self::LineRecovered,
        Self::CrosscheckMismatch,
        Self::TagStale,
        Self::TagFresh,
        Self::ScheduleMissed,
        Self::ChecksumInvalid,
        Self::StreamConflict,
        Self::ModbusWrite,
        Self::ModbusException,
        Self::ProtocolDetected,
        Self::ProtocolWrite,
        Self::ProtocolError,
        Self::ProtocolSequence,
        Self::MasterNew,
        Self::MasterSecond,
        Self::DeviceNew,
        Self::DeviceScanned,
        Self::PollStopped,
        Self::PollResumed,
        Self::LatencyRaised,
        Self::LatencyReturned,
        Self::WriteIneffective,
        Self::BaselineDeviation,
        Self::StationNew,
        Self::StationConflict,
        Self::NeighbourChanged,
        Self::TopologyChanged,
        Self::ProfinetSet,
        Self::GooseChanged,
        Self::GooseLost,
        Self::ChecksumUnverifiable,
        Self::InterfaceErrors,
        Self::CaptureLoss,
        Self::CaptureDown,
        Self::CaptureUp,
        Self::EventsSuppressed,
        Self::DaemonStarted,
        Self::DaemonStopping,
        Self::ConfigReloaded,
        Self::ConfigRejected,
        Self::TaskFailed,
        Self::LedgerReport,
    ];

    /// `IM_EVENT`, and `event` in JSON.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    pub fn severity(self) -> Severity {
        self.row().1
    }

    /// `MESSAGE_ID` (systemd.journal-fields(7)): 128 bits in lower-case hexadecimal.
    pub fn message_id(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, Severity, &'static str) {
        use Severity::{Error, Info, Notice, Warning};
        match self {
            Self::PollSample => ("poll.sample", Info, "ede00762362f48f291be61c1048c1b6d"),
            Self::LimitExceeded => ("limit.exceeded", Warning, "2b0d6e695fb54e26b7e0eed7ac6c9599"),
            Self::LimitReturned => ("limit.returned", Notice, "d39fd5fa08fd4bc7a77ba09476a91288"),
            Self::DeviceDown => ("device.down", Error, "a85e7f4cb1c745fc9e6fc456d5943ef9"),
            Self::DeviceUp => ("device.up", Notice, "5d89f9f7b73a44229173bb9305b02337"),
            Self::LinkDown => ("link.down", Error, "e9f756a919184a279d9ece304b7c0fdd"),
            Self::LinkUp => ("link.up", Notice, "3d43a8e687ec4bbfb72ac6da67e35423"),
            Self::ReplyCorrupt => ("reply.corrupt", Warning, "6e667d1f6bfc4b9e895507dcee544807"),
            Self::ReplyLate => ("reply.late", Warning, "b6bcc388436345409a705cad5e1cf134"),
            Self::ReplyForeign => ("reply.foreign", Warning, "3e30eb002c6642ebbed55864ca35fd52"),
            Self::PollException => ("poll.exception", Warning, "495188574fd04ad1af69a54afecadba8"),
            Self::ChecksumMismatch => {
                ("checksum.mismatch", Warning, "c8da4d7b4d634427a9c6e7f9ea24a487")
            }
            Self::ChecksumRestored => {
                ("checksum.restored", Notice, "7d0ae387bfe6477a91984c4502c3df40")
            }
            Self::LineDegraded => ("line.degraded", Warning, "1dce39cb38294486b470ca6958969762"),
            Self::LineRecovered => ("line.recovered", Notice, "4eadb8a4e2cc4c56a8d8581b93f0a53e"),
            Self::CrosscheckMismatch => {
                ("crosscheck.mismatch", Warning, "15f9bcb3a4b0457d9281171d94c4b2bf")
            }
            Self::TagStale => ("tag.stale", Warning, "61bd0ea9190f4b07870b873182fe8db9"),
            Self::TagFresh => ("tag.fresh", Notice, "1a015d3f2e7b4f9bb64c4a7e8f70a7f6"),
            Self::ScheduleMissed => {
                ("schedule.missed", Warning, "fed73a928c7f45deafdb9f1ad563df9b")
            }
            Self::ChecksumInvalid => {
                ("checksum.invalid", Warning, "dd784df1662c41279c98d539ac9e2f79")
            }
            Self::StreamConflict => {
                ("stream.conflict", Warning, "095e12523d9c4787ba603ddd7208d7c3")
            }
            Self::ModbusWrite => ("modbus.write", Notice, "0af19b228dc04ec2b1267155d0f4932b"),
            Self::ModbusException => {
                ("modbus.exception", Warning, "10775d11dd994cecb4e38fd6a2a559ed")
            }
            Self::ProtocolDetected => {
                ("protocol.detected", Notice, "3bc5f717b694b9256a4dd417611fea7d")
            }
            Self::ProtocolWrite => ("protocol.write", Notice, "eac53382dc36daa150dac2872e1f4633"),
            Self::ProtocolError => ("protocol.error", Warning, "60f443da0481455f4b714fce8b90f277"),
            Self::ProtocolSequence => {
                ("protocol.sequence", Warning, "38c276c76c4f774f75baca6243d271ab")
            }
            Self::MasterNew => ("master.new", Notice, "1b828681a2076267593253b48b463467"),
            Self::MasterSecond => ("master.second", Warning, "cc1d8709a38e71a94e2140986969ab78"),
            Self::DeviceNew => ("device.new", Notice, "20924bf9863239377d72e5b391208ac2"),
            Self::DeviceScanned => ("device.scanned", Warning, "4fcd00856932199ca0e58379779f8a2f"),
            Self::PollStopped => ("poll.stopped", Warning, "d0e2007fe0f0392c4c69b9c16bb5a494"),
            Self::PollResumed => ("poll.resumed", Notice, "df9d315f48e39405ae98e8a3ffdc75b7"),
            Self::LatencyRaised => ("latency.raised", Warning, "fbca02b2b010477e6affefc893ae7ba8"),
            Self::LatencyReturned => {
                ("latency.returned", Notice, "9394c0f222c36d02679c77f8b4f6b63a")
            }
            Self::WriteIneffective => {
                ("write.ineffective", Warning, "6183daf17593bb38af2e008200aafd8e")
            }
            Self::BaselineDeviation => {
                ("baseline.deviation", Warning, "e54a5bdcbd97c895956a4f797717da55")
            }
            Self::StationNew => ("station.new", Notice, "08e35d8faa0d58d57c23aa279ad64f59"),
            Self::StationConflict => {
                ("station.conflict", Warning, "100345dd689342a68d190095c084d9d5")
            }
            Self::NeighbourChanged => {
                ("neighbour.changed", Notice, "c9e19a492ab9958a082d957a86a9cbc7")
            }
            Self::TopologyChanged => {
                ("topology.changed", Warning, "96ee0afce8a93b1fd73081675133fc46")
            }
            Self::ProfinetSet => ("profinet.set", Notice, "97eb23f42ef5c5336449a0cea83c846c"),
            Self::GooseChanged => ("goose.changed", Notice, "254c0e8c949da266a2a64d2430c82407"),
            Self::GooseLost => ("goose.lost", Warning, "aeb21149cfda4ce1ecd670e40857c58f"),
            Self::ChecksumUnverifiable => {
                ("checksum.unverifiable", Notice, "a08281efcf984116f26d89bba0f1cc02")
            }
            Self::InterfaceErrors => {
                ("interface.errors", Warning, "c6b9f3f4f8affc2f1b6e044979da6ff1")
            }
            Self::CaptureLoss => ("capture.loss", Warning, "0c6cc770a70641e692f032056eb416f9"),
            Self::CaptureDown => ("capture.down", Error, "48968e32e2064d3ea98a9ca49ca57896"),
            Self::CaptureUp => ("capture.up", Notice, "a45b632f18aa46f2976781400ee65f47"),
            Self::EventsSuppressed => {
                ("events.suppressed", Notice, "e2b6e3de06e445c9a2389377239a18bf")
            }
            Self::DaemonStarted => ("daemon.started", Info, "80f51ae1651e4fb9bb3b6c17716b3568"),
            Self::DaemonStopping => ("daemon.stopping", Info, "63160c04957341ee8e8789fafa7e242e"),
            Self::ConfigReloaded => ("config.reloaded", Notice, "02508aaf664b450d8c7bfe9c9cd09b5f"),
            Self::ConfigRejected => ("config.rejected", Error, "c01909935d0647bda0181b5d59b0c978"),
            Self::TaskFailed => ("task.failed", Error, "ce666acdbb4143c589f567ac4aae23fa"),
            Self::LedgerReport => ("ledger.report", Info, "0c5e172f1e7444b4bfa0d51868e96224"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_message_ids_are_unique_and_well_formed() {
        let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        let ids: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.message_id()).collect();
        assert_eq!((names.len(), ids.len()), (Kind::ALL.len(), Kind::ALL.len()));
        for id in ids {
            assert!(id.len() == 32 && id.bytes().all(|b| b"0123456789abcdef".contains(&b)), "{id}");
        }
    }
}
