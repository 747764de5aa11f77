//! The log budget: a token bucket for each kind of event.
//!
//! It has no clock: a window's end adds a window's worth of tokens, so that a clock that jumps
//! cannot open it and the same input always gives the same log.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{Log, Samples};
use crate::record::Kind;

/// Whether an event may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Granted,
    /// Counted, and told when the window ends.
    Refused,
}

/// One bucket for each kind that was ever raised: at most `Kind::ALL.len()`.
#[derive(Debug)]
pub(super) struct Budget {
    samples: Samples,
    burst: f64,
    /// Tokens a second adds.
    rate: f64,
    window: Duration,
    buckets: BTreeMap<Kind, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    refused: u64,
}

impl Budget {
    pub(super) fn new(log: &Log, window: Duration) -> Self {
        Self {
            samples: log.samples,
            burst: f64::from(log.burst),
            rate: f64::from(log.rate),
            window,
            buckets: BTreeMap::new(),
        }
    }

    /// Go on under another policy. Tokens and counts stay: a reload must not open the budget.
    pub(super) fn on_reload(&mut self, log: &Log) {
        let buckets = std::mem::take(&mut self.buckets);
        *self = Self { buckets, ..Self::new(log, self.window) };
    }

    /// Ask for one event.
    pub(super) fn spend(&mut self, kind: Kind) -> Verdict {
        if is_exempt(kind, self.samples) {
            return Verdict::Granted;
        }
        let full = Bucket { tokens: self.burst, refused: 0 };
        let bucket = self.buckets.entry(kind).or_insert(full);
        if bucket.tokens < 1.0 {
            bucket.refused += 1;
            return Verdict::Refused;
        }
        bucket.tokens -= 1.0;
        Verdict::Granted
    }

    /// Refill, and tell what was refused since the last call.
    pub(super) fn on_window_end(&mut self) -> Vec<(Kind, u64)> {
        let (refill, burst) = (self.rate * self.window.as_secs_f64(), self.burst);
        self.buckets
            .iter_mut()
            .filter_map(|(kind, bucket)| {
                bucket.tokens = (bucket.tokens + refill).min(burst);
                let refused = std::mem::take(&mut bucket.refused);
                (refused > 0).then_some((*kind, refused))
            })
            .collect()
    }
}

