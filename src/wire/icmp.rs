//! ICMP for IPv4 (RFC 792) and IPv6 (RFC 4443): type, code, and a checksum over all the rest.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::checksum;
use crate::wire::checksum::Checksum;
use crate::wire::header;
use crate::wire::pseudo_header::PseudoHeader;

pub const PROTOCOL: u8 = 1;
pub const PROTOCOL_V6: u8 = 58;

const HEADER_LEN: usize = 4;

/// One message of either version: all that the IP layer carried.
#[derive(Clone, Copy, Debug)]
pub struct Icmp<'a> {
    header: &'a [u8; HEADER_LEN],
    bytes: &'a [u8],
}

impl<'a> Icmp<'a> {
    /// `layer` is [`Layer::Icmp`] or [`Layer::Icmpv6`].
    #[inline]
    pub fn parse(layer: Layer, bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, _) = header(layer, bytes)?;
        Ok(Self { header, bytes })
    }

    pub fn kind(&self) -> u8 {
        self.header[0]
    }

    pub fn code(&self) -> u8 {
        self.header[1]
    }

    /// Verdict on a message over IPv4, which has no pseudo-header.
    #[inline]
    pub fn checksum(&self) -> Checksum {
        checksum::verify(0, self.bytes, self.stored()).into()
    }

    /// Verdict on a message over IPv6.
    #[inline]
    pub fn checksum_v6(&self, pseudo: PseudoHeader) -> Checksum {
        pseudo.verify(self.bytes, self.stored()).into()
    }

    #[inline]
    fn stored(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }
}
