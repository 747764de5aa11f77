//! A PDU as an onlooker sees it (Modbus Application Protocol V1.1b3, section 6).
//!
//! Bytes and their direction in, fields out. Every function code is accepted; a body that does
//! not fit its function is told apart, not refused: what was on the wire was on the wire.

use super::super::{Layer, WireError, header};

/// Who is speaking. Nothing in a PDU says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Request,
    Response,
}

impl Direction {
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Request => Self::Response,
            Self::Response => Self::Request,
        }
    }
}

/// What a function does to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    /// Changes coils, registers or file records.
    Write,
    /// Diagnostics, identification, and every code that the protocol does not define.
    Other,
}

/// Whether the body is what the function code calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Expected,
    /// Wrong length, or a quantity or value that the protocol rules out.
    Unexpected,
    /// The protocol does not define this function code.
    Unknown,
}

/// One request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// Without the exception bit.
    pub function: u8,
    pub access: Access,
    pub layout: Layout,
    /// Of the part that writes, where a function (23) both reads and writes.
    pub address: Option<u16>,
    pub quantity: Option<u16>,
    /// Of a single write, or the first of a multiple one; a coil is 0 or 1.
    pub value: Option<u16>,
    pub exception: Option<u8>,
}

impl Pdu {
    /// Read a whole PDU. Only an empty one is an error.
    pub fn parse(direction: Direction, bytes: &[u8]) -> Result<Self, WireError> {
        let ([code], body) = header::<1>(Layer::ModbusPdu, bytes)?;
        let function = code & !EXCEPTION;
        let body = match (direction, code & EXCEPTION != 0) {
            (Direction::Request, false) => request(function, body),
            (Direction::Response, false) => response(function, body),
            (Direction::Response, true) => exception(body),
            // Nobody defines a request with this bit.
            (Direction::Request, true) => Body::laid_out(Layout::Unknown),
        };
        let Body { layout, address, quantity, value, exception } = body;
        Ok(Self { function, access: access(function), layout, address, quantity, value, exception })
    }
}

/// Set in the function code of a response that refuses (section 7).
const EXCEPTION: u8 = 0x80;
/// Quantities above these do not fit a PDU (sections 6.1 to 6.17).
const MAX_BITS: u16 = 2000;
const MAX_WRITTEN_BITS: u16 = 1968;
const MAX_REGISTERS: u16 = 125;
const MAX_WRITTEN_REGISTERS: u16 = 123;
const MAX_WRITTEN_WHILE_READ: u16 = 121;

fn access(function: u8) -> Access {
    match function {
        1..=4 | 20 | 24 => Access::Read,
        5 | 6 | 15 | 16 | 21 | 22 | 23 => Access::Write,
        _ => Access::Other,
    }
}

/// What follows the function code.
#[derive(Clone, Copy)]
struct Body {
    layout: Layout,
    address: Option<u16>,
    quantity: Option<u16>,
    value: Option<u16>,
    exception: Option<u8>,
}

impl Body {
    const fn laid_out(layout: Layout) -> Self {
        Self { layout, address: None, quantity: None, value: None, exception: None }
    }

    fn if_expected(is_expected: bool) -> Self {
        Self::laid_out(if is_expected { Layout::Expected } else { Layout::Unexpected })
    }
}

fn request(function: u8, body: &[u8]) -> Body {
    match function {
        1 | 2 => range(body, MAX_BITS),
        3 | 4 => range(body, MAX_REGISTERS),
        5 => single_coil(body),
        6 => single_register(body),
        7 | 11 | 12 | 17 => Body::if_expected(body.is_empty()),
        8 => diagnostics(body),
        15 => multiple_coils(body),
        16 => multiple(body, MAX_WRITTEN_REGISTERS),
        20 | 21 => Body::if_expected(is_counted(body)),
        22 => addressed(body, 6),
        23 => read_write(body),
        24 => addressed(body, 2),
        43 => Body::if_expected(!body.is_empty()),
        _ => Body::laid_out(Layout::Unknown),
    }
}

