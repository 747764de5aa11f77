//! GOOSE (IEC 61850-8-1, clause 18 and annex C): the events that protection devices tell each
//! other, without an answer. The values themselves are not read.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;

/// Header before the APDU.
const HEADER_LEN: usize = 8;
/// Longest reference of a control block (IEC 61850-7-2, edition 2: `VisibleString129`).
pub const MAX_REFERENCE: usize = 129;
/// Tag of a GOOSE APDU; another one is for the management of groups.
const APDU: u8 = 0x61;

/// One frame, as far as supervision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goose<'a> {
    pub appid: u16,
    /// Reference of the control block: which stream of the device this is. A stranger's text.
    pub reference: &'a [u8],
    /// Milliseconds within which the next frame must come.
    pub time_allowed_to_live: u32,
    /// Counts changes of the values.
    pub state: u32,
    /// Counts repetitions since the last change; 0 is the change itself.
    pub sequence: u32,
    /// Not to be acted on in operation.
    pub test: bool,
    /// The publisher's configuration is not finished.
    pub needs_commissioning: bool,
}

impl<'a> Goose<'a> {
    /// Read what follows the EtherType.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (&[a, b, high, low, ..], rest) = header::<HEADER_LEN>(Layer::Goose, bytes)?;
        let stated = usize::from(u16::from_be_bytes([high, low]));
        let bad = WireError::BadLength { layer: Layer::Goose, stated, minimum: HEADER_LEN };
        let need = stated.checked_sub(HEADER_LEN).ok_or(bad)?;
        let have = rest.len();
        let truncated = WireError::Truncated { layer: Layer::Goose, need, have };
        let (content, _) = expect(APDU, rest.get(..need).ok_or(truncated)?)?;
        Fields { appid: u16::from_be_bytes([a, b]), rest: content }.read()
    }
}

/// The fields of an APDU, in the order that ASN.1 gives them.
struct Fields<'a> {
    appid: u16,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(mut self) -> Result<Goose<'a>, WireError> {
        let reference = self.take(0x80)?;
        if reference.len() > MAX_REFERENCE {
            let (stated, maximum) = (reference.len(), MAX_REFERENCE);
            return Err(WireError::TooLong { layer: Layer::Goose, stated, maximum });
        }
        let time_allowed_to_live = integer(self.take(0x81)?)?;
        self.take(0x82)?; // the data set
        self.skip(0x83)?; // an identifier that may be left out
        self.take(0x84)?; // when the state changed
        let state = integer(self.take(0x85)?)?;
        let sequence = integer(self.take(0x86)?)?;
        // Both are false where they are left out.
        let test = self.skip(0x87)?.is_some_and(is_true);
        self.take(0x88)?; // the revision of the configuration
        let needs_commissioning = self.skip(0x89)?.is_some_and(is_true);
        Ok(Goose {
            appid: self.appid,
            reference,
            time_allowed_to_live,
            state,
            sequence,
            test,
            needs_commissioning,
        })
    }

    fn take(&mut self, tag: u8) -> Result<&'a [u8], WireError> {
        let (content, rest) = expect(tag, self.rest)?;
        self.rest = rest;
        Ok(content)
    }

    fn skip(&mut self, tag: u8) -> Result<Option<&'a [u8]>, WireError> {
        match self.rest {
            [found, ..] if *found == tag => self.take(tag).map(Some),
            _ => Ok(None),
        }
    }
}

/// Contents under a tag, and what follows them. Lengths have one to three bytes (X.690, 8.1.3): a
/// frame has no room for more.
fn expect(tag: u8, bytes: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let (&[found, first], rest) = header(Layer::Goose, bytes)?;
    if found != tag {
        return Err(WireError::UnknownCode { layer: Layer::Goose, code: found });
    }
    let (need, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&[len], rest) = header(Layer::Goose, rest)?;
            (usize::from(len), rest)
        }
        0x82 => {
            let (len, rest) = header(Layer::Goose, rest)?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        code => return Err(WireError::UnknownCode { layer: Layer::Goose, code }),
    };
    let have = rest.len();
    rest.split_at_checked(need).ok_or(WireError::Truncated { layer: Layer::Goose, need, have })
}

/// An unsigned number of 32 bits: a fifth byte only keeps the sign away.
fn integer(content: &[u8]) -> Result<u32, WireError> {
    let digits = match content {
        [0, digits @ ..] if digits.len() == 4 => digits,
        digits => digits,
    };
    let (stated, maximum) = (content.len(), 5);
    match digits {
        [] => Err(WireError::BadLength { layer: Layer::Goose, stated, minimum: 1 }),
        [_, _, _, _, _, ..] => Err(WireError::TooLong { layer: Layer::Goose, stated, maximum }),
        digits => Ok(digits.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))),
    }
}

fn is_true(content: &[u8]) -> bool {
    content.first().is_some_and(|byte| *byte != 0)
}

#[cfg(test)]
mod tests;
