//! What is remembered of strangers, and how much is told of them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::super::repeats::is_recent;

/// A bounded table. It keeps the `max` that rank highest, and has room for an eighth more, which
/// makes room and is counted when there are as many: to look for the least of all each time would
/// let a stranger who takes ever new addresses cost a walk through the table with each of them.
#[derive(Debug)]
pub(super) struct Known<K, V> {
    by_key: BTreeMap<K, V>,
    max: usize,
    n_more: usize,
    pub(super) n_forgotten: u64,
}

impl<K: Copy + Ord, V> Known<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self { by_key: BTreeMap::new(), max, n_more: max.div_ceil(8), n_forgotten: 0 }
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.by_key.get_mut(key)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.by_key.iter_mut()
    }

    pub(super) fn retain(&mut self, is_kept: impl FnMut(&K, &mut V) -> bool) {
        self.by_key.retain(is_kept);
    }

    /// Put in what is not there.
    pub(super) fn insert<R: Ord>(&mut self, key: K, value: V, rank: impl Fn(&V) -> R) -> &mut V {
        if self.by_key.len() >= self.max + self.n_more && !self.contains(&key) {
            self.make_room(rank);
        }
        self.by_key.entry(key).or_insert(value)
    }

    fn make_room<R: Ord>(&mut self, rank: impl Fn(&V) -> R) {
        let mut ranks: Vec<_> =
            self.by_key.iter().map(|(key, value)| (rank(value), *key)).collect();
        if self.n_more < ranks.len() {
            ranks.select_nth_unstable(self.n_more);
        }
        for (_, key) in ranks.iter().take(self.n_more) {
            self.by_key.remove(key);
            self.n_forgotten += 1;
        }
    }
}

/// Events of one kind that are told in five minutes.
const MAX_TOLD: u64 = 8;

/// How many events of one kind are told. Those beyond are one number, told when the five minutes
/// are over.
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// The first of the events that are counted.
    from: Option<SystemTime>,
    n: u64,
    untold: u64,
    /// Since the start.
    n_untold: u64,
}

impl Quota {
    /// True if an event may be told.
    pub(super) fn take(&mut self, at: SystemTime) -> bool {
        self.from.get_or_insert(at);
        self.n += 1;
        let is_told = self.n <= MAX_TOLD;
        self.untold += u64::from(!is_told);
        self.n_untold += u64::from(!is_told);
        is_told
    }

    /// How many were not told, when it is time to say so.
    pub(super) fn on_window_end(&mut self, now: SystemTime) -> Option<u64> {
        if self.from.is_none_or(|from| is_recent(from, now)) {
            return None;
        }
        (self.from, self.n) = (None, 0);
        Some(std::mem::take(&mut self.untold)).filter(|untold| *untold > 0)
    }

    pub(super) fn n_untold(&self) -> u64 {
        self.n_untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_room_for_each_other_and_never_one_that_ranks_higher() {
        let mut known = Known::new(64);
        let rank = |(is_answered, nth): &(bool, u32)| (*is_answered, *nth);
        for nth in 0..60 {
            known.insert(nth, (true, nth), rank);
        }
        for nth in 60..10_000 {
            known.insert(nth, (false, nth), rank);
            assert!(known.iter_mut().count() <= 72);
        }
        assert!((0..60).all(|nth| known.contains(&nth)), "one that was answered made room");
        assert_eq!(known.iter_mut().count() as u64 + known.n_forgotten, 10_000);
    }
}
