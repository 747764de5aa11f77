use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::wire::Layer;
use crate::wire::checksum::Unverified;
use crate::wire::ethernet::IPV4;
use crate::wire::ethernet::IPV6;
use crate::wire::fixture;
use crate::wire::fixture::MODBUS;

const TCP: u8 = 6;
const UDP: u8 = 17;
const OFFLOADED: Checksum = Checksum::Unverified(Unverified::Offloaded);
const TRUNCATED: Checksum = Checksum::Unverified(Unverified::Truncated);

fn captured(bytes: &[u8]) -> Captured<'_> {
    Captured {
        link: Link::Ethernet,
        bytes,
        wire_len: u32::try_from(bytes.len()).unwrap(),
        stripped_vlan: None,
        checksum_pending: false,
    }
}

fn verdict(bytes: &[u8]) -> Option<Checksum> {
    dissect(&captured(bytes)).l4.map(|(_, verdict)| verdict)
}

fn over_v4(protocol: u8, segment: &[u8]) -> Vec<u8> {
    fixture::ethernet(IPV4, &fixture::ipv4(protocol, &[], segment))
}

fn over_v6(protocol: u8, segment: &[u8]) -> Vec<u8> {
    fixture::ethernet(IPV6, &fixture::ipv6(protocol, segment))
}

/// A Modbus request over TCP and IPv4.
fn request() -> Vec<u8> {
    over_v4(TCP, &fixture::segment(TCP, &fixture::addresses_v4(), &MODBUS))
}

/// One frame of each kind that the decoders tell apart.
fn frames() -> Vec<(Link, Vec<u8>)> {
    let (v4, v6) = (fixture::addresses_v4(), fixture::addresses_v6());
    let tagged = fixture::tag(7, 0x8100, &fixture::tag(8, IPV4, &request()[14..]));
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[9; 20]].concat();
    let options = [&[UDP, 0, 1, 4, 0, 0, 0, 0], &fixture::segment(UDP, &v6, &MODBUS)[..]].concat();
    vec![
        (Link::Ethernet, request()),
        (Link::Ethernet, over_v4(UDP, &fixture::segment(UDP, &v4, &MODBUS))),
        (Link::Ethernet, over_v4(1, &fixture::segment(1, &[], &MODBUS))),
        (Link::Ethernet, over_v6(TCP, &fixture::segment(TCP, &v6, &MODBUS))),
        (Link::Ethernet, over_v6(58, &fixture::segment(58, &v6, &MODBUS))),
        (Link::Ethernet, over_v6(0, &options)),
        (Link::Ethernet, fixture::ethernet(0x88a8, &tagged)),
        (Link::Ethernet, fixture::ethernet(0x0806, &arp)),
        (Link::Raw, request()[14..].to_vec()),
        (Link::Sll, [&[0; 14][..], &[8, 0], &request()[14..]].concat()),
        (Link::Sll2, [&[8, 0][..], &[0; 18], &request()[14..]].concat()),
    ]
}

#[test]
fn a_modbus_request_is_dissected_to_its_payload() {
    let bytes = request();
    let packet = dissect(&captured(&bytes));
    let (source, destination) = (IpAddr::from(fixture::SOURCE), IpAddr::from(fixture::DESTINATION));
    assert_eq!(packet.network, Network::Ip { source, destination });
    assert_eq!((packet.ipv4, packet.l4), (Some(Checksum::Valid), Some((L4::Tcp, Checksum::Valid))));
    let Transport::Tcp(segment) = packet.transport else { panic!("{packet:?}") };
    assert_eq!((segment.source_port, segment.destination_port), (40_000, 502));
    assert_eq!(segment.payload, MODBUS);
    assert!(segment.flags.any(Flags::ACK) && !segment.flags.any(Flags::SYN | Flags::RST));
}

