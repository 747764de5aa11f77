//! What follows from the verdicts on a packet: counts, notes, and whether it can be read.

use crate::flow::Evidence;
use crate::record::{ChecksumTally, WireReport};
use crate::wire::packet::{L4, Network, Packet, Transport};
use crate::wire::{Checksum, Unverified};

use super::Analyser;
use super::corruption::note_corruption;

impl Analyser {
    /// Note a packet that is not what was sent. True if it is only its addresses that were
    /// rewritten, so that it can be read.
    #[cold]
    pub(super) fn on_corrupt(
        &mut self,
        at_ns: u64,
        packet: &Packet<'_>,
        report: &mut WireReport,
    ) -> bool {
        let Network::Ip { source, destination } = packet.network else { return false };
        let is_rewritten = match (&packet.transport, packet.ipv4, packet.l4) {
            (_, Some(Checksum::Invalid(_)), _) => false,
            (Transport::Tcp(segment), _, Some((_, Checksum::Invalid(mismatch)))) => {
                self.rewriting.explains((source, destination), segment, mismatch)
            }
            _ => false,
        };
        let is_awaited = !is_rewritten && self.damage.on_damaged(at_ns, packet, report);
        note_corruption(at_ns, packet, (is_awaited, is_rewritten), report);
        is_rewritten
    }

    /// True while a packet with a right checksum may show something of others. Mostly nothing is
    /// known that it could be held against.
    #[inline]
    pub(super) fn is_searching(&self) -> bool {
        !(self.rewriting.is_empty() & self.damage.is_empty() & self.offload.is_empty())
    }

    /// Learn from a packet that is not known to be corrupt. One comparison, mostly.
    #[inline]
    pub(super) fn on_sound(
        &mut self,
        (at_ns, pending): (u64, bool),
        packet: &Packet<'_>,
        report: &mut WireReport,
    ) {
        match packet.l4 {
            Some((_, Checksum::Valid)) if self.is_searching() => {
                self.on_valid(at_ns, packet, report);
            }
            Some((_, Checksum::Unverified(Unverified::Offloaded))) => {
                self.offload.on_unfinished((at_ns, pending), packet, report);
            }
            _ => (),
        }
    }

    #[inline(never)]
    pub(super) fn on_valid(&mut self, at_ns: u64, packet: &Packet<'_>, report: &mut WireReport) {
        if let (Transport::Tcp(_), Network::Ip { source, destination }) =
            (&packet.transport, packet.network)
        {
            self.rewriting.refute(source, destination);
        }
        if !self.damage.is_empty() {
            self.damage.on_intact(at_ns, packet, report);
        }
        if !self.offload.is_empty() {
            self.offload.on_verified(at_ns, packet, report);
        }
    }
}

/// Every TCP segment has a checksum.
pub(super) fn evidence(packet: &Packet<'_>) -> Evidence {
    match packet.l4 {
        Some((_, Checksum::Valid)) => Evidence::Verified,
        Some((_, Checksum::Unverified(Unverified::Offloaded))) => Evidence::Intact,
        Some((_, Checksum::Invalid(_) | Checksum::Unverified(_))) | None => Evidence::Unverified,
    }
}

pub(super) fn tally(packet: &Packet<'_>, checksums: &mut ChecksumTally) {
    if let Some(verdict) = packet.ipv4 {
        checksums.ipv4.count(verdict);
    }
    match packet.l4 {
        Some((L4::Tcp, verdict)) => checksums.tcp.count(verdict),
        Some((L4::Udp, verdict)) => checksums.udp.count(verdict),
        Some((L4::Icmp, verdict)) => checksums.icmp.count(verdict),
        Some((L4::Icmpv6, verdict)) => checksums.icmpv6.count(verdict),
        None => (),
    }
}
