//! Jumps: a sender's numbers do not go on where they were, and no byte between was missed.
//!
//! Told by host pair: a sender that cannot count does so for ever.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::record::{Doubts, Event, Jump, Kind, SourceId, WireReport};

use super::message::title;
use super::outbox::Outbox;
use super::pairs::Pairs;

/// Jumps in one source.
#[derive(Debug, Default)]
pub(super) struct Jumps(Pairs<(IpAddr, IpAddr), Jump>);

impl Jumps {
    /// All of a report, before those of them that are noted.
    pub(super) fn add(&mut self, report: &WireReport) {
        self.0.add(report.messages.by_protocol().map(|(_, tally)| tally.jumps).sum());
    }

    pub(super) fn on_jump(&mut self, jump: &Jump) {
        self.0.on_note((jump.source.ip(), jump.destination.ip()), jump);
    }

    /// `is_last`: nothing will come any more.
    pub(super) fn on_window_end(
        &mut self,
        (source, doubts): (&SourceId, Doubts),
        (now, is_last): (SystemTime, bool),
        outbox: &mut Outbox,
    ) {
        self.0.on_window_end((now, is_last), |first, untold| {
            outbox.raise(Kind::ProtocolSequence, || match first {
                Some(first) => told((source, doubts), now, (first, untold)),
                None => others(source, now, untold),
            });
        });
    }
}

fn others(source: &SourceId, now: SystemTime, untold: u64) -> Event {
    let text = format!("sequence numbers that jump, not told by host: {untold}");
    Event::new(Kind::ProtocolSequence, now, source.clone(), text).with("jumps", untold)
}

fn told(
    (source, doubts): (&SourceId, Doubts),
    now: SystemTime,
    (first, untold): (&Jump, u64),
) -> Event {
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
        .with("jumps", untold)
        .with("trust", doubts.words(first.trust));
    match first.vlan.outer {
        0 => event,
        vlan => event.with("vlan", vlan),
    }
}
