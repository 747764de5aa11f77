//! Records of files, several to a PDU (Application Protocol V1.1b3, sections 6.14 and 6.15).

use super::super::reply::Registers;
use super::words;

/// Each is complete: they were walked through when they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecords<'a> {
    bytes: &'a [u8],
    form: Form,
}

/// One part of a request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecord<'a> {
    /// 6, says the specification.
    pub reference_type: u8,
    /// File and record number; the answer to a read does not repeat them.
    pub place: Option<(u16, u16)>,
    /// Registers asked for, or there.
    pub length: u16,
    /// None in a request to read.
    pub registers: Registers<'a>,
}

/// How the parts are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Reference type, file, record, length.
    Asked,
    /// A count of bytes, reference type, registers.
    Given,
    /// As asked, and then the registers.
    Written,
}

impl<'a> FileRecords<'a> {
    /// Those of a request to read.
    pub(super) fn asked(bytes: &'a [u8]) -> Option<Self> {
        Self::complete(bytes, Form::Asked)
    }

    /// Those of the answer to it.
    pub(super) fn given(bytes: &'a [u8]) -> Option<Self> {
        Self::complete(bytes, Form::Given)
    }

    /// Those of a write, and of the answer to it.
    pub(super) fn written(bytes: &'a [u8]) -> Option<Self> {
        Self::complete(bytes, Form::Written)
    }

    pub fn iter(self) -> impl Iterator<Item = FileRecord<'a>> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (record, behind) = first(rest, self.form)?;
            rest = behind;
            Some(record)
        })
    }

    fn complete(bytes: &'a [u8], form: Form) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = first(rest, form)?;
        }
        Some(Self { bytes, form })
    }
}

/// Take one part off the front.
fn first(bytes: &[u8], form: Form) -> Option<(FileRecord<'_>, &[u8])> {
    let (&front, rest) = bytes.split_first()?;
    match form {
        Form::Asked => {
            let ([file, record, length], rest) = words(rest)?;
            Some((placed(front, (file, record), length, &[]), rest))
        }
        Form::Written => {
            let ([file, record, length], rest) = words(rest)?;
            let (values, rest) = rest.split_at_checked(2 * usize::from(length))?;
            Some((placed(front, (file, record), length, values), rest))
        }
        Form::Given => {
            let (part, rest) = rest.split_at_checked(front.into())?;
            let (&reference_type, values) = part.split_first()?;
            let registers = Registers::packed(values);
            let is_whole = values.len().is_multiple_of(2);
            let length = u16::from(front / 2);
            is_whole
                .then_some((FileRecord { reference_type, place: None, length, registers }, rest))
        }
    }
}

fn placed(reference_type: u8, place: (u16, u16), length: u16, values: &[u8]) -> FileRecord<'_> {
    let (place, registers) = (Some(place), Registers::packed(values));
    FileRecord { reference_type, place, length, registers }
}
