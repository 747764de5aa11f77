//! Activity: what a part of the daemon is doing, for the watchdog to look at from outside.
//!
//! One word that only the part itself writes, two plain stores for a piece of work and none for a
//! packet. It says nothing of what the work is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The writing end, and a copy of it for whoever looks. A part has one writer.
#[derive(Clone, Debug, Default)]
pub struct Activity(Arc<AtomicUsize>);

/// As it was when somebody looked. Two that are equal: nothing has changed in between, bar a
/// count that went round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look(usize);

/// What a part is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Nothing has come that is to be done.
    Rests,
    /// What it does now has to come to an end soon.
    Works,
    /// For somebody else, for as long as that may take: room in a queue, a reader of the log.
    Waits,
}

impl Activity {
    /// It does something else from now on, or the same anew.
    pub fn set(&self, doing: Doing) {
        // There is one writer, so that nothing comes between the load and the store.
        let turn = self.0.load(Ordering::Relaxed) >> Look::DOING_BITS;
        let doing = match doing {
            Doing::Rests => Look::RESTS,
            Doing::Works => Look::WORKS,
            Doing::Waits => Look::WAITS,
        };
        let next = turn.wrapping_add(1) << Look::DOING_BITS | doing;
        self.0.store(next, Ordering::Relaxed);
    }

    /// Wait for somebody else within a piece of work.
    pub fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.set(Doing::Waits);
        let done = wait();
        self.set(Doing::Works);
        done
    }

    pub fn look(&self) -> Look {
        Look(self.0.load(Ordering::Relaxed))
    }
}

impl Look {
    const DOING_BITS: u32 = 2;
    const RESTS: usize = 0;
    const WORKS: usize = 1;
    const WAITS: usize = 2;

    pub fn doing(self) -> Doing {
        match self.0 & ((1 << Self::DOING_BITS) - 1) {
            Self::RESTS => Doing::Rests,
            Self::WORKS => Doing::Works,
            _ => Doing::Waits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_is_another_look_even_if_the_same_is_done() {
        let activity = Activity::default();
        let seen_by = activity.clone();
        assert_eq!(seen_by.look().doing(), Doing::Rests);
        for doing in [Doing::Rests, Doing::Works, Doing::Works, Doing::Waits, Doing::Rests] {
            let before = seen_by.look();
            activity.set(doing);
            assert_ne!(seen_by.look(), before);
            assert_eq!(seen_by.look().doing(), doing);
        }
    }

    #[test]
    fn who_waits_within_a_piece_of_work_works_afterwards() {
        let activity = Activity::default();
        assert_eq!(activity.waiting(|| activity.look().doing()), Doing::Waits);
        assert_eq!(activity.look().doing(), Doing::Works);
    }

    #[test]
    fn a_count_that_goes_round_keeps_what_is_done() {
        let activity = Activity(Arc::new(AtomicUsize::new(usize::MAX)));
        activity.set(Doing::Works);
        assert_eq!(activity.look().doing(), Doing::Works);
    }
}
