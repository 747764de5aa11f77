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
