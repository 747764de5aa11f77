//! Analysers: judge each frame where it lies, and report once per block.
//!
//! One thread per capture thread. It parses hostile bytes and therefore makes no system call but
//! to wait, allocate and exit; it never logs, and allocates for nothing but what it reports.

mod corruption;
mod damage;
mod fragments;
mod neighbourhood;
mod offload;
mod place;
mod rewriting;
mod verdict;

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::block::{Block, Content, Delivery, Frame};
use crate::flow::{Datagram, Datagrams, Evidence, Sighting, Table, Turn, WatchList};
use crate::record::{
    Activity, Conflict, Contested, Doing, Note, Services, SourceId, Trust, WireReport,
};
use crate::wire::Checksum;
use crate::wire::packet::{
    Captured, Fragment, Network, Packet, Plain, Reassembled, Transport, Tunnelled, dissect_any,
};

use corruption::is_corrupt;
use damage::Damage;
use fragments::{Fragments, Key};
use neighbourhood::Neighbourhood;
use offload::Offload;
use place::Seed;
use rewriting::Rewriting;
use verdict::{evidence, tally};

/// What one capture is judged with, and what was seen of its connections so far.
#[derive(Debug)]
pub struct Analyser {
    source: SourceId,
    flows: Table,
    datagrams: Datagrams,
    fragments: Fragments,
    rewriting: Rewriting,
    neighbourhood: Neighbourhood,
    damage: Damage,
    offload: Offload,
    /// Time of the last frame.
    last_ns: u64,
    /// Servers whose reads are kept, as they are configured by now.
    watched: Option<watch::Receiver<WatchList>>,
    /// Which of the rings that share an interface. The first one speaks for it.
    ring: u8,
    activity: Activity,
}

/// Connections known at a time. An idle one costs one and a half kilobytes, one that a stranger has
/// filled with requests and beginnings of others less than four.
const MAX_FLOWS: usize = 16_384;
/// Tunnels in tunnels that are followed.
const MAX_TUNNELS: usize = 3;

/// Judge until the capture thread hangs up or the pipeline is gone.
pub fn run(
    mut analyser: Analyser,
    mut deliveries: mpsc::Receiver<Delivery>,
    reports: &mpsc::Sender<WireReport>,
) {
    let activity = analyser.activity.clone();
    while let Some(delivery) = deliveries.blocking_recv() {
        activity.set(Doing::Works);
        let report = analyser.judge(delivery);
        activity.set(Doing::Waits);
        if reports.blocking_send(report).is_err() {
            return;
        }
        activity.set(Doing::Rests);
    }
    activity.set(Doing::Waits); // for the end
    if let Some(report) = analyser.finish() {
        // If the pipeline is gone, nobody wants to know.
        reports.blocking_send(report).unwrap_or_default();
    }
}

impl Analyser {
    /// Ready to judge; everything that needs more than memory is done here.
    pub fn new(source: SourceId, services: &Services) -> Self {
        let seed = RandomState::new().hash_one(MAX_FLOWS);
        let flows = Table::new(MAX_FLOWS, services, seed);
        let datagrams = Datagrams::new(services);
        let place = Seed::new();
        Self {
            source,
            flows,
            datagrams,
            fragments: Fragments::default(),
            rewriting: Rewriting::new(),
            neighbourhood: Neighbourhood::new(),
            damage: Damage::new(place),
            offload: Offload::new(place),
            last_ns: 0,
            watched: None,
            ring: 0,
            activity: Activity::default(),
        }
    }

    /// Show the watchdog what the thread does that [`run`] has.
    #[must_use]
    pub fn showing(self, activity: Activity) -> Self {
        Self { activity, ..self }
    }

    /// Judge one of several rings that share an interface. All of them see it go down, at about
    /// the same time; so that this is told once, only the first, number 0, tells of it.
    #[must_use]
    pub fn of_ring(mut self, ring: u8, of: u8) -> Self {
        self.ring = ring;
        if of > 1 {
            self.flows.ignore_effects(); // who writes and who reads may be in two rings
        }
        self
    }

    /// Keep the reads of the servers on the list, which may be replaced at any time: it is looked
    /// at once a block.
    #[must_use]
    pub fn watching(mut self, mut list: watch::Receiver<WatchList>) -> Self {
        self.flows.watch(list.borrow_and_update().clone());
        Self { watched: Some(list), ..self }
    }

