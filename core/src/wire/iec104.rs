//! IEC 60870-5-104: APDUs of telecontrol over TCP.
//!
//! Address lengths are those that the standard fixes for TCP: two bytes of cause, two of common
//! address, three of information object address. Multi-byte fields are little-endian.

pub mod asdu;
pub mod name;

use asdu::Asdu;

use super::message::{Extent, Message, Operation, Role};
use super::{Layer, WireError, header};

/// Bytes before an ASDU: start, length, four of control.
pub const HEADER_LEN: usize = 6;
/// Longest APDU: the length is one byte, and 253 the most (section 5).
pub const MAX_LEN: usize = 2 + 253;
/// Format S and the functions of format U have the code of their first control byte, above this.
pub const CONTROL: u16 = 0x100;
/// Sequence numbers have fifteen bits.
const SEQUENCE: u16 = 0x7fff;

/// One APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apdu<'a> {
    /// I: a numbered ASDU, and what its sender expects to receive next.
    Information { send: u16, receive: u16, asdu: &'a [u8] },
    /// S: acknowledges what came before `receive`.
    Supervisory { receive: u16 },
    /// U.
    Unnumbered(Function),
}

/// Functions of format U (section 5.1), by the byte that carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Function {
    StartActivation = 0x07,
    StartConfirmation = 0x0b,
    StopActivation = 0x13,
    StopConfirmation = 0x23,
    TestActivation = 0x43,
    TestConfirmation = 0x83,
}

/// Whether an APDU stands at the front of `stream`, by its start, length and format.
pub fn extent(stream: &[u8]) -> Extent {
    match stream {
        [] | [0x68] | [0x68, 4..=253] => Extent::Short,
        [0x68, len @ 4..=253, control, ..] if is_format(*len, *control) => {
            Extent::Whole(2 + usize::from(*len))
        }
        [..] => Extent::Foreign,
    }
}

/// The formats differ in the low bits of their first control byte; S and U carry no ASDU.
fn is_format(len: u8, control: u8) -> bool {
    match control & 3 {
        0 | 2 => usize::from(len) + 2 >= HEADER_LEN + asdu::MIN_LEN,
        1 => len == 4 && control == 1,
        _ => len == 4 && Function::of(control).is_some(),
    }
}

/// The message that `bytes`, one APDU, is.
pub fn message(bytes: &[u8]) -> Option<Message> {
    Apdu::parse(bytes).ok().and_then(|apdu| apdu.message())
}

impl<'a> Apdu<'a> {
    /// Read `bytes`, all of them, as one APDU.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Iec104;
        let ([start, stated, a, b, c, d], behind) = header::<HEADER_LEN>(layer, bytes)?;
        let unknown = |code: u8| WireError::UnknownCode { layer, code };
        if *start != 0x68 {
            return Err(unknown(*start));
        }
        let need = 2 + usize::from(*stated);
        let short = WireError::Truncated { layer, need, have: bytes.len() };
        let bad = WireError::BadLength { layer, stated: need, minimum: HEADER_LEN };
        let asdu_len = need.checked_sub(HEADER_LEN).ok_or(bad)?;
        let asdu = behind.get(..asdu_len).ok_or(short)?;
        if !is_format(*stated, *a) {
            return Err(unknown(*a));
        }
        let receive = u16::from_le_bytes([*c, *d]) >> 1;
        match a & 3 {
            0 | 2 => {
                let send = u16::from_le_bytes([*a, *b]) >> 1;
                Ok(Self::Information { send, receive, asdu })
            }
            1 => Ok(Self::Supervisory { receive }),
            _ => Function::of(*a).map(Self::Unnumbered).ok_or(unknown(*a)),
        }
    }

    /// `None` if the ASDU is too short to be one.
    pub fn message(&self) -> Option<Message> {
        let session = |role: Role, control: u8| Message {
            role,
            operation: Operation::Session,
            code: CONTROL | u16::from(control),
            station: None,
            error: None,
        };
        match self {
            Self::Information { asdu, .. } => Asdu::parse(asdu).ok().map(|asdu| asdu.message()),
            Self::Supervisory { .. } => Some(session(Role::Response, 0x01)),
            Self::Unnumbered(function) => Some(session(function.role(), *function as u8)),
        }
    }
}

impl Function {
    fn of(control: u8) -> Option<Self> {
        const ALL: [Function; 6] = [
            Function::StartActivation,
            Function::StartConfirmation,
            Function::StopActivation,
            Function::StopConfirmation,
            Function::TestActivation,
            Function::TestConfirmation,
        ];
        ALL.into_iter().find(|function| *function as u8 == control)
    }

    /// Either side may test; only the controlling station starts and stops.
    fn role(self) -> Role {
        match self {
            Self::StartActivation | Self::StopActivation => Role::Request,
            Self::StartConfirmation | Self::StopConfirmation | Self::TestConfirmation => {
                Role::Response
            }
            Self::TestActivation => Role::Report,
        }
    }
}

/// The send sequence number after `send`.
pub fn next(send: u16) -> u16 {
    send.wrapping_add(1) & SEQUENCE
}

#[cfg(test)]
mod tests;
