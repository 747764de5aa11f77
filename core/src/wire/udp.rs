//! UDP (RFC 768; over IPv6, RFC 8200, section 8.1).

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::checksum::Checksum;
use crate::wire::checksum::Mismatch;
use crate::wire::checksum::Unverified;
use crate::wire::header;
use crate::wire::pseudo_header::PseudoHeader;
use crate::wire::pseudo_header::Version;

pub const PROTOCOL: u8 = 17;

const HEADER_LEN: usize = 8;

/// A datagram: all that the IP layer carried.
#[derive(Clone, Copy, Debug)]
pub struct Udp<'a> {
    header: &'a [u8; HEADER_LEN],
    carried: &'a [u8],
}

impl<'a> Udp<'a> {
    #[inline]
    pub fn parse(carried: &'a [u8]) -> Result<Self, WireError> {
        let (header, _) = header(Layer::Udp, carried)?;
        Ok(Self { header, carried })
    }

    #[inline]
    pub fn source_port(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    #[inline]
    pub fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Bytes after the header: as many as the length field states, or as there are.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.covered().get(HEADER_LEN..).unwrap_or_default()
    }

    /// The length field, if it agrees with what IP carried.
    #[inline]
    pub fn length(&self) -> Result<usize, WireError> {
        let stated = usize::from(u16::from_be_bytes([self.header[4], self.header[5]]));
        let (layer, have) = (Layer::Udp, self.carried.len());
        match stated {
            0..HEADER_LEN => Err(WireError::BadLength { layer, stated, minimum: HEADER_LEN }),
            need if need > have => Err(WireError::Truncated { layer, need, have }),
            len => Ok(len),
        }
    }

    /// Compare the stored checksum with the datagram's bytes.
    #[inline]
    pub fn checksum(&self, pseudo: PseudoHeader) -> Checksum {
        let stored = u16::from_be_bytes([self.header[6], self.header[7]]);
        match (stored, pseudo.version) {
            (0, Version::V4) => Checksum::Unverified(Unverified::Absent),
            (0, Version::V6) => match pseudo.verify(self.covered(), stored) {
                Ok(()) => Checksum::Invalid(Mismatch { stored, computed: 0xffff }),
                Err(mismatch) => Checksum::Invalid(as_sent(mismatch)),
            },
            (_, Version::V4 | Version::V6) => match pseudo.judge(self.covered(), stored) {
                Checksum::Invalid(mismatch) => Checksum::Invalid(as_sent(mismatch)),
                verdict @ (Checksum::Valid | Checksum::Unverified(_)) => verdict,
            },
        }
    }

    /// A length that contradicts IP's is itself corrupt, which the sum of all that IP carried shows.
    #[inline]
    fn covered(&self) -> &'a [u8] {
        self.length().ok().and_then(|len| self.carried.get(..len)).unwrap_or(self.carried)
    }
}

/// RFC 768: a computed zero is sent as all ones.
fn as_sent(mismatch: Mismatch) -> Mismatch {
    match mismatch.computed {
        0 => Mismatch { computed: 0xffff, ..mismatch },
        _ => mismatch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;

    fn v4() -> PseudoHeader {
        PseudoHeader::new(Version::V4, &fixture::SOURCE, &fixture::DESTINATION, PROTOCOL)
    }

    fn v6() -> PseudoHeader {
        let [source, destination] = [fixture::SOURCE_V6, fixture::DESTINATION_V6];
        PseudoHeader::new(Version::V6, &source.octets(), &destination.octets(), PROTOCOL)
    }

    fn datagram(payload: &[u8]) -> Vec<u8> {
        fixture::segment(PROTOCOL, &fixture::addresses_v4(), payload)
    }

    #[test]
    fn an_intact_datagram_verifies_and_gives_its_fields() {
        let bytes = datagram(b"payload");
        let udp = Udp::parse(&bytes).unwrap();
        assert_eq!((udp.source_port(), udp.destination_port()), (40_000, 502));
        assert_eq!((udp.payload(), udp.length()), (&b"payload"[..], Ok(15)));
        assert_eq!(udp.checksum(v4()), Checksum::Valid);
    }

    #[test]
    fn every_flipped_bit_is_found_even_in_the_length() {
        let intact = datagram(b"payload");
        for bit in 0..intact.len() * 8 {
            let mut bytes = intact.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verdict = Udp::parse(&bytes).unwrap().checksum(v4());
            assert!(matches!(verdict, Checksum::Invalid(_)), "bit {bit}: {verdict:?}");
        }
    }

    #[test]
    fn a_zero_checksum_is_absent_over_v4_and_wrong_over_v6() {
        let mut bytes = fixture::segment(PROTOCOL, &fixture::addresses_v6(), b"payload");
        let computed = u16::from_be_bytes([bytes[6], bytes[7]]);
        bytes[6..8].fill(0);
        let udp = Udp::parse(&bytes).unwrap();
        assert_eq!(udp.checksum(v4()), Checksum::Unverified(Unverified::Absent));
        assert_eq!(udp.checksum(v6()), Checksum::Invalid(Mismatch { stored: 0, computed }));
    }

    #[test]
    fn a_computed_zero_is_sent_as_all_ones() {
        let [high, low] =
            u16::to_be_bytes(u16::from_be_bytes(datagram(&[0, 0])[6..8].try_into().unwrap()));
        let mut bytes = datagram(&[high, low]);
        assert_eq!(bytes[6..8], [0, 0], "the payload makes up for all the rest");
        bytes[6..8].fill(0xff);
        assert_eq!(Udp::parse(&bytes).unwrap().checksum(v4()), Checksum::Valid);
        bytes[6..8].fill(0x11);
        let mismatch = Mismatch { stored: 0x1111, computed: 0xffff };
        assert_eq!(Udp::parse(&bytes).unwrap().checksum(v4()), Checksum::Invalid(mismatch));
    }

    #[test]
    fn bytes_after_the_stated_length_are_not_payload() {
        let bytes = [datagram(b"payload"), vec![0xee; 5]].concat();
        let udp = Udp::parse(&bytes).unwrap();
        assert_eq!((udp.payload(), udp.length()), (&b"payload"[..], Ok(15)));
    }

    #[test]
    fn spoiled_bytes_never_panic() {
        fixture::spoil(&datagram(b"payload"), |bytes| {
            let _ = Udp::parse(bytes).map(|udp| (udp.payload(), udp.length(), udp.checksum(v6())));
        });
    }
}
