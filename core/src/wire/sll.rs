//! Linux cooked capture, what `any` interfaces give (`LINKTYPE_LINUX_SLL` and `_SLL2`).

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;
use crate::wire::mac::Mac;

const HEADER_LEN: usize = 16;
const HEADER_LEN_2: usize = 20;

/// Version 1: the protocol is the last field.
#[derive(Clone, Copy, Debug)]
pub struct Sll<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> Sll<'a> {
    pub fn parse(frame: &'a [u8]) -> Result<Self, WireError> {
        let (header, payload) = header(Layer::Sll, frame)?;
        Ok(Self { header, payload })
    }

    /// The EtherType; 1 and 4 mean 802.3 without one.
    pub fn protocol(&self) -> u16 {
        u16::from_be_bytes([self.header[14], self.header[15]])
    }

    /// Zeros where the link has no addresses of this kind.
    pub fn source(&self) -> Mac {
        let header = self.header;
        Mac([header[6], header[7], header[8], header[9], header[10], header[11]])
    }

    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// Version 2: the protocol is the first field.
#[derive(Clone, Copy, Debug)]
pub struct Sll2<'a> {
    header: &'a [u8; HEADER_LEN_2],
    payload: &'a [u8],
}

impl<'a> Sll2<'a> {
    pub fn parse(frame: &'a [u8]) -> Result<Self, WireError> {
        let (header, payload) = header(Layer::Sll, frame)?;
        Ok(Self { header, payload })
    }

    /// The EtherType; 1 and 4 mean 802.3 without one.
    pub fn protocol(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    /// Zeros where the link has no addresses of this kind.
    pub fn source(&self) -> Mac {
        let header = self.header;
        Mac([header[12], header[13], header[14], header[15], header[16], header[17]])
    }

    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_ends_with_the_protocol() {
        let frame = [&[0; 14], &[0x08, 0x00][..], b"payload"].concat();
        let sll = Sll::parse(&frame).unwrap();
        assert_eq!((sll.protocol(), sll.payload()), (0x0800, &b"payload"[..]));
    }

    #[test]
    fn version_2_begins_with_the_protocol() {
        let frame = [&[0x86, 0xdd], &[0; 18][..], b"payload"].concat();
        let sll = Sll2::parse(&frame).unwrap();
        assert_eq!((sll.protocol(), sll.payload()), (0x86dd, &b"payload"[..]));
    }

    #[test]
    fn a_short_header_is_truncated() {
        for have in 0..HEADER_LEN {
            let error = WireError::Truncated { layer: Layer::Sll, need: HEADER_LEN, have };
            assert_eq!(Sll::parse(&[0; HEADER_LEN][..have]).unwrap_err(), error);
        }
        for have in 0..HEADER_LEN_2 {
            let error = WireError::Truncated { layer: Layer::Sll, need: HEADER_LEN_2, have };
            assert_eq!(Sll2::parse(&[0; HEADER_LEN_2][..have]).unwrap_err(), error);
        }
    }
}
