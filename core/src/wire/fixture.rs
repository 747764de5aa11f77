//! Frames for tests, built from the inside out, and the ways to spoil them.

use std::net::Ipv6Addr;

use crate::wire::checksum;

pub(crate) const SOURCE: [u8; 4] = [192, 0, 2, 1];
pub(crate) const DESTINATION: [u8; 4] = [192, 0, 2, 2];
pub(crate) const SOURCE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub(crate) const DESTINATION_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
pub(crate) const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xff);

/// A request for ten holding registers.
pub(crate) const MODBUS: [u8; 12] = [0, 1, 0, 0, 0, 6, 17, 3, 0, 107, 0, 10];

/// Offset of the checksum in a segment of `protocol`.
fn checksum_at(protocol: u8) -> usize {
    match protocol {
        6 => 16,
        17 => 6,
        _ => 2,
    }
}

pub(crate) fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ethertype.to_be_bytes()[..], payload].concat()
}

/// What follows the EtherType that announces a tag.
pub(crate) fn tag(id: u16, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&(0xe000 | id).to_be_bytes(), &ethertype.to_be_bytes()[..], payload].concat()
}

/// A packet whose header checksum is right. `options` is padded to a multiple of four.
pub(crate) fn ipv4(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = options.len().div_ceil(4);
    let total = u16::try_from(20 + words * 4 + payload.len()).unwrap_or(0);
    let mut header = vec![0x45 + u8::try_from(words).unwrap(), 0];
    header.extend(total.to_be_bytes());
    header.extend([0x12, 0x34, 0x40, 0, 64, protocol, 0, 0]);
    header.extend(SOURCE.into_iter().chain(DESTINATION));
    header.extend(options);
    header.resize(20 + words * 4, 0);
    fill_ipv4_checksum(&mut header);
    [header, payload.to_vec()].concat()
}

pub(crate) fn fill_ipv4_checksum(packet: &mut [u8]) {
    let header = &mut packet[..20];
    header[10..12].fill(0);
    let len = usize::from(header[0] & 0xf) * 4;
    let stored = checksum::finish(checksum::sum(0, &packet[..len]));
    packet[10..12].copy_from_slice(&stored.to_be_bytes());
}

pub(crate) fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(u16::try_from(payload.len()).unwrap_or(0).to_be_bytes());
    packet.extend([next_header, 64]);
    packet.extend(SOURCE_V6.octets().into_iter().chain(DESTINATION_V6.octets()));
    packet.extend(payload);
    packet
}

/// A segment with the header of `protocol` and the right checksum between two addresses.
pub(crate) fn segment(protocol: u8, addresses: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut segment = match protocol {
        6 => tcp_header(),
        17 => udp_header(payload.len()),
        _ => vec![8, 0, 0, 0, 0x12, 0x34, 0, 1],
    };
    segment.extend(payload);
    let at = checksum_at(protocol);
    let sum = checksum::sum(pseudo_sum(protocol, addresses, segment.len()), &segment);
    segment[at..at + 2].copy_from_slice(&checksum::finish(sum).to_be_bytes());
    segment
}

/// The same with what an operating system leaves to the network card, which is told `len`.
pub(crate) fn offloaded(protocol: u8, addresses: &[u8], payload: &[u8], len: usize) -> Vec<u8> {
    let mut segment = segment(protocol, addresses, payload);
    let at = checksum_at(protocol);
    let partial = !checksum::finish(pseudo_sum(protocol, addresses, len));
    segment[at..at + 2].copy_from_slice(&partial.to_be_bytes());
    segment
}

/// The pseudo-header as RFC 8200 draws it; its sum is that of IPv4's too. `ICMPv4` has none.
fn pseudo_sum(protocol: u8, addresses: &[u8], len: usize) -> u32 {
    let len = u32::try_from(len).unwrap().to_be_bytes();
    let pseudo = [addresses, &len, &[0, 0, 0, protocol]].concat();
    if protocol == 1 { 0 } else { checksum::sum(0, &pseudo) }
}

/// From port 40000 to 502, PSH and ACK, with a timestamp option.
fn tcp_header() -> Vec<u8> {
    let mut header = vec![0x9c, 0x40, 0x01, 0xf6, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x18];
    header.extend([0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4]);
    header
}

fn udp_header(payload_len: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(8 + payload_len).unwrap().to_be_bytes();
    vec![0x9c, 0x40, 0x01, 0xf6, high, low, 0, 0]
}

pub(crate) fn addresses_v4() -> Vec<u8> {
    [SOURCE, DESTINATION].concat()
}

pub(crate) fn addresses_v6() -> Vec<u8> {
    [SOURCE_V6.octets(), DESTINATION_V6.octets()].concat()
}

/// Sender and target of an ARP packet, which is a request (1) or a reply (2).
pub(crate) fn arp(operation: u8, mac: [u8; 6], sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let fixed = [0, 1, 8, 0, 6, 4, 0, operation];
    [&fixed[..], &mac, &sender, &[0; 6], &target].concat()
}

/// A GOOSE frame from the APPID on, with these numbers and flags, to be followed within a time.
pub(crate) fn goose(ttl: &[u8], state: &[u8], sequence: &[u8], flags: [u8; 2]) -> Vec<u8> {
    let field =
        |tag: u8, value: &[u8]| [&[tag, u8::try_from(value.len()).unwrap()], value].concat();
    let content = [
        field(0x80, b"IED1LD0/LLN0$GO$gcb_A"),
        field(0x81, ttl),
        field(0x82, b"IED1LD0/LLN0$ds"),
        field(0x83, b"trip"),
        field(0x84, &[0; 8]),
        field(0x85, state),
        field(0x86, sequence),
        field(0x87, &[flags[0]]),
        field(0x88, &[1]),
        field(0x89, &[flags[1]]),
        field(0x8a, &[1]),
        field(0xab, &[0x83, 1, 0]),
    ];
    let apdu = field(0x61, &content.concat());
    let len = u16::try_from(8 + apdu.len()).unwrap();
    [&[0x30, 1], &len.to_be_bytes()[..], &[0; 4], &apdu].concat()
}

/// Show `read` every prefix of `bytes`, and `bytes` with each bit flipped: none may panic.
pub(crate) fn spoil(bytes: &[u8], mut read: impl FnMut(&[u8])) {
    for end in 0..=bytes.len() {
        read(&bytes[..end]);
    }
    let mut spoiled = bytes.to_vec();
    for at in 0..bytes.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            spoiled[at] ^= mask;
            read(&spoiled);
            spoiled[at] ^= mask;
        }
    }
}
