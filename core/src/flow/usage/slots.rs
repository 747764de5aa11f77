//! A fixed table whose rows are found by a seeded hash, as connections are.
//!
//! Open addressing in windows: a row lies in one of the 32 places from where its hash points. When
//! all are taken, the one worth least makes room. Handles outlive their rows: one of a row that
//! made room leads nowhere.

/// Rows by key.
#[derive(Debug)]
pub(super) struct Slots<K, V> {
    /// Home positions, a power of two, minus one.
    mask: usize,
    places: Box<[Place]>,
    /// Reserved at the start and filled as rows come, so that an empty table costs nothing.
    rows: Vec<Row<K, V>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Bits of the hash of the key; 0 if it was never used.
    tag: u32,
    row: u32,
}

#[derive(Debug)]
struct Row<K, V> {
    key: K,
    /// How many keys had this row, never 0.
    generation: u32,
    value: V,
}

/// Where a row lies, for as long as it is the row of the same key. The default leads nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::flow) struct Handle {
    row: u32,
    generation: u32,
}

const WINDOW: usize = 32;

impl<K: Copy + PartialEq, V> Slots<K, V> {
    /// Room for `capacity` rows, rounded up to a power of two, and for a window behind the last.
    pub(super) fn new(capacity: usize) -> Self {
        let n_homes = capacity.max(1).next_power_of_two();
        let n_places = n_homes + WINDOW - 1;
        let places = vec![Place::default(); n_places].into();
        Self { mask: n_homes - 1, places, rows: Vec::with_capacity(n_places) }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The handle of the `nth` row there is.
    pub(super) fn nth(&self, nth: usize) -> Handle {
        let generation = self.rows.get(nth).map_or(0, |row| row.generation);
        Handle { row: u32::try_from(nth).unwrap_or(u32::MAX), generation }
    }

    #[inline]
    pub(super) fn get(&self, handle: Handle) -> Option<(&K, &V)> {
        let row = self.rows.get(number(handle.row))?;
        (row.generation == handle.generation).then_some((&row.key, &row.value))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, handle: Handle) -> Option<(&K, &mut V)> {
        let row = self.rows.get_mut(number(handle.row))?;
        (row.generation == handle.generation).then_some((&row.key, &mut row.value))
    }

    pub(super) fn find(&self, key: &K, hash: u64) -> Option<Handle> {
        let tag = tag(hash);
        for place in self.window(hash) {
            if place.tag == 0 {
                return None; // nothing was ever placed behind it
            }
            // Of rows with another tag, nothing is touched.
            if place.tag == tag
                && let Some(row) = self.rows.get(number(place.row))
                && row.key == *key
            {
                return Some(Handle { row: place.row, generation: row.generation });
            }
        }
        None
    }

    /// Put in a row that is not there. The one of least `worth` in its window goes if all are
    /// taken; true if one did.
    pub(super) fn insert<W: Ord>(
        &mut self,
        key: K,
        hash: u64,
        value: V,
        worth: impl Fn(&V) -> W,
    ) -> Option<(Handle, bool)> {
        // Never used comes first, and the first of equals, so that no never-used place is left in
        // front of a used one.
        let worth = |place: &Place| {
            let row = self.rows.get(number(place.row)).filter(|_| place.tag != 0);
            row.map(|row| worth(&row.value))
        };
        let window = self.window(hash).iter().enumerate();
        let (offset, chosen) = window.min_by_key(|(_, place)| worth(place))?;
        let is_taken = chosen.tag != 0;
        let row = if is_taken { chosen.row } else { u32::try_from(self.rows.len()).ok()? };
        let old = self.rows.get(number(row)).map_or(0, |old| old.generation);
        let generation = old.checked_add(1).unwrap_or(1);
        let new = Row { key, generation, value };
        if let Some(old) = self.rows.get_mut(number(row)) {
            *old = new;
        } else {
            self.rows.push(new);
        }
        *self.places.get_mut(self.home(hash) + offset)? = Place { tag: tag(hash), row };
        Some((Handle { row, generation }, is_taken))
    }

    fn window(&self, hash: u64) -> &[Place] {
        let home = self.home(hash);
        self.places.get(home..home + WINDOW).unwrap_or_default()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the mask keeps the low bits anyway")]
    fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask
    }
}

fn number(row: u32) -> usize {
    row.try_into().unwrap_or(usize::MAX)
}

/// The high bits, which the home position does not use; never 0.
fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(key: u64) -> u64 {
        key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    }

    proptest! {
        #[test]
        fn a_table_holds_the_worthiest_and_never_more_than_its_places(
            keys in proptest::collection::vec(0_u64..500, 1..2000),
        ) {
            let mut slots = Slots::new(16);
            let mut n_evicted = 0;
            for (now, key) in (0_u64..).zip(keys) {
                if let Some(handle) = slots.find(&key, hash(key)) {
                    let (found, last) = slots.get_mut(handle).unwrap();
                    prop_assert_eq!(*found, key);
                    *last = now;
                    continue;
                }
                let (handle, has_evicted) = slots.insert(key, hash(key), now, |last| *last).unwrap();
                prop_assert_eq!(slots.get(handle), Some((&key, &now)));
                prop_assert_eq!(slots.find(&key, hash(key)), Some(handle));
                n_evicted += usize::from(has_evicted);
            }
            prop_assert!(slots.len() < 16 + WINDOW);
            prop_assert!(n_evicted == 0 || slots.len() >= WINDOW, "evicted with room to spare");
        }
    }

    #[test]
    fn a_handle_of_a_row_that_made_room_leads_nowhere() {
        let mut slots = Slots::new(1);
        let (first, _) = slots.insert(0_u64, 0, (), |()| 0).unwrap();
        let last = (1..=32_u64).map(|key| slots.insert(key, 0, (), |()| 0).unwrap()).last();
        assert_eq!((slots.get(first), slots.len()), (None, WINDOW));
        assert!(last.unwrap().1 && slots.get(last.unwrap().0).is_some());
        assert_eq!(slots.get(Handle::default()), None);
    }
}
