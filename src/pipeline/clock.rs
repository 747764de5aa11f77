//! Time as the pipeline counts it: it follows readings and window ends.
//!
//! The clock of a box beside a plant is set now and then, by hours at the first contact with a
//! time server. That must not make every value old at once, so no step is longer than two windows,
//! and none goes back.

use std::time::{Duration, SystemTime};

#[derive(Debug)]
pub(super) struct Clock {
    /// Since the first time it was told.
    elapsed: Duration,
    told: Option<SystemTime>,
    max_step: Duration,
}

impl Clock {
    pub(super) fn new(window: Duration) -> Self {
        Self { elapsed: Duration::ZERO, told: None, max_step: window * 2 }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// It is `now`, or was a moment ago: what is told out of order goes by unnoticed.
    pub(super) fn tell(&mut self, now: SystemTime) {
        let Some(told) = self.told else {
            self.told = Some(now);
            return;
        };
        match now.duration_since(told) {
            Ok(step) => self.elapsed += step.min(self.max_step),
            Err(back) if back.duration() <= self.max_step => return,
            Err(_set_back) => (),
        }
        self.told = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_moves_it_by_two_windows_at_most() {
        let second = Duration::from_secs(1);
        let start = SystemTime::UNIX_EPOCH + 86_400 * second;
        let mut clock = Clock::new(second);
        for (now, elapsed) in [
            (start, 0.0),
            (start + second, 1.0),
            (start + second / 2, 1.0),
            (start + second * 2, 2.0),
            (start + second * 3600, 4.0),
            (start + second * 3601, 5.0),
            (start, 5.0),
            (start + second, 6.0),
        ] {
            clock.tell(now);
            assert_eq!(clock.elapsed(), Duration::from_secs_f64(elapsed), "{now:?}");
        }
    }
}
