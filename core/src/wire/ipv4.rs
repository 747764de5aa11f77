//! IPv4 (RFC 791).

#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::checksum;
use crate::wire::checksum::Checksum;
use crate::wire::checksum::Unverified;
use crate::wire::header;
use crate::wire::payload::Fragmentation;
use crate::wire::payload::Payload;
use crate::wire::pseudo_header::PseudoHeader;
use crate::wire::tcp;

const HEADER_LEN: usize = 20;

/// A header with its options, and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4<'a> {
    header: &'a [u8; HEADER_LEN],
    options: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Ipv4<'a> {
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest) = header(Layer::Ipv4, bytes)?;
        if header[0] >> 4 != 4 {
            return Err(WireError::UnknownCode { layer: Layer::Ipv4, code: header[0] });
        }
        let stated = usize::from(header[0] & 0x0f) * 4;
        let bad_length = WireError::BadLength { layer: Layer::Ipv4, stated, minimum: HEADER_LEN };
        let options_len = stated.checked_sub(HEADER_LEN).ok_or(bad_length)?;
        let truncated =
            WireError::Truncated { layer: Layer::Ipv4, need: stated, have: bytes.len() };
        let (options, rest) = rest.split_at_checked(options_len).ok_or(truncated)?;
        Ok(Self { header, options, rest })
    }

    /// A header without options, which nearly all are. `None` is no error but any other header.
    #[inline]
    pub fn without_options(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest): (&[u8; HEADER_LEN], _) = bytes.split_first_chunk()?;
        let [0x45, ..] = header else { return None };
        Some(Self { header, options: &[], rest })
    }

    #[inline]
    pub fn source(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.header[12], self.header[13], self.header[14], self.header[15])
    }

    #[inline]
    pub fn destination(&self) -> Ipv4Addr {
        Ipv4Addr::new(self.header[16], self.header[17], self.header[18], self.header[19])
    }

    #[inline]
    pub fn protocol(&self) -> u8 {
        self.header[9]
    }

    /// "More fragments" and the offset; both are zero in a packet that is whole.
    #[inline]
    pub fn fragmentation(&self) -> Fragmentation {
        match u16::from_be_bytes([self.header[6], self.header[7]]) & 0x3fff {
            0 => Fragmentation::None,
            offset_and_flags => Fragmentation::Part {
                identification: u16::from_be_bytes([self.header[4], self.header[5]]).into(),
                offset_and_flags,
            },
        }
    }

    /// What the header carries; `wire_len` is the length of the whole packet on the wire.
    #[inline]
    pub fn payload(&self, wire_len: usize) -> Result<Payload<'a>, WireError> {
        let header_len = HEADER_LEN + self.options.len();
        let stated = match u16::from_be_bytes([self.header[2], self.header[3]]) {
            // A super-frame that the card will cut, or BIG TCP (`iph_totlen` in linux/ip.h).
            0 if self.protocol() == tcp::PROTOCOL => wire_len,
            len => usize::from(len),
        };
        let payload_len = stated.checked_sub(header_len).ok_or(WireError::BadLength {
            layer: Layer::Ipv4,
            stated,
            minimum: header_len,
        })?;
        Ok(Payload::new(Layer::Ipv4, self.rest, payload_len, wire_len.saturating_sub(header_len)))
    }

    /// The same if the length field says how long it is and all of it is there.
    #[inline]
    pub fn whole_payload(&self) -> Option<&'a [u8]> {
        let stated = usize::from(u16::from_be_bytes([self.header[2], self.header[3]]));
        self.rest.get(..stated.checked_sub(HEADER_LEN + self.options.len())?)
    }

    /// The header's own checksum. A stored zero is one that the card was to fill in.
    #[inline]
    pub fn checksum(&self) -> Checksum {
        let stored = u16::from_be_bytes([self.header[10], self.header[11]]);
        match checksum::verify(self.options_sum(), self.header, stored) {
            Err(_) if stored == 0 => Checksum::Unverified(Unverified::Offloaded),
            compared => compared.into(),
        }
    }

    /// True if that is right.
    #[inline]
    pub fn is_intact(&self) -> bool {
        checksum::holds(self.options_sum(), self.header)
    }

    #[inline]
    fn options_sum(&self) -> u32 {
        match self.options {
            [] => 0,
            options => checksum::sum(0, options),
        }
    }

    #[inline]
    pub fn pseudo_header(&self) -> PseudoHeader {
        PseudoHeader::v4(self.source(), self.destination(), self.protocol())
    }
}
