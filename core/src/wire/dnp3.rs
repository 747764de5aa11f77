//! DNP3 (IEEE 1815): frames of the link layer, and what the fragment in one begins with.
//!
//! Every frame carries a CRC for its header and one for each sixteen bytes behind it, over TCP and
//! UDP too. A frame of which one does not hold is not read: its receiver drops it.

pub mod application;
pub mod link;
pub mod name;

use application::Fragment;
use link::{Body, Frame};

use super::Checksum;
use super::message::{Extent, Message, Operation, Role};

/// A frame without a fragment has the code of its link function, its PRM bit included, above this;
/// so has a refusal of the link layer.
pub const LINK: u16 = 0x200;
/// A control that was not carried out is refused with its status above this; below are the error
/// bits of the second byte of internal indications.
pub const CONTROL_STATUS: u16 = 0x100;

/// Whether a frame stands at the front of `stream`, by its start bytes and length alone.
pub fn extent(stream: &[u8]) -> Extent {
    match stream {
        [] | [0x05] | [0x05, 0x64] => Extent::Short,
        [0x05, 0x64, len, ..] => link::frame_len(*len).map_or(Extent::Foreign, Extent::Whole),
        [..] => Extent::Foreign,
    }
}

/// The message that `bytes`, one frame, begin; `None` if they go on with one, or are damaged.
pub fn message(bytes: &[u8]) -> Option<Message> {
    let (frame, _) = Frame::parse(bytes).ok()?;
    match frame.checksum() {
        Checksum::Valid => read(&frame),
        Checksum::Invalid(_) | Checksum::Unverified(_) => None,
    }
}

/// Application sequence number of the fragment that an intact frame begins; `None` if it begins
/// none.
pub fn sequence(frame: &Frame<'_>) -> Option<u8> {
    let body = Body::of(frame);
    let control = body.fragment()?.first()?;
    frame.control.carries_data().then_some(control & 0x0f)
}

/// The message that an intact frame begins.
pub fn read(frame: &Frame<'_>) -> Option<Message> {
    if !frame.control.carries_data() {
        return Some(of_link(frame));
    }
    let body = Body::of(frame);
    let fragment = Fragment::parse(body.fragment()?).ok()?;
    let code = fragment.function;
    let role = role(code);
    let station = match role {
        Role::Request => frame.destination,
        Role::Response | Role::Report => frame.source,
    };
    Some(Message {
        role,
        operation: operation(code),
        code: code.into(),
        station: Some(station.into()),
        error: error(&fragment),
    })
}

fn of_link(frame: &Frame<'_>) -> Message {
    let control = frame.control;
    let code = LINK | u16::from(control.function());
    Message {
        role: if control.is_primary() { Role::Request } else { Role::Response },
        operation: Operation::Session,
        code,
        station: Some(frame.outstation().into()),
        error: control.is_refusal().then_some(code),
    }
}

/// Who may use a function (IEEE 1815, clause 4).
fn role(function: u8) -> Role {
    match function {
        0..=128 => Role::Request,
        130 => Role::Report,
        129 | 131..=255 => Role::Response,
    }
}

/// What a function is for (IEEE 1815, clause 4).
fn operation(function: u8) -> Operation {
    match function {
        // Read, get file information; what is told unasked.
        1 | 28 | 130 => Operation::Read,
        // Write, freezes, initialize data, save configuration, unsolicited responses on and off,
        // assign class, delete file.
        2 | 7..=12 | 15 | 19..=22 | 27 => Operation::Write,
        // Select and what operates, restarts, applications, activate configuration.
        3..=6 | 13 | 14 | 16..=18 | 31 => Operation::Command,
        // Confirm, time, files opened and closed, authentication.
        0 | 23..=26 | 29 | 30 | 32 | 33 | 131 => Operation::Session,
        34..=129 | 132..=255 => Operation::Other,
    }
}

fn error(fragment: &Fragment<'_>) -> Option<u16> {
    let indicated = fragment.indications.map(application::Indications::errors);
    match indicated {
        Some(bits) if bits != 0 => Some(bits.into()),
        Some(_) => fragment.refused_control().map(|status| CONTROL_STATUS | u16::from(status)),
        None => None,
    }
}

#[cfg(test)]
mod tests;
