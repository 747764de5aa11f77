//! Whether requests come periodically, and when they should have come again.
//!
//! A client asks for several blocks in a row and then pauses, so intervals are taken between
//! requests for one and the same address. Their mean and mean deviation are those of RFC 6298 (an
//! eighth and a quarter of each new one), in whole nanoseconds.

/// Of the requests of one usage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rhythm {
    /// The first address of the requests that are timed.
    address: u32,
    /// Requests for others since the last of those.
    n_others: u16,
    /// Requests that were timed, up to 255.
    n: u8,
    /// Stopped, and told so.
    pub(super) is_silent: bool,
    /// Holes of the capture that were known at the last request.
    n_gaps: u32,
    last_ns: u64,
    pub(super) interval_ns: u64,
    deviation_ns: u64,
}

/// Requests by which a period is known.
const MIN_REQUESTS: u8 = 8;
/// Requests for other addresses, after which the timed one is given up.
const MAX_OTHERS: u16 = 1024;
/// Periods that have to pass without a request, and a time on top in which a client may connect
/// anew.
const PERIODS: u64 = 5;
const SLACK_NS: u64 = 2_000_000_000;

impl Rhythm {
    /// A request for `address` at `at_ns`.
    #[inline]
    pub(super) fn on_request(&mut self, at_ns: u64, address: u32, n_gaps: u32) {
        if self.n_gaps != n_gaps || self.n == 0 {
            self.restart(at_ns, address, n_gaps); // an interval across a hole may be several
            return;
        }
        if address != self.address {
            self.n_others += 1;
            if self.n_others >= MAX_OTHERS {
                self.restart(at_ns, address, n_gaps);
            }
            return;
        }
        let elapsed = at_ns.saturating_sub(self.last_ns);
        self.n_others = 0;
        self.last_ns = at_ns;
        if self.n == 1 {
            (self.interval_ns, self.deviation_ns) = (elapsed, elapsed / 2);
        } else {
            // One that was left out must not undo what was learned.
            let longest = if self.is_steady() { 2 * self.interval_ns } else { u64::MAX };
            let elapsed = elapsed.min(longest);
            let error = elapsed.abs_diff(self.interval_ns);
            self.deviation_ns = self.deviation_ns - self.deviation_ns / 4 + error / 4;
            self.interval_ns = self.interval_ns - self.interval_ns / 8 + elapsed / 8;
        }
        self.n = self.n.saturating_add(1);
    }

    /// True if the next request should have come long ago, and nobody has said so.
    #[inline]
    pub(super) fn is_overdue(&self, at_ns: u64, last_ns: u64, n_gaps: u32) -> bool {
        at_ns.saturating_sub(last_ns) > SLACK_NS
            && self.n_gaps == n_gaps
            && self.is_steady()
            && !self.is_silent
            && at_ns.saturating_sub(last_ns) > self.patience_ns()
    }

    /// True if the next request is not overdue.
    pub(super) fn is_expected(&self, at_ns: u64, last_ns: u64, n_gaps: u32) -> bool {
        self.n_gaps == n_gaps
            && self.is_steady()
            && at_ns.saturating_sub(last_ns) <= self.patience_ns()
    }

    /// How long a request may stay away.
    pub(super) fn patience_ns(&self) -> u64 {
        let patience = PERIODS.saturating_mul(self.interval_ns);
        patience.saturating_add(4_u64.saturating_mul(self.deviation_ns)).saturating_add(SLACK_NS)
    }

    pub(super) fn is_steady(&self) -> bool {
        // Where the clock of the capture stands still, there is no period.
        self.n >= MIN_REQUESTS && self.interval_ns > 0 && self.deviation_ns <= self.interval_ns / 4
    }

    #[cold]
    fn restart(&mut self, at_ns: u64, address: u32, n_gaps: u32) {
        let is_silent = self.is_silent;
        *self = Self { address, n: 1, is_silent, n_gaps, last_ns: at_ns, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// After requests for one address at these times.
    fn after(times_ns: impl IntoIterator<Item = u64>) -> Rhythm {
        let mut rhythm = Rhythm::default();
        times_ns.into_iter().for_each(|at_ns| rhythm.on_request(at_ns, 100, 0));
        rhythm
    }

    #[test]
    fn eight_requests_at_a_steady_interval_are_a_period_and_seven_are_not() {
        let seconds = |n| (0..n).map(|second| second * SECOND);
        assert!(!after(seconds(7)).is_steady());
        let rhythm = after(seconds(8));
        assert!(rhythm.is_steady() && rhythm.interval_ns.abs_diff(SECOND) < 100, "{rhythm:?}");
        assert!(!rhythm.is_overdue(12 * SECOND, 7 * SECOND, 0));
        assert!(rhythm.is_overdue(16 * SECOND, 7 * SECOND, 0));
    }

    #[test]
    fn a_clock_that_stands_still_shows_no_period() {
        let rhythm = after(std::iter::repeat_n(SECOND, 20));
        assert!(!rhythm.is_overdue(1000 * SECOND, SECOND, 0), "{rhythm:?}");
    }

    #[test]
    fn requests_at_no_interval_are_no_period() {
        let mut at_ns = 0;
        let times = (0..200_u64).map(|n| {
            at_ns += if n % 3 == 0 { 10 * SECOND } else { SECOND / 100 };
            at_ns
        });
        assert!(!after(times).is_steady());
    }

    #[test]
    fn blocks_asked_for_in_a_row_do_not_hide_the_period() {
        let mut rhythm = Rhythm::default();
        for second in 0..20 {
            (0..30).for_each(|nth| {
                rhythm.on_request(second * SECOND + u64::from(nth) * 9_000_000, nth * 100, 0);
            });
        }
        assert!(rhythm.is_steady() && rhythm.interval_ns.abs_diff(SECOND) < 100, "{rhythm:?}");
    }

    #[test]
    fn an_address_that_is_not_asked_for_any_more_is_given_up_for_another() {
        let mut rhythm = after([0]);
        (0..1100).for_each(|second| rhythm.on_request(second * SECOND, 7, 0));
        assert!(rhythm.is_steady(), "{rhythm:?}");
    }

    #[test]
    fn one_missing_request_does_not_undo_what_was_learned() {
        let rhythm = after((0..60).filter(|second| *second != 50).map(|second| second * SECOND));
        assert!(rhythm.is_steady(), "{rhythm:?}");
    }

    #[test]
    fn after_a_hole_in_the_capture_the_period_is_learned_anew() {
        let mut rhythm = after((0..60).map(|second| second * SECOND));
        assert!(!rhythm.is_overdue(100 * SECOND, 59 * SECOND, 1), "the hole may hide them");
        rhythm.on_request(100 * SECOND, 100, 1);
        assert!(!rhythm.is_steady());
    }

    proptest! {
        #[test]
        fn any_times_are_survived(times in proptest::collection::vec(any::<(u64, u32, bool)>(), 1..50)) {
            let mut rhythm = Rhythm::default();
            for (at_ns, address, gap) in times {
                rhythm.on_request(at_ns, address % 2, u32::from(gap));
                rhythm.is_overdue(at_ns, 0, 0);
            }
        }
    }
}
