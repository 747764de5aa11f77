//! Writes that a later read does not show: told once for each coil and register, then counted.
//!
//! A command that resets itself does so at every pulse. What was told is told again after five
//! minutes at the soonest, with the count. Strangers choose what they write: the table holds
//! [`MAX_SPOTS`], and the one told longest ago makes room.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::record::{Bank, Doubts, Event, Ineffective, Kind, Ledger, SourceId};

use super::outbox::Outbox;
use super::repeats::Repeats;
use super::words::{function_name, latency_ms, whole_ms};

/// What did not take effect, as far as it is remembered.
#[derive(Debug, Default)]
pub(super) struct Effects {
    told: Repeats<Spot, MAX_SPOTS>,
}

const MAX_SPOTS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    source: SourceId,
    vlan: (u16, u16),
    server: SocketAddr,
    unit: u8,
    bank: Bank,
    address: u16,
}

impl Effects {
    /// Tell of it, unless that was done recently.
    pub(super) fn tell(
        &mut self,
        source: &SourceId,
        (found, doubts): (&Ineffective, Doubts),
        outbox: &mut Outbox,
    ) {
        if let Some(untold) = self.told.untold(Spot::of(source, found), found.at) {
            outbox.raise(Kind::WriteIneffective, || ineffective(source, (found, doubts), untold));
        }
    }

    /// Count what was not told into a ledger of notes.
    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        ledger.note("ineffective_repeated", self.told.repeated);
        ledger.note("ineffective_forgotten", self.told.forgotten);
    }
}

impl Spot {
    fn of(source: &SourceId, found: &Ineffective) -> Self {
        let Ineffective { vlan, server, unit, bank, address, .. } = *found;
        let vlan = (vlan.outer, vlan.inner);
        Self { source: source.clone(), vlan, server, unit, bank, address }
    }
}

fn ineffective(source: &SourceId, (found, doubts): (&Ineffective, Doubts), untold: u64) -> Event {
    let Ineffective { vlan, server, unit, bank, address, function, .. } = *found;
    let Ineffective { written, mask, read, writer, reader, after, .. } = *found;
    let mut text = sentence(found);
    if untold > 0 {
        let _ = write!(text, " ({untold} more since this was last told)"); // cannot fail
    }
    let mut event = Event::new(Kind::WriteIneffective, found.at, source.clone(), text)
        .with("server", server.to_string())
        .with("unit", unit)
        .with("table", table(bank))
        .with("address", address)
        .with("written", written)
        .with("read", read)
        .with("writer", writer.to_string())
        .with("reader", reader.to_string())
        .with("function", function_name(function).into_owned())
        .with("function_code", function)
        .with("after_ms", latency_ms(after))
        .with("count", untold + 1)
        .with("trust", doubts.words(found.trust))
        .with("evidence", "no byte missed on any connection to the server since the write");
    if bank == Bank::HoldingRegisters && mask != u16::MAX {
        event = event.with("mask", format!("{mask:#06x}"));
    }
    for (name, id) in [("vlan", vlan.outer), ("vlan_inner", vlan.inner)] {
        if id != 0 {
            event = event.with(name, id);
        }
    }
    event
}

fn sentence(found: &Ineffective) -> String {
    let Ineffective { server, unit, bank, address, written, mask, .. } = *found;
    let Ineffective { read, writer, reader, after, .. } = *found;
    let noun = match bank {
        Bank::Coils => "coil",
        Bank::HoldingRegisters => "holding register",
    };
    let wrote = match (bank, mask) {
        (Bank::Coils, _) | (Bank::HoldingRegisters, u16::MAX) => written.to_string(),
        (Bank::HoldingRegisters, _) => format!("{written:#06x} under mask {mask:#06x}"),
    };
    format!(
        "{server} unit {unit}: {noun} {address} is {read}, though {writer} wrote {wrote} and the \
         device confirmed it, as {reader} read {} after; the controller's program overwrites or \
         limits it, it is a command that resets itself, a gateway answers from a cache, or a box \
         on the way or a writer not seen here changes it: read it at the device itself",
        humantime::format_duration(whole_ms(after))
    )
}

fn table(bank: Bank) -> &'static str {
    match bank {
        Bank::Coils => "coils",
        Bank::HoldingRegisters => "holding registers",
    }
}
