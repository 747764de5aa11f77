//! Corruption: packets that are not what was sent, by host pair and window.
//!
//! A stranger decides how many packets are corrupt and between whom: [`MAX_PAIRS`] pairs are told
//! apart, the rest is told as one number. A sender that damages all it sends is told once, however
//! many hosts it sends to. A pair of which it is not known where its packets are damaged is held
//! for a moment if a repetition is due that would show it. What stays wrong until somebody mends
//! it, and the rest, is told once, and then every five minutes with the count.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::record::{
    Checked, ChecksumTally, Corruption, Doubts, Event, Kind, Losses, Repaired, SourceId, Tally,
    Trust, WireReport,
};
use crate::wire::packet::L4;

use super::locator::{Locator, MAX_PEERS, Suspects};
use super::outbox::Outbox;
use super::repeats::Repeats;

/// Host pairs told apart in one window of one source; senders as well.
const MAX_PAIRS: usize = 16;
/// Besides, those that stay wrong and are only counted for now.
const MAX_COUNTED: usize = 64;
/// Pairs and layers of which it is remembered when they were told.
const MAX_TOLD: usize = 2 * MAX_COUNTED;
/// Windows that a pair is held for a repetition.
const HOLD: u32 = 2;

/// Of one source.
#[derive(Debug, Default)]
pub(super) struct Corruptions {
    /// Of this window.
    checksums: ChecksumTally,
    /// Of this window, and those that are held.
    pairs: BTreeMap<Pair, Found>,
    /// By layer: further failures, not told yet.
    others: BTreeMap<&'static str, u64>,
    told: Repeats<Told, MAX_TOLD>,
    suspects: Suspects,
}

/// What is told once and then counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    /// With the name of the place.
    Pair(Pair, &'static str),
    /// Of a layer.
    Others(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    checked: Checked,
    source: IpAddr,
    /// `None`: all that the sender sends to.
    destination: Option<IpAddr>,
}

/// Corrupt packets between one pair of hosts, or of one sender.
#[derive(Debug)]
struct Found {
    failed: u64,
    /// Of these, the ones of this window.
    failed_now: u64,
    first: Corruption,
    /// Hosts that they were sent to.
    n_peers: usize,
    /// True if the sender of one of them will repeat it.
    is_awaited: bool,
    /// Windows that it was held, and what was verified in them.
    n_held: u32,
    tally: Tally,
    /// Where, if that was told before: it stays wrong, and these are counted.
    counted: Option<Locator>,
}

/// A window of one source that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended<'a> {
    pub(super) source: &'a SourceId,
    pub(super) now: SystemTime,
    /// Of the interface, in this window.
    pub(super) losses: &'a Losses,
    pub(super) doubts: Doubts,
    /// Nothing will come any more.
    pub(super) is_last: bool,
}

/// Tallies that follow the one of IPv4: of TCP, UDP and both ICMPs.
const N_L4: usize = 4;

impl Corruptions {
    /// Count a report; corruptions and repetitions among its notes come by themselves.
    pub(super) fn add(&mut self, report: &WireReport) {
        self.checksums.merge(&report.checksums);
        let tallies = report.checksums.by_protocol();
        let n_valid = tallies.iter().skip(1).take(N_L4).map(|(_, tally)| tally.valid).sum();
        self.suspects.on_intact(&report.intact, n_valid);
    }

    /// Count for its pair or its sender; beyond the last of both, the tally alone knows of it.
    pub(super) fn on_corruption(&mut self, corruption: &Corruption) {
        if !is_of_a_line(corruption.checked) {
            self.suspects.on_corruption(corruption);
        }
        let Corruption { checked, source, destination, is_awaited, .. } = *corruption;
        let mut pair = Pair { checked, source, destination: Some(destination) };
        if !self.has_room(&pair) && !is_of_a_line(checked) {
            pair = pair.of_sender();
        }
        if !self.has_room(&pair) {
            return;
        }
        let found = self.pairs.entry(pair).or_insert_with(|| Found {
            failed: 0,
            failed_now: 0,
            first: *corruption,
            n_peers: 1,
            is_awaited: false,
            n_held: 0,
            tally: Tally::default(),
            counted: None,
        });
        found.failed += 1;
        found.failed_now += 1;
        found.is_awaited |= is_awaited;
    }

