//! Shapes of RTU frames for an onlooker: how long a frame is that begins like this, whether it can
//! be Modbus, and whether one answers another.
//!
//! An onlooker knows neither who speaks nor where a frame ends. Both follow from the function code
//! and the counts behind it (Application Protocol V1.1b3, section 6). Strict on purpose: one CRC
//! in 65536 matches by chance, so only what the protocol defines is taken for Modbus.

use super::pdu::{Direction, Layout, Pdu};
use super::rtu::{Frame, MAX_LEN};

/// How long a frame is, unit and CRC included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Len(usize),
    /// More bytes will tell.
    Open,
    /// No frame begins like this.
    Impossible,
}

/// Unit and CRC.
const AROUND_PDU: usize = 3;
/// Units above are reserved (Serial Line V1.02, section 2.2).
const MAX_UNIT: u8 = 247;
/// Read Device Identification, the one use of function 43 that can be sized (section 6.21).
const DEVICE_ID: u8 = 14;
/// Reference type of a file sub-request (section 6.14).
const FILE_REFERENCE: u8 = 6;
/// Set in the function code of a response that refuses (section 7).
pub const EXCEPTION: u8 = 0x80;

/// Extent of the frame that begins with `bytes`, if it goes in this direction.
pub fn extent(direction: Direction, bytes: &[u8]) -> Extent {
    let [unit, function, body @ ..] = bytes else { return Extent::Open };
    if *unit > MAX_UNIT {
        return Extent::Impossible;
    }
    let len = match direction {
        Direction::Request => request_len(*unit, *function, body),
        Direction::Response => response_len(*unit, *function, body),
    };
    match len {
        Extent::Len(body_len) if 1 + body_len + AROUND_PDU > MAX_LEN => Extent::Impossible,
        Extent::Len(body_len) => Extent::Len(1 + body_len + AROUND_PDU),
        Extent::Open | Extent::Impossible => len,
    }
}

/// Length of the body, which follows the function code. Unit 0 addresses every device, for writing
/// only (Serial Line V1.02, section 2.1).
fn request_len(unit: u8, function: u8, body: &[u8]) -> Extent {
    let counted_at = |index: usize| match body.get(index) {
        Some(count) => Extent::Len(index + 1 + usize::from(*count)),
        None => Extent::Open,
    };
    match (unit, function) {
        (_, 5 | 6 | 8) | (1.., 1..=4) => Extent::Len(4),
        (1.., 7 | 11 | 12 | 17) => Extent::Len(0),
        (_, 15 | 16) => counted_at(4),
        (1.., 20) | (_, 21) => counted_at(0),
        (_, 22) => Extent::Len(6),
        (1.., 23) => counted_at(8),
        (1.., 24) => Extent::Len(2),
        (1.., 43) => device_id(body, |_| Extent::Len(3)),
        (0, _) | (_, 0 | 9..=10 | 13..=14 | 18..=19 | 25..=42 | 44..) => Extent::Impossible,
    }
}

/// The same of a response. Nobody answers a broadcast.
fn response_len(unit: u8, function: u8, body: &[u8]) -> Extent {
    match (unit, function) {
        (0, _) => Extent::Impossible,
        (_, 1..=4 | 12 | 17 | 20 | 21 | 23) => match body.first() {
            Some(count) => Extent::Len(1 + usize::from(*count)),
            None => Extent::Open,
        },
        (_, 5 | 6 | 8 | 11 | 15 | 16) => Extent::Len(4),
        (_, 7) => Extent::Len(1),
        (_, 22) => Extent::Len(6),
        (_, 24) => match body.first_chunk() {
            Some(count) => Extent::Len(2 + usize::from(u16::from_be_bytes(*count))),
            None => Extent::Open,
        },
        (_, 43) => device_id(body, identified),
        (_, EXCEPTION..) if is_defined(function & !EXCEPTION) => Extent::Len(1),
        (_, 0 | 9..=10 | 13..=14 | 18..=19 | 25..=42 | 44..) => Extent::Impossible,
    }
}

fn device_id(body: &[u8], sized: impl Fn(&[u8]) -> Extent) -> Extent {
    match body {
        [] => Extent::Open,
        [DEVICE_ID, ..] => sized(body),
        [..] => Extent::Impossible,
    }
}

