//! Writes that a client repeats without end: told once, then counted.
//!
//! A write is a repetition if it is what the same client wrote there last and nobody was seen to
//! write there since; whatever else could change what is held there makes the next one told. What
//! is remembered of one device never overlaps, so that a write has one place to be looked for, and
//! what it overlaps is a range. Strangers choose the places: there are [`MAX_PLACES`], and the one
//! told longest ago makes room.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use crate::record::{AddressKey, Bank, Ledger, Path, SourceId, Transaction};
use crate::wire::packet::Vlan;

use super::repeats::is_recent;

/// What was written last, as far as it is known and remembered.
#[derive(Debug, Default)]
pub(super) struct Writes {
    by_place: BTreeMap<Place, Last>,
    /// The same places, the one told longest ago first.
    by_turn: BTreeMap<u64, Place>,
    n_told: u64,
    /// When the latest write was seen that was no repetition; the configuration bounds the sources.
    changed_at: BTreeMap<SourceId, SystemTime>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Not told, but counted in what is told later.
    repeated: u64,
    /// Of those, the ones whose count was lost when their place was forgotten.
    forgotten: u64,
    /// Of those, the ones that were told when a write before them was reported after them.
    told_late: u64,
}

pub(super) const MAX_PLACES: usize = 1024;

/// Where a write begins. In this order, those of a unit lie together, and the units of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    source: SourceId,
    /// VLAN and server; `None` on a serial line.
    server: Option<(u16, u16, AddressKey<SocketAddr>)>,
    bank: Bank,
    unit: u8,
    first: u16,
}

/// The last write of a place.
#[derive(Clone, Copy, Debug)]
struct Last {
    seen: Transaction,
    told_at: SystemTime,
    turn: u64,
    /// Since it was told.
    untold: u64,
}

/// What a write may change.
enum Reach {
    Within {
        bank: Bank,
        first: u16,
        last: u16,
    },
    /// File records (Modbus Application Protocol V1.1b3, section 6.15).
    Elsewhere,
    /// What does not add up may change anything.
    Unknown,
}

/// Whether a write is a repetition.
enum Repetition {
    None,
    /// To be told, with how many like it were not.
    Told(u64),
    Counted,
}

impl Writes {
    /// Have a write that was not refused told, with how many like it were not, unless it is a
    /// repetition to be counted.
    pub(super) fn see(
        &mut self,
        source: &SourceId,
        seen: &Transaction,
        mut tell: impl FnMut(&Transaction, u64),
    ) {
        let (places, place) = match Reach::of(seen) {
            Reach::Within { bank, first, last } => {
                let place = Place::of(source, seen, bank, first);
                match self.repetition(&place, seen) {
                    Repetition::None => (),
                    Repetition::Told(untold) => return tell(seen, untold),
                    Repetition::Counted => return,
                }
                (self.overlapping(&place, last), Some(place))
            }
            Reach::Elsewhere => (vec![], None),
            Reach::Unknown => (self.of_device(source, seen), None),
        };
        tell(seen, 0);
        let mut is_late = self.is_late(source, seen.at);
        for place in &places {
            let Some(last) = self.remove(place) else { continue };
            let is_later = last.seen.at > seen.at;
            is_late |= is_later;
            match last.untold.checked_sub(1) {
                // It was no repetition: it changed back what had been changed in between.
                Some(untold) if is_later => {
                    self.counts.told_late += 1;
                    tell(&last.seen, untold);
                }
                Some(_) | None => self.counts.forgotten += last.untold,
            }
        }
        let is_kept = is_comparable(seen) && seen.latency.is_some() && !is_late;
        if let Some(place) = place.filter(|_| is_kept) {
            self.insert(place, Last { seen: *seen, told_at: seen.at, turn: 0, untold: 0 });
        }
    }

    /// Something may have been written that was not seen.
    pub(super) fn forget(&mut self, source: &SourceId) {
        let from = Place::first_of(source);
        let of_source = self.by_place.range(from..).map(|(place, _)| place);
        let places: Vec<_> = of_source.take_while(|p| p.source == *source).cloned().collect();
        for place in &places {
            let last = self.remove(place);
            self.counts.forgotten += last.map_or(0, |last| last.untold);
        }
    }

