//! From a captured frame to a [`Packet`]: link header, tags, IP, transport, and their verdicts.
//!
//! Each step writes what it found into the packet; one that fails leaves what was found before.

use std::net::IpAddr;

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::arp::Arp;
use crate::wire::checksum::Checksum;
use crate::wire::checksum::Unverified;
use crate::wire::ethernet;
use crate::wire::icmp;
use crate::wire::icmp::Icmp;
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::Ipv6;
use crate::wire::ipv6::Upper;
use crate::wire::payload::Extent;
use crate::wire::payload::Fragmentation;
use crate::wire::payload::Payload;
use crate::wire::pseudo_header::PseudoHeader;
use crate::wire::tcp;
use crate::wire::tcp::Tcp;
use crate::wire::udp;
use crate::wire::udp::Udp;

use super::Captured;
use super::Fragment;
use super::L4;
use super::Network;
use super::Packet;
use super::Plain;
use super::Segment;
use super::Transport;
use super::linked;
use super::tunnel;

/// Dissect and verify one frame, whatever its bytes.
#[inline]
pub fn dissect<'a>(frame: &Captured<'a>) -> Packet<'a> {
    if let Some(plain) = Plain::of(frame) {
        return plain.packet();
    }
    let mut packet = Packet::EMPTY;
    dissect_any(&mut packet, frame);
    packet
}

/// The same, whatever the shape of the frame, into a packet that is still [`Packet::EMPTY`]. One
/// that is returned is copied just after it was written, in other pieces, which keeps a processor
/// waiting.
pub fn dissect_any<'a>(packet: &mut Packet<'a>, frame: &Captured<'a>) {
    if let Err(error) = network(packet, frame) {
        let is_explained = frame.is_cut() && matches!(error, WireError::Truncated { .. });
        packet.malformed = (!is_explained).then_some(error);
    }
}

#[inline]
fn network<'a>(packet: &mut Packet<'a>, frame: &Captured<'a>) -> Result<(), WireError> {
    let (ethertype, bytes) =
        linked::untag(linked::link(frame)?, frame.stripped_vlan, &mut packet.vlan)?;
    packet.network = Network::Other(ethertype);
    match ethertype {
        ethernet::IPV4 => ipv4(packet, frame, bytes),
        ethernet::IPV6 => ipv6(packet, frame, bytes),
        ethernet::ARP => {
            packet.network = Network::Arp;
            Arp::parse(bytes).map(drop)
        }
        _ => Ok(()),
    }
}

fn ipv4<'a>(
    packet: &mut Packet<'a>,
    frame: &Captured<'a>,
    bytes: &'a [u8],
) -> Result<(), WireError> {
    let ip = Ipv4::parse(bytes)?;
    packet.network =
        Network::Ip { source: IpAddr::V4(ip.source()), destination: IpAddr::V4(ip.destination()) };
    packet.ipv4 = Some(ip.checksum());
    let payload = ip.payload(frame.wire_len_of(bytes))?;
    let carried = Carried {
        protocol: ip.protocol(),
        l4: l4_of(ip.protocol()),
        bytes: payload.bytes,
        pseudo: ip.pseudo_header(),
        unverified: unverified(frame, payload.extent, ip.fragmentation()),
    };
    if let Fragmentation::Part { identification, offset_and_flags } = ip.fragmentation() {
        packet.fragment =
            Some(Fragment::new(ip.protocol(), identification, offset_and_flags, &payload));
    }
    packet.malformed = payload.malformed(transport(packet, &carried));
    Ok(())
}

fn ipv6<'a>(
    packet: &mut Packet<'a>,
    frame: &Captured<'a>,
    bytes: &'a [u8],
) -> Result<(), WireError> {
    let ip = Ipv6::parse(bytes)?;
    packet.network =
        Network::Ip { source: IpAddr::V6(ip.source()), destination: IpAddr::V6(ip.destination()) };
    let payload = ip.payload(frame.wire_len_of(bytes));
    let inner = Upper::find(ip.next_header(), payload.bytes).and_then(|upper| {
        let carried = Carried {
            protocol: upper.protocol,
            l4: l4_of_v6(upper.protocol),
            bytes: upper.bytes,
            pseudo: ip.pseudo_header(&upper),
            unverified: unverified(frame, payload.extent, upper.fragmentation),
        };
        // Where an unfinished route leads stands in this part only, and the whole's checksum
        // covers it: that whole cannot be verified.
        if upper.destination.is_none()
            && let Fragmentation::Part { identification, offset_and_flags } = upper.fragmentation
        {
            let part = Payload { bytes: upper.bytes, extent: payload.extent };
            packet.fragment =
                Some(Fragment::new(upper.protocol, identification, offset_and_flags, &part));
        }
        transport(packet, &carried)
    });
    packet.malformed = payload.malformed(inner);
    Ok(())
}

