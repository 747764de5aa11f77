//! Captures: what the wire showed in a window, and whether there was a wire.
//!
//! A stranger decides how many packets are corrupt and between whom. So corruption is told by
//! host pair and window, for [`MAX_PAIRS`] pairs; the rest is told as one number.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::record::{
    Checked, ChecksumTally, Corruption, DetectionTally, Event, Gap, InterfaceState, Kind, Ledger,
    Note, RingCount, SourceId, StreamTally, Tally, WireReport,
};
use crate::wire::packet::L4;

use super::conflict::Conflicts;
use super::detected::Detections;
use super::effect::Effects;
use super::neighbourhood::Neighbourhood;
use super::outbox::Outbox;
use super::refusal::Refusals;
use super::sequence::Jumps;
use super::words::{elapsed, latency_ms};

/// Host pairs told apart in one window of one source.
const MAX_PAIRS: usize = 16;

/// Every source of reports; the configuration bounds them.
#[derive(Debug, Default)]
pub(super) struct Captures {
    by_source: BTreeMap<SourceId, Capture>,
    /// In: findings of analysers. Out: judged here.
    notes: Ledger,
    refusals: Refusals,
    effects: Effects,
    detections: Detections,
}

#[derive(Debug, Default)]
struct Capture {
    total: Count,
    rare: Rare,
    corrupt: u64,
    window: Window,
    jumps: Jumps,
    neighbourhood: Neighbourhood,
    interface: Option<InterfaceState>,
    down_since: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Frames judged.
    frames: u64,
    ring: RingCount,
}

/// What no event tells of: strangers decide how often it happens.
#[derive(Clone, Copy, Debug, Default)]
struct Rare {
    /// Of the frames: with a structural error in some layer.
    malformed: u64,
    /// Of the frames: of a link type that nothing is known of.
    unknown_link: u64,
    /// Connections forgotten for want of room, and after long silence.
    flows_evicted: u64,
    flows_expired: u64,
    streams: StreamTally,
    detection: DetectionTally,
    /// Segments on a Modbus port that could not be read as Modbus.
    modbus_unread: u64,
    /// Reads of watched servers that were not kept, for want of room or of proof.
    reads_dropped: u64,
    reads_unproven: u64,
    /// Written values that were not held against what is read afterwards, for want of room.
    writes_untracked: u64,
}

#[derive(Debug, Default)]
struct Window {
    count: Count,
    gaps: u64,
    checksums: ChecksumTally,
    pairs: BTreeMap<Pair, Found>,
    conflicts: Conflicts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    checked: Checked,
    source: IpAddr,
    destination: IpAddr,
}

/// Corrupt packets between one pair of hosts.
#[derive(Debug)]
struct Found {
    failed: u64,
    first: Corruption,
}

impl Captures {
    pub(super) fn on_report(&mut self, report: &WireReport, outbox: &mut Outbox) {
        let n_notes = report.notes.len() as u64;
        self.notes.entered += n_notes + report.notes_dropped;
        self.notes.left += n_notes;
        self.notes.drop("block_limit", report.notes_dropped);
        let capture = self.by_source.entry(report.source.clone()).or_default();
        capture.on_interface(report, outbox);
        capture.total.add(report);
        capture.rare.add(report);
        capture.window.add(report);
        capture.jumps.add(report);
        capture.neighbourhood.add(report);
        for note in &report.notes {
            match note {
                Note::Corrupt(corruption) => capture.window.on_corruption(corruption),
                Note::Conflict(conflict) => capture.window.conflicts.on_conflict(conflict),
                Note::Jump(jump) => capture.jumps.on_jump(jump),
                Note::Modbus(seen) => self.refusals.tell(&report.source, seen, outbox),
                Note::Ineffective(found) => self.effects.tell(&report.source, found, outbox),
                Note::Layer2(finding) => {
                    capture.neighbourhood.on_finding(&report.source, finding, outbox);
                }
                Note::Message(seen) => {
                    self.refusals.tell_message(&report.source, seen, outbox);
                }
                Note::Detected(detected) => {
                    self.detections.tell(&report.source, detected, outbox);
                }
            }
        }
    }

    pub(super) fn on_window_end(&mut self, now: SystemTime, outbox: &mut Outbox) {
        for (source, capture) in &mut self.by_source {
            let window = std::mem::take(&mut capture.window);
            let tallies = window.checksums.by_protocol();
            capture.corrupt += tallies.iter().map(|(_, tally)| tally.invalid).sum::<u64>();
            if window.count.ring.drops > 0 {
                outbox.raise(Kind::CaptureLoss, || lost(source, now, &window, &capture.total));
            }
            window.conflicts.raise(source, now, outbox);
            capture.jumps.raise(source, now, outbox);
            window.raise_corruption(source, now, outbox);
            capture.neighbourhood.on_window_end(source, now, outbox);
        }
    }

    pub(super) fn ledgers(&self) -> impl Iterator<Item = (String, Ledger)> {
        let captures = self.by_source.iter();
        captures.map(|(id, capture)| (format!("capture:{id}"), capture.ledger()))
    }

