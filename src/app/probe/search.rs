//! Which addresses of a table can be read, found with few requests. Pure: replies in, the next
//! request out.
//!
//! First single places from 0 to 65535, closer together near 0 where devices keep most. Then the
//! edges between what was read and what was refused are bisected. Then short stretches are read
//! whole, as many entries at a time as the device allows, which finds the holes in them and the
//! largest request. Nothing is concluded of an address that was not asked for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tag::Table;
use crate::wire::modbus::request::MAX_BITS;
use crate::wire::modbus::request::MAX_REGISTERS;
use crate::wire::modbus::request::ReadRequest;
use crate::wire::modbus::request::Span;

/// Requests spent on one table at most.
pub const BUDGET: u32 = 150;
/// Stretches up to so many of the largest requests are read whole, longer ones sampled.
const MAX_WHOLE: u32 = 16;
/// Places that are never answered after which a table is given up.
const MAX_SILENT: u32 = 3;
/// Places refused because of the function after which a table is given up.
const MAX_ABSENT: usize = 2;
const ILLEGAL_FUNCTION: u8 = 1;
const TABLE_LEN: u32 = 1 << 16;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The values, all of them zero or not.
    Read {
        is_zero: bool,
    },
    Refused(Refusal),
}

/// Why an address has no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    Exception(u8),
    /// No reply, asked twice.
    Silent,
}

/// The search of one table.
#[derive(Clone, Debug)]
pub struct Search {
    table: Table,
    /// Entries that were read: the first of each run and the one after its last, in order,
    /// neither touching nor overlapping.
    read: BTreeMap<u32, u32>,
    /// Entries that were refused when asked for alone.
    refused: BTreeMap<u32, Refusal>,
    /// Longer requests that were refused.
    declined: Vec<(Span, Refusal)>,
    largest_read: u16,
    n_asked: u32,
    n_silent: u32,
    n_zero: u32,
    n_answered: u32,
}

/// Neighbouring places that fared alike, as far as was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub first: u16,
    pub last: u16,
    /// Addresses in it of which it is known.
    pub n_places: u32,
    pub fate: Fate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Read,
    Refused(BTreeSet<Refusal>),
}

impl Stretch {
    /// True if every address in it was asked for.
    pub fn is_whole(&self) -> bool {
        self.n_places == u32::from(self.last) - u32::from(self.first) + 1
    }
}

/// How much one request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Largest {
    /// Nothing was read.
    Unknown,
    /// So much was read at once, and there was no longer stretch to try.
    AtLeast(u16),
    /// What the protocol allows.
    Protocol(u16),
    /// One more is refused where all of it can be read in parts.
    Limit(u16, Refusal),
}

impl Search {
    pub fn new(table: Table) -> Self {
        Self {
            table,
            read: BTreeMap::new(),
            refused: BTreeMap::new(),
            declined: vec![],
            largest_read: 0,
            n_asked: 0,
            n_silent: 0,
            n_zero: 0,
            n_answered: 0,
        }
    }

    /// What to ask next; `None` if enough is known, or as much as may be asked.
    pub fn next(&self) -> Option<Span> {
        if self.n_asked >= BUDGET || self.is_silent() || self.is_absent() {
            return None;
        }
        let single = |first| span(first, 1);
        self.sample()
            .map(single)
            .or_else(|| self.edge().map(single))
            .or_else(|| self.excess())
            .or_else(|| self.gap())
            .or_else(|| self.longest())
    }

    pub fn on_reply(&mut self, asked: Span, reply: Reply) {
        self.n_asked += 1;
        match reply {
            Reply::Read { is_zero } => {
                self.n_answered += 1;
                self.n_zero += u32::from(is_zero);
                self.largest_read = self.largest_read.max(asked.count);
                self.insert(asked);
            }
            Reply::Refused(why) if asked.count == 1 => {
                self.n_silent += u32::from(why == Refusal::Silent);
                self.refused.insert(asked.first.into(), why);
            }
            Reply::Refused(why) => self.declined.push((asked, why)),
        }
    }

