//! How long a capture has learned what is usual.
//!
//! Live, windows that ended are counted, which come at an even pace whatever the clock is set to. A
//! file has no time but that of its packets: a silence in it and a clock that was set forward look
//! the same, so no step counts for more than a minute, and one back counts for nothing.

use std::time::{Duration, SystemTime};

use crate::record::WireReport;

use super::super::clock::Clock;

/// How long a capture learns before anything in it is new.
const SETTLING: Duration = Duration::from_secs(10 * 60);

/// What one silence of a file counts for at most. Where something is polled, none is longer.
const MAX_STEP: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Learning {
    /// Follows the ends of windows.
    clock: Clock,
    /// Something was said that no file says.
    is_live: bool,
    /// Time of the packets, and when the last of them came; `None` before the first one.
    read: Duration,
    last: Option<SystemTime>,
}

impl Learning {
    pub(super) fn new(window: Duration) -> Self {
        Self { clock: Clock::new(window), is_live: false, read: Duration::ZERO, last: None }
    }

    /// A ring or an interface is counted.
    pub(super) fn on_origin(&mut self, report: &WireReport) {
        self.is_live |= report.ring.packets > 0 || report.interface.is_some();
    }

    /// What a report tells was seen.
    pub(super) fn on_report(&mut self, report: &WireReport) {
        let last = self.last.unwrap_or_else(|| {
            let begin = begin(report);
            self.clock.tell(begin);
            begin
        });
        self.read += report.at.duration_since(last).unwrap_or_default().min(MAX_STEP);
        self.last = Some(report.at);
    }

    pub(super) fn on_window_end(&mut self, now: SystemTime) {
        if self.last.is_some() {
            self.clock.tell(now);
        }
    }

    /// How long it had been learned when this came, if that is long enough.
    pub(super) fn settled(&self, at: SystemTime) -> Option<Duration> {
        let learned = if self.is_live {
            self.clock.elapsed()
        } else {
            let since = self.last.and_then(|last| last.duration_since(at).ok());
            self.read.saturating_sub(since.unwrap_or_default())
        };
        (learned >= SETTLING).then_some(learned)
    }
}

/// When the first of what a report tells was seen. A report is dated by its last frame.
fn begin(report: &WireReport) -> SystemTime {
    report.usages.iter().map(|usage| usage.at).chain([report.at]).min().unwrap_or(report.at)
}