    pub(super) fn on_repaired(&mut self, repaired: &Repaired) {
        self.suspects.on_repaired(repaired);
    }

    /// Tell what is known. Over all windows, the failures told add up to the tally's.
    pub(super) fn on_window_end(&mut self, ended: Ended<'_>, outbox: &mut Outbox) {
        let mut window = std::mem::take(&mut self.checksums);
        let mut untold = window.clone();
        for (pair, found) in &mut self.pairs {
            found.tally.merge(window.of(pair.checked));
        }
        for (pair, (found, locator)) in self.by_cause(ended.losses) {
            let rest = untold.of(pair.checked);
            rest.invalid = rest.invalid.saturating_sub(found.failed_now);
            let is_open = locator == Locator::Unknown && found.is_awaited;
            let is_held = is_open && found.n_held < HOLD;
            let told = Told::Pair(pair, locator.name());
            if ended.is_last {
                outbox.raise(Kind::ChecksumInvalid, || corrupt(ended, &found, locator));
            } else if is_held {
                self.pairs.insert(pair, found.held());
            } else if locator.is_lasting() && self.told.untold(told, ended.now).is_none() {
                self.count(pair, Found { counted: Some(locator), ..found.held() });
            } else {
                outbox.raise(Kind::ChecksumInvalid, || corrupt(ended, &found, locator));
            }
        }
        for (layer, rest) in untold.by_protocol() {
            *self.others.entry(layer).or_default() += rest.invalid;
        }
        self.others.retain(|_, failed| *failed > 0);
        self.others.retain(|layer, failed| {
            let is_held =
                !ended.is_last && self.told.untold(Told::Others(layer), ended.now).is_none();
            if !is_held {
                outbox.raise(Kind::ChecksumInvalid, || others_corrupt(ended, layer, *failed));
            }
            is_held
        });
        self.suspects.on_window_end(ended.now);
    }

    /// What is to be told or held, and where it happens: of a sender, one for all that it sends to.
    fn by_cause(&mut self, losses: &Losses) -> BTreeMap<Pair, (Found, Locator)> {
        let mut by_cause = BTreeMap::<Pair, (Found, Locator)>::new();
        for (mut pair, mut found) in std::mem::take(&mut self.pairs) {
            let locator = self.locate(&pair, &found, losses);
            if let Locator::Sender { n_peers, .. } = locator {
                pair = pair.of_sender();
                found.n_peers = n_peers;
            } else if pair.destination.is_none() && found.counted.is_none() {
                continue; // the sender is not to blame, and there was no room for the pair
            }
            if let Some((before, _)) = by_cause.remove(&pair) {
                found = before.and(found);
            }
            by_cause.insert(pair, (found, locator));
        }
        by_cause
    }

    /// Room for this one, however many others are only counted.
    fn has_room(&self, pair: &Pair) -> bool {
        let is_alike = |(other, found): &(&Pair, &Found)| {
            found.counted.is_none() && other.destination.is_some() == pair.destination.is_some()
        };
        self.pairs.contains_key(pair) || self.pairs.iter().filter(is_alike).count() < MAX_PAIRS
    }

    fn n_counted(&self) -> usize {
        self.pairs.values().filter(|found| found.counted.is_some()).count()
    }

    /// Keep a pair that stays wrong, or only its failures.
    fn count(&mut self, pair: Pair, found: Found) {
        if self.n_counted() < MAX_COUNTED {
            self.pairs.insert(pair, found);
        } else {
            *self.others.entry(layer_name(pair.checked)).or_default() += found.failed;
        }
    }