    /// Write down every Modbus transaction, for [`Analyser::take_turns`]. Not for the daemon: how
    /// much that is, a stranger decides.
    #[must_use]
    pub fn transcribing(mut self) -> Self {
        self.flows.transcribe();
        self
    }

    /// Take every station for one that was always there: whoever looks at a file does not know who
    /// was there before.
    #[must_use]
    pub fn learning(mut self) -> Self {
        self.neighbourhood.learn_always();
        self
    }

    /// Modbus transactions that ended in the blocks judged since this was last called.
    pub fn take_turns(&mut self) -> Vec<Turn> {
        self.flows.take_turns()
    }

    /// Requests that were not answered by the end.
    pub fn take_unanswered(&mut self) -> Vec<Turn> {
        self.flows.take_unanswered()
    }

    /// Judge what was delivered. The block is back with its owner before the report is.
    pub fn judge(&mut self, delivery: Delivery) -> WireReport {
        let mut report = WireReport::new(self.source.clone(), delivery.at);
        report.ring = delivery.ring;
        if let Some(count) = &delivery.interface {
            report.losses = count.losses;
            self.offload.on_interface(count);
        }
        match delivery.content {
            Content::Block(block) => self.judge_block(&block, &mut report),
            Content::Interface(state) => {
                report.interface = Some(state).filter(|_| self.ring == 0);
                self.flows.on_interface_change();
                self.neighbourhood.on_gap();
            }
            Content::Empty => (),
        }
        report
    }

    /// Judge what waits for segments that will not come any more, and polls that had stopped;
    /// `None` if there are none.
    pub fn finish(&mut self) -> Option<WireReport> {
        let mut report = WireReport::new(self.source.clone(), time(self.last_ns));
        let is_waiting = self.flows.is_waiting();
        if is_waiting {
            self.flows.finish(&mut report);
        }
        self.flows.finish_polls(self.last_ns, &mut report);
        (is_waiting || !report.usage_changes.is_empty()).then_some(report)
    }

    fn judge_block(&mut self, block: &Block, report: &mut WireReport) {
        report.gap = block.gap();
        self.follow_watch_list();
        self.flows.start_block(report.gap);
        self.neighbourhood.start_block(report.gap);
        let mut last_ns = None;
        block.for_each(|frame| {
            last_ns = Some(frame.at_ns);
            self.judge_frame(&frame, report);
        });
        if let Some(last_ns) = last_ns {
            report.at = time(last_ns);
            self.last_ns = last_ns;
            self.flows.end_block(last_ns, report);
            self.neighbourhood.end_block(last_ns, report);
            self.damage.end_block(last_ns, report);
        }
    }

    fn follow_watch_list(&mut self) {
        let Some(list) = &mut self.watched else { return };
        let list = list.borrow_and_update();
        if list.has_changed() {
            self.flows.watch(list.clone());
        }
    }

    fn judge_frame(&mut self, frame: &Frame<'_>, report: &mut WireReport) {
        report.frames += 1;
        report.bytes += u64::from(frame.wire_len);
        let Some(link) = frame.link else {
            report.unknown_link += 1;
            return;
        };
        let captured = Captured {
            link,
            bytes: frame.bytes,
            wire_len: frame.wire_len,
            stripped_vlan: frame.stripped_vlan,
            checksum_pending: frame.checksum_pending,
        };
        if !self.is_searching()
            && let Some(plain) = Plain::of(&captured)
        {
            self.judge_plain(frame.at_ns, &plain, report);
        } else {
            self.judge_captured(frame.at_ns, &captured, MAX_TUNNELS, report);
        }
    }

    /// Judge a frame, whatever it is, and frames inside it, so many deep.
    #[inline(never)]
    fn judge_captured(
        &mut self,
        at_ns: u64,
        captured: &Captured<'_>,
        n_tunnels: usize,
        report: &mut WireReport,
    ) {
        let mut packet = Packet::EMPTY;
        dissect_any(&mut packet, captured);
        self.judge_packet((at_ns, captured.checksum_pending), &packet, report);
        if !matches!(packet.network, Network::Ip { .. }) {
            self.neighbourhood.observe(at_ns, &packet, captured, report);
        }
        if let Some(fragment) = &packet.fragment {
            self.judge_fragment(at_ns, (&packet, fragment), (captured, n_tunnels), report);
        }
        if let Some(tunnelled) = &packet.tunnelled {
            self.judge_tunnelled(at_ns, tunnelled, (captured, n_tunnels), report);
        }
    }