/// True for what only the operator causes, asked for, or needs to judge the rest by.
fn is_exempt(kind: Kind, samples: Samples) -> bool {
    match kind {
        Kind::PollSample => samples == Samples::All,
        Kind::EventsSuppressed
        | Kind::DaemonStarted
        | Kind::DaemonStopping
        | Kind::DaemonStalled
        | Kind::ConfigReloaded
        | Kind::ConfigRejected
        | Kind::SandboxWeak
        | Kind::SandboxViolation
        | Kind::LedgerReport => true,
        Kind::LimitExceeded
        | Kind::LimitReturned
        | Kind::DeviceDown
        | Kind::DeviceUp
        | Kind::LinkDown
        | Kind::LinkUp
        | Kind::ReplyCorrupt
        | Kind::ReplyLate
        | Kind::ReplyForeign
        | Kind::PollException
        | Kind::ChecksumMismatch
        | Kind::ChecksumRestored
        | Kind::LineDegraded
        | Kind::LineRecovered
        | Kind::CrosscheckMismatch
        | Kind::TagStale
        | Kind::TagFresh
        | Kind::ScheduleMissed
        | Kind::ChecksumInvalid
        | Kind::StreamConflict
        | Kind::ModbusWrite
        | Kind::ModbusException
        | Kind::ProtocolDetected
        | Kind::ProtocolWrite
        | Kind::ProtocolError
        | Kind::ProtocolSequence
        | Kind::MasterNew
        | Kind::MasterSecond
        | Kind::DeviceNew
        | Kind::DeviceScanned
        | Kind::PollStopped
        | Kind::PollResumed
        | Kind::LatencyRaised
        | Kind::LatencyReturned
        | Kind::WriteIneffective
        | Kind::BaselineDeviation
        | Kind::StationNew
        | Kind::StationConflict
        | Kind::NeighbourChanged
        | Kind::TopologyChanged
        | Kind::ProfinetSet
        | Kind::GooseChanged
        | Kind::GooseLost
        | Kind::ChecksumUnverifiable
        | Kind::InterfaceErrors
        | Kind::CaptureLoss
        | Kind::CaptureDown
        | Kind::CaptureUp
        | Kind::CaptureResumed
        | Kind::CaptureDiscarded
        | Kind::TaskFailed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(rate: u32, burst: u32, window: Duration) -> Budget {
        Budget::new(&Log { rate, burst, ..Log::default() }, window)
    }

    fn granted(budget: &mut Budget, kind: Kind, n: usize) -> usize {
        (0..n).filter(|_| budget.spend(kind) == Verdict::Granted).count()
    }

    #[test]
    fn a_burst_passes_and_the_rest_is_counted() {
        let mut budget = budget(10, 100, Duration::from_secs(1));
        assert_eq!(granted(&mut budget, Kind::ModbusWrite, 150), 100);
        assert_eq!(budget.on_window_end(), [(Kind::ModbusWrite, 50)]);
        assert_eq!(budget.on_window_end(), [], "told once");
    }

    #[test]
    fn a_window_brings_the_rate_back_and_never_more_than_the_burst() {
        let mut budget = budget(10, 15, Duration::from_secs(1));
        granted(&mut budget, Kind::DeviceDown, 15);
        budget.on_window_end();
        assert_eq!(granted(&mut budget, Kind::DeviceDown, 100), 10);
        (0..9).for_each(|_| drop(budget.on_window_end()));
        assert_eq!(granted(&mut budget, Kind::DeviceDown, 100), 15);
    }

    #[test]
    fn a_reload_changes_the_budget_and_does_not_open_it() {
        let mut budget = budget(10, 15, Duration::from_secs(1));
        granted(&mut budget, Kind::DeviceDown, 20);
        budget.on_reload(&Log { rate: 3, burst: 100, ..Log::default() });
        assert_eq!(granted(&mut budget, Kind::DeviceDown, 1), 0);
        assert_eq!(budget.on_window_end(), [(Kind::DeviceDown, 6)]);
        assert_eq!(granted(&mut budget, Kind::DeviceDown, 9), 3);
        assert_eq!(granted(&mut budget, Kind::DeviceUp, 200), 100);
    }

    #[test]
    fn a_rate_below_one_a_window_adds_up() {
        let mut budget = budget(1, 1, Duration::from_millis(250));
        assert_eq!(granted(&mut budget, Kind::LinkUp, 2), 1);
        (0..3).for_each(|_| drop(budget.on_window_end()));
        assert_eq!(granted(&mut budget, Kind::LinkUp, 1), 0);
        budget.on_window_end();
        assert_eq!(granted(&mut budget, Kind::LinkUp, 2), 1);
    }

    #[test]
    fn one_kind_cannot_spend_anothers_tokens() {
        let mut budget = budget(1, 5, Duration::from_secs(1));
        assert_eq!(granted(&mut budget, Kind::ModbusWrite, 1000), 5);
        assert_eq!(granted(&mut budget, Kind::LimitExceeded, 5), 5);
    }

    #[test]
    fn all_samples_pass_if_all_were_asked_for() {
        let log = Log { samples: Samples::All, rate: 0, burst: 0, ..Log::default() };
        let mut budget = Budget::new(&log, Duration::from_secs(1));
        assert_eq!(granted(&mut budget, Kind::PollSample, 1000), 1000);
        assert_eq!(granted(&mut budget, Kind::DaemonStopping, 1), 1);
        assert_eq!(granted(&mut budget, Kind::LinkDown, 1), 0);
    }
}
