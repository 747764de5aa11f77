//! Virtual link control of BACnet/IP (ASHRAE 135, annex J.2): how a datagram is to be passed on.

use super::super::{Layer, WireError, header};

/// Type, function, length.
pub const HEADER_LEN: usize = 4;
/// Functions are numbered up to this: secure BVLL.
pub const MAX_FUNCTION: u8 = 0x0c;
/// What a Forwarded-NPDU begins with: address and port of who said it first.
const ORIGIN_LEN: usize = 6;

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bvlc<'a> {
    pub function: u8,
    pub content: Content<'a>,
}

/// What it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Of the network layer.
    Npdu(&'a [u8]),
    /// A matter of the link itself; a result has a code, 0 if it went well.
    Link { result: Option<u16> },
}

impl<'a> Bvlc<'a> {
    /// Read the datagram at the front of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Bvlc;
        let ([kind, function, stated @ ..], behind) = header::<HEADER_LEN>(layer, bytes)?;
        if *kind != 0x81 {
            return Err(WireError::UnknownCode { layer, code: *kind });
        }
        let need = usize::from(u16::from_be_bytes(*stated));
        let bad = WireError::BadLength { layer, stated: need, minimum: HEADER_LEN };
        let len = need.checked_sub(HEADER_LEN).ok_or(bad)?;
        let short = WireError::Truncated { layer, need, have: bytes.len() };
        let body = behind.get(..len).ok_or(short)?;
        Ok(Self { function: *function, content: Content::of(*function, body)? })
    }
}

impl<'a> Content<'a> {
    fn of(function: u8, body: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Bvlc;
        match function {
            0x00 => {
                let (code, _) = header::<2>(layer, body)?;
                Ok(Self::Link { result: Some(u16::from_be_bytes(*code)) })
            }
            0x04 => header::<ORIGIN_LEN>(layer, body).map(|(_, npdu)| Self::Npdu(npdu)),
            // Distribute-Broadcast-To-Network, Original-Unicast and Original-Broadcast.
            0x09..=0x0b => Ok(Self::Npdu(body)),
            // Tables, foreign devices, and what is secured and cannot be read.
            0x01..=0x03 | 0x05..=0x08 | 0x0c => Ok(Self::Link { result: None }),
            code => Err(WireError::UnknownCode { layer, code }),
        }
    }
}
