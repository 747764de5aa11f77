//! Jumps: a sender's numbers do not go on where they were, and no byte between was missed.
//!
//! Told by host pair, once and then at most every five minutes with the count: a sender that cannot
//! count does so for ever. A stranger decides how many there are and between whom, so
//! [`MAX_PAIRS`] are told apart, and the others as one number.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::record::{Doubts, Event, Jump, Kind, SourceId, WireReport};

use super::message::title;
use super::outbox::Outbox;
use super::repeats::is_recent;

/// Host pairs told apart in one source.
const MAX_PAIRS: usize = 16;

/// Jumps in one source.
#[derive(Debug, Default)]
pub(super) struct Jumps {
    pairs: BTreeMap<(IpAddr, IpAddr), Found>,
    others: Others,
}

/// Jumps of one pair.
#[derive(Debug)]
struct Found {
    /// Of those that are not told yet.
    first: Jump,
    untold: u64,
    told_at: Option<SystemTime>,
}

/// Jumps that came without a note, or of pairs that there was no room for.
#[derive(Clone, Copy, Debug, Default)]
struct Others {
    untold: u64,
    told_at: Option<SystemTime>,
}

impl Jumps {
    /// All of a report, before those of them that are noted.
    pub(super) fn add(&mut self, report: &WireReport) {
        self.others.untold +=
            report.messages.by_protocol().map(|(_, tally)| tally.jumps).sum::<u64>();
    }

    pub(super) fn on_jump(&mut self, jump: &Jump) {
        let pair = (jump.source.ip(), jump.destination.ip());
        if !self.pairs.contains_key(&pair) && !self.has_room() {
            return;
        }
        let found = Found { first: *jump, untold: 0, told_at: None };
        let found = self.pairs.entry(pair).or_insert(found);
        if found.untold == 0 {
            found.first = *jump;
        }
        found.untold += 1;
        self.others.untold = self.others.untold.saturating_sub(1);
    }

    /// The jumps told, and those yet to be told, add up to those reported.
    pub(super) fn raise(
        &mut self,
        (source, doubts): (&SourceId, Doubts),
        now: SystemTime,
        outbox: &mut Outbox,
    ) {
        for found in
            self.pairs.values_mut().filter(|found| is_due(found.untold, found.told_at, now))
        {
            outbox.raise(Kind::ProtocolSequence, || told((source, doubts), now, found));
            (found.untold, found.told_at) = (0, Some(now));
        }
        let Others { untold, told_at } = self.others;
        if is_due(untold, told_at, now) {
            outbox.raise(Kind::ProtocolSequence, || {
                let text = format!("sequence numbers that jump, not told by host: {untold}");
                Event::new(Kind::ProtocolSequence, now, source.clone(), text).with("jumps", untold)
            });
            self.others = Others { untold: 0, told_at: Some(now) };
        }
    }

    /// Make room for one more pair; false if all have something to tell.
    fn has_room(&mut self) -> bool {
        if self.pairs.len() < MAX_PAIRS {
            return true;
        }
        let told = self.pairs.iter().filter(|(_, found)| found.untold == 0);
        let oldest = told.min_by_key(|(_, found)| found.told_at).map(|(pair, _)| *pair);
        oldest.is_some_and(|pair| self.pairs.remove(&pair).is_some())
    }
}

fn is_due(untold: u64, told_at: Option<SystemTime>, now: SystemTime) -> bool {
    untold > 0 && !told_at.is_some_and(|told_at| is_recent(told_at, now))
}

fn told((source, doubts): (&SourceId, Doubts), now: SystemTime, found: &Found) -> Event {
    let Found { untold, first, .. } = found;
    let Jump { protocol, due, found, .. } = *first;
    let text = format!(
        "{} to {}: the numbers of {} frames jump: {untold}, first to {found} where {due} was due, \
         though no byte between was missed; somebody forges frames in this connection, or the \
         sender loses or repeats them: compare its own log",
        first.source,
        first.destination,
        title(protocol)
    );
    let event = Event::new(Kind::ProtocolSequence, now, source.clone(), text)
        .with("protocol", protocol.name())
        .with("source_host", first.source.ip().to_string())
        .with("source_port", first.source.port())
        .with("destination_host", first.destination.ip().to_string())
        .with("destination_port", first.destination.port())
        .with("due", due)
        .with("found", found)
        .with("jumps", *untold)
        .with("trust", doubts.words(first.trust));
    match first.vlan.outer {
        0 => event,
        vlan => event.with("vlan", vlan),
    }
}
