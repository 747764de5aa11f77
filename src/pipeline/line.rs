//! Lines of RTU frames: whether they got worse than they may be, why, and whether they are well again.
//!
//! Judged over the last minute and 20 requests, whichever is longer, so that one failure of three
//! says nothing. Told when the score falls below one bound and when it stays above another for a
//! minute; two of these are a minute apart, so a line that trembles cannot flood the log.

mod pace;
mod score;
mod window;
mod words;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::config::Polled;
use crate::record::{Kind, LineReport, SourceId};

use super::outbox::Outbox;
use pace::Paces;
use score::{Evidence, Heard, Verdict, judge};
use window::{SPAN, Window};

/// A line is degraded below this score.
const DEGRADED: u8 = 80;
/// And recovered when it stays above this.
const RECOVERED: u8 = 95;

/// All lines that were reported on.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<SourceId, Line>);

#[derive(Debug, Default)]
struct Line {
    window: Window,
    paces: Paces,
    heard: Heard,
    state: State,
}

/// How long is the time that the line was open, as its poller measured it.
#[derive(Clone, Copy, Debug)]
enum State {
    /// For so long; at the start for long enough.
    Sound { lasting: Duration },
    Degraded {
        since: SystemTime,
        /// Above the upper bound for so long.
        calm: Duration,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Sound { lasting: SPAN }
    }
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Degraded,
    Recovered { since: SystemTime },
}

impl Lines {
    pub(super) fn on_report(&mut self, report: &LineReport, outbox: &mut Outbox) {
        let line = self.0.entry(report.source.clone()).or_default();
        line.on_report(report, outbox);
    }

    /// Forget what left the configuration.
    pub(super) fn on_reload(&mut self, configured: &BTreeMap<SourceId, Polled>) {
        self.0.retain(|id, _| configured.contains_key(id));
    }
}

impl Line {
    fn on_report(&mut self, report: &LineReport, outbox: &mut Outbox) {
        self.heard = self.heard.after(&report.count);
        self.window.push(report.lasted, &report.count);
        self.paces.on_report(report);
        let period = self.window.sum();
        if !period.is_telling() {
            return;
        }
        let pace = self.paces.of_line(&period.count);
        let evidence = Evidence {
            count: &period.count,
            heard: self.heard,
            drift: pace.map(|pace| pace.drift()),
        };
        let verdict = judge(&evidence);
        let story = words::Story { report, period: &period, pace, verdict };
        match self.state.step(verdict, report) {
            Some(Step::Degraded) => outbox.raise(Kind::LineDegraded, || story.degraded()),
            Some(Step::Recovered { since }) => {
                outbox.raise(Kind::LineRecovered, || story.recovered(since));
            }
            None => (),
        }
    }
}

impl State {
    fn step(&mut self, verdict: Verdict, report: &LineReport) -> Option<Step> {
        match self {
            Self::Sound { lasting } => {
                *lasting = lasting.saturating_add(report.lasted);
                let is_degraded = verdict.score < DEGRADED && *lasting >= SPAN;
                is_degraded.then(|| {
                    *self = Self::Degraded { since: report.at, calm: Duration::ZERO };
                    Step::Degraded
                })
            }
            Self::Degraded { since, calm } => {
                *calm = match verdict.score {
                    score if score > RECOVERED => calm.saturating_add(report.lasted),
                    _ => Duration::ZERO,
                };
                let (since, is_recovered) = (*since, *calm >= SPAN);
                is_recovered.then(|| {
                    *self = Self::Sound { lasting: Duration::ZERO };
                    Step::Recovered { since }
                })
            }
        }
    }
}