    pub(super) fn notes(&self) -> Ledger {
        let mut notes = self.notes.clone();
        self.refusals.note_in(&mut notes);
        self.effects.note_in(&mut notes);
        self.detections.note_in(&mut notes);
        notes
    }

    pub(super) fn n_sources(&self) -> usize {
        self.by_source.len()
    }

    pub(super) fn status(&self) -> String {
        let sum = |of: fn(&Capture) -> u64| self.by_source.values().map(of).sum::<u64>();
        format!(
            "captures {}, down {}; frames {}, corrupt {}, malformed {}, lost {}, stations {}",
            self.by_source.len(),
            sum(|capture| u64::from(capture.down_since.is_some())),
            sum(|capture| capture.total.frames),
            sum(|capture| capture.corrupt),
            sum(|capture| capture.rare.malformed),
            sum(|capture| capture.total.ring.drops),
            sum(|capture| capture.neighbourhood.n_stations())
        )
    }
}

impl Count {
    fn add(&mut self, report: &WireReport) {
        self.frames += report.frames;
        self.ring.packets += report.ring.packets;
        self.ring.drops += report.ring.drops;
    }
}

impl Rare {
    fn add(&mut self, report: &WireReport) {
        self.malformed += report.malformed;
        self.unknown_link += report.unknown_link;
        self.flows_evicted += report.flows_evicted;
        self.flows_expired += report.flows_expired;
        self.streams.merge(&report.streams);
        self.detection.merge(&report.detection);
        self.modbus_unread += report.modbus.unread;
        self.reads_dropped += report.reads_dropped;
        self.reads_unproven += report.reads_unproven;
        self.writes_untracked += report.writes_untracked;
    }
}

impl Window {
    fn add(&mut self, report: &WireReport) {
        self.count.add(report);
        self.checksums.merge(&report.checksums);
        self.conflicts.add(report);
        self.gaps += match report.gap {
            Gap::None => 0,
            Gap::Before => 1,
        };
    }

    /// Count for its pair; beyond the last pair, the tally alone knows of it.
    fn on_corruption(&mut self, corruption: &Corruption) {
        let Corruption { checked, source, destination, .. } = *corruption;
        let pair = Pair { checked, source, destination };
        if let Some(found) = self.pairs.get_mut(&pair) {
            found.failed += 1;
        } else if self.pairs.len() < MAX_PAIRS {
            self.pairs.insert(pair, Found { failed: 1, first: *corruption });
        }
    }

    /// The failures told add up to the tally's.
    fn raise_corruption(mut self, source: &SourceId, now: SystemTime, outbox: &mut Outbox) {
        let mut untold = self.checksums.clone();
        for (pair, found) in &self.pairs {
            let tally = self.checksums.of(pair.checked);
            outbox.raise(Kind::ChecksumInvalid, || corrupt(source, now, found, tally));
            let rest = untold.of(pair.checked);
            rest.invalid = rest.invalid.saturating_sub(found.failed);
        }
        for (layer, rest) in untold.by_protocol() {
            if rest.invalid > 0 {
                outbox.raise(Kind::ChecksumInvalid, || others_corrupt(source, now, layer, rest));
            }
        }
    }
}

impl Capture {
    /// A ring counts what it was offered; a file has no such counter, and loses nothing.
    fn ledger(&self) -> Ledger {
        let Count { frames, ring } = self.total;
        let Rare { malformed, unknown_link, modbus_unread, .. } = self.rare;
        let entered = if ring.packets > 0 { ring.packets } else { frames };
        let mut ledger = Ledger { entered, left: frames - unknown_link, ..Ledger::default() };
        ledger.drop("ring_full", ring.drops);
        ledger.drop("unknown_link", unknown_link);
        ledger.note("malformed", malformed);
        ledger.note("flows_evicted", self.rare.flows_evicted);
        ledger.note("flows_expired", self.rare.flows_expired);
        ledger.note("modbus_unread", modbus_unread);
        ledger.note("candidates_evicted", self.rare.detection.candidates_evicted);
        ledger.note("servers_evicted", self.rare.detection.servers_evicted);
        ledger.note("stream_bytes_missing", self.rare.streams.missing_bytes);
        ledger.note("stream_bytes_repeated", self.rare.streams.repeated_bytes);
        ledger.note("stream_conflicts", self.rare.streams.conflicts);
        ledger.note("stream_holes", self.rare.streams.holes);
        ledger.note("reads_dropped", self.rare.reads_dropped);
        ledger.note("reads_unproven", self.rare.reads_unproven);
        ledger.note("writes_untracked", self.rare.writes_untracked);
        self.neighbourhood.note_in(&mut ledger);
        ledger
    }

