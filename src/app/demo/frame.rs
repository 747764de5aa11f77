//! The packet that gets damaged: a controller's reply between two documentation addresses
//! (RFC 5737), which no host on the loopback interface takes for its own.

use super::line::flip_bit;

/// First byte of the Modbus PDU.
const PDU: usize = 61;

/// Ethernet, IPv4, TCP, MBAP and three registers. Every checksum in it is right.
#[rustfmt::skip]
const INTACT: [u8; 69] = [
    0x02, 0x00, 0x00, 0x00, 0x00, 0x14, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x08, 0x00,
    0x45, 0x00, 0x00, 0x37, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0xa4, 0x6e,
    192, 0, 2, 10, 192, 0, 2, 20,
    0x01, 0xf6, 0x9c, 0x41, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x20, 0x00,
    0x50, 0x18, 0x20, 0x00, 0x24, 0x57, 0x00, 0x00,
    0x00, 0x01, 0x00, 0x00, 0x00, 0x09, 0x01,
    0x03, 0x06, 0x01, 0x48, 0x00, 0x26, 0x01, 0xa4,
];

/// The packet with one bit of its PDU flipped, counted from the PDU's first.
pub(super) fn damaged(bit: usize) -> [u8; INTACT.len()] {
    let mut frame = INTACT;
    flip_bit(&mut frame, PDU * 8 + bit % ((INTACT.len() - PDU) * 8));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Checksum;
    use crate::wire::packet::Captured;
    use crate::wire::packet::L4;
    use crate::wire::packet::Link;
    use crate::wire::packet::Packet;
    use crate::wire::packet::dissect;

    fn dissected(frame: &[u8]) -> Packet<'_> {
        dissect(&Captured {
            link: Link::Ethernet,
            bytes: frame,
            wire_len: u32::try_from(frame.len()).unwrap(),
            stripped_vlan: None,
            checksum_pending: false,
        })
    }

    #[test]
    fn the_packet_is_intact_until_a_bit_is_flipped_and_then_only_tcp_tells() {
        assert_eq!(dissected(&INTACT).l4, Some((L4::Tcp, Checksum::Valid)));
        for bit in 0..200 {
            let frame = damaged(bit);
            let packet = dissected(&frame);
            assert_eq!((packet.ipv4, packet.malformed), (Some(Checksum::Valid), None), "{bit}");
            assert!(matches!(packet.l4, Some((L4::Tcp, Checksum::Invalid(_)))), "{bit}");
        }
    }
}
