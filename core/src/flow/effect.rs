//! Writes that do not take effect: what was confirmed as written, against what is read afterwards.
//!
//! Remembers of each coil and register that was written what it must be, until it is read, written
//! again, or a minute has passed. Compared is what was asked for after the write was confirmed, if
//! both pairings are proven. A difference is claimed a second later, unless by then it shows that
//! bytes of some connection to the server were missed: they may have held another write.
//! Bounded: [`MAX_CELLS`] values in order of address, and nothing is looked up while there is none.

mod cell;
mod cells;
mod spot;
mod write;

use std::collections::VecDeque;

use crate::record::{self, Ineffective, Note, WireReport};
use crate::wire::modbus::pdu::{Access, Layout, Pdu};

use super::key::Key;
use super::outstanding::Request;
use super::watch::time;

use cell::{Answered, Cell, Expected, Trust};
use cells::Cells;
use spot::{Spot, is_same_device, spot};
use write::{Read, Write};
pub(super) use write::{also_reads, written};

/// Coils and registers that are remembered at once.
const MAX_CELLS: usize = 1024;
/// Values of one write that are; what else it writes is only known to have changed.
const MAX_VALUES: u16 = 16;
/// How long what was written is remembered, and a write may wait for its answer.
const EXPIRY_NS: u64 = 60_000_000_000;
/// How long a difference waits for a sign that something was missed, or that the device was slow.
const HOLD_NS: u64 = 1_000_000_000;
/// Differences that wait at once.
const MAX_SUSPECTS: usize = 64;
/// Looked at for one that can go, when there is no room.
const MAX_TRIED: usize = 8;
/// Cells that are looked at in a turn: all of them in half a second.
const SWEEP: usize = 64;
/// Groups of servers, of each of which it is known how often bytes were missed.
const GROUPS: usize = 256;

/// What was written to the servers of one capture.
#[derive(Debug)]
pub(super) struct Effects {
    cells: Cells,
    suspects: VecDeque<Suspect>,
    /// How often bytes were missed that may have been for a server of this group.
    missed: Box<[u32; GROUPS]>,
    /// Number of the last request or answer.
    order: u64,
    /// A write found no room: until then nothing is known of what it writes.
    blind_until_ns: u64,
    seed: u64,
    is_on: bool,
}

/// A difference that is not claimed yet.
#[derive(Debug)]
struct Suspect {
    spot: Spot,
    since_ns: u64,
    trust: Trust,
    finding: Ineffective,
}

/// What a request or its answer comes with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) key: &'a Key,
    pub(super) unit: u8,
    pub(super) at_ns: u64,
    /// Gaps of the capture so far.
    pub(super) n_gaps: u32,
    /// What its segments say for it and, of an answer, for its request.
    pub(super) seen: record::Trust,
}

