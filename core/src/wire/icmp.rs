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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use crate::wire::pseudo_header::Version;

    fn pseudo() -> PseudoHeader {
        let [source, destination] = [fixture::SOURCE_V6, fixture::DESTINATION_V6];
        PseudoHeader::new(Version::V6, &source.octets(), &destination.octets(), PROTOCOL_V6)
    }

    #[test]
    fn an_echo_request_verifies() {
        let bytes = fixture::segment(PROTOCOL, &[], b"abcdefg");
        let icmp = Icmp::parse(Layer::Icmp, &bytes).unwrap();
        assert_eq!((icmp.kind(), icmp.code(), icmp.checksum()), (8, 0, Checksum::Valid));
    }

    #[test]
    fn only_icmpv6_covers_the_addresses() {
        let bytes = fixture::segment(PROTOCOL_V6, &fixture::addresses_v6(), b"abcdefg");
        let icmp = Icmp::parse(Layer::Icmpv6, &bytes).unwrap();
        assert_eq!(icmp.checksum_v6(pseudo()), Checksum::Valid);
        assert!(matches!(icmp.checksum(), Checksum::Invalid(_)));
    }

    #[test]
    fn spoiled_bytes_never_panic_and_a_flipped_bit_never_verifies() {
        let intact = fixture::segment(PROTOCOL, &[], b"abcdefg");
        fixture::spoil(&intact, |bytes| {
            let Ok(icmp) = Icmp::parse(Layer::Icmp, bytes) else { return };
            let _ = icmp.checksum_v6(pseudo());
            let flipped = bytes.len() == intact.len() && bytes != intact;
            assert!(!(flipped && icmp.checksum() == Checksum::Valid));
        });
    }
}