#[test]
fn every_kind_of_frame_verifies() {
    for (link, bytes) in frames() {
        let packet = dissect(&Captured { link, ..captured(&bytes) });
        assert_eq!(packet.malformed, None, "{packet:?}");
        match packet.l4 {
            Some((_, verdict)) => assert_eq!(verdict, Checksum::Valid, "{packet:?}"),
            None => assert_eq!(packet.network, Network::Arp),
        }
    }
}

#[test]
fn a_flipped_bit_behind_the_link_header_is_found_or_the_packet_is_malformed() {
    for bytes in [request(), frames()[1].1.clone(), frames()[2].1.clone()] {
        for bit in 14 * 8..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let packet = dissect(&captured(&bytes));
            let verdicts = [packet.ipv4, packet.l4.map(|(_, verdict)| verdict)];
            let is_found = verdicts.iter().any(|v| matches!(v, Some(Checksum::Invalid(_))));
            assert!(is_found || packet.malformed.is_some(), "bit {bit}: {packet:?}");
        }
    }
}

#[test]
fn what_the_card_was_to_fill_in_is_offloaded() {
    let (v4, v6) = (fixture::addresses_v4(), fixture::addresses_v6());
    for (protocol, len) in [(TCP, 32 + 12), (TCP, 0), (UDP, 8 + 12), (UDP, 0)] {
        let segment = fixture::offloaded(protocol, &v4, &MODBUS, len);
        assert_eq!(verdict(&over_v4(protocol, &segment)), Some(OFFLOADED), "{protocol} {len}");
        let segment = fixture::offloaded(protocol, &v6, &MODBUS, len);
        assert_eq!(verdict(&over_v6(protocol, &segment)), Some(OFFLOADED), "{protocol} {len}");
    }
}

#[test]
fn a_pending_checksum_is_offloaded_whatever_is_stored() {
    let bytes = request();
    let packet = dissect(&Captured { checksum_pending: true, ..captured(&bytes) });
    assert_eq!((packet.ipv4, packet.l4), (Some(Checksum::Valid), Some((L4::Tcp, OFFLOADED))));
}

#[test]
fn big_tcp_is_judged_with_its_real_length() {
    let (v4, payload) = (fixture::addresses_v4(), vec![0x5a; 80_000]);
    let len = 32 + payload.len();
    let intact = over_v4(TCP, &fixture::segment(TCP, &v4, &payload));
    assert_eq!(intact[16..18], [0, 0], "the total length does not fit");
    assert_eq!(verdict(&intact), Some(Checksum::Valid));
    let offloaded = over_v4(TCP, &fixture::offloaded(TCP, &v4, &payload, len));
    assert_eq!(verdict(&offloaded), Some(OFFLOADED));
    let mut corrupt = intact;
    corrupt[70_000] ^= 1;
    assert!(matches!(verdict(&corrupt), Some(Checksum::Invalid(_))));
}

#[test]
fn a_fragment_on_its_way_through_a_router_is_not_put_together() {
    let part = [&[17, 0, 0, 1, 0, 0, 0, 7], &b"8 octets"[..]].concat();
    for (segments_left, is_kept) in [(0, true), (1, false)] {
        let route = [&[44, 2, 0, segments_left, 0, 0, 0, 0], &[9; 16][..]].concat();
        let ip = fixture::ipv6(43, &[route, part.clone()].concat());
        let frame = fixture::ethernet(IPV6, &ip);
        let packet = dissect(&captured(&frame));
        assert_eq!(packet.fragment.is_some(), is_kept, "{packet:?}");
        let unverified = Checksum::Unverified(Unverified::Fragment);
        assert_eq!((packet.l4, packet.malformed), (Some((L4::Udp, unverified)), None));
    }
}

#[test]
fn a_fragment_has_a_judged_header_and_no_transport() {
    for flags in [0x20, 0x00] {
        let mut bytes = request();
        bytes[20..22].copy_from_slice(&[flags, 1]);
        fixture::fill_ipv4_checksum(&mut bytes[14..]);
        let packet = dissect(&captured(&bytes));
        let fragment = Checksum::Unverified(Unverified::Fragment);
        assert_eq!((packet.ipv4, packet.l4), (Some(Checksum::Valid), Some((L4::Tcp, fragment))));
        assert!(matches!(packet.transport, Transport::Other));
    }
}