impl Effects {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            cells: Cells::new(seed),
            suspects: VecDeque::new(),
            missed: Box::new([0; GROUPS]),
            order: 0,
            blind_until_ns: 0,
            seed,
            is_on: true,
        }
    }

    /// Others may write to the same servers unseen: claim nothing.
    pub(super) fn switch_off(&mut self) {
        self.is_on = false;
    }

    /// True if nothing was written that could be compared.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.cells.is_empty()
    }

    /// True if a difference waits to be claimed.
    pub(super) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Bytes of a connection to this server were missed, or cannot be read.
    #[cold]
    pub(super) fn miss(&mut self, key: &Key) {
        if let Some(missed) = self.missed.get_mut(group(key, self.seed)) {
            *missed = missed.wrapping_add(1);
        }
    }

    /// Take a request. Returns its number, by which its answer is known.
    #[inline]
    pub(super) fn on_request(
        &mut self,
        context: &Context<'_>,
        pdu: &Pdu,
        bytes: &[u8],
        report: &mut WireReport,
    ) -> u64 {
        self.order += 1;
        if pdu.access != Access::Read && self.is_on {
            self.on_change(context, pdu, bytes, report);
        }
        self.order
    }

    /// Take the answer to `request`. Not asked for while it is idle.
    pub(super) fn on_response(
        &mut self,
        context: &Context<'_>,
        (request, is_proven): (&Request, bool),
        (pdu, bytes): (&Pdu, &[u8]),
        report: &mut WireReport,
    ) {
        self.order += 1;
        if is_proven && let Some(read) = Read::of(request, bytes) {
            self.compare(context, request.order, &read, report);
        }
        if request.pdu.access == Access::Write
            && let Some(written) = Write::extent(&request.pdu)
        {
            let is_done = is_proven && write::confirms(&request.pdu, pdu);
            let is_done = is_done && context.at_ns >= self.blind_until_ns;
            self.complete(context, (request, written, is_done), report);
        }
    }

    /// A block ends: claim what has waited, and forget what is old.
    #[inline]
    pub(super) fn end_block(&mut self, at_ns: u64, n_gaps: u32, report: &mut WireReport) {
        if self.is_idle() && self.suspects.is_empty() {
            return;
        }
        let is_due = |suspect: &Suspect| at_ns.saturating_sub(suspect.since_ns) >= HOLD_NS;
        while self.suspects.front().is_some_and(is_due) {
            self.claim(n_gaps, report);
        }
        for _ in 0..SWEEP.min(self.cells.len()) {
            if let Some(spot) = self.cells.next_in_turn()
                && self.cells.get(&spot).is_some_and(|cell| cell.is_over(at_ns))
            {
                self.give_up(&spot, report);
            }
        }
    }

    /// Nothing more will come.
    pub(super) fn finish(&mut self, n_gaps: u32, report: &mut WireReport) {
        while !self.suspects.is_empty() {
            self.claim(n_gaps, report);
        }
        report.writes_unjudged += self.cells.n_unjudged();
        self.cells = Cells::new(self.seed);
    }

    /// Somebody asks for a change.
    #[cold]
    fn on_change(
        &mut self,
        context: &Context<'_>,
        pdu: &Pdu,
        bytes: &[u8],
        report: &mut WireReport,
    ) {
        match (Write::of(pdu, bytes), pdu.access, pdu.layout) {
            (Some(write), _, _) => self.begin(context, &write, report),
            // Nobody knows what it changes.
            (None, Access::Write, _) | (None, Access::Other, Layout::Unknown) => {
                self.miss(context.key);
            }
            (None, Access::Read | Access::Other, _) => (),
        }
    }

    fn begin(&mut self, context: &Context<'_>, write: &Write<'_>, report: &mut WireReport) {
        if self.is_written_elsewhere(context, write.extent) {
            self.miss(context.key);
        }
        let trust = self.trust(context);
        let Context { key, unit, at_ns, seen, .. } = *context;
        let order = self.order;
        for (spot, cell) in self.cells.within(key, write.extent) {
            if is_same_device(spot.unit, unit) {
                report.writes_unjudged += u64::from(cell.is_unjudged());
                cell.on_request(at_ns);
            }
        }
        report.writes_untracked += u64::from(write.extent.count.saturating_sub(MAX_VALUES));
        for n in 0..write.extent.count.min(MAX_VALUES) {
            let (Some(address), Some((value, mask))) =
                (write.extent.first.checked_add(n), write.value(n))
            else {
                return;
            };
            let spot = spot(key, write.extent.bank, address, unit);
            self.explain(&spot, value, mask);
            let expected = Expected { order, value, mask, function: write.function, seen };
            let expected = Cell::new(expected, key.client(), trust, at_ns);
            if let Some(cell) = self.cells.get_mut(&spot) {
                cell.replace(expected);
            } else if self.make_room(at_ns, report) {
                self.cells.insert(spot, expected);
            } else {
                report.writes_untracked += 1;
                self.blind_until_ns = at_ns.saturating_add(EXPIRY_NS);
            }
        }
    }

    /// True if the same was written at another port of the server: a gateway may have one device
    /// behind several.
    fn is_written_elsewhere(&self, context: &Context<'_>, extent: write::Extent) -> bool {
        let (server, rest) = context.key.service();
        self.cells.of_server(server).any(|spot| {
            let is_within =
                spot.address.checked_sub(extent.first).is_some_and(|n| n < extent.count);
            spot.rest != rest
                && spot.bank == extent.bank
                && is_within
                && is_same_device(spot.unit, context.unit)
        })
    }

    /// The answer to a write was seen.
    fn complete(
        &mut self,
        context: &Context<'_>,
        (request, written, is_done): (&Request, write::Extent, bool),
        report: &mut WireReport,
    ) {
        let order = self.order;
        let mut over = Vec::new(); // allocates nothing unless it is needed
        for (spot, cell) in self.cells.within(context.key, written) {
            if is_same_device(spot.unit, context.unit) {
                let is_own = is_done && cell.is_of(request.order);
                match cell.on_response(is_own.then_some((order, context.at_ns))) {
                    Answered::Kept if is_own => cell.expected.seen = context.seen,
                    Answered::Kept => (),
                    Answered::Over => over.push(*spot),
                }
            }
        }
        for spot in over {
            self.give_up(&spot, report);
        }
    }

    /// Hold what was read against what was written before it was asked for.
    fn compare(
        &mut self,
        context: &Context<'_>,
        asked: u64,
        read: &Read<'_>,
        report: &mut WireReport,
    ) {
        if !self.cells.may_be_within(context.key, read.extent) {
            return;
        }
        let trust = self.trust(context);
        let Context { key, unit, at_ns, .. } = *context;
        let mut agreed = Vec::new();
        let Self { cells, suspects, .. } = self;
        for (spot, cell) in cells.within(key, read.extent) {
            let value = spot.address.checked_sub(read.extent.first).and_then(|n| read.value(n));
            let Some(value) = value.filter(|_| spot.unit == unit) else { continue };
            let Some(confirmed_ns) = cell.confirmed_before(asked, trust, at_ns) else { continue };
            if cell.agrees(value) {
                agreed.push(*spot);
            } else if !std::mem::replace(&mut cell.is_suspect, true) {
                let finding = finding(context, spot, cell, (value, confirmed_ns));
                if suspects.len() < MAX_SUSPECTS {
                    suspects.push_back(Suspect { spot: *spot, since_ns: at_ns, trust, finding });
                } else {
                    report.writes_untracked += 1;
                }
            }
        }
        for spot in agreed {
            self.cells.remove(&spot);
            self.suspects.retain(|suspect| suspect.spot != spot);
        }
    }

    /// What was read is what is written now: the two were seen in the wrong order.
    fn explain(&mut self, spot: &Spot, value: u16, mask: u16) {
        self.suspects
            .retain(|suspect| suspect.spot != *spot || (suspect.finding.read ^ value) & mask != 0);
    }

    /// Note the oldest suspicion, unless it proved unfounded.
    fn claim(&mut self, n_gaps: u32, report: &mut WireReport) {
        let Some(Suspect { spot, trust, finding, .. }) = self.suspects.pop_front() else { return };
        let missed = self.missed.get(group_of(spot.server, self.seed)).copied().unwrap_or(0);
        if trust == (Trust { missed, n_gaps }) {
            report.note(Note::Ineffective(finding));
        } else {
            report.writes_unjudged += 1;
        }
    }

    fn trust(&self, context: &Context<'_>) -> Trust {
        let missed = self.missed.get(group(context.key, self.seed)).copied().unwrap_or(0);
        Trust { missed, n_gaps: context.n_gaps }
    }

    /// One more cell has room. One whose write is still open never makes room: it says that what is
    /// there is not known.
    fn make_room(&mut self, at_ns: u64, report: &mut WireReport) -> bool {
        if self.cells.len() < MAX_CELLS {
            return true;
        }
        for _ in 0..MAX_TRIED {
            let Some(spot) = self.cells.next_in_turn() else { return false };
            if self.cells.get(&spot).is_some_and(|cell| cell.can_go(at_ns)) {
                self.cells.remove(&spot);
                report.writes_untracked += 1;
                return true;
            }
        }
        false
    }

    /// No read will be held against this one any more.
    fn give_up(&mut self, spot: &Spot, report: &mut WireReport) {
        let cell = self.cells.remove(spot);
        report.writes_unjudged += u64::from(cell.is_some_and(|cell| cell.is_unjudged()));
    }
}

fn group(key: &Key, seed: u64) -> usize {
    group_of(key.service().0, seed)
}

/// By address alone: a gateway may be spoken to at several ports.
#[expect(clippy::cast_possible_truncation, reason = "the upper bits depend on all others")]
fn group_of(server: u128, seed: u64) -> usize {
    let halves = (server >> 64) as u64 ^ server as u64 ^ seed;
    (halves.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

fn finding(
    context: &Context<'_>,
    spot: &Spot,
    cell: &Cell,
    (read, confirmed_ns): (u16, u64),
) -> Ineffective {
    let Context { key, unit, at_ns, .. } = *context;
    let Expected { value, mask, function, seen, .. } = cell.expected;
    Ineffective {
        at: time(at_ns),
        vlan: key.vlan(),
        server: key.server(),
        unit,
        bank: spot.bank,
        address: spot.address,
        function,
        written: value,
        mask,
        read,
        writer: cell.writer,
        reader: key.client(),
        after: std::time::Duration::from_nanos(at_ns.saturating_sub(confirmed_ns)),
        trust: seen.and(context.seen),
    }
}
