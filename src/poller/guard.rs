//! The controller's own checksum of a block: which requests read it, and what they say of it. Pure.
//!
//! A controller may write the block between two requests, and a request is read register by
//! register, in ascending order. So a sequence register is read before everything that is summed
//! and after it, and a block of several requests that has none gets a second chance.

use std::sync::Arc;

use tokio::time::Instant;

use crate::config::Checksum;
use crate::config::Device;
use crate::config::Expect;
use crate::config::RegisterRange;
use crate::record::BlockMismatch;
use crate::tag::Address;
use crate::tag::Registers;
use crate::tag::Table;
use crate::tag::Tag;
use crate::tag::Value;
use crate::wire::modbus::request::ReadRequest;

use super::exchange::{Confidence, Reply, Values};
use super::explain::Prospect;
use super::plan::{self, Merge, Plan, Size, Slot};
use super::query::{Refusal, may_serve_parts};

/// How often the block is read in a turn if its sequence changes each time.
pub(super) const MAX_PASSES: u32 = 3;

pub(super) struct Guard {
    checksum: Arc<Checksum>,
    /// The tags that lie inside what is summed, and where.
    slots: Vec<Slot>,
    size: Size,
    merge: Merge,
    requests: Vec<ReadRequest>,
    refusal: Refusal,
}

/// The block as it was read, and what the checksum says of it.
pub(super) struct Judged {
    /// What is summed; its tags know their places in it.
    pub(super) block: Values,
    pub(super) verdict: Verdict,
}

#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Valid,
    Invalid(BlockMismatch),
    /// The sequence changed from one to the other meanwhile.
    Torn(u16, u16),
    /// A reply is not proven, so nothing was summed.
    Doubtful(Confidence),
    /// Registers are missing.
    Incomplete,
}

impl Guard {
    pub(super) fn of(device: &Device) -> Option<Self> {
        let checksum = Arc::clone(device.checksum.as_ref()?);
        let slot = |tag: &Arc<Tag>| slot(&checksum, tag);
        let slots = device.tags.iter().filter_map(slot).collect();
        let (size, merge) = (Size::new(device.max_registers), Merge::Near);
        let requests = requests(&checksum, merge, size);
        let refusal = Refusal::new(device.every);
        Some(Self { checksum, slots, size, merge, requests, refusal })
    }

