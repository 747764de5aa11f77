//! What shows where packets are damaged: whether a damaged segment comes again intact, and whether
//! its sender's other packets are intact.
//!
//! Two small tables, in which a newer entry takes the place of an older one; both are empty on a
//! sound network, and then a packet costs nothing here. What an entry was kept for is over after a
//! while, or a packet would be looked up for ever.

use std::net::IpAddr;
use std::time::Duration;

use crate::record::{Intact, Note, Repaired, WireReport};
use crate::wire::packet::{Flags, Network, Packet, Segment, Transport, Vlan};

use super::place::{N_PLACES, Seed};
use super::time;

/// How long a repetition is waited for: more than the first few of a sender (RFC 6298, section 5).
const AWAIT_NS: u64 = 30_000_000_000;
/// How long a sender is looked at after its last damaged packet.
const SUSPECT_NS: u64 = 60_000_000_000;

/// Damaged segments, and senders of damaged packets.
#[derive(Debug)]
pub(super) struct Damage {
    seed: Seed,
    awaited: [Option<Awaited>; N_PLACES],
    senders: [Option<Sender>; N_PLACES],
    /// Of both.
    n_known: usize,
}

/// A damaged segment. That it says who sent it may be its damage, and then nothing repeats it.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    at_ns: u64,
    key: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    vlan: Vlan,
    source: IpAddr,
    destination: IpAddr,
    ports: (u16, u16),
    sequence: u32,
    /// Header and payload.
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Sender {
    host: IpAddr,
    /// When its last damaged packet was seen.
    failed_ns: u64,
    /// Packets with a right checksum since the last report.
    intact: u64,
}

impl Damage {
    pub(super) fn new(seed: Seed) -> Self {
        Self { seed, awaited: [None; N_PLACES], senders: [None; N_PLACES], n_known: 0 }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.n_known == 0
    }

    /// Remember a damaged packet and its sender. True if a sender repeats such a packet.
    pub(super) fn on_damaged(
        &mut self,
        at_ns: u64,
        packet: &Packet<'_>,
        report: &mut WireReport,
    ) -> bool {
        let Network::Ip { source, .. } = packet.network else { return false };
        let place = self.place(source, 0);
        let known = self.senders.get(place).copied().flatten();
        let intact = match known.filter(|sender| sender.host == source) {
            Some(sender) => sender.intact,
            None => 0,
        };
        report.suspects_evicted += u64::from(known.is_some_and(|sender| sender.host != source));
        let sender = Sender { host: source, failed_ns: at_ns, intact };
        put(&mut self.senders, place, sender, &mut self.n_known);
        let Some(key) = Key::of(packet) else { return false };
        let place = self.place(source, u64::from(key.sequence));
        let known = self.awaited.get(place).copied().flatten();
        report.suspects_evicted += u64::from(known.is_some_and(|awaited| awaited.key != key));
        // The first of several that were damaged says since when it is waited for.
        let since = known.filter(|awaited| awaited.key == key).map_or(at_ns, |known| known.at_ns);
        put(&mut self.awaited, place, Awaited { at_ns: since, key }, &mut self.n_known);
        true
    }

    /// Take a packet whose checksum is right, and note it if a damaged one was before it.
    pub(super) fn on_intact(&mut self, at_ns: u64, packet: &Packet<'_>, report: &mut WireReport) {
        let Network::Ip { source, .. } = packet.network else { return };
        let place = self.place(source, 0);
        if let Some(Some(sender)) = self.senders.get_mut(place)
            && sender.host == source
        {
            sender.intact += 1;
        }
        let Some(key) = Key::of(packet) else { return };
        let place = self.place(source, u64::from(key.sequence));
        let Some(awaited) = self.awaited.get_mut(place) else { return };
        if let Some(repaired) = awaited.take_if(|awaited| awaited.key == key) {
            self.n_known -= 1;
            report.note(Note::Repaired(Repaired {
                at: time(at_ns),
                vlan: key.vlan,
                source: key.source,
                destination: key.destination,
                after: Duration::from_nanos(at_ns.saturating_sub(repaired.at_ns)),
            }));
        }
    }

    /// Report what was counted of senders, and forget what is long ago.
    pub(super) fn end_block(&mut self, now_ns: u64, report: &mut WireReport) {
        if self.is_empty() {
            return;
        }
        for sender in self.senders.iter_mut().flatten() {
            let packets = std::mem::take(&mut sender.intact);
            if packets > 0 {
                report.intact.push(Intact { host: sender.host, packets });
            }
        }
        let is_over = |since: u64, ns: u64| now_ns.saturating_sub(since) > ns;
        for place in &mut self.senders {
            let gone = place.take_if(|sender| is_over(sender.failed_ns, SUSPECT_NS));
            self.n_known -= usize::from(gone.is_some());
        }
        for place in &mut self.awaited {
            let gone = place.take_if(|awaited| is_over(awaited.at_ns, AWAIT_NS));
            self.n_known -= usize::from(gone.is_some());
        }
    }

    fn place(&self, host: IpAddr, rest: u64) -> usize {
        self.seed.place(host, rest)
    }
}

fn put<T>(table: &mut [Option<T>], place: usize, entry: T, n_known: &mut usize) {
    if let Some(place) = table.get_mut(place) {
        *n_known += usize::from(place.replace(entry).is_none());
    }
}

impl Key {
    /// `None` for what is never repeated: anything but a TCP segment that takes up room in its
    /// stream.
    fn of(packet: &Packet<'_>) -> Option<Self> {
        let (Transport::Tcp(segment), Network::Ip { source, destination }) =
            (&packet.transport, packet.network)
        else {
            return None;
        };
        let Segment { source_port, destination_port, sequence, len, flags, payload, .. } = *segment;
        let is_repeated = !payload.is_empty() || flags.any(Flags::SYN | Flags::FIN);
        let (vlan, ports) = (packet.vlan, (source_port, destination_port));
        is_repeated.then_some(Self { vlan, source, destination, ports, sequence, len })
    }
}

#[cfg(test)]
mod tests;
