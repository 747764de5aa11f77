//! Conflicts: the same bytes seen twice, with different contents.
//!
//! Told by host pair: a box that rewrites, or a stack that repeats wrongly, does so for ever.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::record::{Conflict, Contested, Doubts, Event, Kind, SourceId, WireReport};

use super::outbox::Outbox;
use super::pairs::Pairs;

/// Conflicts in one source.
#[derive(Debug, Default)]
pub(super) struct Conflicts(Pairs<Pair, Conflict>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    layer: &'static str,
    source: IpAddr,
    destination: IpAddr,
}

impl Conflicts {
    /// All of a report, before those of them that are noted.
    pub(super) fn add(&mut self, report: &WireReport) {
        self.0.add(report.streams.conflicts + report.fragments.contradicted);
    }

    pub(super) fn on_conflict(&mut self, conflict: &Conflict) {
        self.0.on_note(Pair::of(conflict), conflict);
    }

    /// `is_last`: nothing will come any more.
    pub(super) fn on_window_end(
        &mut self,
        (source, doubts): (&SourceId, Doubts),
        (now, is_last): (SystemTime, bool),
        outbox: &mut Outbox,
    ) {
        self.0.on_window_end((now, is_last), |first, untold| {
            outbox.raise(Kind::StreamConflict, || match first {
                Some(first) => told((source, doubts), now, (first, untold)),
                None => others(source, now, untold),
            });
        });
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

fn others(source: &SourceId, now: SystemTime, untold: u64) -> Event {
    let text = format!("bytes sent in two versions, not told by host: {untold}");
    Event::new(Kind::StreamConflict, now, source.clone(), text).with("conflicts", untold)
}

fn told(
    (source, doubts): (&SourceId, Doubts),
    now: SystemTime,
    (first, untold): (&Conflict, u64),
) -> Event {
    let pair = Pair::of(first);
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
        "{parts} from {} to {} contradict what they repeat: {untold}; {consequence}: \
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
    let event = event.with("conflicts", untold).with("trust", doubts.words(first.trust));
    match first.vlan.outer {
        0 => event,
        vlan => event.with("vlan", vlan),
    }
}
