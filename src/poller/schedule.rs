//! When each device is due, and how long one that fails is left alone. Pure: given `now`.
//!
//! Deadlines, not delays: a slow reading does not shift the next, and periods that were missed
//! are skipped, so an overloaded line gets slower evenly and never storms to catch up.

use std::time::Duration;

use tokio::time::Instant;

/// First readings of a link are spread over at most this.
const MAX_SPREAD: Duration = Duration::from_secs(1);
/// Failures in a row before the waits grow: one lost reply is no reason to look away.
const PATIENCE: u32 = 2;

/// Due times of the devices of one link.
#[derive(Debug)]
pub(super) struct Schedule(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    every: Duration,
    due: Instant,
}

impl Schedule {
    /// Stagger devices with the given periods from `now` on, the first at once.
    pub(super) fn new(periods: impl ExactSizeIterator<Item = Duration>, now: Instant) -> Self {
        let n_devices = u32::try_from(periods.len()).unwrap_or(u32::MAX).max(1);
        let stagger = |(nth, every): (u32, Duration)| Entry {
            every,
            due: now + every.min(MAX_SPREAD) * nth / n_devices,
        };
        Self((0..).zip(periods).map(stagger).collect())
    }

    /// The device that is due first, and when. Its next turn is one period on, or as many as it
    /// takes to lie after `now`.
    pub(super) fn next(&mut self, now: Instant) -> Option<(usize, Instant)> {
        let (index, entry) = self.0.iter_mut().enumerate().min_by_key(|(_, entry)| entry.due)?;
        let due = entry.due;
        let start = due.max(now);
        let late = start.duration_since(due);
        let n_missed = late.as_nanos() / entry.every.as_nanos().max(1);
        entry.due += entry.every.max(Duration::from_millis(1))
            * u32::try_from(n_missed).unwrap_or(u32::MAX).saturating_add(1);
        Some((index, due))
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

    #[test]
    fn devices_are_staggered_and_keep_their_phase() {
        let start = Instant::now();
        let mut schedule = Schedule::new([SECOND; 4].into_iter(), start);
        let turns: Vec<_> = (0..8).filter_map(|_| schedule.next(start)).collect();
        let phases = turns.iter().map(|(index, due)| (*index, (*due - start).as_millis()));
        assert_eq!(
            phases.collect::<Vec<_>>(),
            [(0, 0), (1, 250), (2, 500), (3, 750), (0, 1000), (1, 1250), (2, 1500), (3, 1750)]
        );
    }

    #[test]
    fn missed_periods_are_skipped_not_caught_up() {
        let start = Instant::now();
        let mut schedule = Schedule::new([SECOND].into_iter(), start);
        schedule.next(start);
        let late = start + Duration::from_millis(10_400);
        assert_eq!(schedule.next(late), Some((0, start + SECOND)));
        assert_eq!(schedule.next(late), Some((0, start + 11 * SECOND)));
    }

    #[test]
    fn an_overloaded_link_serves_its_devices_in_turn() {
        let start = Instant::now();
        let mut schedule = Schedule::new([SECOND; 3].into_iter(), start);
        let turn = |n: u32| schedule.next(start + n * 2 * SECOND).map(|(index, _)| index);
        let served: Vec<_> = (0..6).filter_map(turn).collect();
        assert_eq!(served, [0, 1, 2, 0, 1, 2]);
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