    pub fn table(&self) -> Table {
        self.table
    }

    pub fn n_asked(&self) -> u32 {
        self.n_asked
    }

    /// True if the device has no such function.
    pub fn is_absent(&self) -> bool {
        let absent = Refusal::Exception(ILLEGAL_FUNCTION);
        self.read.is_empty()
            && self.refused.len() >= MAX_ABSENT
            && self.refused.values().all(|why| *why == absent)
    }

    /// True if so many questions got no reply that it was given up.
    pub fn is_silent(&self) -> bool {
        self.n_silent >= MAX_SILENT
    }

    /// True if every place that was asked for can be read, from the first to the last. Such a
    /// device says nothing of what it has by what it answers.
    pub fn answers_everywhere(&self) -> bool {
        self.refused.is_empty() && self.read.contains_key(&0) && self.is_read(TABLE_LEN - 1, 1)
    }

    /// True if something was read and all of it was zero.
    pub fn is_all_zero(&self) -> bool {
        self.n_answered > 0 && self.n_zero == self.n_answered
    }

    /// What is known, in address order.
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = vec![];
        for (first, end, fate) in self.facts() {
            let (first, last) = (index(first), index(end - 1));
            let n_places = u32::from(last) - u32::from(first) + 1;
            match (stretches.last_mut(), fate) {
                (Some(Stretch { last: l, n_places: n, fate: Fate::Read, .. }), None) => {
                    (*l, *n) = (last, *n + n_places);
                }
                (
                    Some(Stretch { last: l, n_places: n, fate: Fate::Refused(reasons), .. }),
                    Some(why),
                ) => {
                    (*l, *n) = (last, *n + n_places);
                    reasons.insert(why);
                }
                (_, fate) => {
                    let fate = fate.map_or(Fate::Read, |why| Fate::Refused([why].into()));
                    stretches.push(Stretch { first, last, n_places, fate });
                }
            }
        }
        stretches
    }

    pub fn largest(&self) -> Largest {
        match (self.largest_read, self.limit()) {
            (0, _) => Largest::Unknown,
            (read, _) if read == self.max_count() => Largest::Protocol(read),
            (read, Some((asked, why))) if asked.count == read + 1 => Largest::Limit(read, why),
            (read, _) => Largest::AtLeast(read),
        }
    }

    /// The next of the fixed places of which nothing is known.
    fn sample(&self) -> Option<u32> {
        samples().into_iter().find(|at| !self.is_read(*at, 1) && !self.refused.contains_key(at))
    }

    /// Half way between what was read and what was refused, wherever the two are not adjacent.
    fn edge(&self) -> Option<u32> {
        let facts = self.facts();
        facts.iter().zip(facts.iter().skip(1)).find_map(|((_, end, before), (first, _, after))| {
            (before.is_some() != after.is_some() && first > end).then(|| end + (first - end) / 2)
        })
    }

    /// Once a request was refused of which all can be read: half way between the largest that
    /// was answered and the smallest that was not.
    fn excess(&self) -> Option<Span> {
        let (Span { first, count }, _) = self.limit()?;
        let between = count - self.largest_read.min(count);
        (between > 1).then(|| Span { first, count: self.largest_read + between / 2 })
    }

    /// The next part of a stretch that is to be read whole.
    fn gap(&self) -> Option<Span> {
        let max = u32::from(self.limit().map_or(self.max_count(), |(asked, _)| asked.count - 1));
        self.stretches().into_iter().filter(|stretch| stretch.fate == Fate::Read).find_map(|s| {
            let (first, end) = (u32::from(s.first), u32::from(s.last) + 1);
            let at = *self.read.get(&first)?;
            // Of a long stretch, enough to find the largest request.
            let is_short = end - first <= max * MAX_WHOLE;
            let until = if is_short { end } else { end.min(first + u32::from(self.max_count())) };
            (at < until).then(|| span(at, self.part(at, (until - at).min(max))))
        })
    }

    /// How much of `count` entries from `at` on to ask for: half of what is left of a request that
    /// was refused, if it is not clear yet why.
    fn part(&self, at: u32, count: u32) -> u32 {
        let ends = self.declined.iter().map(|(asked, _)| (u32::from(asked.first), end_of(*asked)));
        let open = ends.filter(|(first, end)| {
            let is_explained = self.is_read(*first, end - first)
                || self.refused.range(first..end).next().is_some();
            (*first..*end).contains(&at) && !is_explained
        });
        let nearest = open.map(|(_, end)| end - at).min();
        nearest.map_or(count, |rest| (rest / 2).clamp(1, count))
    }

    /// All that can be asked for at once of the longest run, if nothing as large was.
    fn longest(&self) -> Option<Span> {
        let (first, end) = self.read.iter().max_by_key(|(first, end)| *end - *first)?;
        let count = (end - first).min(self.max_count().into());
        let is_new = count > self.largest_read.into() && self.limit().is_none();
        is_new.then(|| span(*first, count))
    }

    /// The smallest request that was refused although all of it can be read in parts.
    fn limit(&self) -> Option<(Span, Refusal)> {
        let too_large = { self.declined.iter() }
            .filter(|(asked, _)| self.is_read(asked.first.into(), asked.count.into()));
        too_large.min_by_key(|(asked, _)| asked.count).copied()
    }

    fn insert(&mut self, asked: Span) {
        let (mut first, mut end) = (u32::from(asked.first), end_of(asked));
        let touching: Vec<_> =
            self.read.range(..=end).filter(|(_, e)| **e >= first).map(|(f, e)| (*f, *e)).collect();
        for (f, e) in touching {
            self.read.remove(&f);
            (first, end) = (first.min(f), end.max(e));
        }
        self.read.insert(first, end);
    }

    fn is_read(&self, first: u32, count: u32) -> bool {
        let run = self.read.range(..=first).next_back();
        run.is_some_and(|(_, end)| first + count <= *end)
    }

    /// Runs that were read and places that were refused, in address order.
    fn facts(&self) -> Vec<(u32, u32, Option<Refusal>)> {
        let read = self.read.iter().map(|(first, end)| (*first, *end, None));
        let refused = self.refused.iter().map(|(at, why)| (*at, at + 1, Some(*why)));
        let mut facts: Vec<_> = read.chain(refused).collect();
        facts.sort_unstable_by_key(|(first, ..)| *first);
        facts
    }

    fn max_count(&self) -> u16 {
        if self.table.is_bit() { MAX_BITS } else { MAX_REGISTERS }
    }
}

/// The request that reads `span` of `table`.
pub fn request(table: Table, span: Span) -> ReadRequest {
    match table {
        Table::Coil => ReadRequest::Coils(span),
        Table::Discrete => ReadRequest::Discretes(span),
        Table::Input => ReadRequest::Input(span),
        Table::Holding => ReadRequest::Holding(span),
    }
}

/// Powers of two, hundreds to a thousand, thousands to ten thousand, then ten thousands.
fn samples() -> BTreeSet<u32> {
    let powers = (0..16).map(|power| 1 << power);
    let decimal =
        [100_u32, 1_000, 10_000].into_iter().flat_map(|step| (1..10).map(move |n| n * step));
    [0, TABLE_LEN - 1]
        .into_iter()
        .chain(powers)
        .chain(decimal)
        .filter(|at| *at < TABLE_LEN)
        .collect()
}

fn span(first: u32, count: u32) -> Span {
    Span { first: index(first), count: index(count) }
}

fn end_of(span: Span) -> u32 {
    u32::from(span.first) + u32::from(span.count)
}

/// Lossless: everything here lies inside a table.
fn index(at: u32) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
