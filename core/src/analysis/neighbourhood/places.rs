//! A table of a fixed size, for what strangers name.
//!
//! Four places to a set, and a seeded hash chooses the set. Where a set is full, whoever was seen
//! for the shortest time makes room, and among those of long standing the one not seen for longest:
//! a flood of names that come once displaces at most one in each set that is there to stay.

use std::hash::{BuildHasher, Hash, RandomState};

const N_WAYS: usize = 4;
/// Seen again after this time, one has come to stay.
const STANDING_NS: u64 = 60_000_000_000;

#[derive(Debug)]
pub(super) struct Places<K, V> {
    seed: RandomState,
    /// None are there before the first is needed.
    slots: Vec<Option<Slot<K, V>>>,
    n_sets: usize,
}

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    first_ns: u64,
    last_ns: u64,
    value: V,
}

/// What was found in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Known,
    New,
    /// Another one made room.
    Instead,
}

impl<K: Copy + Eq + Hash, V> Places<K, V> {
    /// For at most `4 * n_sets`.
    pub(super) fn new(n_sets: usize) -> Self {
        Self { seed: RandomState::new(), slots: Vec::new(), n_sets: n_sets.max(1) }
    }

    /// The value under `key`, made if it is not there.
    #[expect(clippy::indexing_slicing, reason = "a set lies inside the table, a place in its set")]
    pub(super) fn meet(&mut self, key: K, at_ns: u64, make: impl FnOnce() -> V) -> (Met, &mut V) {
        if self.slots.is_empty() {
            self.slots.resize_with(self.n_sets * N_WAYS, || None);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a hash may lose bits")]
        let set = self.seed.hash_one(key) as usize % self.n_sets * N_WAYS;
        let set = &mut self.slots[set..set + N_WAYS];
        let is_it = |slot: &Option<Slot<K, V>>| slot.as_ref().is_some_and(|slot| slot.key == key);
        let known = set.iter().position(is_it);
        let rank = |at: &usize| set[*at].as_ref().map(|slot| (slot.is_standing(), slot.last_ns));
        let at = known.unwrap_or_else(|| (0..N_WAYS).min_by_key(rank).unwrap_or_default());
        let met = match (known, &set[at]) {
            (Some(_), _) => Met::Known,
            (None, None) => Met::New,
            (None, Some(_)) => Met::Instead,
        };
        if met == Met::Instead {
            set[at] = None;
        }
        let make = || Slot { key, first_ns: at_ns, last_ns: at_ns, value: make() };
        let slot = set[at].get_or_insert_with(make);
        slot.last_ns = at_ns;
        (met, &mut slot.value)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.slots.iter_mut().flatten().map(|slot| (&slot.key, &mut slot.value))
    }
}

impl<K, V> Slot<K, V> {
    fn is_standing(&self) -> bool {
        self.last_ns.saturating_sub(self.first_ns) >= STANDING_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_value() {
        let mut places = Places::new(16);
        assert_eq!(places.meet(7, 0, || 'a'), (Met::New, &mut 'a'));
        assert_eq!(places.meet(7, 1, || 'b'), (Met::Known, &mut 'a'));
        assert_eq!(places.iter_mut().count(), 1);
    }

    #[test]
    fn the_table_does_not_grow_and_says_who_made_room() {
        let mut places = Places::new(16);
        let n_instead =
            (0..10_000u64).filter(|n| places.meet(*n, *n, || ()).0 == Met::Instead).count();
        let n_kept = places.iter_mut().count();
        assert!(n_kept <= 64 && n_kept + n_instead == 10_000, "{n_kept} {n_instead}");
    }

    #[test]
    fn a_flood_displaces_at_most_one_of_long_standing_in_each_set() {
        let mut places = Places::new(1);
        for at_ns in [0, STANDING_NS] {
            for n in 0..4 {
                places.meet(n, at_ns, || ());
            }
        }
        for n in 100..1000 {
            places.meet(n, STANDING_NS + n, || ());
        }
        let n_kept = places.iter_mut().filter(|(key, ())| **key < 4).count();
        assert_eq!(n_kept, 3);
    }
}
