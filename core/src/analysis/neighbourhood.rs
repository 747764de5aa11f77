//! The neighbourhood of a capture: what frames that are not IP tell, over time.
//!
//! Tables are of fixed sizes, because strangers choose what is in them; whatever repeats is told
//! once and then counted. Time is that of the frames: silence is noticed with the next frame of
//! any kind. In the beginning every station is new, and so they are learnt without a word.

mod label;
mod neighbours;
mod places;
mod settings;
mod stations;
mod streams;
mod telling;
mod trees;

use crate::record::{Gap, Layer2Change, Layer2Finding, Note, WireReport};
use crate::wire::arp::Arp;
use crate::wire::ethernet;
use crate::wire::goose::Goose;
use crate::wire::lldp::Lldp;
use crate::wire::mac::Mac;
use crate::wire::packet::{Captured, LinkContent, LinkFrame, Packet, Vlan};
use crate::wire::profinet_dcp::Dcp;
use crate::wire::stp::Bpdu;
use crate::wire::{WireError, llc};

use neighbours::Neighbours;
use settings::Settings;
use stations::Stations;
use streams::Streams;
use trees::Trees;

const SECOND_NS: u64 = 1_000_000_000;
/// Of a capture, from its first frame on. Whoever talks at all has asked for somebody by then.
const LEARNING_NS: u64 = 300 * SECOND_NS;
/// No silence counts for more of it: the clock may have been set.
const MAX_LEARNT_NS: u64 = 60 * SECOND_NS;
/// Where nothing at all is seen for so long, the capture may not have been there: a file of several
/// captures, a clock that was set.
const ABSENT_NS: u64 = 600 * SECOND_NS;

#[derive(Debug)]
pub(super) struct Neighbourhood {
    stations: Stations,
    neighbours: Neighbours,
    trees: Trees,
    settings: Settings,
    streams: Streams,
    learnt_ns: u64,
    learns_for_ns: u64,
    /// Frames were missed, and none was seen since.
    has_gap: bool,
    /// `None` before the first frame.
    last_ns: Option<u64>,
}

/// Where and when a frame was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at_ns: u64,
    vlan: Vlan,
    source: Mac,
    destination: Option<Mac>,
    is_learning: bool,
}

impl Neighbourhood {
    pub(super) fn new() -> Self {
        Self {
            stations: Stations::new(),
            neighbours: Neighbours::new(),
            trees: Trees::new(),
            settings: Settings::new(),
            streams: Streams::new(),
            learnt_ns: 0,
            learns_for_ns: LEARNING_NS,
            has_gap: false,
            last_ns: None,
        }
    }

    /// Whoever is seen for the first time is never told.
    pub(super) fn learn_always(&mut self) {
        self.learns_for_ns = u64::MAX;
    }

    /// The next block follows one that nobody saw.
    pub(super) fn on_gap(&mut self) {
        self.has_gap = true;
    }

    pub(super) fn start_block(&mut self, gap: Gap) {
        self.has_gap |= gap == Gap::Before;
    }

    /// Take a frame that is not IP.
    #[cold]
    pub(super) fn observe(
        &mut self,
        at_ns: u64,
        packet: &Packet<'_>,
        captured: &Captured<'_>,
        report: &mut WireReport,
    ) {
        let Ok(Some(frame)) = LinkFrame::of(captured) else { return };
        let seen = self.seen(at_ns, &frame);
        let Err(error) = self.read(&seen, &frame, report) else { return };
        if !(frame.is_cut && matches!(error, WireError::Truncated { .. })) {
            report.layer2.malformed += 1;
            report.malformed += u64::from(packet.malformed.is_none());
        }
    }

    fn seen(&mut self, at_ns: u64, frame: &LinkFrame<'_>) -> Seen {
        self.begin(at_ns);
        let is_learning = self.learnt_ns < self.learns_for_ns;
        let LinkFrame { source, destination, vlan, .. } = *frame;
        Seen { at_ns, vlan, source, destination, is_learning }
    }

    /// Something was captured, whatever it is.
    fn begin(&mut self, at_ns: u64) {
        let is_absent = self.last_ns.replace(at_ns).is_none_or(|last_ns| {
            let passed_ns = at_ns.saturating_sub(last_ns);
            self.learnt_ns += passed_ns.min(MAX_LEARNT_NS);
            let is_set_back = last_ns.saturating_sub(at_ns) > SECOND_NS;
            passed_ns > ABSENT_NS || is_set_back
        });
        if std::mem::take(&mut self.has_gap) || is_absent {
            self.neighbours.on_gap(at_ns);
            self.streams.on_gap(at_ns);
        }
    }

    fn read(
        &mut self,
        seen: &Seen,
        frame: &LinkFrame<'_>,
        report: &mut WireReport,
    ) -> Result<(), WireError> {
        match frame.content {
            LinkContent::EtherType(ethernet::ARP, bytes) => {
                report.layer2.arp += 1;
                self.stations.on_arp(seen, Arp::parse(bytes)?, report);
            }
            LinkContent::EtherType(ethernet::GOOSE, bytes) => {
                report.layer2.goose += 1;
                self.streams.on_goose(seen, &Goose::parse(bytes)?, report);
            }
            LinkContent::EtherType(ethernet::LLDP, bytes) => {
                report.layer2.lldp += 1;
                self.neighbours.on_lldp(seen, &Lldp::parse(bytes)?, report);
            }
            LinkContent::EtherType(ethernet::PROFINET, bytes) => {
                if Dcp::is_one(bytes) {
                    report.layer2.dcp += 1;
                    self.settings.on_dcp(seen, &Dcp::parse(bytes)?, report);
                }
            }
            LinkContent::Llc(bytes) => {
                if let Some(bpdu) = llc::bpdu(bytes)? {
                    report.layer2.stp += 1;
                    self.trees.on_bpdu(seen, &Bpdu::parse(bpdu)?, report);
                }
            }
            LinkContent::EtherType(..) => (),
        }
        Ok(())
    }

    pub(super) fn end_block(&mut self, last_ns: u64, report: &mut WireReport) {
        self.begin(last_ns);
        self.neighbours.sweep(last_ns, report);
        self.streams.sweep(last_ns, report);
    }
}

/// True if it is not yet time for what is done every so often, unless the clock was set back.
fn is_early(now_ns: u64, next_ns: u64, every_ns: u64) -> bool {
    next_ns.checked_sub(now_ns).is_some_and(|left_ns| left_ns > 0 && left_ns <= every_ns)
}

impl Seen {
    /// The same, said by this station, whoever passed it on.
    fn by(self, source: Mac) -> Self {
        Self { source, ..self }
    }

    fn tell(&self, change: Layer2Change, untold: u64, report: &mut WireReport) {
        let (at, vlan, mac) = (super::time(self.at_ns), self.vlan, self.source);
        let finding = Layer2Finding { at, vlan, mac, change, untold };
        report.note(Note::Layer2(Box::new(finding)));
    }
}

#[cfg(test)]
mod tests;
