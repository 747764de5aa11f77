//! S7 communication of Siemens controllers: what is asked and answered inside ISO transport packets.
//!
//! The protocol is not published; the layout is the one that Wireshark and Snap7 agree on and that
//! captures show. Its successor of 2012, which begins with 0x72 instead of 0x32, is told by that
//! byte alone.

pub mod function;
pub mod pdu;

use super::cotp::{Selectors, Tpdu};
use super::message::{Extent, Message, Operation, Role};
use super::{Layer, WireError, header, tpkt};
use function::{CONFIRM, CONNECT, DISCONNECT, DISCONNECTED, ERROR, FAILED, PLUS, REFUSED, UNNAMED};
use pdu::{Pdu, Rosctr};

/// Port of ISO transport packets. MMS shares it.
pub const PORT: u16 = 102;
/// First byte of a PDU.
const PROTOCOL: u8 = 0x32;
/// The same of the successor.
const PROTOCOL_PLUS: u8 = 0x72;

/// Where the frame at the front of `bytes` ends.
pub fn extent(bytes: &[u8]) -> Extent {
    tpkt::extent(bytes)
}

/// What a frame says, of which `head` is all or the beginning; `None` if it only keeps the transport
/// going. A whole that spans several frames is told by its first: what goes on with it is an error
/// here, and nobody but who saw the one before knows better.
pub fn message(head: &[u8]) -> Result<Option<Message>, WireError> {
    let session = |role, code| Message {
        role,
        operation: Operation::Session,
        code: u16::from(code),
        station: None,
        error: None,
    };
    let message = match Tpdu::parse(tpkt::tpdu(head)?)? {
        Tpdu::Connect(ends) => {
            Message { station: station(ends), ..session(Role::Request, CONNECT) }
        }
        Tpdu::Confirm(ends) => {
            Message { station: station(ends), ..session(Role::Response, CONFIRM) }
        }
        Tpdu::Disconnect { reason } => {
            let error = Some(REFUSED | u16::from(reason));
            Message { error, ..session(Role::Response, DISCONNECT) }
        }
        Tpdu::Disconnected => session(Role::Response, DISCONNECTED),
        Tpdu::Error { cause } => {
            let error = Some(FAILED | u16::from(cause));
            Message { error, ..session(Role::Response, ERROR) }
        }
        Tpdu::Data { payload, .. } => match payload {
            [] => return Ok(None), // an acknowledgment, where others need none
            [PROTOCOL, rest @ ..] => judge(&Pdu::parse(rest)?)?,
            [PROTOCOL_PLUS, rest @ ..] => plus(rest)?,
            [code, ..] => return Err(WireError::UnknownCode { layer: Layer::S7comm, code: *code }),
        },
    };
    Ok(Some(message))
}

/// True if the next frame of the same sender goes on with the whole that this one began.
pub fn is_continued(head: &[u8]) -> bool {
    let tpdu = tpkt::tpdu(head).and_then(Tpdu::parse);
    matches!(tpdu, Ok(Tpdu::Data { is_last: false, payload: [_, ..] }))
}

/// What tells one open job from another: the same in its answer.
pub fn reference(head: &[u8]) -> Option<u16> {
    let tpdu = tpkt::tpdu(head).and_then(Tpdu::parse);
    let Ok(Tpdu::Data { payload: [PROTOCOL, rest @ ..], .. }) = tpdu else { return None };
    Pdu::parse(rest).ok().map(|pdu| pdu.reference)
}

/// Slot of the module that is called, plus 32 for each rack: the second byte of a selector of two,
/// the first being the sort of connection: 1 programming device, 2 operator panel, 3 other.
fn station(ends: Selectors<'_>) -> Option<u32> {
    match ends.called {
        Some([1..=3, place]) => Some(u32::from(*place)),
        Some(_) | None => None,
    }
}

/// Requests of functions that everybody knows, answers with their first refusal.
fn judge(pdu: &Pdu<'_>) -> Result<Message, WireError> {
    let error = pdu.error();
    let (role, code) = match pdu.rosctr {
        Rosctr::Job => (Role::Request, pdu.function()?.into()),
        // A job that is refused as a whole may be answered without its function.
        Rosctr::Ack => (Role::Response, pdu.function().unwrap_or(UNNAMED).into()),
        Rosctr::AckData => (Role::Response, pdu.function()?.into()),
        Rosctr::Userdata => {
            let userdata = pdu.userdata()?;
            (userdata.role, userdata.code())
        }
    };
    Ok(Message { role, operation: function::operation(code), code, station: None, error })
}

/// Not judged. Who speaks stands behind version and length, and from version 3 on behind a digest.
fn plus(rest: &[u8]) -> Result<Message, WireError> {
    let layer = Layer::S7comm;
    let ([version, _, _], body) = header::<3>(layer, rest)?;
    let opcode = match (version, body) {
        (1 | 2, body) => body.first(),
        (3, [digest_len, body @ ..]) => body.get(usize::from(*digest_len)),
        _ => Some(&0), // nobody asks: it keeps the connection
    };
    let role = match opcode.ok_or(WireError::Truncated { layer, need: 1, have: 0 })? {
        0x31 => Role::Request,
        0x32 => Role::Response,
        _ => Role::Report,
    };
    let (operation, code) = (Operation::Other, PLUS.into());
    Ok(Message { role, operation, code, station: None, error: None })
}

#[cfg(test)]
mod tests;