/// Six bytes, of which the last counts objects, and the objects: number, length, text.
fn identified(body: &[u8]) -> Extent {
    let Some(n_objects) = body.get(5) else { return Extent::Open };
    let mut len = 6;
    for _ in 0..*n_objects {
        match body.get(len + 1) {
            Some(text_len) => len += 2 + usize::from(*text_len),
            None => return Extent::Open,
        }
        if len > MAX_LEN {
            return Extent::Impossible;
        }
    }
    Extent::Len(len)
}

/// True if the protocol says how this function is laid out; without the bit of an exception.
#[inline]
pub fn is_defined(function: u8) -> bool {
    matches!(function, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43)
}

/// Read `bytes`, all of them, as a frame of this direction that the protocol defines.
pub fn frame(direction: Direction, bytes: &[u8]) -> Option<Frame<'_>> {
    if extent(direction, bytes) != Extent::Len(bytes.len()) {
        return None;
    }
    // The CRC last: it costs most.
    let pdu = bytes.get(1..bytes.len().saturating_sub(2))?;
    if !is_plausible(direction, pdu) {
        return None;
    }
    Frame::parse(bytes).ok()
}

/// True if `pdu`, all of it, is what the protocol lets this side say: more than [`Layout::Expected`]
/// asks, because whoever looks for Modbus must not find it everywhere.
pub fn is_plausible(direction: Direction, pdu: &[u8]) -> bool {
    let is_laid_out = Pdu::parse(direction, pdu).is_ok_and(|pdu| pdu.layout == Layout::Expected);
    is_laid_out
        && match (direction, pdu) {
            (Direction::Request, [15, _, _, high, low, count, ..]) => {
                u16::from_be_bytes([*high, *low]).div_ceil(8) == u16::from(*count)
            }
            (
                Direction::Request,
                [16, _, _, high, low, count, ..] | [23, _, _, _, _, _, _, high, low, count, ..],
            ) => u32::from(u16::from_be_bytes([*high, *low])) * 2 == u32::from(*count),
            (Direction::Request, [20, count, kind, ..]) => {
                count % 7 == 0 && *kind == FILE_REFERENCE
            }
            (_, [21, _, kind, ..]) | (Direction::Response, [20, _, _, kind, ..]) => {
                *kind == FILE_REFERENCE
            }
            (_, [20 | 21, ..]) => false,
            (_, [8, high, low, ..]) => u16::from_be_bytes([*high, *low]) <= 21,
            (Direction::Response, [1..=4, count, ..]) => *count > 0,
            (Direction::Response, [EXCEPTION..=0xff, code]) => (1..=11).contains(code),
            (Direction::Request | Direction::Response, _) => true,
        }
}

/// True if the PDU `response` can be the answer to the PDU `request` of the same unit. A read
/// reply carries no address, so this is necessary and not sufficient. Of a `response` that is not
/// complete: true if it can become the answer.
pub fn answers(request: &[u8], response: &[u8]) -> bool {
    let (Some(asked), Some(found)) = (request.first(), response.first()) else {
        return response.is_empty();
    };
    if *found == asked | EXCEPTION {
        return true;
    }
    let quantity = match request {
        [_, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        [..] => 0,
    };
    let counts = |n_bytes: usize| response.get(1).is_none_or(|n| usize::from(*n) == n_bytes);
    // Some responses repeat so many bytes of the request, others count what was asked for.
    let repeats = |n: usize| request.iter().zip(response).take(n).all(|(a, b)| a == b);
    asked == found
        && match asked {
            1 | 2 => counts(quantity.div_ceil(8)),
            3 | 4 | 23 => counts(quantity * 2),
            15 | 16 => repeats(5),
            5 | 6 | 21 | 22 => repeats(request.len()),
            8 if request.starts_with(&[8, 0, 0]) => repeats(request.len()),
            8 | 43 => repeats(3),
            _ => true,
        }
}

/// True if the answer to a request of this function looks exactly like the request repeated.
pub fn is_echoed(function: u8) -> bool {
    matches!(function, 5 | 6 | 8 | 21 | 22)
}

#[cfg(test)]
mod tests;
