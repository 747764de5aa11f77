//! The built-in types that headers are made of (OPC 10000-6, section 5.2.2): all little-endian.

use super::super::{Layer, WireError, header};

/// How a string or byte string says that there is none.
const NULL: u32 = u32::MAX;

/// Takes fields off the front of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.take().map(u32::from_le_bytes)
    }

    /// A string or byte string of at most `maximum` bytes; `None` where the sender says null.
    /// Lengths are signed; a negative one that is not null is above any maximum.
    pub(super) fn text(&mut self, maximum: usize) -> Result<Option<&'a [u8]>, WireError> {
        let layer = Layer::OpcUa;
        let len = self.u32()?;
        if len == NULL {
            return Ok(None);
        }
        let stated = usize::try_from(len).unwrap_or(usize::MAX);
        if stated > maximum {
            return Err(WireError::TooLong { layer, stated, maximum });
        }
        let short = WireError::Truncated { layer, need: stated, have: self.rest.len() };
        let (text, rest) = self.rest.split_at_checked(stated).ok_or(short)?;
        self.rest = rest;
        Ok(Some(text))
    }

    /// What was not taken.
    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (field, rest) = header(Layer::OpcUa, self.rest)?;
        self.rest = rest;
        Ok(*field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_empty_and_text_are_three_things() {
        let bytes = b"\xff\xff\xff\xff\0\0\0\0\x02\0\0\0ab!";
        let mut fields = Fields::of(bytes);
        assert_eq!(fields.text(2), Ok(None));
        assert_eq!(fields.text(2), Ok(Some(&b""[..])));
        assert_eq!(fields.text(2), Ok(Some(&b"ab"[..])));
        assert_eq!(fields.rest(), b"!");
    }

    #[test]
    fn a_length_is_held_against_its_bound_before_the_bytes_that_are_there() {
        let layer = Layer::OpcUa;
        for (bytes, error) in [
            (b"\x03\0\0\0abc", WireError::TooLong { layer, stated: 3, maximum: 2 }),
            (b"\xfe\xff\xff\xffabc", WireError::TooLong { layer, stated: 0xffff_fffe, maximum: 2 }),
        ] {
            assert_eq!(Fields::of(bytes).text(2), Err(error));
        }
        let short = WireError::Truncated { layer, need: 4, have: 3 };
        assert_eq!(Fields::of(b"\x04\0\0\0abc").text(4), Err(short));
    }
}