#[inline]
pub(super) fn l4_of(protocol: u8) -> Option<L4> {
    match protocol {
        tcp::PROTOCOL => Some(L4::Tcp),
        udp::PROTOCOL => Some(L4::Udp),
        icmp::PROTOCOL => Some(L4::Icmp),
        _ => None,
    }
}

#[inline]
pub(super) fn l4_of_v6(protocol: u8) -> Option<L4> {
    match protocol {
        tcp::PROTOCOL => Some(L4::Tcp),
        udp::PROTOCOL => Some(L4::Udp),
        icmp::PROTOCOL_V6 => Some(L4::Icmpv6),
        _ => None,
    }
}

/// What IP carries, whichever version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried<'a> {
    pub(super) protocol: u8,
    pub(super) l4: Option<L4>,
    pub(super) bytes: &'a [u8],
    pub(super) pseudo: PseudoHeader,
    /// Why there is nothing to compare, as far as IP and the capture know.
    pub(super) unverified: Option<Unverified>,
}

impl Carried<'_> {
    #[inline]
    fn verdict(&self, compare: impl FnOnce(PseudoHeader) -> Checksum) -> Checksum {
        match self.unverified {
            None => compare(self.pseudo),
            Some(reason) => Checksum::Unverified(reason),
        }
    }
}

#[inline]
fn unverified(
    frame: &Captured<'_>,
    extent: Extent,
    fragmentation: Fragmentation,
) -> Option<Unverified> {
    match (fragmentation, frame.checksum_pending, extent) {
        (Fragmentation::Part { .. }, ..) => Some(Unverified::Fragment),
        (Fragmentation::None, true, _) => Some(Unverified::Offloaded),
        (Fragmentation::None, false, Extent::Cut | Extent::Overrun(_)) => {
            Some(Unverified::Truncated)
        }
        (Fragmentation::None, false, Extent::Whole) => None,
    }
}

#[inline]
pub(super) fn transport<'a>(
    packet: &mut Packet<'a>,
    carried: &Carried<'a>,
) -> Result<(), WireError> {
    let Some(l4) = carried.l4 else { return tunnelled(packet, carried) };
    if carried.unverified == Some(Unverified::Fragment) {
        packet.l4 = Some((l4, Checksum::Unverified(Unverified::Fragment)));
        return Ok(());
    }
    // Stands if the header is not all there.
    packet.l4 = Some((l4, Checksum::Unverified(Unverified::Truncated)));
    match l4 {
        L4::Tcp => tcp(packet, carried),
        L4::Udp => udp(packet, carried),
        L4::Icmp => {
            let icmp = Icmp::parse(Layer::Icmp, carried.bytes)?;
            packet.transport = Transport::Icmp;
            packet.l4 = Some((l4, carried.verdict(|_| icmp.checksum())));
            Ok(())
        }
        L4::Icmpv6 => {
            let icmp = Icmp::parse(Layer::Icmpv6, carried.bytes)?;
            packet.transport = Transport::Icmpv6;
            packet.l4 = Some((l4, carried.verdict(|pseudo| icmp.checksum_v6(pseudo))));
            Ok(())
        }
    }
}

#[cold]
fn tunnelled<'a>(packet: &mut Packet<'a>, carried: &Carried<'a>) -> Result<(), WireError> {
    if carried.unverified != Some(Unverified::Fragment) {
        packet.tunnelled = tunnel::in_ip(carried.protocol, carried.bytes)?;
    }
    Ok(())
}

#[inline]
fn tcp<'a>(packet: &mut Packet<'a>, carried: &Carried<'a>) -> Result<(), WireError> {
    let tcp = Tcp::parse(carried.bytes)?;
    packet.l4 = Some((L4::Tcp, carried.verdict(|pseudo| tcp.checksum(pseudo))));
    packet.transport = Transport::Tcp(Segment::of(&tcp, tcp.payload()?));
    Ok(())
}

#[inline]
fn udp<'a>(packet: &mut Packet<'a>, carried: &Carried<'a>) -> Result<(), WireError> {
    let udp = Udp::parse(carried.bytes)?;
    packet.l4 = Some((L4::Udp, carried.verdict(|pseudo| udp.checksum(pseudo))));
    packet.transport = Transport::Udp {
        source_port: udp.source_port(),
        destination_port: udp.destination_port(),
        payload: udp.payload(),
    };
    if udp.destination_port() == tunnel::VXLAN_PORT {
        packet.tunnelled = tunnel::vxlan(udp.payload())?;
    }
    udp.length().map(drop)
}