    /// What [`Analyser::judge_packet`] does with a packet that is neither wrong nor of use in the
    /// search for what is, of a segment that is all there.
    #[inline]
    fn judge_plain(&mut self, at_ns: u64, plain: &Plain<'_>, report: &mut WireReport) {
        report.checksums.ipv4.valid += 1;
        report.checksums.tcp.valid += 1;
        let Plain { vlan, source, destination, segment, .. } = plain;
        let (vlan, evidence) = (*vlan, Evidence::Verified);
        let sighting = Sighting { at_ns, vlan, evidence, source, destination, segment };
        self.flows.observe(&sighting, report);
    }

    /// `pending`: the kernel says that the checksum is still to be filled in.
    #[inline]
    fn judge_packet(
        &mut self,
        (at_ns, pending): (u64, bool),
        packet: &Packet<'_>,
        report: &mut WireReport,
    ) {
        report.malformed += u64::from(packet.malformed.is_some());
        tally(packet, &mut report.checksums);
        if is_corrupt(packet) {
            if !self.on_corrupt(at_ns, packet, report) {
                return; // its receiver drops it too, and its sender may repeat it
            }
        } else {
            self.on_sound((at_ns, pending), packet, report);
        }
        let Network::Ip { source, destination } = &packet.network else { return };
        match &packet.transport {
            Transport::Tcp(segment) => {
                let (vlan, evidence) = (packet.vlan, evidence(packet));
                let sighting = Sighting { at_ns, vlan, evidence, source, destination, segment };
                self.flows.observe(&sighting, report);
            }
            &Transport::Udp { source_port, destination_port, payload } => {
                let (vlan, evidence) = (packet.vlan, evidence(packet));
                let datagram = Datagram {
                    at_ns,
                    vlan,
                    evidence,
                    source,
                    destination,
                    source_port,
                    destination_port,
                    payload,
                };
                self.datagrams.observe(&datagram, self.flows.usages(), report);
            }
            Transport::Icmp | Transport::Icmpv6 | Transport::Other => (),
        }
    }

    #[cold]
    fn judge_tunnelled(
        &mut self,
        at_ns: u64,
        tunnelled: &Tunnelled<'_>,
        (outer, n_tunnels): (&Captured<'_>, usize),
        report: &mut WireReport,
    ) {
        if let Some(n_tunnels) = n_tunnels.checked_sub(1) {
            report.tunnelled += 1;
            self.judge_captured(at_ns, &tunnelled.captured(outer), n_tunnels, report);
        }
    }

    /// Judge the whole that a fragment completes. Its headers were judged with its parts.
    #[cold]
    fn judge_fragment(
        &mut self,
        at_ns: u64,
        (packet, fragment): (&Packet<'_>, &Fragment<'_>),
        within: (&Captured<'_>, usize),
        report: &mut WireReport,
    ) {
        let Network::Ip { source, destination } = packet.network else { return };
        if matches!(packet.ipv4, Some(Checksum::Invalid(_))) {
            return; // its receiver drops it
        }
        let Fragment { protocol, identification, .. } = *fragment;
        let key = Key { vlan: packet.vlan, source, destination, protocol, identification };
        let contradicted = report.fragments.contradicted;
        let whole = self.fragments.accept(key, fragment, at_ns, &mut report.fragments);
        if report.fragments.contradicted > contradicted {
            let of = Contested::Datagram { source, destination };
            // No checksum covers a part of a packet, and no connection is known.
            let trust = Trust { verified: false, from_start: true };
            let (at, vlan) = (time(at_ns), packet.vlan);
            report.note(Note::Conflict(Conflict { at, vlan, of, trust }));
        }
        let Some(bytes) = whole else { return };
        let vlan = packet.vlan;
        let whole = Reassembled { vlan, source, destination, protocol, bytes: &bytes }.dissect();
        self.judge_packet((at_ns, false), &whole, report);
        if let Some(tunnelled) = &whole.tunnelled {
            self.judge_tunnelled(at_ns, tunnelled, within, report);
        }
    }
}

fn time(at_ns: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(at_ns)
}

#[cfg(test)]
mod tests;