#[test]
fn a_cut_capture_is_truncated_and_not_malformed() {
    let whole = request();
    for end in 14..whole.len() {
        let bytes = &whole[..end];
        let packet = dissect(&Captured { wire_len: 78, ..captured(bytes) });
        assert_eq!(packet.malformed, None, "{end} bytes");
        let expected = (end >= 14 + 20).then_some((L4::Tcp, TRUNCATED));
        assert_eq!(packet.l4, expected, "{end} bytes");
    }
}

#[test]
fn a_length_beyond_the_wire_is_malformed_and_truncated() {
    let whole = request();
    let packet = dissect(&captured(&whole[..70]));
    let error = WireError::Truncated { layer: Layer::Ipv4, need: 44, have: 36 };
    assert_eq!(packet.malformed, Some(error));
    assert_eq!((packet.ipv4, packet.l4), (Some(Checksum::Valid), Some((L4::Tcp, TRUNCATED))));
    assert!(matches!(packet.transport, Transport::Tcp(_)), "what is there is given");
}

#[test]
fn padding_does_not_enter_a_sum() {
    let segment = fixture::segment(UDP, &fixture::addresses_v4(), b"abc");
    let padded = [over_v4(UDP, &segment), vec![0xee; 15]].concat();
    assert_eq!(verdict(&padded), Some(Checksum::Valid));
}

#[test]
fn vlan_identifiers_are_kept_outermost_first() {
    let inner = fixture::tag(8, IPV4, &request()[14..]);
    let two = fixture::ethernet(0x88a8, &fixture::tag(7, 0x8100, &inner));
    let one = fixture::ethernet(0x8100, &inner);
    let none = request();
    for (bytes, stripped, outer, inner) in [
        (&none, None, 0, 0),
        (&none, Some(0xe006), 6, 0),
        (&one, None, 8, 0),
        (&one, Some(6), 6, 8),
        (&two, None, 7, 8),
        (&two, Some(6), 6, 7),
    ] {
        let packet = dissect(&Captured { stripped_vlan: stripped, ..captured(bytes) });
        assert_eq!(packet.vlan, Vlan { outer, inner });
        assert_eq!(packet.l4, Some((L4::Tcp, Checksum::Valid)));
    }
}

#[test]
fn a_tower_of_tags_ends_somewhere() {
    let tower = fixture::ethernet(0x8100, &[0, 5, 0x81, 0].repeat(1000));
    let packet = dissect(&captured(&tower));
    assert_eq!(
        (packet.network, packet.vlan),
        (Network::Other(0x8100), Vlan { outer: 5, inner: 5 })
    );
}

#[test]
fn no_prefix_and_no_flipped_bit_panics() {
    for (link, bytes) in frames() {
        for wire_len in [0, 60, 2000] {
            fixture::spoil(&bytes, |bytes| {
                dissect(&Captured { link, wire_len, ..captured(bytes) });
            });
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_dissected(bytes in prop::collection::vec(any::<u8>(), 0..200), wire_len: u32, tci: Option<u16>, checksum_pending: bool) {
        for link in [Link::Ethernet, Link::Raw, Link::Sll, Link::Sll2] {
            let bytes = &bytes;
            dissect(&Captured { link, bytes, wire_len, stripped_vlan: tci, checksum_pending });
        }
    }

    /// Random bytes seldom get past the EtherType; these start where it counts.
    #[test]
    fn any_bytes_behind_a_valid_start_are_dissected(frame in 0_usize..11, keep in 0_usize..80, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (link, start) = frames().swap_remove(frame);
        let bytes = [start.get(..keep).unwrap_or(&start), &bytes].concat();
        dissect(&Captured { link, ..captured(&bytes) });
    }
}
