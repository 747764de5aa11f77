//! Which requests read the tags of a device, and where in each reply a tag lies. Pure.
//!
//! Tags that are adjacent, or nearly, share a request. A device may refuse what lies between
//! them, or one of them: [`Block::split`] then asks for less at a time, down to a tag each, so
//! that one wrong address costs one tag.

use std::ops::Range;
use std::sync::Arc;

use crate::config::RegisterRange;
use crate::tag::Registers;
use crate::tag::Table;
use crate::tag::Tag;
use crate::wire::modbus::request::{MAX_BITS, MAX_REGISTERS, ReadRequest, Span};

const _: () = assert!(MAX_REGISTERS * 16 == MAX_BITS);

/// Entries nobody asked for that are read rather than paying for another request.
const MAX_GAP_REGISTERS: u32 = 8;
const MAX_GAP_BITS: u32 = 64;
/// Entries of a table.
const TABLE_LEN: u32 = 1 << 16;

/// The requests of one device.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) blocks: Vec<Block>,
    /// Tags that no request can read in one piece, and reading in pieces may tear; and tags that
    /// lie in no Modbus table.
    pub(super) unreadable: Vec<Arc<Tag>>,
}

/// One request and the tags in its reply.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    pub(super) request: ReadRequest,
    pub(super) tags: Vec<Slot>,
    merge: Merge,
    size: Size,
}

/// A tag and its place in the reply.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) tag: Arc<Tag>,
    pub(super) registers: Registers,
    /// Registers or bits of the reply.
    pub(super) place: Range<usize>,
}

/// Which tags may share a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// With a bounded gap between them.
    Near,
    /// With nothing between them.
    Adjacent,
    /// Only tags that lie inside another: bits of one register.
    Inside,
}

impl Merge {
    pub(super) const ALL: [Self; 3] = [Self::Near, Self::Adjacent, Self::Inside];

    pub(super) fn narrower(self) -> Option<Self> {
        match self {
            Self::Near => Some(Self::Adjacent),
            Self::Adjacent => Some(Self::Inside),
            Self::Inside => None,
        }
    }

    /// True if what begins at `start` may be read together with what ends at `end`.
    fn joins(self, table: Table, start: u32, end: u32) -> bool {
        match self {
            Self::Near => start <= end + max_gap(table),
            Self::Adjacent => start <= end,
            Self::Inside => start < end,
        }
    }
}

/// How much one request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    max_registers: u16,
}

impl Size {
    /// At most `max_registers`, and as many bits as they hold.
    pub(super) fn new(max_registers: u16) -> Self {
        Self { max_registers: max_registers.clamp(1, MAX_REGISTERS) }
    }

    fn max_count(self, table: Table) -> u32 {
        u32::from(if table.is_bit() { self.max_registers * 16 } else { self.max_registers })
    }

    fn admits(self, registers: &Registers) -> bool {
        let Range { start, end } = extent(registers);
        (1..=self.max_count(registers.address.table)).contains(&(end - start)) && end <= TABLE_LEN
    }
}

impl Plan {
    /// Cover each of `tags` exactly once.
    pub(super) fn new(tags: &[Arc<Tag>], merge: Merge, size: Size) -> Self {
        let mut readable: Vec<Placed> = vec![];
        let mut unreadable = vec![];
        for tag in tags.iter().map(Arc::clone) {
            match tag.registers().filter(|registers| size.admits(registers)) {
                Some(registers) => readable.push(Placed { tag, registers }),
                None => unreadable.push(tag),
            }
        }
        readable.sort_by_key(|placed| (placed.registers.address, placed.registers.span()));
        let mut runs: Vec<Run> = vec![];
        for placed in readable {
            match runs.last_mut().filter(|run| run.admits(&placed.registers, merge, size)) {
                Some(run) => run.push(placed),
                None => runs.push(Run::of(placed)),
            }
        }
        Self {
            blocks: runs.into_iter().map(|run| run.into_block(merge, size)).collect(),
            unreadable,
        }
    }
}

/// Every request that reading `tags` may lead to, however often blocks are split.
pub(super) fn possible_requests(
    tags: &[Arc<Tag>],
    size: Size,
) -> impl Iterator<Item = ReadRequest> {
    Merge::ALL
        .into_iter()
        .flat_map(move |merge| Plan::new(tags, merge, size).blocks)
        .map(|block| block.request)
}

