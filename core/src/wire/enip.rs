//! EtherNet/IP (CIP networks library, volume 2, chapters 2 and 3): a header, and CIP in a common
//! packet format behind it; over UDP also inputs and outputs without a header.
//!
//! Little-endian throughout, unlike everything below it.

pub mod cpf;

use super::message::{Extent, Message, Operation, Role};
use super::{Layer, WireError, cip, header};
use cpf::{Elements, Kind};

/// Port of encapsulated messages, TCP and UDP.
pub const PORT: u16 = 44_818;
/// UDP port of inputs and outputs.
pub const IO_PORT: u16 = 2222;
/// Bytes before what a command carries.
pub const HEADER_LEN: usize = 24;
/// Added to a command where it is told instead of a service of CIP, which it could be taken for.
pub const ENCAPSULATION: u16 = 0x8000;
/// What inputs and outputs are told as: they have no service. It is the number of the element that
/// carries them.
pub const IO: u16 = 0xb1;

/// Commands (volume 2, table 2-3.2).
const LIST_SERVICES: u16 = 0x04;
const LIST_IDENTITY: u16 = 0x63;
const LIST_INTERFACES: u16 = 0x64;
const REGISTER_SESSION: u16 = 0x65;
const UNREGISTER_SESSION: u16 = 0x66;
const SEND_RR_DATA: u16 = 0x6f;
const SEND_UNIT_DATA: u16 = 0x70;
/// Interface handle and time-out, before the elements.
const PREFIX_LEN: usize = 6;

/// The header of a command, and what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encapsulated<'a> {
    pub command: u16,
    /// 0 before one is registered.
    pub session: u32,
    /// 0 unless this is an answer that refuses.
    pub status: u32,
    /// Chosen by who asks and repeated by who answers.
    pub context: [u8; 8],
    pub body: &'a [u8],
}

impl<'a> Encapsulated<'a> {
    /// Read a command, of which `head` is all or the beginning.
    pub fn parse(head: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::EtherNetIp;
        let (fixed, rest) = header::<HEADER_LEN>(layer, head)?;
        let [c0, c1, l0, l1, s0, s1, s2, s3, e0, e1, e2, e3, context @ .., _, _, _, _] = *fixed;
        let command = u16::from_le_bytes([c0, c1]);
        if command_name(command).is_none() {
            return Err(WireError::UnknownCode { layer, code: c0 });
        }
        let len = usize::from(u16::from_le_bytes([l0, l1]));
        Ok(Self {
            command,
            session: u32::from_le_bytes([s0, s1, s2, s3]),
            status: u32::from_le_bytes([e0, e1, e2, e3]),
            context,
            body: rest.get(..len).unwrap_or(rest),
        })
    }
}

/// Where the frame at the front of `bytes` ends. A command is known, and no option is (volume 2,
/// section 2-3.7), so bytes from the middle of a frame hardly pass for its start.
pub fn extent(bytes: &[u8]) -> Extent {
    match bytes {
        [] | [_] => Extent::Short,
        [c0, c1, ..] if command_name(u16::from_le_bytes([*c0, *c1])).is_none() => Extent::Foreign,
        _ => match bytes.first_chunk::<HEADER_LEN>() {
            None => Extent::Short,
            Some([_, _, l0, l1, .., 0, 0, 0, 0]) => {
                Extent::Whole(HEADER_LEN + usize::from(u16::from_le_bytes([*l0, *l1])))
            }
            Some(_) => Extent::Foreign,
        },
    }
}

/// What a frame says, of which `head` is all or the beginning.
pub fn message(head: &[u8]) -> Result<Message, WireError> {
    let encapsulated = Encapsulated::parse(head)?;
    let is_answer = encapsulated.status != 0
        || match encapsulated.command {
            LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES => !encapsulated.body.is_empty(),
            // The session is what is asked for.
            REGISTER_SESSION => encapsulated.session != 0,
            _ => false,
        };
    let told = Message {
        role: if is_answer { Role::Response } else { Role::Request },
        operation: Operation::Session,
        code: ENCAPSULATION | encapsulated.command,
        station: None,
        error: (encapsulated.status != 0).then(|| error_of(encapsulated.status)),
    };
    match encapsulated.command {
        SEND_RR_DATA | SEND_UNIT_DATA if encapsulated.status == 0 => {
            let (_, elements) = header::<PREFIX_LEN>(Layer::EtherNetIp, encapsulated.body)?;
            let unread = Message { operation: Operation::Other, ..told };
            carried(elements).map(|message| message.unwrap_or(unread))
        }
        _ => Ok(told),
    }
}

