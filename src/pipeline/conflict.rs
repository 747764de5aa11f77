//! Conflicts: the same bytes seen twice, with different contents.
//!
//! Told by host pair and window, as corruption is and for the same reason: a stranger decides how
//! many there are and between whom.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::record::{Conflict, Contested, Doubts, Event, Kind, SourceId, WireReport};

use super::outbox::Outbox;

/// Host pairs told apart in one window of one source.
const MAX_PAIRS: usize = 16;

/// Conflicts of one window of one source.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    /// All, with those that came without a note.
    total: u64,
    pairs: BTreeMap<Pair, Found>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    layer: &'static str,
    source: IpAddr,
    destination: IpAddr,
}

#[derive(Debug)]
struct Found {
    n_conflicts: u64,
    first: Conflict,
}

impl Conflicts {
    pub(super) fn add(&mut self, report: &WireReport) {
        self.total += report.streams.conflicts + report.fragments.contradicted;
    }

    /// Count for its pair; beyond the last pair, the total alone knows of it.
    pub(super) fn on_conflict(&mut self, conflict: &Conflict) {
        let pair = Pair::of(conflict);
        if let Some(found) = self.pairs.get_mut(&pair) {
            found.n_conflicts += 1;
        } else if self.pairs.len() < MAX_PAIRS {
            self.pairs.insert(pair, Found { n_conflicts: 1, first: *conflict });
        }
    }

    /// The conflicts told add up to the total.
    pub(super) fn raise(
        &self,
        (source, doubts): (&SourceId, Doubts),
        now: SystemTime,
        outbox: &mut Outbox,
    ) {
        for (pair, found) in &self.pairs {
            outbox.raise(Kind::StreamConflict, || told((source, doubts), now, *pair, found));
        }
        let told: u64 = self.pairs.values().map(|found| found.n_conflicts).sum();
        let untold = self.total.saturating_sub(told);
        if untold > 0 {
            outbox.raise(Kind::StreamConflict, || {
                let text = format!("bytes sent in two versions, not told by host: {untold}");
                Event::new(Kind::StreamConflict, now, source.clone(), text)
                    .with("conflicts", untold)
            });
        }
    }
}

impl Pair {
    fn of(conflict: &Conflict) -> Self {
        match conflict.of {
            Contested::Stream { source, destination } => {
                Self { layer: "tcp", source: source.ip(), destination: destination.ip() }
            }
            Contested::Datagram { source, destination } => {
                Self { layer: "ip", source, destination }
            }
        }
    }
}

fn told(
    (source, doubts): (&SourceId, Doubts),
    now: SystemTime,
    pair: Pair,
    found: &Found,
) -> Event {
    let Found { n_conflicts, first } = found;
    let (parts, consequence) = match first.of {
        Contested::Stream { .. } => (
            "retransmissions",
            "the first version was read, and the receiver may have taken the other",
        ),
        Contested::Datagram { .. } => {
            ("fragments", "neither version was read, and the receiver may have taken one")
        }
    };
    let text = format!(
        "{parts} from {} to {} contradict what they repeat: {n_conflicts}; {consequence}: \
         somebody evades this monitor, or a device or a box \
         between the two is broken",
        pair.source, pair.destination
    );
    let event = Event::new(Kind::StreamConflict, now, source.clone(), text)
        .with("layer", pair.layer)
        .with("source_host", pair.source.to_string())
        .with("destination_host", pair.destination.to_string());
    let event = match first.of {
        Contested::Stream { source, destination } => {
            event.with("source_port", source.port()).with("destination_port", destination.port())
        }
        Contested::Datagram { .. } => event,
    };
    let event = event.with("conflicts", *n_conflicts).with("trust", doubts.words(first.trust));
    match first.vlan.outer {
        0 => event,
        vlan => event.with("vlan", vlan),
    }
}
