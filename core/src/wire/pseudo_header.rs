//! The pseudo-header that ties a transport checksum to its addresses (RFC 9293, section 3.1;
//! RFC 8200, section 8.1), and the verdict on checksums that cover it.

use std::net::Ipv4Addr;

use crate::wire::checksum;
use crate::wire::checksum::Checksum;
use crate::wire::checksum::Mismatch;
use crate::wire::checksum::Unverified;

/// IP version underneath, which decides what a UDP checksum of zero means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V4,
    V6,
}

/// Addresses and protocol, summed. The length is added where it is known.
#[derive(Clone, Copy, Debug)]
pub struct PseudoHeader {
    pub version: Version,
    sum: u32,
}

impl PseudoHeader {
    #[inline]
    pub fn new(version: Version, source: &[u8], destination: &[u8], protocol: u8) -> Self {
        let addresses = checksum::sum(checksum::sum(0, source), destination);
        Self { version, sum: addresses + u32::from(protocol) }
    }

    /// Of IPv4.
    #[inline]
    pub fn v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8) -> Self {
        let words = |address: Ipv4Addr| (address.to_bits() >> 16) + (address.to_bits() & 0xffff);
        let sum = words(source) + words(destination) + u32::from(protocol);
        Self { version: Version::V4, sum }
    }

    /// Check `covered`, a whole segment that holds `stored` as its checksum.
    #[inline]
    pub fn verify(self, covered: &[u8], stored: u16) -> Result<(), Mismatch> {
        checksum::verify(self.with_len(covered.len()), covered, stored)
    }

    /// True if the checksum in `covered`, a whole segment, is right.
    #[inline]
    pub fn holds(self, covered: &[u8]) -> bool {
        checksum::holds(self.with_len(covered.len()), covered)
    }

    /// [`Self::verify`] for a protocol that network cards compute: what they were still going to fill in
    /// is not corrupt.
    #[inline]
    pub fn judge(self, covered: &[u8], stored: u16) -> Checksum {
        match self.verify(covered, stored) {
            Ok(()) => Checksum::Valid,
            Err(_) if self.is_partial(stored, covered.len()) => {
                Checksum::Unverified(Unverified::Offloaded)
            }
            Err(mismatch) => Checksum::Invalid(mismatch),
        }
    }

    /// True for the value an operating system leaves for the card to complete: the pseudo-header's
    /// sum, not complemented; with length 0 where the card also cuts the segments (TSO).
    #[cold]
    fn is_partial(self, stored: u16, len: usize) -> bool {
        [self.with_len(len), self.sum].into_iter().any(|sum| !checksum::finish(sum) == stored)
    }

    /// The length field has 32 bits in IPv6; Linux treats it so in IPv4 too (BIG TCP).
    #[inline]
    fn with_len(self, len: usize) -> u32 {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.sum + (len >> 16) + (len & 0xffff)
    }
}
