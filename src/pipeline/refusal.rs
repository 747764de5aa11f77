//! Transactions that a capture or a tap saw: refusals are told once, then counted, and so are
//! writes that only repeat themselves (see `written`).
//!
//! A client with a wrong address is refused at every poll, for ever. What one client is refused by
//! one unit with one function is told when it first happens, and after that at most every five
//! minutes with the count. Strangers choose these four: the table holds [`MAX_ASKERS`], and the one
//! told longest ago makes room. Then the log budget still bounds what is told.

use std::net::{IpAddr, SocketAddr};

use crate::record::{Doubts, Ledger, Path, Protocol, SourceId, Spoken, Transaction};
use crate::wire::packet::Vlan;

use super::message;
use super::outbox::Outbox;
use super::repeats::Repeats;
use super::transaction;
use super::written::Writes;

/// Who is refused what, as far as it is remembered.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    told: Repeats<Asker, MAX_ASKERS>,
    writes: Writes,
    /// Writes that were told before an answer was seen: whether they were done, no event says.
    n_open: u64,
}

const MAX_ASKERS: usize = 256;

/// The client without its port: it may take a new one for each attempt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asker {
    source: SourceId,
    /// `None` on a serial line, which has one master.
    path: Option<(u16, u16, IpAddr, SocketAddr)>,
    protocol: Protocol,
    station: Option<u32>,
    function: u16,
    /// Why, where one refusal must not hide another.
    reason: Option<u16>,
}

impl Refusals {
    /// Tell of a transaction, unless one like it was told recently and nothing changed since.
    pub(super) fn tell(
        &mut self,
        source: &SourceId,
        (seen, doubts): (&Transaction, Doubts),
        outbox: &mut Outbox,
    ) {
        let kind = transaction::kind_of(seen);
        self.n_open += u64::from(seen.exception.is_none() && seen.latency.is_none());
        let mut raise = |seen: &Transaction, untold| {
            outbox.raise(kind, || transaction::seen(source, (seen, doubts), untold));
        };
        if seen.exception.is_none() {
            self.writes.see(source, seen, raise);
        } else if let Some(untold) = self.told.untold(Asker::of(source, seen), seen.at) {
            raise(seen, untold);
        }
    }

    /// Frames or findings of a source were lost, a write perhaps: so the next of each is told.
    pub(super) fn doubt(&mut self, source: &SourceId) {
        self.writes.forget(source);
    }

    /// As [`Refusals::tell`], of a message of another protocol.
    pub(super) fn tell_message(
        &mut self,
        source: &SourceId,
        (seen, doubts): (&Spoken, Doubts),
        outbox: &mut Outbox,
    ) {
        let kind = message::kind_of(seen);
        let untold = match seen.message.error {
            Some(_) => self.told.untold(Asker::of_message(source, seen), seen.at),
            None => Some(0),
        };
        if let Some(untold) = untold {
            outbox.raise(kind, || message::seen(source, (seen, doubts), untold));
        }
    }

    /// Count what was not told into a ledger of notes.
    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        ledger.note("refusals_repeated", self.told.repeated);
        ledger.note("refusals_forgotten", self.told.forgotten);
        ledger.note("writes_told_unanswered", self.n_open);
        self.writes.note_in(ledger);
    }
}

impl Asker {
    fn of(source: &SourceId, seen: &Transaction) -> Self {
        let path = match seen.path {
            Path::Network { vlan: Vlan { outer, inner }, client, server } => {
                Some((outer, inner, client.ip(), server))
            }
            Path::Serial => None,
        };
        Self {
            source: source.clone(),
            path,
            protocol: Protocol::Modbus,
            station: Some(seen.unit.into()),
            function: seen.function.into(),
            reason: None,
        }
    }

    fn of_message(source: &SourceId, seen: &Spoken) -> Self {
        let Vlan { outer, inner } = seen.vlan;
        Self {
            source: source.clone(),
            path: Some((outer, inner, seen.client.ip(), seen.server)),
            protocol: seen.protocol,
            station: seen.message.station,
            function: seen.message.code,
            reason: seen.message.error,
        }
    }
}
