//! The application layer (ASHRAE 135, section 20.1): who asks which service, and how it ends.

use super::super::{Layer, WireError, header};

/// Types of PDUs that name no service.
pub const SEGMENT_ACK: u8 = 4;
pub const REJECT: u8 = 6;
pub const ABORT: u8 = 7;

/// The front of an APDU. A `segment` is the number of one that is part of a longer whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pdu {
    Confirmed {
        invoke: u8,
        segment: Option<u8>,
        service: u8,
    },
    Unconfirmed {
        service: u8,
    },
    SimpleAck {
        invoke: u8,
        service: u8,
    },
    ComplexAck {
        invoke: u8,
        segment: Option<u8>,
        service: u8,
    },
    SegmentAck {
        invoke: u8,
        segment: u8,
    },
    /// `error` is `None` where it is laid out in a way of its own.
    Error {
        invoke: u8,
        service: u8,
        error: Option<Error>,
    },
    Reject {
        invoke: u8,
        reason: u8,
    },
    Abort {
        invoke: u8,
        reason: u8,
    },
}

/// Class and code of an error (section 18). A code means the same in each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    pub class: u16,
    pub code: u16,
}

impl Pdu {
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let layer = Layer::Bacnet;
        let ([first], rest) = header::<1>(layer, bytes)?;
        match first >> 4 {
            0 => {
                let ([_sizes, invoke], rest) = header::<2>(layer, rest)?;
                let (segment, service) = segmented(*first, rest)?;
                Ok(Self::Confirmed { invoke: *invoke, segment, service })
            }
            1 => {
                let ([service], _) = header::<1>(layer, rest)?;
                Ok(Self::Unconfirmed { service: *service })
            }
            3 => {
                let ([invoke], rest) = header::<1>(layer, rest)?;
                let (segment, service) = segmented(*first, rest)?;
                Ok(Self::ComplexAck { invoke: *invoke, segment, service })
            }
            kind @ (2 | SEGMENT_ACK | 5 | REJECT | ABORT) => {
                let ([invoke, second], rest) = header::<2>(layer, rest)?;
                Ok(Self::of_answer(kind, (*invoke, *second), rest))
            }
            _ => Err(WireError::UnknownCode { layer, code: *first }),
        }
    }

    /// Answers have the same two fields in front.
    fn of_answer(kind: u8, (invoke, second): (u8, u8), rest: &[u8]) -> Self {
        match kind {
            2 => Self::SimpleAck { invoke, service: second },
            SEGMENT_ACK => Self::SegmentAck { invoke, segment: second },
            5 => Self::Error { invoke, service: second, error: Error::parse(rest) },
            REJECT => Self::Reject { invoke, reason: second },
            _ => Self::Abort { invoke, reason: second },
        }
    }
}

/// A segment has its number and the size of the window before the service.
fn segmented(first: u8, rest: &[u8]) -> Result<(Option<u8>, u8), WireError> {
    if first & 0x08 == 0 {
        return header::<1>(Layer::Bacnet, rest).map(|([service], _)| (None, *service));
    }
    header::<3>(Layer::Bacnet, rest).map(|([number, _, service], _)| (Some(*number), *service))
}

impl Error {
    /// Two enumerations, which some services wrap in a field of their own (section 21).
    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = match bytes {
            [0x0e, inner @ ..] => inner,
            _ => bytes,
        };
        let (class, rest) = enumeration(bytes)?;
        let (code, _) = enumeration(rest)?;
        Some(Self { class, code })
    }
}

/// An enumeration of one or two bytes (section 20.2.11).
fn enumeration(bytes: &[u8]) -> Option<(u16, &[u8])> {
    match bytes {
        [0x91, value, rest @ ..] => Some((u16::from(*value), rest)),
        [0x92, high, low, rest @ ..] => Some((u16::from_be_bytes([*high, *low]), rest)),
        _ => None,
    }
}
