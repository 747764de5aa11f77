use crate::wire::Checksum;
use crate::wire::fixture;
use crate::wire::fixture::MODBUS;
use crate::wire::packet::{L4, Packet, Transport, dissect};

use super::*;

fn captured(bytes: &[u8]) -> Captured<'_> {
    Captured {
        link: Link::Ethernet,
        bytes,
        wire_len: u32::try_from(bytes.len()).unwrap(),
        stripped_vlan: None,
        checksum_pending: false,
    }
}

/// A Modbus request over TCP and IPv4.
fn request() -> Vec<u8> {
    let segment = fixture::segment(6, &fixture::addresses_v4(), &MODBUS);
    fixture::ethernet(ethernet::IPV4, &fixture::ipv4(6, &[], &segment))
}

fn in_gre(header: &[u8], inner: &[u8]) -> Vec<u8> {
    fixture::ethernet(ethernet::IPV4, &fixture::ipv4(GRE, &[], &[header, inner].concat()))
}

fn in_vxlan(inner: &[u8]) -> Vec<u8> {
    let payload = [&[8, 0, 0, 0, 0, 0, 7, 0], inner].concat();
    let mut datagram = fixture::segment(17, &fixture::addresses_v4(), &payload);
    datagram[2..4].copy_from_slice(&VXLAN_PORT.to_be_bytes());
    datagram[6..8].fill(0); // as RFC 7348, section 5 asks for
    fixture::ethernet(ethernet::IPV4, &fixture::ipv4(17, &[], &datagram))
}

/// Every way in, each with a whole request inside.
fn tunnels() -> Vec<Vec<u8>> {
    let (frame, ip) = (request(), &request()[14..]);
    let erspan_ii = [0x10, 0x07, 0x10, 0x01, 0, 0, 0, 0];
    let erspan_iii = [0x20, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let with_subheader = [&erspan_iii[..11], &[1; 9]].concat();
    let of_ip = [0x20, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 2 << 2, 0];
    vec![
        in_gre(&[0, 0, 8, 0], ip),
        in_gre(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], ip),
        in_gre(&[0, 0, 0x65, 0x58], &frame),
        in_gre(&[0, 0, 0x88, 0xbe], &frame),
        in_gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &[&erspan_ii[..], &frame].concat()),
        in_gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &[&erspan_iii[..], &frame].concat()),
        in_gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &[&with_subheader[..], &frame].concat()),
        fixture::ethernet(ethernet::IPV4, &fixture::ipv4(IPV4_IN_IP, &[], ip)),
        fixture::ethernet(ethernet::IPV6, &fixture::ipv6(IPV4_IN_IP, ip)),
        in_vxlan(&frame),
        in_gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &[&of_ip[..], ip].concat()),
    ]
}

/// What is inside `outer`, dissected.
fn inside<'a>(outer: &Captured<'a>) -> Option<Packet<'a>> {
    let tunnelled = dissect(outer).tunnelled?;
    Some(dissect(&tunnelled.captured(outer)))
}

#[test]
fn a_request_is_found_in_every_tunnel_with_its_own_verdicts() {
    for bytes in tunnels() {
        let packet = inside(&captured(&bytes)).unwrap();
        let verdicts = (packet.ipv4, packet.l4);
        assert_eq!(verdicts, (Some(Checksum::Valid), Some((L4::Tcp, Checksum::Valid))));
        let Transport::Tcp(segment) = packet.transport else { panic!("{packet:?}") };
        assert_eq!(segment.payload, MODBUS);
        let mut spoiled = bytes.clone();
        *spoiled.last_mut().unwrap() ^= 1;
        let packet = inside(&captured(&spoiled)).unwrap();
        assert!(matches!(packet.l4, Some((L4::Tcp, Checksum::Invalid(_)))), "{packet:?}");
    }
}

#[test]
fn the_mirror_says_which_vlan_a_frame_was_on_unless_the_frame_does() {
    let vlans: Vec<_> =
        tunnels()[3..7].iter().map(|bytes| inside(&captured(bytes)).unwrap().vlan.outer).collect();
    assert_eq!(vlans, [0, 7, 7, 7]);
    let tagged = fixture::ethernet(0x8100, &fixture::tag(9, ethernet::IPV4, &request()[14..]));
    let erspan = [&[0x10, 0x07, 0x18, 0x01, 0, 0, 0, 0], &tagged[..]].concat();
    let bytes = in_gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &erspan);
    assert_eq!(inside(&captured(&bytes)).unwrap().vlan.outer, 9);
}

#[test]
fn a_frame_that_the_mirror_cut_is_not_corrupt() {
    let cut = &request()[..60];
    let erspan = [&[0x10, 0x07, 0x14, 0x01, 0, 0, 0, 0], cut].concat();
    let bytes = in_gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &erspan);
    let packet = inside(&captured(&bytes)).unwrap();
    assert!(matches!(packet.l4, Some((L4::Tcp, Checksum::Unverified(_)))), "{packet:?}");
    assert_eq!(packet.malformed, None);
}

#[test]
fn other_protocols_and_versions_are_left_alone() {
    for header in [[0, 1, 8, 0], [0x40, 0, 8, 0], [0, 0, 0x88, 0x48]] {
        let bytes = in_gre(&header, &request());
        let packet = dissect(&captured(&bytes));
        assert_eq!((packet.tunnelled, packet.malformed), (None, None));
    }
}

#[test]
fn a_mirrored_frame_of_no_known_type_is_left_alone() {
    let unknown = [&[0x20, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 1 << 2, 0], &request()[..]].concat();
    let bytes = in_gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &unknown);
    assert_eq!(inside(&captured(&bytes)).map(|packet| packet.network), None);
}

#[test]
fn spoiled_tunnels_never_panic() {
    for bytes in tunnels() {
        fixture::spoil(&bytes, |bytes| {
            let _ = inside(&captured(bytes));
        });
    }
}
