use super::*;
use crate::wire::checksum::Checksum;
use crate::wire::fixture;
use crate::wire::fixture::DESTINATION_V6;
use crate::wire::fixture::ROUTER_V6;
use crate::wire::payload::Extent;
use crate::wire::payload::Fragmentation;

const UDP: u8 = 17;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

fn upper(bytes: &[u8]) -> Result<Upper<'_>, WireError> {
    let ip = Ipv6::parse(bytes)?;
    let upper = Upper::find(ip.next_header(), ip.payload(bytes.len()).bytes)?;
    let _ = ip.pseudo_header(&upper);
    Ok(upper)
}

/// A routing header of `kind` in front of UDP, over `addresses`.
fn route(kind: u8, segments_left: u8, addresses: &[Ipv6Addr]) -> Vec<u8> {
    let units = u8::try_from(addresses.len() * 2).unwrap();
    let mut bytes = vec![UDP, units, kind, segments_left, 0, 0, 0, 0];
    bytes.extend(addresses.iter().flat_map(Ipv6Addr::octets));
    bytes
}

#[test]
fn a_plain_packet_leads_straight_to_its_transport() {
    let bytes = fixture::ipv6(UDP, b"payload");
    let ip = Ipv6::parse(&bytes).unwrap();
    assert_eq!((ip.source(), ip.destination()), (fixture::SOURCE_V6, DESTINATION_V6));
    let upper = upper(&bytes).unwrap();
    assert_eq!((upper.protocol, upper.bytes), (UDP, &b"payload"[..]));
}

#[test]
fn the_walk_steps_over_each_kind_of_extension_header() {
    let chain = [
        &[DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0][..],
        &[AUTHENTICATION, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[FRAGMENT, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
        &[UDP, 0, 0, 0, 0, 0, 0, 7],
        b"payload",
    ];
    let bytes = fixture::ipv6(HOP_BY_HOP, &chain.concat());
    let upper = upper(&bytes).unwrap();
    assert_eq!((upper.protocol, upper.bytes), (UDP, &b"payload"[..]));
    assert_eq!(upper.fragmentation, Fragmentation::None, "an atomic fragment is whole");
}

#[test]
fn the_last_stop_of_an_unfinished_route_is_the_checksums_destination() {
    let last = DESTINATION_V6;
    for (kind, segments_left, addresses, expected) in [
        (0, 2, &[ROUTER_V6, last][..], Some(last)),
        (0, 0, &[ROUTER_V6, last], None),
        (2, 1, &[last], Some(last)),
        (4, 1, &[last, ROUTER_V6], Some(last)),
        (253, 1, &[last], None),
    ] {
        let bytes = fixture::ipv6(ROUTING, &route(kind, segments_left, addresses));
        let destination = upper(&bytes).unwrap().destination.map(|octets| Ipv6Addr::from(*octets));
        assert_eq!(destination, expected, "type {kind}, {segments_left} left");
    }
}

#[test]
fn a_datagram_on_its_way_through_a_router_verifies() {
    let segment = fixture::segment(UDP, &fixture::addresses_v6(), b"payload");
    let payload = [route(0, 1, &[DESTINATION_V6]), segment].concat();
    let mut bytes = fixture::ipv6(ROUTING, &payload);
    bytes[24..40].copy_from_slice(&ROUTER_V6.octets());
    let upper = upper(&bytes).unwrap();
    let pseudo = Ipv6::parse(&bytes).unwrap().pseudo_header(&upper);
    let udp = crate::wire::udp::Udp::parse(upper.bytes).unwrap();
    assert_eq!(udp.checksum(pseudo), Checksum::Valid);
}

#[test]
fn the_walk_ends_at_a_fragment() {
    for (written, offset_and_flags) in [(0x0001_u16, 0x2000), (0x0008, 0x0001), (0xfff9, 0x3fff)] {
        let [high, low] = written.to_be_bytes();
        let part = Fragmentation::Part { identification: 7, offset_and_flags };
        let bytes = fixture::ipv6(FRAGMENT, &[UDP, 0, high, low, 0, 0, 0, 7, 1, 2, 3]);
        let upper = upper(&bytes).unwrap();
        assert_eq!((upper.protocol, upper.fragmentation), (UDP, part));
    }
}

#[test]
fn an_endless_chain_leads_to_no_transport() {
    let chain = [[DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0]; 100].concat();
    let bytes = fixture::ipv6(DESTINATION_OPTIONS, &chain);
    assert_eq!(upper(&bytes).unwrap().protocol, DESTINATION_OPTIONS);
}

#[test]
fn a_payload_length_of_zero_is_a_jumbogram_or_nothing() {
    for (next_header, expected) in [(tcp::PROTOCOL, 70_000), (HOP_BY_HOP, 70_000), (59, 0)] {
        let bytes = fixture::ipv6(next_header, &vec![0; 70_000]);
        let payload = Ipv6::parse(&bytes).unwrap().payload(bytes.len());
        assert_eq!((payload.bytes.len(), payload.extent), (expected, Extent::Whole));
    }
}

#[test]
fn spoiled_bytes_never_panic() {
    let chain = [
        &[ROUTING, 0, 1, 4, 0, 0, 0, 0][..],
        &route(0, 1, &[DESTINATION_V6]),
        &fixture::segment(UDP, &fixture::addresses_v6(), b"payload"),
    ];
    fixture::spoil(&fixture::ipv6(HOP_BY_HOP, &chain.concat()), |bytes| {
        let _ = upper(bytes);
    });
}
