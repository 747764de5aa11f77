//! What nearly every frame of a plant is: Ethernet without a tag in the frame, IPv4 without options
//! and in one piece, a TCP segment that is all there, and both checksums right.
//!
//! It is read with the views that read every other frame, and nothing is decided here but that
//! there is nothing to decide. Any other frame is left for the way that tells what is wrong with it.

use std::net::IpAddr;

use crate::wire::checksum::Checksum;
use crate::wire::ethernet;
use crate::wire::ethernet::Ethernet;
use crate::wire::ipv4::Ipv4;
use crate::wire::payload::Fragmentation;
use crate::wire::tcp;
use crate::wire::tcp::Tcp;
use crate::wire::vlan;

use super::Captured;
use super::L4;
use super::Link;
use super::Network;
use super::Packet;
use super::Segment;
use super::Transport;
use super::Vlan;

/// A frame of this shape, dissected and verified.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    pub vlan: Vlan,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub segment: Segment<'a>,
}

impl<'a> Plain<'a> {
    /// `None` for every other frame.
    #[inline]
    pub fn of(frame: &Captured<'a>) -> Option<Self> {
        if frame.link != Link::Ethernet || frame.checksum_pending {
            return None;
        }
        let ethernet = Ethernet::parse(frame.bytes).ok()?;
        if ethernet.ethertype() != ethernet::IPV4 {
            return None;
        }
        let ip = Ipv4::without_options(ethernet.payload())?;
        if ip.protocol() != tcp::PROTOCOL || ip.fragmentation() != Fragmentation::None {
            return None;
        }
        let tcp = Tcp::parse(ip.whole_payload()?).ok()?;
        let payload = tcp.payload().ok()?;
        if !ip.is_intact() || !tcp.is_intact(ip.pseudo_header()) {
            return None;
        }
        Some(Self {
            vlan: Vlan { outer: frame.stripped_vlan.map_or(0, vlan::id), inner: 0 },
            source: IpAddr::V4(ip.source()),
            destination: IpAddr::V4(ip.destination()),
            segment: Segment::of(&tcp, payload),
        })
    }

    /// The same frame, as one that may be anything.
    #[inline]
    pub fn packet(&self) -> Packet<'a> {
        let Self { vlan, source, destination, segment } = *self;
        Packet {
            vlan,
            network: Network::Ip { source, destination },
            transport: Transport::Tcp(segment),
            ipv4: Some(Checksum::Valid),
            l4: Some((L4::Tcp, Checksum::Valid)),
            ..Packet::EMPTY
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use crate::wire::fixture;

    use super::super::dissect::dissect_any;
    use super::*;

    fn captured(bytes: &[u8], wire_len: usize) -> Captured<'_> {
        let wire_len = u32::try_from(wire_len).unwrap();
        let (link, stripped_vlan, checksum_pending) = (Link::Ethernet, None, false);
        Captured { link, bytes, wire_len, stripped_vlan, checksum_pending }
    }

    /// Whether the frame is plain; if it is, it must be dissected as any other is.
    fn is_plain(frame: &Captured<'_>) -> bool {
        let mut any = Packet::EMPTY;
        dissect_any(&mut any, frame);
        let plain = Plain::of(frame);
        assert!(plain.is_none_or(|plain| plain.packet() == any), "{plain:?} is {any:?}");
        plain.is_some()
    }

    fn over_tcp(payload: &[u8]) -> Vec<u8> {
        let segment = fixture::segment(tcp::PROTOCOL, &fixture::addresses_v4(), payload);
        fixture::ethernet(ethernet::IPV4, &fixture::ipv4(tcp::PROTOCOL, &[], &segment))
    }

    #[test]
    fn every_flipped_bit_and_every_prefix_is_dissected_as_any_frame_is() {
        let bytes = [over_tcp(&fixture::MODBUS), vec![0; 9]].concat();
        assert!(is_plain(&captured(&bytes, bytes.len())));
        for len in 0..bytes.len() {
            is_plain(&captured(&bytes[..len], bytes.len()));
            is_plain(&captured(&bytes[..len], len));
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            is_plain(&captured(&bytes, bytes.len()));
        }
    }

    proptest! {
        #[test]
        fn what_is_of_this_shape_is_dissected_as_any_frame_is(
            payload in vec(any::<u8>(), 0..200),
            flips in vec((any::<Index>(), any::<u8>()), 0..3),
            (padding, cut) in (0_usize..8, prop_oneof![Just(0), 0_usize..80]),
            (stripped_vlan, checksum_pending) in (any::<Option<u16>>(), prop::bool::weighted(0.1)),
            link in prop_oneof![Just(Link::Ethernet), Just(Link::Raw), Just(Link::Sll)],
        ) {
            let mut bytes = [over_tcp(&payload), vec![0; padding]].concat();
            for (at, value) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            let wire_len = bytes.len();
            bytes.truncate(wire_len - cut.min(wire_len));
            let frame = captured(&bytes, wire_len);
            let found = is_plain(&Captured { link, stripped_vlan, checksum_pending, ..frame });
            let is_intact = flips.is_empty() && cut <= padding;
            prop_assert!(!is_intact || found == (link == Link::Ethernet && !checksum_pending));
        }

        #[test]
        fn arbitrary_headers_are_dissected_as_any_frame_is(
            rest in vec(any::<u8>(), 0..100),
            version in prop_oneof![Just(0x45), any::<u8>()],
        ) {
            let mut bytes = fixture::ethernet(ethernet::IPV4, &rest);
            if bytes.len() > 24 {
                bytes[14] = version;
                bytes[16] = 0;
                bytes[20] &= 0x20;
                bytes[23] = tcp::PROTOCOL;
            }
            is_plain(&captured(&bytes, bytes.len()));
        }
    }
}
