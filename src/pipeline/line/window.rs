//! The period that a line is judged over: the last minute and the last 20 requests at least.
//!
//! Kept as a few slices, so that it slides and its memory is bounded: by units, not by time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::record::LineCount;

/// Shortest period, of time that the line was open.
pub(super) const SPAN: Duration = Duration::from_secs(60);
/// Fewer attempts say nothing: one failure of three would read as a third.
const MIN_ATTEMPTS: u64 = 20;
/// Unless none of at least so many, in a whole span, was answered: a dead line is asked rarely.
const MIN_UNANSWERED: u64 = 5;

const N_SLICES: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct Window {
    /// Oldest first.
    closed: VecDeque<Period>,
    open: Period,
}

/// Some of the time of a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Period {
    pub(super) lasted: Duration,
    pub(super) count: LineCount,
}

impl Window {
    pub(super) fn push(&mut self, lasted: Duration, count: &LineCount) {
        self.open.add(lasted, count);
        let attempts = MIN_ATTEMPTS.div_ceil(N_SLICES.into());
        if self.open.lasted >= SPAN / N_SLICES && self.open.attempts() >= attempts {
            self.closed.push_back(std::mem::take(&mut self.open));
        }
        while self.closed.len() > N_SLICES as usize {
            self.closed.pop_front();
        }
    }

    pub(super) fn sum(&self) -> Period {
        let mut sum = self.open.clone();
        self.closed.iter().for_each(|slice| sum.add(slice.lasted, &slice.count));
        sum
    }
}

impl Period {
    /// True if there is enough of it to be judged.
    pub(super) fn is_telling(&self) -> bool {
        let total = self.count.total();
        let unanswered = total.requests() + total.ignored_probes + self.count.babbles;
        let is_dead = total.answers == 0 && self.lasted >= SPAN && unanswered >= MIN_UNANSWERED;
        is_dead || self.attempts() >= MIN_ATTEMPTS
    }

    /// Requests that were made, or could not be.
    fn attempts(&self) -> u64 {
        self.count.total().requests() + self.count.babbles
    }

    fn add(&mut self, lasted: Duration, count: &LineCount) {
        self.lasted = self.lasted.saturating_add(lasted);
        self.count.merge(count);
    }
}

#[cfg(test)]
mod tests {
    use crate::record::UnitCount;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn count(answers: u64, timeouts: u64) -> LineCount {
        let unit = UnitCount { answers, timeouts, ..UnitCount::default() };
        LineCount { units: [(1, unit)].into(), ..LineCount::default() }
    }

    #[test]
    fn a_few_requests_say_nothing_unless_none_was_answered_for_long() {
        let mut window = Window::default();
        window.push(120 * SECOND, &count(2, 4));
        assert!(!window.sum().is_telling());
        window.push(SECOND, &count(14, 0));
        assert!(window.sum().is_telling());
        let mut dead = Window::default();
        dead.push(59 * SECOND, &count(0, 5));
        assert!(!dead.sum().is_telling());
        dead.push(SECOND, &count(0, 0));
        assert!(dead.sum().is_telling());
    }

    #[test]
    fn what_is_older_than_the_span_and_enough_requests_is_forgotten() {
        let mut window = Window::default();
        (0..1000).for_each(|_| window.push(SECOND, &count(10, 0)));
        let sum = window.sum();
        assert!((SPAN..=SPAN + SPAN / N_SLICES).contains(&sum.lasted), "{:?}", sum.lasted);
        assert_eq!(sum.attempts(), sum.lasted.as_secs() * 10);
    }

    #[test]
    fn a_line_that_is_asked_seldom_is_judged_over_a_longer_time() {
        let mut window = Window::default();
        (0..1000).for_each(|_| window.push(600 * SECOND, &count(1, 0)));
        assert!((20..=28).contains(&window.sum().attempts()));
    }
}
