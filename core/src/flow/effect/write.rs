//! What a write leaves behind, and what a read shows of it (Modbus Application Protocol V1.1b3,
//! section 6). Whatever does not add up is none.

use crate::record::{Bank, Written};
use crate::wire::modbus::pdu::{Layout, Pdu};

use super::super::outstanding::Request;

/// Coils or registers from one address on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) struct Extent {
    pub(super) bank: Bank,
    pub(super) first: u16,
    pub(super) count: u16,
}

/// A well-formed request to change something.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) extent: Extent,
    pub(super) function: u8,
    values: Values<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Values<'a> {
    One {
        value: u16,
        mask: u16,
    },
    /// Eight to a byte, the first in the lowest bit.
    Bits(&'a [u8]),
    Registers(&'a [u8]),
}

impl Values<'_> {
    fn value(&self, n: u16) -> Option<u16> {
        let n = usize::from(n);
        match self {
            Self::One { value, .. } => (n == 0).then_some(*value),
            Self::Bits(packed) => packed.get(n / 8).map(|byte| u16::from(byte >> (n % 8) & 1)),
            Self::Registers(bytes) => {
                bytes.as_chunks().0.get(n).map(|pair| u16::from_be_bytes(*pair))
            }
        }
    }
}

impl<'a> Write<'a> {
    pub(super) fn of(pdu: &Pdu, bytes: &'a [u8]) -> Option<Self> {
        let extent = Self::extent(pdu)?;
        let values = match pdu.function {
            5 => Values::One { value: pdu.value?, mask: 1 },
            6 => Values::One { value: pdu.value?, mask: u16::MAX },
            15 => Values::Bits(counted(bytes.get(5..)?, usize::from(extent.count).div_ceil(8))?),
            16 => Values::Registers(counted(bytes.get(5..)?, 2 * usize::from(extent.count))?),
            22 => mask(bytes)?,
            23 => Values::Registers(counted(bytes.get(9..)?, 2 * usize::from(extent.count))?),
            _ => return None,
        };
        Some(Self { extent, function: pdu.function, values })
    }

    /// What a well-formed request changes.
    pub(super) fn extent(request: &Pdu) -> Option<Extent> {
        let bank = match request.function {
            5 | 15 => Bank::Coils,
            6 | 16 | 22 | 23 => Bank::HoldingRegisters,
            _ => return None,
        };
        let (first, count) = (request.address?, request.quantity.unwrap_or(1));
        let extent = Extent { bank, first, count };
        (request.layout == Layout::Expected).then_some(extent)
    }

    /// The `n`-th value and the bits of it that are known.
    pub(super) fn value(&self, n: u16) -> Option<(u16, u16)> {
        let value = self.values.value(n)?;
        Some(match self.values {
            Values::One { mask, .. } => (value, mask),
            Values::Bits(_) => (value, 1),
            Values::Registers(_) => (value, u16::MAX),
        })
    }
}

/// Bits that `and` keeps are as they were, which nobody knows; the others are those of `or`.
fn mask(bytes: &[u8]) -> Option<Values<'_>> {
    let [_, _, _, and_high, and_low, or_high, or_low] = *bytes else { return None };
    let and = u16::from_be_bytes([and_high, and_low]);
    let or = u16::from_be_bytes([or_high, or_low]);
    Some(Values::One { value: or & !and, mask: !and })
}

/// True if this is how the write would be answered if it was done.
pub(super) fn confirms(request: &Pdu, response: &Pdu) -> bool {
    let is_done = response.exception.is_none()
        && response.layout == Layout::Expected
        && response.function == request.function;
    is_done
        && match request.function {
            5 | 6 => (response.address, response.value) == (request.address, request.value),
            15 | 16 => (response.address, response.quantity) == (request.address, request.quantity),
            22 => response.address == request.address,
            _ => request.function == 23,
        }
}

/// Values that were read.
#[derive(Debug)]
pub(super) struct Read<'a> {
    pub(super) extent: Extent,
    values: Values<'a>,
}

impl<'a> Read<'a> {
    /// `None` if it reads another table, or if the answer is not as long as was asked for.
    pub(super) fn of(request: &Request, response: &'a [u8]) -> Option<Self> {
        let pdu = &request.pdu;
        let (function, rest) = response.split_first()?;
        if *function != pdu.function || pdu.layout != Layout::Expected {
            return None;
        }
        let (bank, first, count) = match pdu.function {
            1 => (Bank::Coils, pdu.address?, pdu.quantity?),
            3 => (Bank::HoldingRegisters, pdu.address?, pdu.quantity?),
            23 => (Bank::HoldingRegisters, request.also_reads?.0, request.also_reads?.1),
            _ => return None,
        };
        let extent = Extent { bank, first, count };
        let values = match bank {
            Bank::Coils => Values::Bits(counted(rest, usize::from(count).div_ceil(8))?),
            Bank::HoldingRegisters => Values::Registers(counted(rest, 2 * usize::from(count))?),
        };
        Some(Self { extent, values })
    }

    /// The `n`-th value.
    pub(super) fn value(&self, n: u16) -> Option<u16> {
        self.values.value(n).filter(|_| n < self.extent.count)
    }
}

/// What a request writes, to be held against another; `None` if it is no well-formed write.
pub(in crate::flow) fn written(pdu: &Pdu, bytes: &[u8]) -> Option<Written> {
    Write::of(pdu, bytes).map(|_| Written::of(bytes))
}

/// What function 23 reads: first register and count.
pub(in crate::flow) fn also_reads(pdu: &Pdu, bytes: &[u8]) -> Option<(u16, u16)> {
    let (23, [_, a, b, c, d, ..]) = (pdu.function, bytes) else { return None };
    Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
}

/// So many bytes behind their count.
fn counted(bytes: &[u8], len: usize) -> Option<&[u8]> {
    let (count, rest) = bytes.split_first()?;
    (usize::from(*count) == len && rest.len() == len).then_some(rest)
}