fn response(function: u8, body: &[u8]) -> Body {
    match function {
        1 | 2 | 12 | 17 | 20 | 21 => Body::if_expected(is_counted(body)),
        3 | 4 | 23 => Body::if_expected(is_counted(body) && body.len() % 2 == 1),
        5 => single_coil(body),
        6 => single_register(body),
        7 => Body::if_expected(body.len() == 1),
        8 => diagnostics(body),
        11 => Body::if_expected(body.len() == 4),
        15 => range(body, MAX_WRITTEN_BITS),
        16 => range(body, MAX_WRITTEN_REGISTERS),
        22 => addressed(body, 6),
        24 => Body::if_expected(is_queue(body)),
        43 => Body::if_expected(!body.is_empty()),
        _ => Body::laid_out(Layout::Unknown),
    }
}

fn exception(body: &[u8]) -> Body {
    let is_expected = matches!(body, [code] if *code > 0);
    // Without a code it refuses all the same.
    let code = body.first().copied().unwrap_or(0);
    Body { exception: Some(code), ..Body::if_expected(is_expected) }
}

/// An address and a quantity, and nothing else.
fn range(body: &[u8], max: u16) -> Body {
    let Some((address, quantity, rest)) = two_words(body) else {
        return Body::laid_out(Layout::Unexpected);
    };
    let is_expected = rest.is_empty() && (1..=max).contains(&quantity);
    Body { address: Some(address), quantity: Some(quantity), ..Body::if_expected(is_expected) }
}

fn single_coil(body: &[u8]) -> Body {
    let Some((address, value, rest)) = two_words(body) else {
        return Body::laid_out(Layout::Unexpected);
    };
    let is_expected = rest.is_empty() && (value == 0x0000 || value == 0xff00);
    let coil = match value {
        0xff00 => 1,
        other => other,
    };
    Body { address: Some(address), value: Some(coil), ..Body::if_expected(is_expected) }
}

fn single_register(body: &[u8]) -> Body {
    let Some((address, value, rest)) = two_words(body) else {
        return Body::laid_out(Layout::Unexpected);
    };
    Body { address: Some(address), value: Some(value), ..Body::if_expected(rest.is_empty()) }
}

/// A sub-function and words of its own (section 6.8). Some devices send no word for "none".
fn diagnostics(body: &[u8]) -> Body {
    Body::if_expected(body.len() >= 2 && body.len().is_multiple_of(2))
}

/// An address, a quantity, a count of bytes and as many bytes of values.
fn multiple(body: &[u8], max: u16) -> Body {
    let Some((address, quantity, values)) = two_words(body) else {
        return Body::laid_out(Layout::Unexpected);
    };
    let is_expected = (1..=max).contains(&quantity) && is_counted(values);
    let value = match values {
        [_, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    };
    let fields = Body::if_expected(is_expected);
    Body { address: Some(address), quantity: Some(quantity), value, ..fields }
}

/// As `multiple`, with eight coils to a byte, the first in the lowest bit.
fn multiple_coils(body: &[u8]) -> Body {
    let first = body.get(5).map(|byte| u16::from(byte & 1));
    Body { value: first, ..multiple(body, MAX_WRITTEN_BITS) }
}

/// Function 23: a range to read, then a range to write with its values.
fn read_write(body: &[u8]) -> Body {
    match two_words(body) {
        Some((_, read, write)) => {
            let body = multiple(write, MAX_WRITTEN_WHILE_READ);
            if (1..=MAX_REGISTERS).contains(&read) {
                body
            } else {
                Body { layout: Layout::Unexpected, ..body }
            }
        }
        None => Body::laid_out(Layout::Unexpected),
    }
}

/// A body of exactly `len` bytes that starts with an address.
fn addressed(body: &[u8], len: usize) -> Body {
    let address = body.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    Body { address, ..Body::if_expected(body.len() == len) }
}

/// True if the first byte counts the ones after it.
fn is_counted(body: &[u8]) -> bool {
    body.split_first().is_some_and(|(count, rest)| usize::from(*count) == rest.len())
}

/// True if the first word counts the bytes after it (function 24).
fn is_queue(body: &[u8]) -> bool {
    body.split_first_chunk()
        .is_some_and(|(count, rest)| usize::from(u16::from_be_bytes(*count)) == rest.len())
}

fn two_words(body: &[u8]) -> Option<(u16, u16, &[u8])> {
    let ([a0, a1, b0, b1], rest) = body.split_first_chunk()?;
    Some((u16::from_be_bytes([*a0, *a1]), u16::from_be_bytes([*b0, *b1]), rest))
}

#[cfg(test)]
mod tests;