/// A status of the header, with [`ENCAPSULATION`] added: CIP numbers its own from 0, too.
fn error_of(status: u32) -> u16 {
    ENCAPSULATION | u16::try_from(status).unwrap_or(u16::MAX)
}

/// What tells one open request from another: the same in its answer. Without a connection who asks
/// chooses it, on one the requests are numbered.
pub fn exchange(head: &[u8]) -> Option<u64> {
    let encapsulated = Encapsulated::parse(head).ok()?;
    match encapsulated.command {
        SEND_RR_DATA => Some(u64::from_le_bytes(encapsulated.context)),
        SEND_UNIT_DATA => {
            let mut elements = Elements::of(encapsulated.body.get(PREFIX_LEN..)?).ok()?;
            let connected = elements.find_map(|element| match element {
                Ok((Kind::CONNECTED, body)) => body.first_chunk(),
                Ok(_) | Err(_) => None,
            })?;
            Some(u16::from_le_bytes(*connected).into())
        }
        _ => None,
    }
}

/// What CIP says in one of the elements.
fn carried(bytes: &[u8]) -> Result<Option<Message>, WireError> {
    for element in Elements::of(bytes)? {
        let (kind, body) = element?;
        match kind {
            Kind::UNCONNECTED => return cip::message(body).map(Some),
            Kind::CONNECTED => {
                let (_, body) = header::<2>(Layer::EtherNetIp, body)?; // a sequence number
                return cip::message(body).map(Some);
            }
            _ => (),
        }
    }
    Ok(None)
}

/// What a datagram says: a command, or inputs and outputs.
pub fn datagram(payload: &[u8]) -> Result<Message, WireError> {
    match extent(payload) {
        Extent::Whole(_) => message(payload),
        Extent::Short | Extent::Foreign => io_message(payload),
    }
}

/// What a datagram of inputs or outputs says: which, the connection knows, whose opening says so.
fn io_message(datagram: &[u8]) -> Result<Message, WireError> {
    let layer = Layer::EtherNetIp;
    let mut elements = Elements::of(datagram)?;
    let mut next = |expected: Kind| match elements.next().transpose()? {
        Some((kind, body)) if kind == expected => Ok(body),
        Some((Kind(kind), _)) => Err(WireError::UnknownCode { layer, code: kind.to_le_bytes()[0] }),
        None => Err(WireError::BadLength { layer, stated: 0, minimum: 2 }),
    };
    let address = next(Kind::SEQUENCED)?;
    header::<8>(layer, address)?; // a connection, and a sequence number
    next(Kind::CONNECTED)?;
    let (role, operation) = (Role::Report, Operation::Other);
    Ok(Message { role, operation, code: IO, station: None, error: None })
}

/// A code of a message in words; `None` if it is not known.
pub fn name(code: u16) -> Option<&'static str> {
    match code {
        IO => Some("input and output"),
        ENCAPSULATION.. => command_name(code & !ENCAPSULATION),
        _ => cip::service::name(code),
    }
}

/// Why something was refused, in words; `None` if it is not known.
pub fn error_name(error: u16) -> Option<&'static str> {
    match error.to_be_bytes() {
        [0, status] => cip::service::status_name(status),
        [_, _] => status_name(error & !ENCAPSULATION),
    }
}

fn command_name(command: u16) -> Option<&'static str> {
    let name = match command {
        0x00 => "nop",
        LIST_SERVICES => "list services",
        LIST_IDENTITY => "list identity",
        LIST_INTERFACES => "list interfaces",
        REGISTER_SESSION => "register session",
        UNREGISTER_SESSION => "unregister session",
        SEND_RR_DATA => "send request",
        SEND_UNIT_DATA => "send on a connection",
        0x72 => "indicate status",
        0x73 => "cancel",
        0xc8 => "start dtls",
        _ => return None,
    };
    Some(name)
}

/// Volume 2, table 2-3.3.
fn status_name(status: u16) -> Option<&'static str> {
    let name = match status {
        1 => "invalid command",
        2 => "no memory",
        3 => "incorrect data",
        0x64 => "invalid session",
        0x65 => "invalid length",
        0x69 => "protocol version not supported",
        0x6a => "service not allowed on this port",
        _ => return None,
    };
    Some(name)
}

#[cfg(test)]
mod tests;
