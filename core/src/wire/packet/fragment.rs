//! Fragments of IP packets (RFC 791, section 3.2; RFC 8200, section 4.5), and what they were
//! before.

use std::net::IpAddr;

use crate::wire::WireError;
use crate::wire::ipv6::Upper;
use crate::wire::payload::Extent;
use crate::wire::payload::Fragmentation;
use crate::wire::payload::Payload;
use crate::wire::pseudo_header::PseudoHeader;
use crate::wire::pseudo_header::Version;

use super::Network;
use super::Packet;
use super::Vlan;
use super::dissect::{Carried, l4_of, l4_of_v6, transport};

/// A part of what an IP packet carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    pub protocol: u8,
    pub identification: u32,
    /// Of its first byte in the whole.
    pub offset: usize,
    pub is_last: bool,
    pub bytes: &'a [u8],
    /// False if the capture kept less than the wire carried.
    pub is_whole: bool,
}

impl<'a> Fragment<'a> {
    /// `offset_and_flags` as IPv4 has them: more to come in bit 13, eighths of the offset below.
    pub(super) fn new(
        protocol: u8,
        identification: u32,
        offset_and_flags: u16,
        payload: &Payload<'a>,
    ) -> Self {
        Self {
            protocol,
            identification,
            offset: usize::from(offset_and_flags & 0x1fff) * 8,
            is_last: offset_and_flags & 0x2000 == 0,
            bytes: payload.bytes,
            is_whole: payload.extent == Extent::Whole,
        }
    }
}

/// What fragments were before they were cut.
#[derive(Clone, Copy, Debug)]
pub struct Reassembled<'a> {
    pub vlan: Vlan,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub bytes: &'a [u8],
}

impl<'a> Reassembled<'a> {
    /// Dissect and verify it as if it had come in one packet.
    pub fn dissect(&self) -> Packet<'a> {
        let (source, destination) = (self.source, self.destination);
        let mut packet = Packet {
            vlan: self.vlan,
            network: Network::Ip { source, destination },
            ..Packet::EMPTY
        };
        packet.malformed = self.upper(&mut packet).err();
        packet
    }

    fn upper(&self, packet: &mut Packet<'a>) -> Result<(), WireError> {
        let carried = match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Carried {
                protocol: self.protocol,
                l4: l4_of(self.protocol),
                bytes: self.bytes,
                pseudo: PseudoHeader::new(Version::V4, &from.octets(), &to.octets(), self.protocol),
                unverified: None,
            },
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let upper = Upper::find(self.protocol, self.bytes)?;
                if upper.fragmentation != Fragmentation::None {
                    return Ok(()); // fragments of a fragment: nobody sends them
                }
                let (from, to) = (from.octets(), to.octets());
                let to = upper.destination.unwrap_or(&to);
                Carried {
                    protocol: upper.protocol,
                    l4: l4_of_v6(upper.protocol),
                    bytes: upper.bytes,
                    pseudo: PseudoHeader::new(Version::V6, &from, to, upper.protocol),
                    unverified: None,
                }
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return Ok(()),
        };
        transport(packet, &carried)
    }
}
