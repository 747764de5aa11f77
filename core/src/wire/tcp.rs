//! TCP (RFC 9293).

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::checksum::Checksum;
use crate::wire::header;
use crate::wire::pseudo_header::PseudoHeader;

pub const PROTOCOL: u8 = 6;

const HEADER_LEN: usize = 20;

/// A segment: all that the IP layer carried.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    header: &'a [u8; HEADER_LEN],
    segment: &'a [u8],
}

impl<'a> Tcp<'a> {
    #[inline]
    pub fn parse(segment: &'a [u8]) -> Result<Self, WireError> {
        let (header, _) = header(Layer::Tcp, segment)?;
        Ok(Self { header, segment })
    }

    #[inline]
    pub fn source_port(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    #[inline]
    pub fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    #[inline]
    pub fn sequence(&self) -> u32 {
        u32::from_be_bytes([self.header[4], self.header[5], self.header[6], self.header[7]])
    }

    #[inline]
    pub fn acknowledgment(&self) -> u32 {
        u32::from_be_bytes([self.header[8], self.header[9], self.header[10], self.header[11]])
    }

    /// FIN to CWR.
    #[inline]
    pub fn control_bits(&self) -> u8 {
        self.header[13]
    }

    /// Header, options and payload.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.segment.len()
    }

    /// Bytes after the options. A data offset that points nowhere is an error of its own, because
    /// the checksum does not depend on it.
    #[inline]
    pub fn payload(&self) -> Result<&'a [u8], WireError> {
        let layer = Layer::Tcp;
        let stated = usize::from(self.header[12] >> 4) * 4;
        if stated < HEADER_LEN {
            return Err(WireError::BadLength { layer, stated, minimum: HEADER_LEN });
        }
        let have = self.segment.len();
        self.segment.get(stated..).ok_or(WireError::Truncated { layer, need: stated, have })
    }

    /// Compare the stored checksum with the segment's bytes.
    #[inline]
    pub fn checksum(&self, pseudo: PseudoHeader) -> Checksum {
        pseudo.judge(self.segment, u16::from_be_bytes([self.header[16], self.header[17]]))
    }

    /// True if it is right.
    #[inline]
    pub fn is_intact(&self, pseudo: PseudoHeader) -> bool {
        pseudo.holds(self.segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use crate::wire::fixture::MODBUS;
    use crate::wire::pseudo_header::Version;

    fn pseudo() -> PseudoHeader {
        PseudoHeader::new(Version::V4, &fixture::SOURCE, &fixture::DESTINATION, PROTOCOL)
    }

    #[test]
    fn a_segment_with_options_verifies_and_gives_its_fields() {
        let bytes = fixture::segment(PROTOCOL, &fixture::addresses_v4(), &MODBUS);
        let tcp = Tcp::parse(&bytes).unwrap();
        assert_eq!((tcp.source_port(), tcp.destination_port()), (40_000, 502));
        assert_eq!((tcp.sequence(), tcp.acknowledgment(), tcp.control_bits()), (1, 2, 0x18));
        assert_eq!(tcp.payload(), Ok(&MODBUS[..]));
        assert_eq!(tcp.checksum(pseudo()), Checksum::Valid);
    }

    #[test]
    fn every_flipped_bit_is_found_even_in_the_data_offset() {
        let intact = fixture::segment(PROTOCOL, &fixture::addresses_v4(), &MODBUS);
        for bit in 0..intact.len() * 8 {
            let mut bytes = intact.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verdict = Tcp::parse(&bytes).unwrap().checksum(pseudo());
            assert!(matches!(verdict, Checksum::Invalid(_)), "bit {bit}: {verdict:?}");
        }
    }

    #[test]
    fn a_data_offset_that_points_nowhere_is_an_error() {
        let mut bytes = fixture::segment(PROTOCOL, &fixture::addresses_v4(), &[]);
        for (offset, error) in [
            (0x40, WireError::BadLength { layer: Layer::Tcp, stated: 16, minimum: 20 }),
            (0xf0, WireError::Truncated { layer: Layer::Tcp, need: 60, have: 32 }),
        ] {
            bytes[12] = offset;
            assert_eq!(Tcp::parse(&bytes).unwrap().payload(), Err(error));
        }
    }

    #[test]
    fn spoiled_bytes_never_panic() {
        let bytes = fixture::segment(PROTOCOL, &fixture::addresses_v4(), &MODBUS);
        fixture::spoil(&bytes, |bytes| {
            let _ = Tcp::parse(bytes).map(|tcp| (tcp.payload().is_ok(), tcp.checksum(pseudo())));
        });
    }
}
