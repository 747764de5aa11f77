//! Senders whose checksums are not finished when they are captured: which, and why.
//!
//! A small table by host, in which a newer one takes the place of an older one. A host is looked
//! at until it is clear why its checksums cannot be verified, which is then told once; only while
//! one is looked at do packets with a right checksum cost anything here.

use std::net::IpAddr;

use crate::record::{InterfaceCount, Note, Unfinished, Unverifiable, WireReport};
use crate::wire::packet::{Network, Packet, Transport};

use super::place::{N_PLACES, Seed};
use super::time;

/// Packets that could not be verified before that is worth a line.
const ENOUGH: u32 = 100;
/// How long a host that also sends what can be verified is looked at.
const LOOK_NS: u64 = 60_000_000_000;
/// Longest packet that some network carries, where it is not known what this one does: what is
/// longer was put together by a machine.
const JUMBO: u32 = 9_216;
/// Shortest IP header, in bytes.
const IP_HEADER: u32 = 20;
/// UDP header, in bytes.
const UDP_HEADER: u32 = 8;

#[derive(Debug)]
pub(super) struct Offload {
    seed: Seed,
    hosts: [Option<Host>; N_PLACES],
    /// Hosts that are looked at.
    n_open: usize,
    mtu: Option<u32>,
    /// Nothing is ever verified there, and nothing can be done about it.
    is_loopback: bool,
}

#[derive(Clone, Copy, Debug)]
struct Host {
    address: IpAddr,
    since_ns: u64,
    is_open: bool,
    /// Packets that could not be verified.
    unfinished: u32,
    /// Of these, the ones that the kernel says are still to be finished.
    pending: u32,
    /// Of these, the ones longer than the MTU.
    long: u32,
    /// Packets that could be verified.
    verified: u32,
}

impl Offload {
    pub(super) fn new(seed: Seed) -> Self {
        Self { seed, hosts: [None; N_PLACES], n_open: 0, mtu: None, is_loopback: false }
    }

    pub(super) fn on_interface(&mut self, count: &InterfaceCount) {
        self.mtu = Some(count.mtu);
        self.is_loopback = count.is_loopback;
    }

    /// True if a packet with a right checksum is of no interest.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.n_open == 0
    }

    /// Take a packet whose checksum is not finished, and note it if that is enough to know why.
    pub(super) fn on_unfinished(
        &mut self,
        (at_ns, pending): (u64, bool),
        packet: &Packet<'_>,
        report: &mut WireReport,
    ) {
        let Network::Ip { source, .. } = packet.network else { return };
        if self.is_loopback {
            return;
        }
        let limit = self.mtu.unwrap_or(JUMBO);
        let mtu = self.mtu;
        let Some(place) = self.hosts.get_mut(self.seed.place(source, 0)) else { return };
        if place.is_none_or(|known| known.address != source) {
            let evicted = place.replace(Host::new(source, at_ns)).is_some_and(|host| host.is_open);
            report.suspects_evicted += u64::from(evicted);
            self.n_open += usize::from(!evicted);
        }
        let Some(host) = place.as_mut().filter(|host| host.is_open) else { return };
        host.unfinished = host.unfinished.saturating_add(1);
        host.pending = host.pending.saturating_add(u32::from(pending));
        host.long = host.long.saturating_add(u32::from(ip_len(packet) > limit));
        if let Some(hint) = host.take_hint(at_ns, mtu) {
            self.n_open -= 1;
            report.note(Note::Unverifiable(hint));
        } else if host.verified > 0 && at_ns.saturating_sub(host.since_ns) > LOOK_NS {
            *host = Host::new(source, at_ns); // it can be verified now and then: start over
        }
    }

    /// Take a packet whose checksum is right: it may show why others' are not finished.
    pub(super) fn on_verified(&mut self, at_ns: u64, packet: &Packet<'_>, report: &mut WireReport) {
        let Network::Ip { source, .. } = packet.network else { return };
        let known = self.hosts.get_mut(self.seed.place(source, 0)).and_then(Option::as_mut);
        let Some(host) = known.filter(|host| host.address == source && host.is_open) else {
            return;
        };
        host.verified = host.verified.saturating_add(1);
        if let Some(hint) = host.take_hint(at_ns, self.mtu) {
            self.n_open -= 1;
            report.note(Note::Unverifiable(hint));
        }
    }
}

impl Host {
    fn new(address: IpAddr, since_ns: u64) -> Self {
        let (unfinished, pending, long, verified) = (0, 0, 0, 0);
        Self { address, since_ns, is_open: true, unfinished, pending, long, verified }
    }

    /// What is to be told, once it is clear; then the host is not looked at any more.
    fn take_hint(&mut self, at_ns: u64, mtu: Option<u32>) -> Option<Unverifiable> {
        let cause = self.cause()?;
        self.is_open = false;
        Some(Unverifiable {
            at: time(at_ns),
            host: self.address,
            cause,
            packets: self.unfinished.into(),
            verified: self.verified.into(),
            mtu,
        })
    }

    /// Merging leaves alone what came alone, so that some of a host's packets can be verified; a
    /// card that is to finish checksums finishes all of them, and most hosts send some short ones.
    fn cause(&self) -> Option<Unfinished> {
        let Self { unfinished, pending, long, verified, .. } = *self;
        if verified == 0 && unfinished >= ENOUGH && long < unfinished {
            let is_told = pending > unfinished / 2;
            return Some(if is_told { Unfinished::Local } else { Unfinished::Copied });
        }
        (verified > 0 && long >= ENOUGH).then_some(Unfinished::Merged)
    }
}

/// At least so long is the packet, in bytes from its IP header on.
fn ip_len(packet: &Packet<'_>) -> u32 {
    let number = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    match &packet.transport {
        Transport::Tcp(segment) => number(segment.len).saturating_add(IP_HEADER),
        Transport::Udp { payload, .. } => {
            number(payload.len()).saturating_add(IP_HEADER + UDP_HEADER)
        }
        Transport::Icmp | Transport::Icmpv6 | Transport::Other => 0,
    }
}

#[cfg(test)]
mod tests;
