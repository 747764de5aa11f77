//! What is remembered of strangers, and how much is told of them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::super::reply::is_recent;

/// A bounded table. When it is full, whatever ranks least makes room and is counted.
#[derive(Debug)]
pub(super) struct Known<K, V> {
    by_key: BTreeMap<K, V>,
    max: usize,
    pub(super) n_forgotten: u64,
}

impl<K: Copy + Ord, V> Known<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self { by_key: BTreeMap::new(), max, n_forgotten: 0 }
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
        if self.by_key.len() >= self.max && !self.contains(&key) {
            let least = self.by_key.iter().min_by_key(|(_, value)| rank(value));
            if let Some(least) = least.map(|(key, _)| *key) {
                self.by_key.remove(&least);
                self.n_forgotten += 1;
            }
        }
        self.by_key.entry(key).or_insert(value)
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