    fn locate(&self, pair: &Pair, found: &Found, losses: &Losses) -> Locator {
        match found.counted {
            // Its sender may be forgotten by now.
            Some(locator) if found.failed_now == 0 => locator,
            _ if is_of_a_line(pair.checked) => Locator::Line,
            Some(_) | None => self.suspects.locate(pair.source, found.first.destination, losses),
        }
    }
}

impl Pair {
    fn of_sender(self) -> Self {
        Self { destination: None, ..self }
    }
}

impl Found {
    fn held(self) -> Self {
        Self { failed_now: 0, n_held: self.n_held + 1, ..self }
    }

    /// With those of the same sender to another host.
    fn and(self, other: Self) -> Self {
        let first = if other.first.at < self.first.at { other.first } else { self.first };
        // Of the one that was held for longer.
        let tally = if other.tally.seen() > self.tally.seen() { other.tally } else { self.tally };
        Self {
            failed: self.failed + other.failed,
            failed_now: self.failed_now + other.failed_now,
            first,
            n_peers: self.n_peers.max(other.n_peers),
            tally,
            counted: self.counted.or(other.counted),
            ..self
        }
    }
}

fn corrupt(ended: Ended<'_>, found: &Found, locator: Locator) -> Event {
    let Found { failed, first, n_peers, tally, .. } = found;
    let layer = layer_name(first.checked);
    let since = if found.counted.is_some() { " since this was last told" } else { "" };
    let destination = match *n_peers {
        1 => first.destination.to_string(),
        MAX_PEERS => format!("{MAX_PEERS} hosts or more"),
        n => format!("{n} hosts"),
    };
    let text = format!(
        "corrupt {} from {} to {destination}: {failed}{since}; {}; {}",
        of(layer),
        first.source,
        coverage(tally),
        locator.words(first.source)
    );
    let event = Event::new(Kind::ChecksumInvalid, ended.now, ended.source.clone(), text)
        .with("layer", layer)
        .with("source_host", first.source.to_string());
    let event = match n_peers {
        1 => event.with("destination_host", destination),
        n => event.with("destination_hosts", *n as u64),
    };
    let event = event
        .with("failed", *failed)
        .with("per_million", per_million(*failed, tally))
        .with("locator", locator.name())
        .with("trust", ended.doubts.words(Trust::FULL))
        .with("stored", format!("{:#06x}", first.mismatch.stored))
        .with("computed", format!("{:#06x}", first.mismatch.computed));
    let event = match first.vlan.outer {
        0 => event,
        vlan => event.with("vlan", vlan),
    };
    with_coverage(event, tally)
}

fn others_corrupt(ended: Ended<'_>, layer: &'static str, failed: u64) -> Event {
    let text = format!("corrupt {} not told by host: {failed}", of(layer));
    Event::new(Kind::ChecksumInvalid, ended.now, ended.source.clone(), text)
        .with("layer", layer)
        .with("failed", failed)
}

/// Of what could be verified on the interface at the time.
fn per_million(failed: u64, tally: &Tally) -> u64 {
    failed.saturating_mul(1_000_000).checked_div(tally.verified()).unwrap_or_default()
}

/// "0 errors" must never read as "all verified", nor 3 errors as "3 of all".
fn coverage(tally: &Tally) -> String {
    format!("checksums that could be verified: {} of {}", tally.verified(), tally.seen())
}

pub(super) fn with_coverage(event: Event, tally: &Tally) -> Event {
    event.with("verified", tally.verified()).with("seen", tally.seen())
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

/// What is corrupt.
fn of(layer: &str) -> String {
    match layer {
        "modbus_rtu" => "Modbus RTU frames".to_owned(),
        "dnp3" => "DNP3 frames".to_owned(),
        layer => format!("{layer} packets"),
    }
}

/// True if the packets that carry it are not corrupt themselves, or it would not have been read: the
/// damage was done before it was sent.
fn is_of_a_line(checked: Checked) -> bool {
    match checked {
        Checked::Dnp3 | Checked::ModbusRtu => true,
        Checked::Ipv4 | Checked::L4(_) => false,
    }
}
