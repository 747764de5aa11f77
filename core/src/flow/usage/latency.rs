//! How long a station takes to answer, and whether that has changed.
//!
//! Responses are looked at in batches of twenty. The median of a batch is compared with the usual
//! one, which is a mean of medians: of the first five, then moved by a thirty-second with each batch
//! that is not slow. All in whole microseconds.

/// Of the responses of one station.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latency {
    batch_us: [u32; BATCH],
    n: u8,
    /// Batches that the usual latency was learned from, up to [`LEARNED`].
    n_learned: u8,
    usual_us: u32,
    is_slow: bool,
}

/// A change of state: medians in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) is_slow: bool,
    pub(super) usual_us: u32,
    pub(super) recent_us: u32,
}

const BATCH: usize = 20;
/// Batches before anything is judged.
const LEARNED: u8 = 5;

impl Latency {
    /// A response that took so long. A change stays one until it was [taken note of](Self::turn).
    #[inline]
    pub(super) fn on_response(&mut self, latency_ns: u64) -> Option<Turn> {
        if let Some(place) = self.batch_us.get_mut(usize::from(self.n)) {
            *place = u32::try_from(latency_ns / 1000).unwrap_or(u32::MAX);
        }
        self.n += 1;
        if usize::from(self.n) < BATCH { None } else { self.on_batch() }
    }

    /// The change was told.
    pub(super) fn turn(&mut self, turn: Turn) {
        self.is_slow = turn.is_slow;
    }

    #[cold]
    fn on_batch(&mut self) -> Option<Turn> {
        self.n = 0;
        let (_, median, _) = self.batch_us.select_nth_unstable(BATCH / 2);
        let (recent_us, usual_us) = (*median, self.usual_us);
        if self.n_learned < LEARNED {
            self.n_learned += 1;
            self.approach(recent_us, i64::from(self.n_learned));
            return None;
        }
        let is_slow = if self.is_slow {
            !is_back(recent_us, usual_us)
        } else {
            is_far_above(recent_us, usual_us)
        };
        if !is_slow && !self.is_slow {
            self.approach(recent_us, 32);
        }
        (is_slow != self.is_slow).then_some(Turn { is_slow, usual_us, recent_us })
    }

    /// Move what is usual by a part of the difference.
    fn approach(&mut self, recent_us: u32, part: i64) {
        let usual = i64::from(self.usual_us);
        let moved = usual + (i64::from(recent_us) - usual) / part;
        self.usual_us = u32::try_from(moved).unwrap_or(self.usual_us);
    }
}

/// More than three times as long, and more than 20 ms longer.
fn is_far_above(recent_us: u32, usual_us: u32) -> bool {
    recent_us > usual_us.saturating_mul(3) && recent_us > usual_us.saturating_add(20_000)
}

/// At most twice as long, or 10 ms longer.
fn is_back(recent_us: u32, usual_us: u32) -> bool {
    recent_us <= usual_us.saturating_mul(2) || recent_us <= usual_us.saturating_add(10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [bool; 0] = [];

    /// Show so many responses, each so many milliseconds late, and take note of every change.
    fn show(latency: &mut Latency, n: usize, ms: u64) -> Vec<bool> {
        let turns = (0..n).filter_map(|_| {
            let turn = latency.on_response(ms * 1_000_000)?;
            latency.turn(turn);
            Some(turn.is_slow)
        });
        turns.collect()
    }

    #[test]
    fn a_station_that_becomes_slow_is_told_once_and_told_when_it_is_back() {
        let mut latency = Latency::default();
        assert_eq!(show(&mut latency, 1000, 5), NONE);
        assert_eq!(show(&mut latency, 1000, 40), [true]);
        assert_eq!(show(&mut latency, 1000, 18), NONE, "neither slow nor back");
        assert_eq!(show(&mut latency, 100, 6), [false]);
    }

    #[test]
    fn three_times_a_short_latency_is_still_short() {
        let mut latency = Latency::default();
        show(&mut latency, 200, 2);
        assert_eq!(show(&mut latency, 200, 20), NONE);
    }

    #[test]
    fn some_slow_responses_are_no_slow_station() {
        let mut latency = Latency::default();
        show(&mut latency, 200, 5);
        for _ in 0..50 {
            assert_eq!(show(&mut latency, 6, 800), NONE);
            assert_eq!(show(&mut latency, 14, 5), NONE);
        }
    }

    #[test]
    fn a_change_that_was_not_taken_note_of_is_told_with_the_next_batch() {
        let mut latency = Latency::default();
        show(&mut latency, 200, 5);
        let turns = (0..60).filter_map(|_| latency.on_response(100_000_000)).count();
        assert_eq!(turns, 3);
    }

    #[test]
    fn nothing_is_judged_before_a_hundred_responses_and_any_latency_is_survived() {
        let mut latency = Latency::default();
        assert_eq!(show(&mut latency, 20, 1), NONE);
        assert_eq!(show(&mut latency, 80, u64::MAX / 1_000_000), NONE);
    }
}
