//! When each device is due, and how long one that fails is left alone. Pure: given `now`.
//!
//! Deadlines, not delays: a slow reading does not shift the next, and periods that were missed
//! are skipped, so an overloaded line gets slower evenly and never storms to catch up.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use crate::record::SourceId;

/// First readings of a link are spread over at most this.
const MAX_SPREAD: Duration = Duration::from_secs(1);
/// Shortest period: the resolution of the runtime's timer.
const MIN_PERIOD: Duration = Duration::from_millis(1);
/// Failures in a row before the waits grow: one lost reply is no reason to look away.
const PATIENCE: u32 = 2;

/// Where in its period a link's turns lie, as a part of it: more than 0, at most 1.
///
/// Links that start together would else be due together for ever. First turns come at once all the
/// same, so that a start does not wait; from the second on they lie in phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Phase(f64);

impl Phase {
    /// Turns lie where the start put them.
    #[cfg(test)]
    pub(super) const OF_START: Self = Self(1.0);

    /// The phase of the `nth` connection of a link: the same whenever it starts, and spread evenly
    /// over links because hashes are.
    pub(super) fn of(id: &SourceId, nth: usize) -> Self {
        let mut hasher = DefaultHasher::new();
        (id.as_str(), nth).hash(&mut hasher);
        let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
        let drawn = u32::from_be_bytes([a, b, c, d]);
        Self((f64::from(drawn) + 1.0) / (f64::from(u32::MAX) + 1.0))
    }

    /// From a first turn to the second, which is never later than a period.
    pub(super) fn within(self, every: Duration) -> Duration {
        every.mul_f64(self.0).clamp(Duration::from_nanos(1), every)
    }
}

/// Due times of the devices of one link.
#[derive(Debug)]
pub(super) struct Schedule(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    every: Duration,
    due: Instant,
    /// From the turn that is due to the next one.
    step: Duration,
}

/// One turn of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Which device.
    pub(super) nth: usize,
    pub(super) due: Instant,
    /// Further turns of it that fell due before this one is taken, and that will not be.
    pub(super) missed: u32,
}

impl Schedule {
    /// Stagger devices with the given periods from `now` on, the first at once.
    pub(super) fn new(
        periods: impl ExactSizeIterator<Item = Duration>,
        phase: Phase,
        now: Instant,
    ) -> Self {
        let n_devices = u32::try_from(periods.len()).unwrap_or(u32::MAX).max(1);
        let stagger = |(nth, every): (u32, Duration)| {
            let every = every.max(MIN_PERIOD);
            let due = now + every.min(MAX_SPREAD) * nth / n_devices;
            Entry { every, due, step: phase.within(every) }
        };
        Self((0..).zip(periods).map(stagger).collect())
    }

    /// The turn that is due first. The device's next one lies one period on, or as many as it
    /// takes to lie after `now`.
    pub(super) fn next(&mut self, now: Instant) -> Option<Turn> {
        let (nth, entry) = self.0.iter_mut().enumerate().min_by_key(|(_, entry)| entry.due)?;
        let due = entry.due;
        let missed = entry.periods_in(now.saturating_duration_since(due));
        entry.due += entry.step;
        entry.step = entry.every;
        if let Some(late) = now.checked_duration_since(entry.due) {
            entry.due += entry.every * entry.periods_in(late).saturating_add(1);
        }
        Some(Turn { nth, due, missed })
    }
}

impl Entry {
    /// Whole periods in `time`.
    fn periods_in(&self, time: Duration) -> u32 {
        u32::try_from(time.as_nanos() / self.every.as_nanos()).unwrap_or(u32::MAX)
    }
}

/// Waits that double with each failure in a row, from a floor to a ceiling.
#[derive(Debug)]
pub(super) struct Backoff {
    floor: Duration,
    ceiling: Duration,
    n_failures: u32,
    retry_at: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(floor: Duration, ceiling: Duration) -> Self {
        Self { floor, ceiling: ceiling.max(floor), n_failures: 0, retry_at: None }
    }

