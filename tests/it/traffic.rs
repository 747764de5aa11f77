//! Frames for tests, every checksum right.

use infra_monitor::wire::checksum::{finish, sum};

pub(crate) type Address = [u8; 4];

/// Where a segment stands in its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) source: (Address, u16),
    pub(crate) destination: (Address, u16),
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) flags: u8,
}

pub(crate) const SYN: u8 = 0x02;
pub(crate) const PSH_ACK: u8 = 0x18;

/// Not the last fragment, in the field of flags and offset (RFC 791, section 3.1).
pub(crate) const MORE_FRAGMENTS: u16 = 0x2000;
const DONT_FRAGMENT: u16 = 0x4000;

/// A UDP datagram over IPv4 and Ethernet.
pub(crate) fn udp(source: Address, destination: Address, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    let mut udp = [0xc000u16, 9, len, 0].map(u16::to_be_bytes).concat();
    udp.extend(payload);
    let checksum = match over_pseudo_header(17, source, destination, &udp) {
        0 => 0xffff, // RFC 768: a computed zero is sent as all ones
        checksum => checksum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    ipv4(17, (source, destination), (0, DONT_FRAGMENT), &udp)
}

/// A TCP segment over IPv4 and Ethernet.
pub(crate) fn tcp(at: &Standing, payload: &[u8]) -> Vec<u8> {
    let mut tcp = [at.source.1.to_be_bytes(), at.destination.1.to_be_bytes()].concat();
    tcp.extend(at.sequence.to_be_bytes());
    tcp.extend(at.acknowledgment.to_be_bytes());
    tcp.extend([0x50, at.flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    let checksum = over_pseudo_header(6, at.source.0, at.destination.0, &tcp);
    tcp[16..18].copy_from_slice(&checksum.to_be_bytes());
    ipv4(6, (at.source.0, at.destination.0), (0, DONT_FRAGMENT), &tcp)
}

/// A packet, or a fragment of one, that carries `payload`.
pub(crate) fn ipv4(
    protocol: u8,
    (source, destination): (Address, Address),
    (identification, flags_and_offset): (u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    let mut header = vec![0x45, 0];
    header.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
    header.extend(identification.to_be_bytes());
    header.extend(flags_and_offset.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend([source, destination].concat());
    let checksum = finish(sum(0, &header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(header);
    frame.extend(payload);
    frame
}

fn over_pseudo_header(protocol: u8, source: Address, destination: Address, bytes: &[u8]) -> u16 {
    let len = u32::try_from(bytes.len()).unwrap();
    let addresses = [source, destination].concat();
    finish(sum(sum(u32::from(protocol) + len, &addresses), bytes))
}
