//! How long to wait before trying again. Pure.

use std::time::Duration;

/// A doubling delay between a floor and a ceiling.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    floor: Duration,
    ceiling: Duration,
    next: Duration,
}

impl Backoff {
    /// What has run for this long is healthy: its next failure is a new one.
    const HEALTHY_AFTER: Duration = Duration::from_secs(60);

    pub(super) fn new(floor: Duration, ceiling: Duration) -> Self {
        Self { floor, ceiling, next: floor }
    }

    /// The delay to wait after a failure that came `ran_for` after the start.
    pub(super) fn delay_after(&mut self, ran_for: Duration) -> Duration {
        if ran_for >= Self::HEALTHY_AFTER {
            self.next = self.floor;
        }
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.ceiling);
        delay
    }
}

impl Default for Backoff {
    /// For parts of the daemon: a fault that lasts costs one line a minute.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_the_ceiling_and_a_healthy_run_starts_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let mut delays = |ran_for| backoff.delay_after(Duration::from_secs(ran_for)).as_secs();
        assert_eq!([0, 0, 59, 0, 0].map(&mut delays), [1, 2, 4, 5, 5]);
        assert_eq!([60, 0].map(&mut delays), [1, 2]);
    }
}
