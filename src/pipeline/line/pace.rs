//! How fast the units of a line answer, against how fast they used to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::record::{LineCount, LineReport};

/// Reports from which the usual pace is learned.
const LESSONS: u32 = 60;
/// Adapters and schedulers delay by this much or less, which says nothing of a line.
const GRAIN_MS: f64 = 10.0;
/// What is usual rises by at most a doubling in so long.
const DOUBLING_S: f64 = 86_400.0;

/// By unit, as many as the line has.
#[derive(Debug, Default)]
pub(super) struct Paces(BTreeMap<u8, Pace>);

/// Reply times, as logarithms to base 2 of milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    now: f64,
    usual: f64,
    n_lessons: u32,
}

impl Paces {
    pub(super) fn on_report(&mut self, report: &LineReport) {
        for (unit, reply_time) in &report.reply_times {
            let log_ms = (reply_time.as_secs_f64() * 1e3).max(1e-3).log2();
            let fresh = Pace { now: log_ms, usual: log_ms, n_lessons: 0 };
            let pace = self.0.entry(*unit).or_insert(fresh);
            pace.on_reply_time(log_ms, report.lasted);
        }
    }

    /// Of the unit in the middle among those that answered: one slow unit is not a slow line.
    pub(super) fn of_line(&self, count: &LineCount) -> Option<Pace> {
        let answering = count.units.iter().filter(|(_, unit)| unit.answers > 0);
        let mut paces: Vec<_> = answering.filter_map(|(unit, _)| self.0.get(unit)).collect();
        paces.sort_unstable_by(|a, b| a.drift().total_cmp(&b.drift()));
        paces.get(paces.len().saturating_sub(1) / 2).map(|pace| **pace)
    }
}

impl Pace {
    fn on_reply_time(&mut self, log_ms: f64, lasted: Duration) {
        // Steps of at most an eighth of an octave: as in a median, an outlier counts like any other.
        self.now += (log_ms - self.now).clamp(-1.0, 1.0) / 8.0;
        let above = self.now - self.usual;
        self.usual += if self.n_lessons < LESSONS {
            self.n_lessons += 1;
            above
        } else if above > 0.0 {
            above.min(lasted.as_secs_f64() / DOUBLING_S)
        } else {
            above / 8.0
        };
    }

    /// How many times as long as usual replies take; 1 while that is being learned.
    pub(super) fn drift(&self) -> f64 {
        (self.now_ms() + GRAIN_MS) / (self.usual_ms() + GRAIN_MS)
    }

    pub(super) fn now_ms(&self) -> f64 {
        self.now.exp2()
    }

    pub(super) fn usual_ms(&self) -> f64 {
        self.usual.exp2()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use crate::record::UnitCount;

    use super::*;

    /// So many reports of a second, in which units 1, 2, … took so many milliseconds.
    fn run(paces: &mut Paces, n_reports: u32, ms: &[u64]) -> Pace {
        let reply_times = (1..).zip(ms.iter().map(|ms| Duration::from_millis(*ms)));
        let answered = UnitCount { answers: 1, ..UnitCount::default() };
        let units = (1..).zip(ms.iter().map(|_| answered)).collect();
        let report = LineReport {
            source: "line-a".into(),
            at: SystemTime::UNIX_EPOCH,
            lasted: Duration::from_secs(1),
            count: LineCount { units, ..LineCount::default() },
            reply_times: reply_times.collect(),
        };
        (0..n_reports).for_each(|_| paces.on_report(&report));
        paces.of_line(&report.count).unwrap()
    }

    #[test]
    fn replies_that_take_longer_than_they_used_to_drift() {
        let mut paces = Paces::default();
        let usual = run(&mut paces, 100, &[30]);
        assert!((usual.drift() - 1.0).abs() < 0.01 && (usual.usual_ms() - 30.0).abs() < 0.1);
        let slow = run(&mut paces, 100, &[230]);
        assert!((slow.drift() - 6.0).abs() < 0.1, "{slow:?}");
        assert!((slow.now_ms() - 230.0).abs() < 1.0 && slow.usual_ms() < 31.0, "{slow:?}");
        let faster = run(&mut paces, 200, &[10]);
        assert!(faster.usual_ms() < 11.0, "a better pace is the usual one soon: {faster:?}");
    }

    #[test]
    fn a_single_outlier_and_one_slow_unit_are_no_drift() {
        let mut paces = Paces::default();
        run(&mut paces, 100, &[30, 30, 30]);
        assert!(run(&mut paces, 1, &[5000, 5000, 5000]).drift() < 1.1);
        assert!(run(&mut paces, 100, &[30, 30, 900]).drift() < 1.1);
    }

    #[test]
    fn milliseconds_that_the_scheduler_may_take_are_no_drift() {
        let mut paces = Paces::default();
        run(&mut paces, 100, &[1]);
        assert!(run(&mut paces, 100, &[9]).drift() < 2.0);
    }
}
