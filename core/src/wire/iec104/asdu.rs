//! The head of an ASDU (IEC 60870-5-101, section 7.2): type, how many, cause, address.

use super::super::message::{Message, Operation, Role};
use super::super::{Layer, WireError, header};

/// Type, qualifier, cause, originator, common address: what the shortest ASDU has.
pub const MIN_LEN: usize = 6;

/// What stands before the information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asdu {
    pub type_id: u8,
    /// Information objects or elements.
    pub count: u8,
    /// True if one address is followed by a sequence of elements.
    pub is_sequence: bool,
    pub cause: u8,
    /// P/N: the confirmation says no.
    pub is_negative: bool,
    pub is_test: bool,
    pub originator: u8,
    /// Common address: the station; 65535 means all of them.
    pub station: u16,
    /// Address of the first information object; `None` if there is none.
    pub object: Option<u32>,
}

impl Asdu {
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let ([type_id, qualifier, cause, originator, station @ ..], rest) =
            header::<MIN_LEN>(Layer::Iec104, bytes)?;
        let object = rest.first_chunk().map(|[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]));
        Ok(Self {
            type_id: *type_id,
            count: qualifier & 0x7f,
            is_sequence: qualifier & 0x80 != 0,
            cause: cause & 0x3f,
            is_negative: cause & 0x40 != 0,
            is_test: cause & 0x80 != 0,
            originator: *originator,
            station: u16::from_le_bytes(*station),
            object,
        })
    }

    pub fn message(&self) -> Message {
        let role = self.role();
        // P/N says something of confirmations alone.
        let is_negative = self.is_negative || matches!(self.cause, 44..=47);
        let is_refusal = is_negative && role == Role::Response;
        Message {
            role,
            operation: operation(self.type_id),
            code: self.type_id.into(),
            station: Some(self.station.into()),
            error: is_refusal.then_some(self.cause.into()),
        }
    }

    /// Who may give a cause (section 7.2.3).
    fn role(&self) -> Role {
        match (self.cause, self.type_id) {
            // Activation and deactivation, the request that goes with a read command, and the call
            // of a file or a log, by the side that receives it.
            (6 | 8, _) | (5, 102) | (13, 122 | 127) => Role::Request,
            // Confirmations, what was requested or interrogated, and unknown of all sorts.
            (5 | 7 | 9 | 10 | 20..=41 | 44..=47, _) | (13, 124) => Role::Response,
            // Periodic, spontaneous, initialized, return information, and the rest of files.
            _ => Role::Report,
        }
    }
}

/// What a type is for (section 7.2.1.1, and IEC 60870-5-104, section 6).
fn operation(type_id: u8) -> Operation {
    match type_id {
        // Process information; interrogation, counter interrogation, read; directories and calls
        // of files.
        1..=41 | 100..=102 | 122 | 126 | 127 => Operation::Read,
        // Process commands; reset.
        45..=64 | 105 => Operation::Command,
        // End of initialization, authentication, clock, tests, delay.
        70 | 81..=95 | 103 | 104 | 106 | 107 => Operation::Session,
        110..=113 => Operation::Write,
        // Files go in either direction.
        0 | 42..=44 | 65..=69 | 71..=80 | 96..=99 | 108 | 109 | 114..=121 | 123..=125 | 128.. => {
            Operation::Other
        }
    }
}
