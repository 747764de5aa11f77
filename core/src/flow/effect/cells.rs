//! Coils and registers that were written, in the order of their spots.
//!
//! Nearly every read is of what nobody has written lately. So of each stretch of 16 addresses it is
//! counted how many are kept, and only where there are some is the order searched.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};

use super::super::key::Key;
use super::cell::Cell;
use super::spot::{Spot, spot};
use super::write::Extent;

#[derive(Debug)]
pub(super) struct Cells {
    by_spot: BTreeMap<Spot, Cell>,
    /// How many are kept in the stretches that a hash takes for one.
    stretches: Box<[u16; STRETCHES]>,
    /// The last that was given in turn.
    last: Option<Spot>,
    seed: u64,
}

/// No more than 2^16 cells are ever kept, so that no count overflows.
const STRETCHES: usize = 4096;
const STRETCH_BITS: u16 = 4;
const MAX_ASKED: usize = 16;

impl Cells {
    pub(super) fn new(seed: u64) -> Self {
        let stretches = Box::new([0; STRETCHES]);
        Self { by_spot: BTreeMap::new(), stretches, last: None, seed }
    }

    pub(super) fn len(&self) -> usize {
        self.by_spot.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_spot.is_empty()
    }

    pub(super) fn get(&self, spot: &Spot) -> Option<&Cell> {
        self.by_spot.get(spot)
    }

    pub(super) fn get_mut(&mut self, spot: &Spot) -> Option<&mut Cell> {
        self.by_spot.get_mut(spot)
    }

    pub(super) fn insert(&mut self, spot: Spot, cell: Cell) {
        if self.by_spot.insert(spot, cell).is_none() {
            self.count(&spot, |n| n + 1);
        }
    }

    pub(super) fn remove(&mut self, spot: &Spot) -> Option<Cell> {
        let cell = self.by_spot.remove(spot)?;
        self.count(spot, |n| n - 1);
        Some(cell)
    }

    pub(super) fn n_unjudged(&self) -> u64 {
        self.by_spot.values().filter(|cell| cell.is_unjudged()).count() as u64
    }

    /// False if none of these is kept.
    #[inline]
    pub(super) fn may_be_within(&self, key: &Key, extent: Extent) -> bool {
        let stretches = extent.first >> STRETCH_BITS..=last(extent) >> STRETCH_BITS;
        // To ask for more of them is no cheaper than to search.
        stretches.len() > MAX_ASKED
            || stretches.clone().any(|stretch| {
                let spot = spot(key, extent.bank, stretch << STRETCH_BITS, 0);
                self.stretches.get(stretch_of(&spot, self.seed)).is_some_and(|n| *n > 0)
            })
    }

    /// Those of all units.
    pub(super) fn within(
        &mut self,
        key: &Key,
        extent: Extent,
    ) -> impl Iterator<Item = (&Spot, &mut Cell)> {
        self.by_spot.range_mut(spots(key, extent))
    }

    /// At whatever port.
    pub(super) fn of_server(&self, server: u128) -> impl Iterator<Item = &Spot> {
        let first = Spot { server, ..Spot::FIRST };
        let of_server = self.by_spot.range(first..).map(|(spot, _)| spot);
        of_server.take_while(move |spot| spot.server == server)
    }

    /// Round and round, in order.
    pub(super) fn next_in_turn(&mut self) -> Option<Spot> {
        let from = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.by_spot.range((from, Bound::Unbounded)).next();
        let next = next.or_else(|| self.by_spot.first_key_value());
        self.last = next.map(|(spot, _)| *spot);
        self.last
    }

    fn count(&mut self, spot: &Spot, change: fn(u16) -> u16) {
        if let Some(n) = self.stretches.get_mut(stretch_of(spot, self.seed)) {
            *n = change(*n);
        }
    }
}

/// A stranger may write to where the counts of others are: then more is searched, no more.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the upper bits depend on all others")]
fn stretch_of(spot: &Spot, seed: u64) -> usize {
    let server = (spot.server >> 64) as u64 ^ spot.server as u64 ^ seed;
    let stretch = u64::from(spot.address >> STRETCH_BITS) << 8 | spot.bank as u64;
    let mixed = server.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ spot.rest ^ stretch << 48;
    (mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 52) as usize
}

fn last(extent: Extent) -> u16 {
    extent.first.saturating_add(extent.count.saturating_sub(1))
}

fn spots(key: &Key, extent: Extent) -> RangeInclusive<Spot> {
    spot(key, extent.bank, extent.first, 0)..=spot(key, extent.bank, last(extent), u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::record::{self, Bank};

    use super::super::cell::{Expected, Trust};
    use super::*;

    fn cell() -> Cell {
        let seen = record::Trust { verified: true, from_start: true };
        let expected = Expected { order: 0, value: 0, mask: 0, function: 6, seen };
        let trust = Trust { missed: 0, n_gaps: 0 };
        Cell::new(expected, ([192, 0, 2, 1], 502).into(), trust, 0)
    }

    proptest! {
        /// What is within is never denied, and what was removed leaves no count behind.
        #[test]
        fn no_cell_is_overlooked(
            kept in proptest::collection::btree_set((any::<u16>(), any::<bool>()), 1..40),
            (first, count) in (any::<u16>(), 1_u16..2000),
        ) {
            let bank = |is_coil| if is_coil { Bank::Coils } else { Bank::HoldingRegisters };
            let key = Key::NOBODY;
            let mut cells = Cells::new(7);
            for (address, is_coil) in &kept {
                cells.insert(spot(&key, bank(*is_coil), *address, 1), cell());
                cells.insert(spot(&key, bank(*is_coil), *address, 1), cell());
            }
            for is_coil in [false, true] {
                let extent = Extent { bank: bank(is_coil), first, count };
                let n = cells.within(&key, extent).count();
                prop_assert!(n == 0 || cells.may_be_within(&key, extent));
            }
            for (address, is_coil) in &kept {
                cells.remove(&spot(&key, bank(*is_coil), *address, 1));
            }
            prop_assert!(cells.is_empty() && cells.stretches.iter().all(|n| *n == 0));
        }
    }
}
