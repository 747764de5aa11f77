//! Counting on a line of RTU frames: [`Tally`] counts, [`Survey`] makes a report of each period.
//!
//! Counts only. Nothing that a poller does depends on them, and what they mean is decided
//! elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::record::{LineCount, LineReport, SourceId, Uart};

use super::exchange::{Cause, Reply, Values};

/// Shortest period of a report. One that is due while nothing is asked waits for the next turn.
const PERIOD: Duration = Duration::from_secs(1);
/// Reply times that are remembered of a unit and period; those after them are not.
const MAX_TIMES: usize = 64;

/// Since it was last taken.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: LineCount,
    reply_times: BTreeMap<u8, Vec<Duration>>,
}

impl Tally {
    /// The first byte of the answer arrived `reply_time` after the request had been sent.
    pub(super) fn on_answer(&mut self, unit: u8, values: &Values, reply_time: Duration) {
        let count = self.count.units.entry(unit).or_default();
        // A gateway's way of saying that the line behind it stays silent.
        if let Values::Exception(10 | 11) = values {
            count.timeouts += 1;
            return;
        }
        count.answers += 1;
        let times = self.reply_times.entry(unit).or_default();
        if times.len() < MAX_TIMES {
            times.push(reply_time);
        }
    }

    /// A request found no answer, only so many bytes that are none.
    pub(super) fn on_failure(&mut self, unit: u8, cause: &Cause, n_bytes: usize) {
        let count = self.count.units.entry(unit).or_default();
        match cause {
            Cause::Timeout { .. } | Cause::CutShort(_) => count.timeouts += 1,
            Cause::Damaged(_) => count.damaged += 1,
            Cause::Foreign(_) | Cause::NotModbus | Cause::Unasked => count.foreign += 1,
            // The link was lost, or nothing was asked: that says nothing of a request.
            Cause::Io(_) | Cause::Babble | Cause::Quiet(_) => (),
        }
        self.discard(n_bytes);
    }

    /// The exchange counted last was a probe. Without a reply it is no time-out.
    pub(super) fn on_probe(&mut self, unit: u8, outcome: &Result<Reply, Cause>) {
        if let Err(Cause::Babble | Cause::Io(_)) = outcome {
            return; // it was not sent, or says nothing
        }
        let count = self.count.units.entry(unit).or_default();
        count.probes += 1;
        if let Err(Cause::Timeout { received: 0, .. }) = outcome {
            count.timeouts = count.timeouts.saturating_sub(1);
            count.ignored_probes += 1;
        }
    }

    /// So many bytes that are no frame, while nothing was due.
    pub(super) fn on_noise(&mut self, n_bytes: usize) {
        self.count.noise += 1;
        self.discard(n_bytes);
    }

    pub(super) fn on_stray(&mut self) {
        self.count.strays += 1;
    }

    pub(super) fn on_babble(&mut self) {
        self.count.babbles += 1;
    }

    fn discard(&mut self, n_bytes: usize) {
        self.count.discarded_bytes += u64::try_from(n_bytes).unwrap_or(u64::MAX);
    }
}

/// Periods of one line, from when it was opened.
#[derive(Debug)]
pub(super) struct Survey {
    source: SourceId,
    since: Instant,
    /// What the port had counted by then.
    uart: Uart,
}

impl Survey {
    pub(super) fn new(source: SourceId, uart: Uart, now: Instant) -> Self {
        Self { source, since: now, uart }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= PERIOD
    }

    /// Close a period; `None` leaves it open, since nothing happened in it.
    pub(super) fn report(
        &mut self,
        tally: &mut Tally,
        uart: Uart,
        now: Instant,
    ) -> Option<LineReport> {
        if tally.count.is_empty() {
            return None;
        }
        let Tally { count, reply_times } = std::mem::take(tally);
        // A port that counted and does not any more is gone, and its last counts with it.
        let uart = match (self.uart, uart) {
            (Uart::Counted(_), Uart::Refused | Uart::Remote) => self.uart,
            (_, uart) => uart,
        };
        let lasted = now.saturating_duration_since(self.since);
        let count = LineCount { uart: uart.since(self.uart), ..count };
        (self.since, self.uart) = (now, uart);
        Some(LineReport {
            source: self.source.clone(),
            at: SystemTime::now(),
            lasted,
            count,
            reply_times: reply_times.into_iter().filter_map(with_median).collect(),
        })
    }
}

fn with_median((unit, mut times): (u8, Vec<Duration>)) -> Option<(u8, Duration)> {
    times.sort_unstable();
    times.get(times.len() / 2).map(|median| (unit, *median))
}

#[cfg(test)]
mod tests {
    use crate::record::{UartCount, UnitCount};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn port(framing: u32) -> Uart {
        Uart::Counted(UartCount { framing, ..UartCount::default() })
    }

    #[test]
    fn every_outcome_is_counted_once_and_a_probe_without_reply_is_no_time_out() {
        let mut tally = Tally::default();
        tally.on_answer(1, &Values::Echo, 4 * MS);
        tally.on_answer(1, &Values::Exception(2), 5 * MS);
        tally.on_answer(1, &Values::Exception(11), 5 * MS);
        tally.on_failure(1, &Cause::timeout(3), 3);
        tally.on_failure(1, &Cause::Io(std::io::ErrorKind::BrokenPipe.into()), 0);
        tally.on_failure(2, &Cause::timeout(0), 0);
        tally.on_probe(2, &Err(Cause::timeout(0)));
        tally.on_noise(7);
        let one = UnitCount { answers: 2, timeouts: 2, ..UnitCount::default() };
        let two = UnitCount { probes: 1, ignored_probes: 1, ..UnitCount::default() };
        assert_eq!(tally.count.units, [(1, one), (2, two)].into());
        assert_eq!((tally.count.noise, tally.count.discarded_bytes), (1, 10));
    }

    #[test]
    fn a_report_holds_what_was_counted_since_the_last_and_an_empty_period_goes_on() {
        let start = Instant::now();
        let mut survey = Survey::new("line-a".into(), port(7), start);
        let mut tally = Tally::default();
        assert!(!survey.is_due(start) && survey.is_due(start + PERIOD));
        assert_eq!(survey.report(&mut tally, port(8), start + PERIOD), None);
        for ms in [9, 3, 4] {
            tally.on_answer(1, &Values::Echo, ms * MS);
        }
        let report = survey.report(&mut tally, port(9), start + 2 * PERIOD).unwrap();
        assert_eq!((report.lasted, report.count.uart), (2 * PERIOD, port(2)));
        assert_eq!(report.reply_times, [(1, 4 * MS)].into());
        tally.on_stray();
        let next = survey.report(&mut tally, Uart::Refused, start + 3 * PERIOD).unwrap();
        assert_eq!((next.lasted, next.count.units.len()), (PERIOD, 0));
        assert_eq!(next.count.uart, port(0), "unplugged: what it counted last is lost");
    }

    #[test]
    fn reply_times_of_a_busy_period_are_bounded() {
        let mut tally = Tally::default();
        (0..10_000).for_each(|_| tally.on_answer(1, &Values::Echo, MS));
        assert_eq!(tally.reply_times[&1].len(), MAX_TIMES);
    }
}
