//! Ethernet II (RFC 894, IEEE 802.3), and the values of `EtherType` we branch on.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;
use crate::wire::mac::Mac;

pub const IPV4: u16 = 0x0800;
pub const ARP: u16 = 0x0806;
pub const IPV6: u16 = 0x86dd;
/// Of PROFINET, with frame identifiers of its own (IEC 61158-6-10).
pub const PROFINET: u16 = 0x8892;
/// IEC 61850-8-1, annex C.
pub const GOOSE: u16 = 0x88b8;
/// IEEE 802.1AB, clause 7.4.
pub const LLDP: u16 = 0x88cc;
/// Highest value that is the length of an 802.3 frame and no `EtherType` (IEEE 802.3, 3.2.6).
pub const MAX_LENGTH: u16 = 1500;

const HEADER_LEN: usize = 14;

/// A frame as the wire carries it, without preamble and FCS.
#[derive(Clone, Copy, Debug)]
pub struct Ethernet<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> Ethernet<'a> {
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Result<Self, WireError> {
        let (header, payload) = header(Layer::Ethernet, frame)?;
        Ok(Self { header, payload })
    }

    pub fn destination(&self) -> Mac {
        let header = self.header;
        Mac([header[0], header[1], header[2], header[3], header[4], header[5]])
    }

    pub fn source(&self) -> Mac {
        let header = self.header;
        Mac([header[6], header[7], header[8], header[9], header[10], header[11]])
    }

    /// Below 0x600 it is the length of an 802.3 frame instead.
    #[inline]
    pub fn ethertype(&self) -> u16 {
        u16::from_be_bytes([self.header[12], self.header[13]])
    }

    /// Bytes after the header, padding included.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ethertype_follows_the_addresses() {
        let frame = [&[0xff; 12], &[0x86, 0xdd][..], b"payload"].concat();
        let ethernet = Ethernet::parse(&frame).unwrap();
        assert_eq!((ethernet.ethertype(), ethernet.payload()), (IPV6, &b"payload"[..]));
    }

    #[test]
    fn fewer_than_14_bytes_are_no_frame() {
        for have in 0..HEADER_LEN {
            let error = Ethernet::parse(&[0; HEADER_LEN][..have]).unwrap_err();
            assert_eq!(error, WireError::Truncated { layer: Layer::Ethernet, need: 14, have });
        }
    }
}