    pub(super) fn checksum(&self) -> &Checksum {
        &self.checksum
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(super) fn tags(&self) -> Vec<Arc<Tag>> {
        self.slots.iter().map(|slot| Arc::clone(&slot.tag)).collect()
    }

    /// One pass over the block.
    pub(super) fn requests(&self) -> &[ReadRequest] {
        &self.requests
    }

    /// True if each request has to wait for the answer to the one before it.
    pub(super) fn is_ordered(&self) -> bool {
        self.checksum.sequence.is_some()
    }

    /// What the replies to one pass say, in the order of its requests.
    pub(super) fn judge(&self, replies: &[Reply]) -> Judged {
        let image = Image::of(&self.requests, replies);
        let summed = self.checksum.over.iter().map(|range| image.registers(*range));
        let block: Option<Vec<_>> = summed.collect();
        let block = block.unwrap_or_default().concat();
        let verdict = self.verdict(replies, &image, &block);
        Judged { block: Values::Registers(block), verdict }
    }

    fn verdict(&self, replies: &[Reply], image: &Image<'_>, block: &[u16]) -> Verdict {
        let confidences = replies.iter().map(|reply| reply.confidence);
        if let Some(doubt) = { confidences }.find(|one| *one != Confidence::Proven) {
            return Verdict::Doubtful(doubt);
        }
        if let Some(sequence) = self.checksum.sequence {
            match image.first_and_last(sequence) {
                Some((before, after)) if before == after => (),
                Some((before, after)) => return Verdict::Torn(before, after),
                None => return Verdict::Incomplete,
            }
        }
        let Checksum { algorithm, order, expect, .. } = &*self.checksum;
        let stored = match expect {
            Expect::Constant(stored) => Some(*stored),
            Expect::Kept(registers) => image.number(registers),
        };
        let Some(stored) = stored.filter(|_| !block.is_empty()) else { return Verdict::Incomplete };
        let bytes = order.bytes(block);
        let computed = algorithm.of(&bytes);
        if stored == computed {
            return Verdict::Valid;
        }
        let algorithm = algorithm.name();
        Verdict::Invalid(BlockMismatch { algorithm, stored, computed, block: bytes })
    }

    /// True if the block is to be read again before `verdict`, that of the last of `n_passes`, is
    /// given.
    pub(super) fn deserves_another(&self, verdict: &Verdict, n_passes: u32) -> bool {
        match verdict {
            Verdict::Torn(..) => n_passes < MAX_PASSES,
            Verdict::Invalid(_) => n_passes < 2 && !self.is_ordered() && self.requests.len() > 1,
            Verdict::Valid | Verdict::Doubtful(_) | Verdict::Incomplete => false,
        }
    }

    /// With what the block was refused while it is left alone.
    pub(super) fn resting(&self, now: Instant) -> Option<(u8, Prospect)> {
        self.refusal.resting(now)
    }

    pub(super) fn on_answer(&mut self) {
        self.refusal.on_answer();
    }

    /// Ask for less at a time from the next turn on, or if there is no less, more rarely.
    pub(super) fn on_refusal(&mut self, code: u8, now: Instant) -> Prospect {
        if may_serve_parts(code) && self.narrow() {
            return Prospect::InParts;
        }
        self.refusal.on_refusal(code, now);
        self.refusal.prospect()
    }

    fn narrow(&mut self) -> bool {
        while let Some(merge) = self.merge.narrower() {
            self.merge = merge;
            let narrower = requests(&self.checksum, merge, self.size);
            if narrower != self.requests {
                self.requests = narrower;
                return true;
            }
        }
        false
    }
}

/// The tags of the device that no checksum is over.
pub(super) fn unguarded(device: &Device) -> Vec<Arc<Tag>> {
    let is_guarded = |tag: &Arc<Tag>| {
        device.checksum.as_ref().is_some_and(|checksum| slot(checksum, tag).is_some())
    };
    device.tags.iter().filter(|tag| !is_guarded(tag)).cloned().collect()
}

/// The requests of one turn if nothing goes wrong.
pub(super) fn planned_requests(device: &Device) -> Vec<ReadRequest> {
    let size = Size::new(device.max_registers);
    let of_tags = Plan::new(&unguarded(device), Merge::Near, size).blocks;
    let of_block = device.checksum.iter().flat_map(|of| requests(of, Merge::Near, size));
    of_tags.into_iter().map(|block| block.request).chain(of_block).collect()
}

/// Every request that reading the device may lead to.
pub(super) fn possible_requests(device: &Device) -> Vec<ReadRequest> {
    let size = Size::new(device.max_registers);
    let of_tags = plan::possible_requests(&unguarded(device), size).collect();
    let of_block = device.checksum.iter().flat_map(|checksum| {
        Merge::ALL.into_iter().flat_map(move |merge| requests(checksum, merge, size))
    });
    [of_tags, of_block.collect::<Vec<_>>()].concat()
}

/// The tag and its place among the registers that are summed, if it lies there as a whole.
fn slot(checksum: &Checksum, tag: &Arc<Tag>) -> Option<Slot> {
    let registers = tag.registers()?;
    let wanted = RegisterRange::of(&registers)?;
    let mut before = 0;
    for range in &checksum.over {
        if let Some(offset) = range.offset_of(wanted) {
            let start = before + offset;
            let place = start..start + usize::from(wanted.count);
            return Some(Slot { tag: Arc::clone(tag), registers, place });
        }
        before += usize::from(range.count);
    }
    None
}

/// One pass: the block, between two readings of the sequence if there is one. The block's own
/// copy is one of the two where it costs no request, and lies where the controller comes to it
/// before all that is summed, or after.
fn requests(checksum: &Checksum, merge: Merge, size: Size) -> Vec<ReadRequest> {
    let kept = match &checksum.expect {
        Expect::Constant(_) => None,
        Expect::Kept(registers) => RegisterRange::of(registers),
    };
    let needed = || checksum.over.iter().copied().chain(kept);
    let block = plan::cover(needed(), merge, size);
    let Some(Address { table, index: first, .. }) = checksum.sequence else { return block };
    let sequence = RegisterRange { table, first, count: 1 };
    let apart = plan::cover([sequence], merge, size);
    let together = plan::cover(needed().chain([sequence]), merge, size);
    let is_free = together.len() == block.len();
    let place = |range: RegisterRange| (range.table, range.first);
    if is_free && needed().all(|range| place(sequence) < place(range)) {
        [together, apart].concat()
    } else if is_free && needed().all(|range| place(range) < place(sequence)) {
        [apart, together].concat()
    } else {
        [apart.clone(), block, apart].concat()
    }
}

/// Registers as they were read, piece by piece.
struct Image<'r>(Vec<Piece<'r>>);

struct Piece<'r> {
    table: Table,
    first: u16,
    registers: &'r [u16],
}

impl<'r> Image<'r> {
    fn of(requests: &[ReadRequest], replies: &'r [Reply]) -> Self {
        let piece = |(request, reply): (&ReadRequest, &'r Reply)| {
            let Values::Registers(registers) = &reply.values else { return None };
            let (table, span) = match request {
                ReadRequest::Holding(span) => (Table::Holding, span),
                ReadRequest::Input(span) => (Table::Input, span),
                ReadRequest::Coils(_) | ReadRequest::Discretes(_) | ReadRequest::Echo { .. } => {
                    return None;
                }
            };
            Some(Piece { table, first: span.first, registers })
        };
        Self(requests.iter().zip(replies).filter_map(piece).collect())
    }

    /// All of `range`, from the piece read last if there are several; `None` if one is missing.
    fn registers(&self, range: RegisterRange) -> Option<Vec<u16>> {
        let register =
            |index| self.0.iter().rev().find_map(|piece| piece.register(range.table, index));
        range.extent().map(register).collect()
    }

    fn number(&self, registers: &Registers) -> Option<u32> {
        let words = self.registers(RegisterRange::of(registers)?)?;
        let Value::Unsigned(number) = registers.decode(&words).ok()? else { return None };
        u32::try_from(number).ok()
    }

    /// What was read first and last of a register.
    fn first_and_last(&self, at: Address) -> Option<(u16, u16)> {
        let mut readings =
            { &self.0 }.iter().filter_map(|piece| piece.register(at.table, u32::from(at.index)));
        let first = readings.next()?;
        Some((first, readings.next_back()?))
    }
}

impl Piece<'_> {
    fn register(&self, table: Table, index: u32) -> Option<u16> {
        let offset = index.checked_sub(u32::from(self.first)).filter(|_| self.table == table)?;
        self.registers.get(usize::try_from(offset).ok()?).copied()
    }
}

#[cfg(test)]
mod tests;
