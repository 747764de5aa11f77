//! Chunks as messages: what an onlooker counts and tells of OPC UA.

use std::borrow::Cow;

use super::super::WireError;
use super::super::message::{Extent, Message, Operation, Role};
use super::binary::Fields;
use super::chunk::{Chunk, HEADER_LEN, Kind, Part};
use super::conversation::{Asymmetric, Policy, Sequenced, Symmetric};
use super::service::{Content, Service};

/// Where the chunk at the front of `bytes` ends.
pub fn extent(bytes: &[u8]) -> Extent {
    match Chunk::parse(bytes) {
        Ok((chunk, _)) => Extent::Whole(HEADER_LEN + chunk.body.len()),
        Err(WireError::Truncated { need, .. }) if need > HEADER_LEN => Extent::Whole(need),
        Err(WireError::Truncated { .. }) if is_beginning(bytes) => Extent::Short,
        Err(_) => Extent::Foreign,
    }
}

/// What a chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Message(Message),
    /// Encrypted, or of no service that is known.
    Hidden,
}

/// How the services of a channel can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readable {
    Yes,
    No,
    /// The channel was not seen opened. Of noise, one chunk in a hundred million reads as a service.
    #[default]
    Perhaps,
}

/// Read the first chunk of a whole; `head` is all of it or its beginning.
pub fn message(head: &[u8], readable: Readable) -> Said {
    let Ok((kind, _, body)) = Chunk::split_head(head) else { return Said::Hidden };
    match kind {
        Kind::Hello | Kind::ReverseHello => session(Role::Request, HELLO),
        Kind::Acknowledge => session(Role::Response, HELLO),
        Kind::Error => Said::Message(Message {
            role: Role::Response,
            operation: Operation::Session,
            code: ERROR,
            station: None,
            error: Some(refusal(Fields::of(body).u32().unwrap_or(BAD))),
        }),
        Kind::Open => opening(body),
        Kind::Close => session(Role::Request, CLOSE),
        Kind::Service => service(body, readable),
    }
}

/// Which part of a whole a chunk is.
pub fn part(head: &[u8]) -> Option<Part> {
    Chunk::split_head(head).ok().map(|(_, part, _)| part)
}

/// The policy that an opening names; `None` if `head` opens nothing.
pub fn policy(head: &[u8]) -> Option<Policy> {
    let (kind, _, body) = Chunk::split_head(head).ok()?;
    let opening = (kind == Kind::Open).then(|| Asymmetric::parse(body))?;
    opening.ok().map(|opening| opening.policy)
}

/// What stands for chunks that are no service.
pub const HELLO: u16 = 1;
pub const ERROR: u16 = 2;
pub const CLOSE: u16 = 452;
const OPEN: u16 = 446;
/// The status `Bad` (OPC 10000-6, annex A.2).
const BAD: u32 = 0x8000_0000;

/// A code of [`Message`] in words.
pub fn name(code: u16) -> Cow<'static, str> {
    match code {
        HELLO => "Hello".into(),
        ERROR => "Error".into(),
        FAULT => "ServiceFault".into(),
        code => Service::of_request(code)
            .map_or_else(|| format!("service {code}").into(), |service| service.to_string().into()),
    }
}

/// The commonest reasons of a refusal (OPC 10000-6, annex A.2).
pub fn error_name(code: u16) -> Cow<'static, str> {
    let known = match code {
        0x8000 => "Bad",
        0x8001 => "BadUnexpectedError",
        0x8002 => "BadInternalError",
        0x8003 => "BadOutOfMemory",
        0x8004 => "BadResourceUnavailable",
        0x8005 => "BadCommunicationError",
        0x800a => "BadTimeout",
        0x800b => "BadServiceUnsupported",
        0x800d => "BadServerNotConnected",
        0x8010 => "BadTooManyOperations",
        0x8012 => "BadCertificateInvalid",
        0x8013 => "BadSecurityChecksFailed",
        0x801a => "BadCertificateUntrusted",
        0x801f => "BadUserAccessDenied",
        0x8020 => "BadIdentityTokenInvalid",
        0x8021 => "BadIdentityTokenRejected",
        0x8022 => "BadSecureChannelIdInvalid",
        0x8025 => "BadSessionIdInvalid",
        0x8026 => "BadSessionClosed",
        0x8027 => "BadSessionNotActivated",
        0x8028 => "BadSubscriptionIdInvalid",
        0x8033 => "BadNodeIdInvalid",
        0x8034 => "BadNodeIdUnknown",
        0x8054 => "BadSecurityModeRejected",
        0x8055 => "BadSecurityPolicyRejected",
        0x8056 => "BadTooManySessions",
        0x8078 => "BadTooManyPublishRequests",
        0x8079 => "BadNoSubscription",
        0x807d => "BadTcpServerTooBusy",
        0x807e => "BadTcpMessageTypeInvalid",
        0x807f => "BadTcpSecureChannelUnknown",
        0x8080 => "BadTcpMessageTooLarge",
        0x8082 => "BadTcpInternalError",
        0x8083 => "BadTcpEndpointUrlInvalid",
        _ => return format!("status {code:#06x}0000").into(),
    };
    known.into()
}

