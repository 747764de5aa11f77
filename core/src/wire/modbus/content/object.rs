//! Objects by which a device identifies itself (Application Protocol V1.1b3, section 6.21).

/// Each is complete: they were walked through when they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objects<'a>(&'a [u8]);

/// 0 to 2: vendor, product code, revision; up to 6 further ones; from 128 on the device's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    pub id: u8,
    /// Text, mostly.
    pub value: &'a [u8],
}

impl<'a> Objects<'a> {
    /// `None` unless the bytes hold exactly `count` objects.
    pub(super) fn counted(count: u8, bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        for _ in 0..count {
            (_, rest) = first(rest)?;
        }
        rest.is_empty().then_some(Self(bytes))
    }

    pub fn iter(self) -> impl Iterator<Item = Object<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (object, behind) = first(rest)?;
            rest = behind;
            Some(object)
        })
    }
}

/// Identifier, length, value.
fn first(bytes: &[u8]) -> Option<(Object<'_>, &[u8])> {
    let ([id, len], rest) = bytes.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked((*len).into())?;
    Some((Object { id: *id, value }, rest))
}