    /// How long to leave it alone yet; `None` if it may be tried.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        self.retry_at?.checked_duration_since(now).filter(|remaining| !remaining.is_zero())
    }

    pub(super) fn on_success(&mut self) {
        (self.n_failures, self.retry_at) = (0, None);
    }

    pub(super) fn on_failure(&mut self, now: Instant) {
        self.n_failures = self.n_failures.saturating_add(1);
        let doublings = self.n_failures.saturating_sub(PATIENCE).min(20);
        let wait = self.floor.saturating_mul(1 << doublings).min(self.ceiling);
        // A hair early: the turn that falls due exactly when the wait ends is not to be missed.
        let slack = self.floor / 8;
        self.retry_at = now.checked_add(wait.saturating_sub(slack)).filter(|_| doublings > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(periods: &[Duration], start: Instant) -> Schedule {
        Schedule::new(periods.iter().copied(), Phase::OF_START, start)
    }

    fn turns(schedule: &mut Schedule, start: Instant, n: usize) -> Vec<(usize, u128)> {
        let turns = (0..n).filter_map(|_| schedule.next(start));
        turns.map(|turn| (turn.nth, (turn.due - start).as_millis())).collect()
    }

    #[test]
    fn devices_are_staggered_and_keep_their_phase() {
        let start = Instant::now();
        assert_eq!(
            turns(&mut schedule(&[SECOND; 4], start), start, 8),
            [(0, 0), (1, 250), (2, 500), (3, 750), (0, 1000), (1, 1250), (2, 1500), (3, 1750)]
        );
    }

    #[test]
    fn missed_periods_are_skipped_counted_and_not_caught_up() {
        let start = Instant::now();
        let mut schedule = schedule(&[SECOND], start);
        schedule.next(start);
        let late = start + Duration::from_millis(10_400);
        let turn = |due, missed| Some(Turn { nth: 0, due: start + due, missed });
        assert_eq!(schedule.next(late), turn(SECOND, 9));
        assert_eq!(schedule.next(late), turn(11 * SECOND, 0));
    }

    #[test]
    fn a_turn_that_is_late_by_less_than_a_period_misses_none() {
        let start = Instant::now();
        let mut schedule = schedule(&[SECOND], start);
        for n in 0..100 {
            let late = start + n * SECOND + Duration::from_millis(999);
            let turn = schedule.next(late).unwrap();
            assert_eq!((turn.due, turn.missed), (start + n * SECOND, 0));
        }
    }

    #[test]
    fn the_shortest_period_neither_drifts_nor_slows_its_neighbour() {
        let start = Instant::now();
        let mut schedule = schedule(&[Duration::from_millis(10), SECOND], start);
        let turns = turns(&mut schedule, start, 10_100);
        let of = |wanted| turns.iter().filter(move |(nth, _)| *nth == wanted).map(|(_, at)| *at);
        assert!(of(0).zip((0..).step_by(10)).all(|(at, due)| at == due));
        assert!(of(1).zip((500..).step_by(1000)).all(|(at, due)| at == due));
        assert_eq!((of(0).count(), of(1).count()), (10_000, 100));
    }

    #[test]
    fn a_period_below_the_timers_resolution_is_that_resolution() {
        let start = Instant::now();
        let mut schedule = schedule(&[Duration::from_micros(10)], start);
        schedule.next(start);
        let late = start + SECOND;
        assert_eq!(schedule.next(late).map(|turn| turn.missed), Some(999));
        let next = schedule.next(late).unwrap();
        assert_eq!((next.due, next.missed), (late + MIN_PERIOD, 0));
    }

    #[test]
    fn an_overloaded_link_serves_its_devices_in_turn() {
        let start = Instant::now();
        let mut schedule = schedule(&[SECOND; 3], start);
        let turn = |n: u32| schedule.next(start + n * 2 * SECOND).map(|turn| turn.nth);
        let served: Vec<_> = (0..6).filter_map(turn).collect();
        assert_eq!(served, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn links_start_at_once_and_then_spread_over_their_period() {
        let start = Instant::now();
        let mut per_tenth = [0; 10];
        for nth in 0..1000 {
            let phase = Phase::of(&format!("link-{nth}").as_str().into(), 0);
            let mut schedule = Schedule::new([SECOND].into_iter(), phase, start);
            let dues = [0; 3].map(|_| schedule.next(start).unwrap().due);
            let [first, second, third] = dues.map(|due| due - start);
            assert_eq!((first, third), (Duration::ZERO, second + SECOND));
            assert!(!second.is_zero() && second <= SECOND, "{second:?}");
            per_tenth[usize::try_from(second.as_millis() / 100).unwrap().min(9)] += 1;
        }
        assert!(per_tenth.iter().all(|n| (60..140).contains(n)), "{per_tenth:?}");
    }

    #[test]
    fn a_phase_is_a_matter_of_the_name_and_the_connection() {
        let phase = |name: &str, nth| Phase::of(&name.into(), nth);
        assert_eq!(phase("line-a", 0), phase("line-a", 0));
        assert_ne!(phase("line-a", 0), phase("line-b", 0));
        assert_ne!(phase("line-a", 0), phase("line-a", 1));
    }

    #[test]
    fn a_first_turn_that_is_late_misses_nothing_by_its_phase() {
        let start = Instant::now();
        let mut schedule = Schedule::new([SECOND].into_iter(), Phase(0.001), start);
        let late = start + Duration::from_millis(500);
        assert_eq!(schedule.next(late).map(|turn| turn.missed), Some(0));
        assert_eq!(schedule.next(late).unwrap().due, start + Duration::from_millis(1001));
    }

    #[test]
    fn waits_double_up_to_the_ceiling_and_end_with_a_success() {
        let start = Instant::now();
        let mut backoff = Backoff::new(SECOND, 4 * SECOND);
        let waits: Vec<_> = (0..6)
            .map(|_| {
                backoff.on_failure(start);
                backoff.remaining(start).map_or(0, |wait| wait.as_millis())
            })
            .collect();
        assert_eq!(waits, [0, 0, 1875, 3875, 3875, 3875]);
        backoff.on_success();
        assert_eq!(backoff.remaining(start), None);
    }
}
