//! What is not met again: holes that stay open, connections that fell silent, polls that stopped.
//!
//! After a block a few connections are looked at, so that all of a full table are within some
//! seconds and no block pays for all.

use crate::record::{Ending, Gap, WireReport};

use super::super::key::Key;
use super::super::usage::Recent;
use super::place::Found;
use super::{Slot, Table};

/// Connections that are looked at in a turn: all of a full table in 5 s.
const SWEEP: usize = 64;
/// Of the capture, from one turn to the next. Blocks of a busy capture are shorter, those of a quiet
/// one 20 ms long by default, some a little less.
const TURN_NS: u64 = 15_000_000;
/// A connection that was silent for so long is forgotten, and its memory given back: a poll is more
/// frequent, and who comes back later is met under way.
const IDLE_NS: u64 = 3_600_000_000_000;
/// After one side has said that it is done: twice the longest life of a segment (RFC 9293, section
/// 3.4.2).
const CLOSED_NS: u64 = 240_000_000_000;

impl Table {
    /// A block ends: look after some connections that may not be met again.
    pub fn end_block(&mut self, at_ns: u64, report: &mut WireReport) {
        if at_ns.abs_diff(self.swept_ns) < TURN_NS {
            return;
        }
        self.swept_ns = at_ns;
        self.last = Found::NOTHING; // it may be forgotten
        for _ in 0..SWEEP.min(self.slots.len()) {
            self.swept = (self.swept + 1) % self.slots.len();
            self.look_after(self.swept, at_ns, report);
        }
        let Self { slots, usages, .. } = self;
        usages.sweep(at_ns, |slot, parties| ending(slots, slot, parties), report);
        self.effects.end_block(at_ns, self.n_gaps, report);
    }

    /// Give up holes that are hopeless, and a connection that has been silent for too long.
    fn look_after(&mut self, number: usize, at_ns: u64, report: &mut WireReport) {
        let Some(Slot { key, last_ns, connection, .. }) = self.slots.get(number) else { return };
        let patience_ns = if connection.is_open() { IDLE_NS } else { CLOSED_NS };
        let is_over = at_ns.saturating_sub(*last_ns) > patience_ns && *key != Key::NOBODY;
        if !is_over && !connection.has_hole() {
            return;
        }
        let Some((connection, mut page, pool)) = self.open(number, report) else { return };
        if connection.has_hole() {
            connection.give_up(at_ns, &mut page, pool);
        }
        if is_over {
            connection.finish(&mut page, pool);
            connection.release(pool, page.transcript);
            page.report.flows_expired += 1;
            if let Some(slot) = self.slots.get_mut(number) {
                (slot.key, slot.parties) = (Key::NOBODY, Key::NOBODY);
                slot.recent = Recent::default();
            }
        }
    }

    /// Nothing more will come: read what waits for what is missing.
    pub fn finish(&mut self, report: &mut WireReport) {
        self.start_block(Gap::None);
        for number in 0..self.slots.len() {
            if let Some((connection, mut page, pool)) = self.open(number, report) {
                connection.finish(&mut page, pool);
            }
        }
        self.effects.finish(self.n_gaps, report);
    }

    /// Nothing more will come: tell of every poll that had stopped by then.
    pub fn finish_polls(&mut self, at_ns: u64, report: &mut WireReport) {
        let Self { slots, usages, .. } = self;
        usages.sweep_all(at_ns, |slot, parties| ending(slots, slot, parties), report);
    }
}

/// What became of the connection in a slot, if it is one between these two.
fn ending(slots: &[Slot], slot: u32, parties: &Key) -> Ending {
    let slot = usize::try_from(slot).ok().and_then(|number| slots.get(number));
    let slot = slot.filter(|slot| slot.parties.without_client_port() == *parties);
    slot.map_or(Ending::Unknown, |slot| slot.connection.ending())
}
