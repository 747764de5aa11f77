//! One frame, dissected: who talks to whom, what they say, and what its checksums are worth.

mod dissect;
mod fragment;
mod link_frame;
mod linked;
mod plain;
#[cfg(test)]
mod tests;
mod tunnel;

use std::net::IpAddr;

use super::tcp::Tcp;
use super::{Checksum, WireError};

pub use dissect::{dissect, dissect_any};
pub use fragment::{Fragment, Reassembled};
pub use link_frame::{LinkContent, LinkFrame};
pub use plain::Plain;
pub use tunnel::Tunnelled;

/// What the first byte of a frame belongs to (`LINKTYPE_` values of pcap; a ring is `Ethernet`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    /// An IPv4 or IPv6 header without a link header.
    Raw,
    /// Linux cooked capture, version 1.
    Sll,
    /// Linux cooked capture, version 2.
    Sll2,
}

/// VLAN identifiers, outermost first; 0 where there is no tag. Part of a conversation's identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vlan {
    pub outer: u16,
    pub inner: u16,
}

/// One dissected frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub vlan: Vlan,
    pub network: Network,
    pub transport: Transport<'a>,
    /// Verdict on the IPv4 header, if there is one.
    pub ipv4: Option<Checksum>,
    /// Verdict on the transport layer, if it has a checksum.
    pub l4: Option<(L4, Checksum)>,
    /// Set if the packet is only a part.
    pub fragment: Option<Fragment<'a>>,
    /// A frame inside this one, not looked at yet.
    pub tunnelled: Option<Tunnelled<'a>>,
    /// A structural error in the innermost layer reached; the layers above it are still given.
    pub malformed: Option<WireError>,
}

impl Packet<'_> {
    /// Of a frame in which nothing was recognised.
    pub const EMPTY: Self = Self {
        vlan: Vlan { outer: 0, inner: 0 },
        network: Network::Other(0),
        transport: Transport::Other,
        ipv4: None,
        l4: None,
        fragment: None,
        tunnelled: None,
        malformed: None,
    };
}

/// Layer 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Ip {
        source: IpAddr,
        destination: IpAddr,
    },
    Arp,
    /// Any other EtherType.
    Other(u16),
}

/// Layer 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport<'a> {
    Tcp(Segment<'a>),
    Udp {
        source_port: u16,
        destination_port: u16,
        payload: &'a [u8],
    },
    Icmp,
    Icmpv6,
    /// Any other protocol number, a fragment, or no transport layer.
    Other,
}

/// The parts of a TCP segment that reassembly needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: Flags,
    /// Header, options and payload: what the checksum covers.
    pub len: usize,
    pub payload: &'a [u8],
}

impl<'a> Segment<'a> {
    #[inline]
    fn of(tcp: &Tcp<'a>, payload: &'a [u8]) -> Self {
        Self {
            source_port: tcp.source_port(),
            destination_port: tcp.destination_port(),
            sequence: tcp.sequence(),
            acknowledgment: tcp.acknowledgment(),
            flags: Flags(tcp.control_bits()),
            len: tcp.len(),
            payload,
        }
    }

    /// True if it takes up no room in its stream.
    #[inline]
    pub fn is_acknowledgment(&self) -> bool {
        self.payload.is_empty() && !self.flags.any(Flags::SYN | Flags::FIN)
    }
}

/// TCP control bits (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const ACK: u8 = 0x10;

    /// True if any of the bits in `mask` is set.
    pub fn any(self, mask: u8) -> bool {
        self.0 & mask != 0
    }
}

/// Protocols whose checksum covers more than the IPv4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum L4 {
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
}

/// A frame as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    pub link: Link,
    /// From the link header on; may be shorter than `wire_len`.
    pub bytes: &'a [u8],
    pub wire_len: u32,
    /// Tag control information that the kernel took out of the frame.
    pub stripped_vlan: Option<u16>,
    /// True if the sender's NIC was still going to fill in the transport checksum.
    pub checksum_pending: bool,
}

impl Captured<'_> {
    /// True if the capture kept less than the wire carried.
    fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < u64::from(self.wire_len)
    }

    /// Length on the wire of `inner`, which runs to the end of the captured bytes.
    #[inline]
    fn wire_len_of(&self, inner: &[u8]) -> usize {
        let wire_len = usize::try_from(self.wire_len).unwrap_or(usize::MAX);
        let cut = wire_len.saturating_sub(self.bytes.len());
        inner.len() + cut
    }
}
