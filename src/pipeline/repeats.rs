//! What is told once and then counted: it is told again after a while, with the count.
//!
//! Strangers choose the keys: at most `MAX` are remembered, and the one told longest ago makes
//! room.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How long repetitions are only counted.
const QUIET: Duration = Duration::from_secs(5 * 60);

/// What was told, by what makes two of it alike.
#[derive(Debug)]
pub(super) struct Repeats<K, const MAX: usize> {
    by_key: BTreeMap<K, Repeat>,
    /// Not told, but counted in what is told later.
    pub(super) repeated: u64,
    /// Of those, the ones whose count was lost when they made room.
    pub(super) forgotten: u64,
}

#[derive(Debug)]
struct Repeat {
    told_at: SystemTime,
    /// Since it was told.
    untold: u64,
}

impl<K, const MAX: usize> Default for Repeats<K, MAX> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), repeated: 0, forgotten: 0 }
    }
}

impl<K: Ord + Clone, const MAX: usize> Repeats<K, MAX> {
    /// How many were not told since the last one was; `None` if this is not to be told either.
    pub(super) fn untold(&mut self, key: K, at: SystemTime) -> Option<u64> {
        let untold = match self.by_key.get_mut(&key) {
            Some(repeat) if is_recent(repeat.told_at, at) => {
                repeat.untold += 1;
                self.repeated += 1;
                return None;
            }
            Some(repeat) => repeat.untold,
            None => {
                self.make_room();
                0
            }
        };
        self.by_key.insert(key, Repeat { told_at: at, untold: 0 });
        Some(untold)
    }

    fn make_room(&mut self) {
        if self.by_key.len() < MAX {
            return;
        }
        let oldest = self.by_key.iter().min_by_key(|(_, repeat)| repeat.told_at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            let repeat = self.by_key.remove(&key);
            self.forgotten += repeat.map_or(0, |repeat| repeat.untold);
        }
    }
}

/// False after the clock was set back, or it might be quiet for years.
pub(super) fn is_recent(told_at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(told_at).is_ok_and(|ago| ago < QUIET)
}
