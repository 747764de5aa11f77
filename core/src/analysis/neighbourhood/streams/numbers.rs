//! How the numbers of a stream go on: `stNum` and `sqNum` (IEC 61850-8-1, clause 18.1.2.5).

use std::cmp::Ordering;

use crate::record::GooseNumber;

use super::{MILLISECOND_NS, SECOND_NS};

/// Where a stream stands, when it was last heard, and when its state last changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) number: GooseNumber,
    pub(super) heard_ns: u64,
    pub(super) changed_ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The same frame again, or one of the last few that took a longer way.
    Twice,
    Next,
    /// Frames of the same state are missing.
    Skipped {
        missed: u32,
    },
    /// Another state. Of frames that were missed on the way there is no knowing how many: at least
    /// one for each state between.
    State {
        missed: u32,
    },
    Restarted,
    Backwards,
}

impl Past {
    /// From here to `now`.
    pub(super) fn step(&self, now: GooseNumber, at_ns: u64) -> Step {
        /// Frames between the two copies of one, and time.
        const NEAR: u32 = 8;
        const NEAR_NS: u64 = SECOND_NS;
        const CHANGE_NS: u64 = 100 * MILLISECOND_NS;
        let before = self.number;
        let since_ns = at_ns.saturating_sub(self.heard_ns);
        let change_ns = at_ns.saturating_sub(self.changed_ns);
        match now.state.cmp(&before.state) {
            Ordering::Equal => match distance(before.sequence, now.sequence) {
                Distance::Ahead(0) => Step::Twice,
                Distance::Ahead(1) => Step::Next,
                Distance::Ahead(n) => Step::Skipped { missed: n - 1 },
                Distance::Behind(n) if n <= NEAR && since_ns < NEAR_NS => Step::Twice,
                Distance::Behind(_) if is_start(now) => Step::Restarted,
                Distance::Behind(_) => Step::Backwards,
            },
            Ordering::Greater => {
                let between = now.state - before.state - 1;
                Step::State { missed: between.saturating_add(now.sequence) }
            }
            Ordering::Less if before.state == u32::MAX && now.state <= 1 => {
                Step::State { missed: now.sequence }
            }
            Ordering::Less if is_start(now) => Step::Restarted,
            Ordering::Less if now.state + 1 == before.state && change_ns < CHANGE_NS => Step::Twice,
            Ordering::Less => Step::Backwards,
        }
    }

    pub(super) fn go_to(&mut self, now: GooseNumber, at_ns: u64) {
        if now.state != self.number.state {
            self.changed_ns = at_ns;
        }
        (self.number, self.heard_ns) = (now, at_ns);
    }
}

/// A publisher begins with state 1 after it was started (clause 18.1.2.5).
fn is_start(number: GooseNumber) -> bool {
    number.state <= 1 && number.sequence <= 1
}

enum Distance {
    Ahead(u32),
    Behind(u32),
}

/// The number after the last one is 1, because 0 means a change.
fn distance(before: u32, now: u32) -> Distance {
    match now.checked_sub(before) {
        Some(n) => Distance::Ahead(n),
        None if before == u32::MAX && now <= 1 => Distance::Ahead(1),
        None => Distance::Behind(before - now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(before: (u32, u32), now: (u32, u32), after_ms: u64) -> Step {
        let number = |(state, sequence)| GooseNumber { state, sequence };
        let past = Past { number: number(before), heard_ns: 0, changed_ns: 0 };
        past.step(number(now), after_ms * MILLISECOND_NS)
    }

    #[test]
    fn numbers_count_on() {
        assert_eq!(step((7, 3), (7, 4), 9), Step::Next);
        assert_eq!(step((7, u32::MAX), (7, 1), 9), Step::Next);
        assert_eq!(step((7, 3), (8, 0), 9), Step::State { missed: 0 });
        assert_eq!(step((u32::MAX, 3), (1, 0), 9), Step::State { missed: 0 });
    }

    #[test]
    fn what_is_missing_is_counted() {
        assert_eq!(step((7, 3), (7, 6), 9), Step::Skipped { missed: 2 });
        assert_eq!(step((7, 3), (10, 2), 9), Step::State { missed: 4 });
        assert_eq!(step((0, 0), (u32::MAX, u32::MAX), 9), Step::State { missed: u32::MAX });
    }

    #[test]
    fn a_frame_by_two_paths_is_no_repetition() {
        assert_eq!(step((7, 3), (7, 3), 9), Step::Twice);
        assert_eq!(step((7, 3), (7, 2), 9), Step::Twice);
        assert_eq!(step((7, 0), (6, 9), 9), Step::Twice);
    }

    #[test]
    fn old_frames_and_a_new_start_are_told_apart() {
        assert_eq!(step((7, 3), (7, 2), 2_000), Step::Backwards);
        assert_eq!(step((7, 30), (7, 2), 9), Step::Backwards);
        assert_eq!(step((7, 3), (6, 9), 2_000), Step::Backwards);
        assert_eq!(step((7, 3), (1, 0), 9), Step::Restarted);
        assert_eq!(step((1, 99), (1, 1), 9), Step::Restarted);
    }
}
