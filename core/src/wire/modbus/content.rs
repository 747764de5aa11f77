//! What a PDU says, in full (Modbus Application Protocol V1.1b3, section 6).
//!
//! Bytes and their direction in, a view of them out: values, masks, file records, identification.
//! Nothing is copied, and every function code is accepted: a body that is not what its function
//! calls for, or whose function the protocol does not define, is given as the bytes it is.

mod file_record;
mod object;

pub use file_record::{FileRecord, FileRecords};
pub use object::{Object, Objects};

use super::pdu::{Direction, Layout, Pdu};
use super::reply::{Bits, Registers};

/// One body. A quantity that the values themselves show is not repeated beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// The function code says it all.
    Bare,
    /// A read (1 to 4), or the answer to a write of several (15, 16).
    Range { address: u16, quantity: u16 },
    /// Coils or discrete inputs that were read (1, 2). How many of the last byte were asked for
    /// stands in the request alone, so all eight are here.
    Bits(Bits<'a>),
    /// Registers that were read (3, 4, 23).
    Registers(Registers<'a>),
    /// One coil (5), as written and as answered.
    Coil { address: u16, is_on: bool },
    /// One register (6), as written and as answered.
    Register { address: u16, value: u16 },
    /// Coils to write (15).
    WriteBits { address: u16, bits: Bits<'a> },
    /// Registers to write (16).
    WriteRegisters { address: u16, registers: Registers<'a> },
    /// Eight outputs of the device's own (7), the first in the lowest bit.
    ExceptionStatus(u8),
    /// Function 8; what the bytes mean depends on the sub-function (section 6.8.1).
    Diagnostics { sub_function: u16, bytes: &'a [u8] },
    /// Function 11. Status 0xffff: still busy with a command.
    EventCounter { status: u16, events: u16 },
    /// Function 12: the latest events, at most 64, a byte each, the newest first.
    EventLog { status: u16, events: u16, messages: u16, log: &'a [u8] },
    /// Function 17: identifier, run indicator and more, as the device likes.
    ServerId(&'a [u8]),
    /// Functions 20 and 21.
    FileRecords(FileRecords<'a>),
    /// Function 22: the register becomes (it AND `and`) OR (`or` AND NOT `and`).
    Mask { address: u16, and: u16, or: u16 },
    /// Function 23: the write is done first.
    ReadWrite { read: (u16, u16), address: u16, registers: Registers<'a> },
    /// The register that counts what a queue holds (24).
    QueueAddress(u16),
    /// What the queue held (24), at most 31 registers.
    Queue(Registers<'a>),
    /// Function 43/14: which objects, from which one on (section 6.21).
    Identify { code: u8, object: u8 },
    /// Function 43/14: the objects; `next` is where to go on if more follow.
    Identification { code: u8, conformity: u8, next: Option<u8>, objects: Objects<'a> },
    /// Function 43 with any other type, that of `CANopen` (13) among them.
    Encapsulated { mei_type: u8, bytes: &'a [u8] },
    /// The device refused, with this code (section 7).
    Exception(u8),
    /// None of these: everything behind the function code.
    Raw(&'a [u8]),
}

impl<'a> Content<'a> {
    /// Read a whole PDU; `None` only if it is empty.
    pub fn read(direction: Direction, pdu: &'a [u8]) -> Option<Self> {
        let (_, body) = pdu.split_first()?;
        let outline = Pdu::parse(direction, pdu).ok()?;
        let content = match (outline.layout, outline.exception, direction) {
            (Layout::Unexpected | Layout::Unknown, _, _) => None,
            (Layout::Expected, Some(code), _) => Some(Self::Exception(code)),
            (Layout::Expected, None, Direction::Request) => request(outline.function, body),
            (Layout::Expected, None, Direction::Response) => response(outline.function, body),
        };
        Some(content.unwrap_or(Self::Raw(body)))
    }
}

fn request(function: u8, body: &[u8]) -> Option<Content<'_>> {
    match function {
        1..=4 => range(body),
        7 | 11 | 12 | 17 => Some(Content::Bare),
        15 => write_bits(body),
        16 => {
            let (address, registers) = write_registers(body)?;
            Some(Content::WriteRegisters { address, registers })
        }
        20 => FileRecords::asked(counted(body)?).map(Content::FileRecords),
        23 => {
            let ([first, quantity], rest) = words(body)?;
            let (address, registers) = write_registers(rest)?;
            Some(Content::ReadWrite { read: (first, quantity), address, registers })
        }
        24 => words(body).map(|([address], _)| Content::QueueAddress(address)),
        43 => identify(body).or_else(|| encapsulated(body)),
        _ => either_way(function, body),
    }
}

fn response(function: u8, body: &[u8]) -> Option<Content<'_>> {
    match function {
        1 | 2 => counted(body).map(|packed| Content::Bits(Bits::packed(packed, packed.len() * 8))),
        3 | 4 | 23 => counted(body).map(|bytes| Content::Registers(Registers::packed(bytes))),
        7 => body.first().map(|status| Content::ExceptionStatus(*status)),
        11 => words(body).map(|([status, events], _)| Content::EventCounter { status, events }),
        12 => {
            let ([status, events, messages], log) = words(counted(body)?)?;
            Some(Content::EventLog { status, events, messages, log })
        }
        15 | 16 => range(body),
        17 => counted(body).map(Content::ServerId),
        20 => FileRecords::given(counted(body)?).map(Content::FileRecords),
        24 => queue(body),
        43 => identification(body).or_else(|| encapsulated(body)),
        _ => either_way(function, body),
    }
}

/// Functions whose request and response look the same.
fn either_way(function: u8, body: &[u8]) -> Option<Content<'_>> {
    match function {
        5 => words(body).map(|([address, on], _)| Content::Coil { address, is_on: on != 0 }),
        6 => words(body).map(|([address, value], _)| Content::Register { address, value }),
        8 => {
            words(body).map(|([sub_function], bytes)| Content::Diagnostics { sub_function, bytes })
        }
        21 => FileRecords::written(counted(body)?).map(Content::FileRecords),
        22 => words(body).map(|([address, and, or], _)| Content::Mask { address, and, or }),
        _ => None,
    }
}

fn range(body: &[u8]) -> Option<Content<'_>> {
    words(body).map(|([address, quantity], _)| Content::Range { address, quantity })
}

/// `None` if there are not as many bits as it says.
fn write_bits(body: &[u8]) -> Option<Content<'_>> {
    let ([address, quantity], rest) = words(body)?;
    let (packed, count) = (counted(rest)?, usize::from(quantity));
    let is_complete = packed.len() == count.div_ceil(8);
    is_complete.then(|| Content::WriteBits { address, bits: Bits::packed(packed, count) })
}

/// `None` if there are not as many registers as it says.
fn write_registers(body: &[u8]) -> Option<(u16, Registers<'_>)> {
    let ([address, quantity], rest) = words(body)?;
    let bytes = counted(rest)?;
    (bytes.len() == 2 * usize::from(quantity)).then(|| (address, Registers::packed(bytes)))
}

/// Function 24: a count of bytes, a count of registers, the registers (section 6.18).
fn queue(body: &[u8]) -> Option<Content<'_>> {
    let ([_, quantity], bytes) = words(body)?;
    let is_complete = quantity <= 31 && bytes.len() == 2 * usize::from(quantity);
    is_complete.then(|| Content::Queue(Registers::packed(bytes)))
}

const READ_DEVICE_IDENTIFICATION: u8 = 14;

fn identify(body: &[u8]) -> Option<Content<'_>> {
    match body {
        [READ_DEVICE_IDENTIFICATION, code, object] => {
            Some(Content::Identify { code: *code, object: *object })
        }
        _ => None,
    }
}

fn identification(body: &[u8]) -> Option<Content<'_>> {
    let ([mei_type, code, conformity, more, next, count], rest) = body.split_first_chunk()?;
    if *mei_type != READ_DEVICE_IDENTIFICATION {
        return None;
    }
    let objects = Objects::counted(*count, rest)?;
    let next = (*more == 0xff).then_some(*next);
    Some(Content::Identification { code: *code, conformity: *conformity, next, objects })
}

fn encapsulated(body: &[u8]) -> Option<Content<'_>> {
    body.split_first().map(|(mei_type, bytes)| Content::Encapsulated { mei_type: *mei_type, bytes })
}

/// The bytes that the first one counts, if they are all there and nothing else is.
fn counted(body: &[u8]) -> Option<&[u8]> {
    let (count, rest) = body.split_first()?;
    (rest.len() == usize::from(*count)).then_some(rest)
}

/// Take `N` words off the front.
fn words<const N: usize>(bytes: &[u8]) -> Option<([u16; N], &[u8])> {
    let (front, rest) = bytes.split_at_checked(2 * N)?;
    let (pairs, _) = front.as_chunks();
    let pairs: &[[u8; 2]; N] = pairs.try_into().ok()?;
    Some((pairs.map(u16::from_be_bytes), rest))
}

#[cfg(test)]
mod tests;