/// As few requests as read all of `ranges`, in address order. What does not fit into one is read
/// in several.
pub(super) fn cover(
    ranges: impl IntoIterator<Item = RegisterRange>,
    merge: Merge,
    size: Size,
) -> Vec<ReadRequest> {
    let mut ranges: Vec<_> = ranges.into_iter().collect();
    ranges.sort_unstable_by_key(|range| (range.table, range.first));
    let mut runs: Vec<(Table, Range<u32>)> = vec![];
    for range in ranges {
        let Range { start: mut next, end } = range.extent();
        let max = size.max_count(range.table);
        while next < end {
            let last = runs.last_mut().filter(|(table, run)| {
                *table == range.table
                    && merge.joins(range.table, next, run.end)
                    && next < run.start + max
            });
            match last {
                Some((_, run)) => run.end = run.end.max(end.min(run.start + max)),
                None => runs.push((range.table, next..end.min(next + max))),
            }
            next = runs.last().map_or(end, |(_, run)| run.end);
        }
    }
    runs.into_iter().map(|(table, run)| request(table, run.start, run.end)).collect()
}

impl Block {
    /// The same tags in smaller requests, if there are smaller ones.
    pub(super) fn split(&self) -> Option<Vec<Self>> {
        let tags: Vec<_> = self.tags.iter().map(|slot| Arc::clone(&slot.tag)).collect();
        let mut merge = self.merge;
        loop {
            merge = merge.narrower()?;
            let blocks = Plan::new(&tags, merge, self.size).blocks;
            if blocks.len() > 1 {
                return Some(blocks);
            }
        }
    }
}

/// A tag that one request can read.
struct Placed {
    tag: Arc<Tag>,
    registers: Registers,
}

/// Tags in address order that one request will read.
struct Run {
    table: Table,
    first: u32,
    end: u32,
    tags: Vec<Placed>,
}

impl Run {
    fn of(placed: Placed) -> Self {
        let Range { start, end } = extent(&placed.registers);
        Self { table: placed.registers.address.table, first: start, end, tags: vec![placed] }
    }

    /// `registers` begin no earlier than any tag of the run.
    fn admits(&self, registers: &Registers, merge: Merge, size: Size) -> bool {
        let Range { start, end } = extent(registers);
        let is_close = match merge {
            Merge::Near => start <= self.end + max_gap(self.table),
            Merge::Adjacent => start <= self.end,
            Merge::Inside => end <= self.end,
        };
        registers.address.table == self.table
            && is_close
            && self.end.max(end) - self.first <= size.max_count(self.table)
    }

    fn push(&mut self, placed: Placed) {
        self.end = self.end.max(extent(&placed.registers).end);
        self.tags.push(placed);
    }

    fn into_block(self, merge: Merge, size: Size) -> Block {
        let slot = |Placed { tag, registers }| {
            let Range { start, end } = extent(&registers);
            let place = place_of(start - self.first)..place_of(end - self.first);
            Slot { tag, registers, place }
        };
        let tags = self.tags.into_iter().map(slot).collect();
        let request = request(self.table, self.first, self.end);
        Block { request, tags, merge, size }
    }
}

fn request(table: Table, first: u32, end: u32) -> ReadRequest {
    const PROOF: &str = "Size and Run admit only what lies inside the table";
    let first_index = u16::try_from(first).expect(PROOF);
    let count = u16::try_from(end - first).expect(PROOF);
    let span = Span { first: first_index, count };
    match table {
        Table::Coil => ReadRequest::Coils(span),
        Table::Discrete => ReadRequest::Discretes(span),
        Table::Input => ReadRequest::Input(span),
        Table::Holding => ReadRequest::Holding(span),
    }
}

/// Entries of its table that a tag covers.
fn extent(registers: &Registers) -> Range<u32> {
    let first = u32::from(registers.address.index);
    first..first + u32::from(registers.span())
}

fn max_gap(table: Table) -> u32 {
    if table.is_bit() { MAX_GAP_BITS } else { MAX_GAP_REGISTERS }
}

fn place_of(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX) // lossless wherever Linux runs
}

#[cfg(test)]
mod tests;
