//! IPv6 (RFC 8200): the fixed header, and the walk over extension headers to the transport.

mod extension;
#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::payload::Payload;
use crate::wire::pseudo_header::PseudoHeader;
use crate::wire::pseudo_header::Version;
use crate::wire::tcp;

pub use extension::Upper;

const HEADER_LEN: usize = 40;
const HOP_BY_HOP: u8 = 0;

/// The fixed header, and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6<'a> {
    fixed: &'a [u8; 8],
    source: &'a [u8; 16],
    destination: &'a [u8; 16],
    rest: &'a [u8],
}

impl<'a> Ipv6<'a> {
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Ipv6;
        let truncated = WireError::Truncated { layer, need: HEADER_LEN, have: bytes.len() };
        let (fixed, rest) = bytes.split_first_chunk().ok_or(truncated)?;
        let (source, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (destination, rest) = rest.split_first_chunk().ok_or(truncated)?;
        match fixed[0] >> 4 {
            6 => Ok(Self { fixed, source, destination, rest }),
            _ => Err(WireError::UnknownCode { layer, code: fixed[0] }),
        }
    }

    #[inline]
    pub fn source(&self) -> Ipv6Addr {
        Ipv6Addr::from(*self.source)
    }

    /// As the header states it; a routing header may lead further.
    #[inline]
    pub fn destination(&self) -> Ipv6Addr {
        Ipv6Addr::from(*self.destination)
    }

    /// Code of the first header after the fixed one.
    #[inline]
    pub fn next_header(&self) -> u8 {
        self.fixed[6]
    }

    /// What the header carries, extension headers included; `wire_len` is the length of the whole
    /// packet on the wire.
    #[inline]
    pub fn payload(&self, wire_len: usize) -> Payload<'a> {
        let wire_len = wire_len.saturating_sub(HEADER_LEN);
        let stated = match (u16::from_be_bytes([self.fixed[4], self.fixed[5]]), self.next_header())
        {
            // A jumbogram (RFC 2675, section 3), or BIG TCP without the jumbo option.
            (0, HOP_BY_HOP | tcp::PROTOCOL) => wire_len,
            (len, _) => usize::from(len),
        };
        Payload::new(Layer::Ipv6, self.rest, stated, wire_len)
    }

    #[inline]
    pub fn pseudo_header(&self, upper: &Upper<'_>) -> PseudoHeader {
        let destination = upper.destination.unwrap_or(self.destination);
        PseudoHeader::new(Version::V6, self.source, destination, upper.protocol)
    }
}
