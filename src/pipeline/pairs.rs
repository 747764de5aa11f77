//! What is found between hosts: told by pair when a window ends, once and then at most every five
//! minutes with the count, because whoever causes it does so for ever.
//!
//! A stranger decides how much there is and between whom, so [`MAX_PAIRS`] are told apart in one
//! source, and the others as one number.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::repeats::is_recent;

/// Pairs told apart in one source.
const MAX_PAIRS: usize = 16;

/// Findings of one sort in one source, by pair `K`.
#[derive(Debug)]
pub(super) struct Pairs<K, F> {
    by_pair: BTreeMap<K, Found<F>>,
    /// Of findings that came without a note, or of pairs that there was no room for.
    others: Count,
}

#[derive(Debug)]
struct Found<F> {
    /// Of those that are not told yet.
    first: F,
    count: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    untold: u64,
    told_at: Option<SystemTime>,
}

impl<K, F> Default for Pairs<K, F> {
    fn default() -> Self {
        Self { by_pair: BTreeMap::new(), others: Count::default() }
    }
}

impl<K: Copy + Ord, F: Copy> Pairs<K, F> {
    /// All of a report, before those of them that are noted.
    pub(super) fn add(&mut self, n: u64) {
        self.others.untold += n;
    }

    pub(super) fn on_note(&mut self, pair: K, seen: &F) {
        if !self.by_pair.contains_key(&pair) && !self.has_room() {
            return;
        }
        let new = Found { first: *seen, count: Count::default() };
        let found = self.by_pair.entry(pair).or_insert(new);
        if found.count.untold == 0 {
            found.first = *seen;
        }
        found.count.untold += 1;
        self.others.untold = self.others.untold.saturating_sub(1);
    }

    /// Tell how many there were: of each pair, with the first of them, and of all others. What was
    /// told and what is yet to be told add up to what was reported. `is_last`: nothing will come any
    /// more.
    pub(super) fn on_window_end(
        &mut self,
        (now, is_last): (SystemTime, bool),
        mut tell: impl FnMut(Option<&F>, u64),
    ) {
        for Found { first, count } in self.by_pair.values_mut() {
            if let Some(untold) = count.take(now, is_last) {
                tell(Some(first), untold);
            }
        }
        if let Some(untold) = self.others.take(now, is_last) {
            tell(None, untold);
        }
    }

    /// Make room for one more pair; false if all have something to tell.
    fn has_room(&mut self) -> bool {
        if self.by_pair.len() < MAX_PAIRS {
            return true;
        }
        let told = self.by_pair.iter().filter(|(_, found)| found.count.untold == 0);
        let oldest = told.min_by_key(|(_, found)| found.count.told_at).map(|(pair, _)| *pair);
        oldest.is_some_and(|pair| self.by_pair.remove(&pair).is_some())
    }
}

impl Count {
    /// All that is not told, if it is time to tell it.
    fn take(&mut self, now: SystemTime, is_last: bool) -> Option<u64> {
        let is_recent = self.told_at.is_some_and(|told_at| is_recent(told_at, now));
        if self.untold == 0 || is_recent && !is_last {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}
