//! Kinds of event: the names, severities and message identifiers that people search and alarm on.

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
    CaptureResumed,
    CaptureDiscarded,
    EventsSuppressed,
    DaemonStarted,
    DaemonStopping,
    DaemonStalled,
    ConfigReloaded,
    ConfigRejected,
    TaskFailed,
    SandboxWeak,
    SandboxViolation,
    LedgerReport,
}

impl Kind {
    pub const ALL: [Self; 61] = [
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
        Self::CaptureResumed,
        Self::CaptureDiscarded,
        Self::EventsSuppressed,
        Self::DaemonStarted,
        Self::DaemonStopping,
        Self::DaemonStalled,
        Self::ConfigReloaded,
        Self::ConfigRejected,
        Self::TaskFailed,
        Self::SandboxWeak,
        Self::SandboxViolation,
        Self::LedgerReport,
    ];

    /// `IM_EVENT`, and `event` in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::PollSample => "poll.sample",
            Self::LimitExceeded => "limit.exceeded",
            Self::LimitReturned => "limit.returned",
            Self::DeviceDown => "device.down",
            Self::DeviceUp => "device.up",
            Self::LinkDown => "link.down",
            Self::LinkUp => "link.up",
            Self::ReplyCorrupt => "reply.corrupt",
            Self::ReplyLate => "reply.late",
            Self::ReplyForeign => "reply.foreign",
            Self::PollException => "poll.exception",
            Self::ChecksumMismatch => "checksum.mismatch",
            Self::ChecksumRestored => "checksum.restored",
            Self::LineDegraded => "line.degraded",
            Self::LineRecovered => "line.recovered",
            Self::CrosscheckMismatch => "crosscheck.mismatch",
            Self::TagStale => "tag.stale",
            Self::TagFresh => "tag.fresh",
            Self::ScheduleMissed => "schedule.missed",
            Self::ChecksumInvalid => "checksum.invalid",
            Self::StreamConflict => "stream.conflict",
            Self::ModbusWrite => "modbus.write",
            Self::ModbusException => "modbus.exception",
            Self::ProtocolDetected => "protocol.detected",
            Self::ProtocolWrite => "protocol.write",
            Self::ProtocolError => "protocol.error",
            Self::ProtocolSequence => "protocol.sequence",
            Self::MasterNew => "master.new",
            Self::MasterSecond => "master.second",
            Self::DeviceNew => "device.new",
            Self::DeviceScanned => "device.scanned",
            Self::PollStopped => "poll.stopped",
            Self::PollResumed => "poll.resumed",
            Self::LatencyRaised => "latency.raised",
            Self::LatencyReturned => "latency.returned",
            Self::WriteIneffective => "write.ineffective",
            Self::BaselineDeviation => "baseline.deviation",
            Self::StationNew => "station.new",
            Self::StationConflict => "station.conflict",
            Self::NeighbourChanged => "neighbour.changed",
            Self::TopologyChanged => "topology.changed",
            Self::ProfinetSet => "profinet.set",
            Self::GooseChanged => "goose.changed",
            Self::GooseLost => "goose.lost",
            Self::ChecksumUnverifiable => "checksum.unverifiable",
            Self::InterfaceErrors => "interface.errors",
            Self::CaptureLoss => "capture.loss",
            Self::CaptureDown => "capture.down",
            Self::CaptureUp => "capture.up",
            Self::CaptureResumed => "capture.resumed",
            Self::CaptureDiscarded => "capture.discarded",
            Self::EventsSuppressed => "events.suppressed",
            Self::DaemonStarted => "daemon.started",
            Self::DaemonStopping => "daemon.stopping",
            Self::DaemonStalled => "daemon.stalled",
            Self::ConfigReloaded => "config.reloaded",
            Self::ConfigRejected => "config.rejected",
            Self::TaskFailed => "task.failed",
            Self::SandboxWeak => "sandbox.weak",
            Self::SandboxViolation => "sandbox.violation",
            Self::LedgerReport => "ledger.report",
        }
    }

    pub fn severity(self) -> Severity {
        match self {
            Self::DeviceDown
            | Self::LinkDown
            | Self::CaptureDown
            | Self::ConfigRejected
            | Self::DaemonStalled
            | Self::TaskFailed
            | Self::SandboxViolation => Severity::Error,
            Self::LimitExceeded
            | Self::ReplyCorrupt
            | Self::ReplyLate
            | Self::ReplyForeign
            | Self::PollException
            | Self::ChecksumMismatch
            | Self::LineDegraded
            | Self::CrosscheckMismatch
            | Self::TagStale
            | Self::ScheduleMissed
            | Self::ChecksumInvalid
            | Self::StreamConflict
            | Self::ModbusException
            | Self::ProtocolError
            | Self::ProtocolSequence
            | Self::MasterSecond
            | Self::DeviceScanned
            | Self::PollStopped
            | Self::LatencyRaised
            | Self::WriteIneffective
            | Self::BaselineDeviation
            | Self::StationConflict
            | Self::TopologyChanged
            | Self::GooseLost
            | Self::InterfaceErrors
            | Self::CaptureLoss
            | Self::CaptureDiscarded
            | Self::SandboxWeak => Severity::Warning,
            Self::LimitReturned
            | Self::DeviceUp
            | Self::LinkUp
            | Self::ChecksumRestored
            | Self::LineRecovered
            | Self::TagFresh
            | Self::ModbusWrite
            | Self::ProtocolDetected
            | Self::ProtocolWrite
            | Self::MasterNew
            | Self::DeviceNew
            | Self::PollResumed
            | Self::LatencyReturned
            | Self::StationNew
            | Self::NeighbourChanged
            | Self::ProfinetSet
            | Self::GooseChanged
            | Self::ChecksumUnverifiable
            | Self::CaptureUp
            | Self::CaptureResumed
            | Self::EventsSuppressed
            | Self::ConfigReloaded => Severity::Notice,
            Self::PollSample | Self::DaemonStarted | Self::DaemonStopping | Self::LedgerReport => {
                Severity::Info
            }
        }
    }

    /// `MESSAGE_ID` (systemd.journal-fields(7)): 128 bits in lower-case hexadecimal.
    pub fn message_id(self) -> &'static str {
        match self {
            Self::PollSample => "ede00762362f48f291be61c1048c1b6d",
            Self::LimitExceeded => "2b0d6e695fb54e26b7e0eed7ac6c9599",
            Self::LimitReturned => "d39fd5fa08fd4bc7a77ba09476a91288",
            Self::DeviceDown => "a85e7f4cb1c745fc9e6fc456d5943ef9",
            Self::DeviceUp => "5d89f9f7b73a44229173bb9305b02337",
            Self::LinkDown => "e9f756a919184a279d9ece304b7c0fdd",
            Self::LinkUp => "3d43a8e687ec4bbfb72ac6da67e35423",
            Self::ReplyCorrupt => "6e667d1f6bfc4b9e895507dcee544807",
            Self::ReplyLate => "b6bcc388436345409a705cad5e1cf134",
            Self::ReplyForeign => "3e30eb002c6642ebbed55864ca35fd52",
            Self::PollException => "495188574fd04ad1af69a54afecadba8",
            Self::ChecksumMismatch => "c8da4d7b4d634427a9c6e7f9ea24a487",
            Self::ChecksumRestored => "7d0ae387bfe6477a91984c4502c3df40",
            Self::LineDegraded => "1dce39cb38294486b470ca6958969762",
            Self::LineRecovered => "4eadb8a4e2cc4c56a8d8581b93f0a53e",
            Self::CrosscheckMismatch => "15f9bcb3a4b0457d9281171d94c4b2bf",
            Self::TagStale => "61bd0ea9190f4b07870b873182fe8db9",
            Self::TagFresh => "1a015d3f2e7b4f9bb64c4a7e8f70a7f6",
            Self::ScheduleMissed => "fed73a928c7f45deafdb9f1ad563df9b",
            Self::ChecksumInvalid => "dd784df1662c41279c98d539ac9e2f79",
            Self::StreamConflict => "095e12523d9c4787ba603ddd7208d7c3",
            Self::ModbusWrite => "0af19b228dc04ec2b1267155d0f4932b",
            Self::ModbusException => "10775d11dd994cecb4e38fd6a2a559ed",
            Self::ProtocolDetected => "3bc5f717b694b9256a4dd417611fea7d",
            Self::ProtocolWrite => "eac53382dc36daa150dac2872e1f4633",
            Self::ProtocolError => "60f443da0481455f4b714fce8b90f277",
            Self::ProtocolSequence => "38c276c76c4f774f75baca6243d271ab",
            Self::MasterNew => "1b828681a2076267593253b48b463467",
            Self::MasterSecond => "cc1d8709a38e71a94e2140986969ab78",
            Self::DeviceNew => "20924bf9863239377d72e5b391208ac2",
            Self::DeviceScanned => "4fcd00856932199ca0e58379779f8a2f",
            Self::PollStopped => "d0e2007fe0f0392c4c69b9c16bb5a494",
            Self::PollResumed => "df9d315f48e39405ae98e8a3ffdc75b7",
            Self::LatencyRaised => "fbca02b2b010477e6affefc893ae7ba8",
            Self::LatencyReturned => "9394c0f222c36d02679c77f8b4f6b63a",
            Self::WriteIneffective => "6183daf17593bb38af2e008200aafd8e",
            Self::BaselineDeviation => "e54a5bdcbd97c895956a4f797717da55",
            Self::StationNew => "08e35d8faa0d58d57c23aa279ad64f59",
            Self::StationConflict => "100345dd689342a68d190095c084d9d5",
            Self::NeighbourChanged => "c9e19a492ab9958a082d957a86a9cbc7",
            Self::TopologyChanged => "96ee0afce8a93b1fd73081675133fc46",
            Self::ProfinetSet => "97eb23f42ef5c5336449a0cea83c846c",
            Self::GooseChanged => "254c0e8c949da266a2a64d2430c82407",
            Self::GooseLost => "aeb21149cfda4ce1ecd670e40857c58f",
            Self::ChecksumUnverifiable => "a08281efcf984116f26d89bba0f1cc02",
            Self::InterfaceErrors => "c6b9f3f4f8affc2f1b6e044979da6ff1",
            Self::CaptureLoss => "0c6cc770a70641e692f032056eb416f9",
            Self::CaptureDown => "48968e32e2064d3ea98a9ca49ca57896",
            Self::CaptureUp => "a45b632f18aa46f2976781400ee65f47",
            Self::CaptureResumed => "71956c33ef7787f03d996a25a3ea6cda",
            Self::CaptureDiscarded => "b469f93dadad1fdf743f9accd466996b",
            Self::EventsSuppressed => "e2b6e3de06e445c9a2389377239a18bf",
            Self::DaemonStarted => "80f51ae1651e4fb9bb3b6c17716b3568",
            Self::DaemonStopping => "63160c04957341ee8e8789fafa7e242e",
            Self::DaemonStalled => "973643a76f22b29a7e245143f8f44d77",
            Self::ConfigReloaded => "02508aaf664b450d8c7bfe9c9cd09b5f",
            Self::ConfigRejected => "c01909935d0647bda0181b5d59b0c978",
            Self::TaskFailed => "ce666acdbb4143c589f567ac4aae23fa",
            Self::SandboxWeak => "91452f60e93c435f93571a04802388db",
            Self::SandboxViolation => "ee5ae29153684418a9e49691f159429b",
            Self::LedgerReport => "0c5e172f1e7444b4bfa0d51868e96224",
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
