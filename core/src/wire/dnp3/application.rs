//! The beginning of a fragment: control, function, indications, objects (IEEE 1815, section 4.2).
//!
//! A fragment may be longer than its first frame; what is read here stands at its front.

use super::super::{Layer, WireError, header};

/// The front of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// FIR, FIN, CON, UNS and the sequence number.
    pub control: u8,
    pub function: u8,
    /// Of responses only.
    pub indications: Option<Indications>,
    pub objects: &'a [u8],
}

/// Internal indications, IIN1 and IIN2 (IEEE 1815, section 4.2.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indications(pub [u8; 2]);

/// Functions from this on are of outstations.
const FIRST_RESPONSE: u8 = 129;

impl Indications {
    /// The bits of IIN2 that refuse a request: function not supported, object unknown, parameter
    /// error, already executing. The others tell of the station's state.
    pub fn errors(self) -> u8 {
        let Self([_, second]) = self;
        second & 0x17
    }
}

impl<'a> Fragment<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let ([control, function], rest) = header::<2>(Layer::Dnp3, bytes)?;
        let (control, function) = (*control, *function);
        if function < FIRST_RESPONSE {
            return Ok(Self { control, function, indications: None, objects: rest });
        }
        let (indications, objects) = header::<2>(Layer::Dnp3, rest)?;
        Ok(Self { control, function, indications: Some(Indications(*indications)), objects })
    }

    /// Group, variation and qualifier of the first object; `None` if there is none.
    pub fn first_object(&self) -> Option<ObjectHeader> {
        ObjectHeader::parse(self.objects).map(|(header, _)| header)
    }

    /// Status of the first control in a response that was not carried out: each is echoed with
    /// one, and 0 is success (IEEE 1815, clause 5).
    pub fn refused_control(&self) -> Option<u8> {
        let mut rest = self.objects;
        loop {
            let (header, behind) = ObjectHeader::parse(rest)?;
            let (count, behind) = header.count(behind)?;
            let len = header.index_len()? + header.control_len()?;
            let here = len.checked_mul(count).and_then(|all| behind.split_at_checked(all));
            let (controls, next) = here.unwrap_or((behind, &[]));
            // The first bit is reserved.
            let statuses = controls.chunks_exact(len).filter_map(|control| control.last());
            if let Some(status) = statuses.map(|status| status & 0x7f).find(|status| *status != 0) {
                return Some(status);
            }
            rest = next;
        }
    }
}

/// What objects there are, and how they are counted (IEEE 1815, section 4.2.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectHeader {
    pub group: u8,
    pub variation: u8,
    pub qualifier: u8,
}

impl ObjectHeader {
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([group, variation, qualifier], rest) = bytes.split_first_chunk()?;
        Some((Self { group: *group, variation: *variation, qualifier: *qualifier }, rest))
    }

    /// The count behind the header, and what follows it; `None` where there is a range.
    fn count(self, bytes: &[u8]) -> Option<(usize, &[u8])> {
        match self.qualifier & 0xf {
            7 => bytes.split_first().map(|(count, rest)| (usize::from(*count), rest)),
            8 => {
                let (count, rest) = bytes.split_first_chunk()?;
                Some((usize::from(u16::from_le_bytes(*count)), rest))
            }
            _ => None,
        }
    }

    /// Bytes of the index before each object.
    fn index_len(self) -> Option<usize> {
        match self.qualifier >> 4 {
            0 => Some(0),
            1 => Some(1),
            2 => Some(2),
            3 => Some(4),
            _ => None,
        }
    }

    /// Bytes of an object that controls something, its status last; `None` of another. Binary
    /// outputs and analog outputs.
    fn control_len(self) -> Option<usize> {
        match (self.group, self.variation) {
            (12, 1 | 2) => Some(11),
            (41, 1 | 3) => Some(5),
            (41, 2) => Some(3),
            (41, 4) => Some(9),
            _ => None,
        }
    }
}
