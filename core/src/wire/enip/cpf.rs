//! The common packet format (CIP networks library, volume 2, section 2-6): so many elements, each
//! with a kind and a length.

use super::super::{Layer, WireError, header};

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub u16);

impl Kind {
    /// What CIP says on a connection, behind a sequence number; or inputs and outputs.
    pub const CONNECTED: Self = Self(0x00b1);
    /// What CIP says without a connection.
    pub const UNCONNECTED: Self = Self(0x00b2);
    /// The connection of inputs and outputs, and their sequence number.
    pub const SEQUENCED: Self = Self(0x8002);
}

/// The elements that are left. The last may be cut short with the head that it stands in.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    n_left: u16,
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub fn of(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (n_left, rest) = header(Layer::EtherNetIp, bytes)?;
        Ok(Self { n_left: u16::from_le_bytes(*n_left), rest })
    }

    fn take(&mut self) -> Result<(Kind, &'a [u8]), WireError> {
        let ([k0, k1, l0, l1], rest) = header::<4>(Layer::EtherNetIp, self.rest)?;
        let len = usize::from(u16::from_le_bytes([*l0, *l1]));
        let (body, rest) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        self.rest = rest;
        Ok((Kind(u16::from_le_bytes([*k0, *k1])), body))
    }
}

/// Ends after the first element that has no length.
impl<'a> Iterator for Elements<'a> {
    type Item = Result<(Kind, &'a [u8]), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.n_left = self.n_left.checked_sub(1)?;
        let element = self.take();
        if element.is_err() {
            self.n_left = 0;
        }
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_told_apart_and_counted() {
        let bytes = [2, 0, 0, 0, 0, 0, 0xb2, 0, 2, 0, 0x0e, 0x20, 0xff];
        let elements: Vec<_> = Elements::of(&bytes).unwrap().map(Result::unwrap).collect();
        assert_eq!(elements, [(Kind(0), &[][..]), (Kind::UNCONNECTED, &[0x0e, 0x20])]);
    }

    #[test]
    fn the_first_that_is_cut_short_is_the_last() {
        let layer = Layer::EtherNetIp;
        let bytes = [9, 0, 0xb2, 0, 3, 0, 0x0e, 0x20];
        let elements: Vec<_> = Elements::of(&bytes).unwrap().collect();
        let missing = Err(WireError::Truncated { layer, need: 4, have: 0 });
        assert_eq!(elements, [Ok((Kind::UNCONNECTED, &bytes[6..])), missing]);
        let short = WireError::Truncated { layer, need: 2, have: 1 };
        assert_eq!(Elements::of(&[9]).map(|_| ()), Err(short));
    }
}