fn session(role: Role, code: u16) -> Said {
    let operation = Operation::Session;
    Said::Message(Message { role, operation, code, station: None, error: None })
}

/// An opening says who speaks only in its encoding, which any policy but none hides.
fn opening(body: &[u8]) -> Said {
    let readable = Asymmetric::parse(body).ok().and_then(|opening| opening.sequenced());
    match readable.and_then(Result::ok).map(|sequenced| content(&sequenced)) {
        Some(Said::Message(message)) => Said::Message(message),
        Some(Said::Hidden) | None => session(Role::Request, OPEN),
    }
}

fn service(body: &[u8], readable: Readable) -> Said {
    match readable {
        Readable::No => Said::Hidden,
        Readable::Yes | Readable::Perhaps => {
            let sequenced = Symmetric::parse(body).and_then(|symmetric| symmetric.sequenced());
            sequenced.map_or(Said::Hidden, |sequenced| content(&sequenced))
        }
    }
}

fn content(sequenced: &Sequenced<'_>) -> Said {
    let (role, service) = match sequenced.content() {
        Ok(Content::Request(service)) => (Role::Request, Some(service)),
        Ok(Content::Response(service)) => (Role::Response, Some(service)),
        Ok(Content::Fault) => (Role::Response, None),
        Ok(Content::Unknown) | Err(_) => return Said::Hidden,
    };
    let error = match role {
        Role::Response => result(sequenced.body).map(refusal),
        Role::Request | Role::Report => None,
    };
    Said::Message(Message {
        role,
        operation: service.map_or(Operation::Other, operation),
        code: service.map_or(FAULT, Service::code),
        station: None,
        error,
    })
}

/// The code of a fault, which does not say what it refuses.
pub const FAULT: u16 = 397;

/// The bad status in a response's header (OPC 10000-4, section 7.34), if it is one.
fn result(body: &[u8]) -> Option<u32> {
    let mut fields = Fields::of(body);
    match fields.u8().ok()? {
        0 => drop(fields.u8().ok()?),
        1 => drop((fields.u8().ok()?, fields.u16().ok()?)),
        _ => drop((fields.u16().ok()?, fields.u32().ok()?)),
    }
    let _timestamp = (fields.u32().ok()?, fields.u32().ok()?);
    let _handle = fields.u32().ok()?;
    fields.u32().ok().filter(|status| status & BAD != 0)
}

/// The part of a status code that says why (OPC 10000-4, section 7.39).
fn refusal(status: u32) -> u16 {
    let [high, low, ..] = status.to_be_bytes();
    u16::from_be_bytes([high, low])
}

fn operation(service: Service) -> Operation {
    match service {
        Service::Read
        | Service::HistoryRead
        | Service::Browse
        | Service::BrowseNext
        | Service::TranslateBrowsePathsToNodeIds
        | Service::QueryFirst
        | Service::QueryNext
        | Service::Republish
        | Service::FindServers
        | Service::FindServersOnNetwork
        | Service::GetEndpoints => Operation::Read,
        Service::Write
        | Service::HistoryUpdate
        | Service::AddNodes
        | Service::AddReferences
        | Service::DeleteNodes
        | Service::DeleteReferences => Operation::Write,
        Service::Call => Operation::Command,
        // A place to answer in when the server has news: its pace is that of the process.
        Service::Publish => Operation::Other,
        Service::OpenSecureChannel
        | Service::CloseSecureChannel
        | Service::CreateSession
        | Service::ActivateSession
        | Service::CloseSession
        | Service::Cancel
        | Service::RegisterServer
        | Service::RegisterServer2
        | Service::RegisterNodes
        | Service::UnregisterNodes
        | Service::CreateMonitoredItems
        | Service::ModifyMonitoredItems
        | Service::SetMonitoringMode
        | Service::SetTriggering
        | Service::DeleteMonitoredItems
        | Service::CreateSubscription
        | Service::ModifySubscription
        | Service::SetPublishingMode
        | Service::TransferSubscriptions
        | Service::DeleteSubscriptions => Operation::Session,
    }
}

/// True if these few bytes may go on as a chunk.
fn is_beginning(bytes: &[u8]) -> bool {
    const LETTERS: [&[u8]; 7] = [b"HEL", b"ACK", b"ERR", b"RHE", b"OPN", b"MSG", b"CLO"];
    LETTERS.iter().any(|letters| letters.iter().zip(bytes).all(|(letter, byte)| letter == byte))
}

#[cfg(test)]
mod tests;
