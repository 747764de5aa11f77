//! VLAN tags: IEEE 802.1Q, and 802.1ad or vendor tags stacked in front (`QinQ`).

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;

const LEN: usize = 4;

/// True for an EtherType that announces a tag. 0x9100 and 0x9200 predate 802.1ad.
#[inline]
pub fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, 0x8100 | 0x88a8 | 0x9100 | 0x9200)
}

/// VLAN identifier in a tag control information field; 0 for a priority tag (802.1Q, 9.6).
#[inline]
pub fn id(tci: u16) -> u16 {
    tci & 0x0fff
}

/// One tag, from the byte after the EtherType that announced it.
#[derive(Clone, Copy, Debug)]
pub struct Tag<'a> {
    bytes: &'a [u8; LEN],
    payload: &'a [u8],
}

impl<'a> Tag<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (bytes, payload) = header(Layer::Vlan, bytes)?;
        Ok(Self { bytes, payload })
    }

    pub fn id(&self) -> u16 {
        id(u16::from_be_bytes([self.bytes[0], self.bytes[1]]))
    }

    /// Of what follows: the next tag, or the frame's own.
    pub fn ethertype(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_and_drop_bits_are_not_part_of_the_identifier() {
        let tag = Tag::parse(&[0xf0, 0x2a, 0x08, 0x00, 7]).unwrap();
        assert_eq!((tag.id(), tag.ethertype(), tag.payload()), (42, 0x0800, &[7][..]));
    }

    #[test]
    fn a_short_tag_is_truncated() {
        for have in 0..LEN {
            let error = WireError::Truncated { layer: Layer::Vlan, need: LEN, have };
            assert_eq!(Tag::parse(&[0; LEN][..have]).unwrap_err(), error);
        }
    }
}
