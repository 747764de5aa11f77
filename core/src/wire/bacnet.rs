//! BACnet/IP (ASHRAE 135): datagrams of the virtual link layer, and what they carry.
//!
//! One number space for everything said: services with and without confirmation, messages of the
//! network layer, functions of the virtual link layer and PDUs without a service overlap in the
//! protocol's own numbers, so each has an offset of its own here. Fields are big-endian.

pub mod apdu;
pub mod bvlc;
pub mod name;
pub mod network;
mod purpose;
pub mod refusal;

use apdu::Pdu;
use bvlc::{Bvlc, Content};
use network::{Network, Npdu};

use super::WireError;
use super::message::{Extent, Message, Operation, Role};

/// Offset of services without confirmation; those with one stand below it.
pub const UNCONFIRMED: u16 = 0x100;
/// Offset of messages of the network layer.
pub const NETWORK: u16 = 0x200;
/// Offset of functions of the virtual link layer.
pub const LINK: u16 = 0x300;
/// Offset of PDUs that name no service, by their type.
pub const PDU: u16 = 0x400;

/// Whether a datagram of the virtual link layer stands at the front of `stream`.
pub fn extent(stream: &[u8]) -> Extent {
    match stream {
        [] | [0x81] | [0x81, 0..=bvlc::MAX_FUNCTION] | [0x81, 0..=bvlc::MAX_FUNCTION, _] => {
            Extent::Short
        }
        [0x81, 0..=bvlc::MAX_FUNCTION, high, low, ..] => {
            match usize::from(u16::from_be_bytes([*high, *low])) {
                len @ bvlc::HEADER_LEN.. => Extent::Whole(len),
                _ => Extent::Foreign,
            }
        }
        [..] => Extent::Foreign,
    }
}

/// The message that `bytes`, one datagram, are; `None` if they are none, or go on with one.
pub fn message(bytes: &[u8]) -> Option<Message> {
    read(bytes).ok().flatten()
}

/// As [`message`]; `None` only if the datagram is a later segment of a message.
pub fn read(bytes: &[u8]) -> Result<Option<Message>, WireError> {
    let bvlc = Bvlc::parse(bytes)?;
    match bvlc.content {
        Content::Npdu(bytes) => of_network(&Npdu::parse(bytes)?),
        Content::Link { result } => Ok(Some(of_link(bvlc.function, result))),
    }
}

fn of_link(function: u8, result: Option<u16>) -> Message {
    let (role, operation) = purpose::of_link(function);
    let error = result.and_then(refusal::of_link);
    Message { role, operation, code: LINK | u16::from(function), station: None, error }
}

fn of_network(npdu: &Npdu<'_>) -> Result<Option<Message>, WireError> {
    match npdu.content {
        Network::Message { kind, reason } => {
            let (role, operation) = purpose::of_network(kind);
            let code = NETWORK | u16::from(kind);
            let error = reason.map(refusal::of_network);
            Ok(Some(Message { role, operation, code, station: None, error }))
        }
        Network::Apdu(bytes) => {
            let message = of_application(Pdu::parse(bytes)?);
            Ok(message.map(|message| {
                let behind = match message.role {
                    Role::Request => npdu.destination,
                    Role::Response | Role::Report => npdu.source,
                };
                Message { station: behind.and_then(network::Address::station), ..message }
            }))
        }
    }
}

/// `None` of a later segment of a message.
fn of_application(pdu: Pdu) -> Option<Message> {
    let message = |(role, operation), code: u16, error: Option<u16>| {
        Some(Message { role, operation, code, station: None, error })
    };
    match pdu {
        Pdu::Confirmed { segment: Some(1..), .. } | Pdu::ComplexAck { segment: Some(1..), .. } => {
            None
        }
        Pdu::Confirmed { service, .. } => {
            message(purpose::of_confirmed(service), service.into(), None)
        }
        Pdu::Unconfirmed { service } => {
            message(purpose::of_unconfirmed(service), UNCONFIRMED | u16::from(service), None)
        }
        Pdu::SimpleAck { service, .. } | Pdu::ComplexAck { service, .. } => {
            let (_, operation) = purpose::of_confirmed(service);
            message((Role::Response, operation), service.into(), None)
        }
        Pdu::SegmentAck { .. } => {
            message((Role::Response, Operation::Session), PDU | u16::from(apdu::SEGMENT_ACK), None)
        }
        Pdu::Error { service, error, .. } => {
            let (_, operation) = purpose::of_confirmed(service);
            let code = error.map_or(refusal::OTHER, |error| error.code);
            message((Role::Response, operation), service.into(), Some(code))
        }
        Pdu::Reject { reason, .. } => {
            let code = PDU | u16::from(apdu::REJECT);
            message((Role::Response, Operation::Other), code, Some(refusal::of_reject(reason)))
        }
        Pdu::Abort { reason, .. } => {
            let code = PDU | u16::from(apdu::ABORT);
            message((Role::Response, Operation::Other), code, Some(refusal::of_abort(reason)))
        }
    }
}

#[cfg(test)]
mod tests;