    fn on_interface(&mut self, report: &WireReport, outbox: &mut Outbox) {
        let Some(state) = report.interface else { return };
        if self.interface.replace(state) == Some(state) {
            return;
        }
        match (state, self.down_since) {
            (InterfaceState::Up, Some(since)) => {
                self.down_since = None;
                outbox.raise(Kind::CaptureUp, || up(report, since));
            }
            // It is expected to be up at the start.
            (InterfaceState::Up, None) => (),
            (InterfaceState::Down | InterfaceState::Absent, since) => {
                self.down_since = since.or(Some(report.at));
                outbox.raise(Kind::CaptureDown, || down(report, state));
            }
        }
    }
}

fn corrupt(source: &SourceId, now: SystemTime, found: &Found, tally: &Tally) -> Event {
    let Found { failed, first } = found;
    let layer = layer_name(first.checked);
    let (source_host, destination_host, what) = (first.source, first.destination, of(layer));
    let text = format!(
        "corrupt {what} from {source_host} to {destination_host}: {failed}; {}; {}",
        coverage(tally),
        next_step(first.checked)
    );
    let event = Event::new(Kind::ChecksumInvalid, now, source.clone(), text)
        .with("layer", layer)
        .with("source_host", first.source.to_string())
        .with("destination_host", first.destination.to_string())
        .with("failed", *failed)
        .with("stored", format!("{:#06x}", first.mismatch.stored))
        .with("computed", format!("{:#06x}", first.mismatch.computed));
    let event = match first.vlan.outer {
        0 => event,
        vlan => event.with("vlan", vlan),
    };
    with_coverage(event, tally)
}

fn others_corrupt(source: &SourceId, now: SystemTime, layer: &'static str, rest: &Tally) -> Event {
    let text = format!("corrupt {} between further hosts: {}", of(layer), rest.invalid);
    Event::new(Kind::ChecksumInvalid, now, source.clone(), text)
        .with("layer", layer)
        .with("failed", rest.invalid)
}

/// "0 errors" must never read as "all verified", nor 3 errors as "3 of all".
fn coverage(tally: &Tally) -> String {
    format!("checksums that could be verified: {} of {}", tally.verified(), tally.seen())
}

pub(super) fn with_coverage(event: Event, tally: &Tally) -> Event {
    event.with("verified", tally.verified()).with("seen", tally.seen())
}

/// What is corrupt.
fn of(layer: &str) -> String {
    match layer {
        "modbus_rtu" => "Modbus RTU frames".to_owned(),
        layer => format!("{layer} packets"),
    }
}

fn next_step(checked: Checked) -> &'static str {
    match checked {
        Checked::Ipv4 | Checked::L4(_) => {
            "look at cable, connector and port counters between the two and this tap"
        }
        // A packet that is corrupt itself is not read, so the damage was done before it was sent.
        Checked::Dnp3 => {
            "what carries them is not corrupt: look at the serial line behind the sender and at \
             its gateway"
        }
        // TCP delivered them as they were sent.
        Checked::ModbusRtu => {
            "look at termination, shield and baud rate of the serial line behind the converter \
             that sent them"
        }
    }
}

fn layer_name(checked: Checked) -> &'static str {
    match checked {
        Checked::Ipv4 => "ipv4",
        Checked::L4(L4::Tcp) => "tcp",
        Checked::L4(L4::Udp) => "udp",
        Checked::L4(L4::Icmp) => "icmp",
        Checked::L4(L4::Icmpv6) => "icmpv6",
        Checked::Dnp3 => "dnp3",
        Checked::ModbusRtu => "modbus_rtu",
    }
}

fn lost(source: &SourceId, now: SystemTime, window: &Window, total: &Count) -> Event {
    let RingCount { packets, drops } = window.count.ring;
    let text = format!(
        "{source}: {drops} of {packets} frames were lost because the ring was full; give it more \
         `blocks`, or its threads a processor of their own (`cpu`)"
    );
    Event::new(Kind::CaptureLoss, now, source.clone(), text)
        .with("drops", drops)
        .with("packets", packets)
        .with("frames", window.count.frames)
        .with("gaps", window.gaps)
        .with("total_drops", total.ring.drops)
        .with("total_packets", total.ring.packets)
        .with("total_frames", total.frames)
}

fn down(report: &WireReport, state: InterfaceState) -> Event {
    let (name, text) = match state {
        InterfaceState::Up => ("up", "is up"),
        InterfaceState::Down => ("down", "is down: nothing is seen until it is up; see `ip link`"),
        InterfaceState::Absent => {
            ("absent", "does not exist: nothing is seen until it does; see `ip link`")
        }
    };
    let text = format!("{} {text}", report.source);
    Event::new(Kind::CaptureDown, report.at, report.source.clone(), text).with("state", name)
}

fn up(report: &WireReport, since: SystemTime) -> Event {
    let down = elapsed(since, report.at);
    let text = format!(
        "{} is captured from again; nothing was seen for {}",
        report.source,
        humantime::format_duration(down)
    );
    Event::new(Kind::CaptureUp, report.at, report.source.clone(), text)
        .with("state", "up")
        .with("down_ms", latency_ms(down))
}