    /// Count what was not told into a ledger of notes.
    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        ledger.note("writes_repeated", self.counts.repeated);
        ledger.note("writes_forgotten", self.counts.forgotten);
        ledger.note("writes_told_late", self.counts.told_late);
    }

    fn repetition(&mut self, place: &Place, seen: &Transaction) -> Repetition {
        let last = self.by_place.get_mut(place).filter(|last| last.is_repeated_in(seen));
        let Some(last) = last else { return Repetition::None };
        if seen.latency.is_none() {
            return Repetition::Told(0); // done or not, what is held there is the same
        }
        if seen.at > last.seen.at {
            last.seen = *seen;
        }
        if is_recent(last.told_at, seen.at) {
            last.untold += 1;
            self.counts.repeated += 1;
            return Repetition::Counted;
        }
        let Last { turn, untold, .. } = *last;
        self.by_turn.remove(&turn);
        self.insert(place.clone(), Last { seen: *seen, told_at: seen.at, turn: 0, untold: 0 });
        Repetition::Told(untold)
    }

    /// True of a write that something else was seen after: rings that share an interface report
    /// apart. A clock that was set back is another matter.
    fn is_late(&mut self, source: &SourceId, at: SystemTime) -> bool {
        let changed_at = self.changed_at.entry(source.clone()).or_insert(at);
        if at < *changed_at && is_recent(at, *changed_at) {
            return true;
        }
        *changed_at = at;
        false
    }

    /// What the device holds in places up to the address `last`.
    fn overlapping(&self, place: &Place, last: u16) -> Vec<Place> {
        let with_unit = |unit| Place { unit, ..place.clone() };
        let mut places = self.of_unit(place, last);
        if is_any(place.unit) {
            // Of the others, all are taken: to search each unit would cost more than to tell again.
            let whole = |units: [u8; 2]| {
                let [from, to] = units.map(with_unit);
                Place { first: 0, ..from }..=Place { first: u16::MAX, ..to }
            };
            let below = place.unit.checked_sub(1).map(|below| [0, below]);
            let above = place.unit.checked_add(1).map(|above| [above, u8::MAX]);
            let others = [below, above].into_iter().flatten().map(whole);
            let others = others.flat_map(|units| self.by_place.range(units));
            places.extend(others.map(|(place, _)| place.clone()));
        } else {
            places.extend(ANY.iter().flat_map(|unit| self.of_unit(&with_unit(*unit), last)));
        }
        places
    }

    /// The same of a single unit, of which only the first can begin before `place`.
    fn of_unit(&self, place: &Place, last: u16) -> Vec<Place> {
        let reaches_in = |(before, held): &(&Place, &Last)| match Reach::of(&held.seen) {
            Reach::Within { last, .. } => before.is_of_unit(place) && last >= place.first,
            Reach::Elsewhere | Reach::Unknown => false, // these are not remembered
        };
        let before = self.by_place.range(..place).next_back().filter(reaches_in);
        let end = Place { first: last, ..place.clone() };
        let within = self.by_place.range(place..=&end);
        before.into_iter().chain(within).map(|(place, _)| place.clone()).collect()
    }

    /// All that is known of whatever a write was addressed to.
    fn of_device(&self, source: &SourceId, seen: &Transaction) -> Vec<Place> {
        let whole = |bank| self.overlapping(&Place::of(source, seen, bank, 0), u16::MAX);
        [Bank::Coils, Bank::HoldingRegisters].into_iter().flat_map(whole).collect()
    }

    fn insert(&mut self, place: Place, last: Last) {
        if self.by_place.len() >= MAX_PLACES && !self.by_place.contains_key(&place) {
            let oldest = self.by_turn.first_key_value().map(|(_, place)| place.clone());
            let made_room = oldest.and_then(|place| self.remove(&place));
            self.counts.forgotten += made_room.map_or(0, |last| last.untold);
        }
        self.n_told += 1;
        let turn = self.n_told;
        self.by_turn.insert(turn, place.clone());
        self.by_place.insert(place, Last { turn, ..last });
    }

    fn remove(&mut self, place: &Place) -> Option<Last> {
        let last = self.by_place.remove(place)?;
        self.by_turn.remove(&last.turn);
        Some(last)
    }
}

impl Last {
    /// By the same client, at whatever port. The place is the same.
    fn is_repeated_in(&self, seen: &Transaction) -> bool {
        let what = |it: &Transaction| (it.function, it.address, it.quantity, it.value, it.written);
        is_comparable(seen)
            && what(&self.seen) == what(seen)
            && client(&self.seen.path) == client(&seen.path)
    }
}

impl Place {
    fn of(source: &SourceId, seen: &Transaction, bank: Bank, first: u16) -> Self {
        let server = match seen.path {
            Path::Network { vlan: Vlan { outer, inner }, server, .. } => {
                Some((outer, inner, AddressKey(server)))
            }
            Path::Serial => None,
        };
        Self { source: source.clone(), server, bank, unit: seen.unit, first }
    }

    /// Before all others of the source.
    fn first_of(source: &SourceId) -> Self {
        Self { source: source.clone(), server: None, bank: Bank::Coils, unit: 0, first: 0 }
    }

    fn is_of_unit(&self, other: &Self) -> bool {
        let unit = |it: &Self| (it.bank, it.unit, it.server);
        unit(self) == unit(other) && self.source == other.source
    }
}

impl Reach {
    fn of(seen: &Transaction) -> Self {
        let bank = match (seen.function, seen.written) {
            (21, _) => return Self::Elsewhere,
            (5 | 15, Some(_)) => Bank::Coils,
            (6 | 16 | 22 | 23, Some(_)) => Bank::HoldingRegisters,
            (_, _) => return Self::Unknown,
        };
        let Some(first) = seen.address else { return Self::Unknown };
        let n_more = seen.quantity.unwrap_or(1).saturating_sub(1);
        Self::Within { bank, first, last: first.saturating_add(n_more) }
    }
}

/// True of a write that leaves the same behind each time, whatever was there.
fn is_comparable(seen: &Transaction) -> bool {
    matches!(seen.function, 5 | 6 | 15 | 16) && seen.written.is_some()
}

/// A device that is spoken to directly takes these for itself, and many take any unit; behind a
/// gateway, 0 is all units (Messaging Guide V1.0b, section 4.4.2).
const ANY: [u8; 2] = [0, 255];

fn is_any(unit: u8) -> bool {
    ANY.contains(&unit)
}

fn client(path: &Path) -> Option<IpAddr> {
    match path {
        Path::Network { client, .. } => Some(client.ip()),
        Path::Serial => None,
    }
}
