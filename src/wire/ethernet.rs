//! Ethernet II (RFC 894, IEEE 802.3), and the values of `EtherType` we branch on.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;

pub const IPV4: u16 = 0x0800;
pub const ARP: u16 = 0x0806;
pub const IPV6: u16 = 0x86dd;

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
