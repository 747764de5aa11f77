//! The Common Industrial Protocol (CIP networks library, volume 1, chapter 2): a service asked of an
//! object, or its answer.
//!
//! An answer repeats the service and nothing of the object, so where two objects number different
//! services alike, the likelier one is told.

pub mod path;
mod pccc;
pub mod service;

use super::message::{Message, Operation, Role};
use super::{Layer, WireError, header};
use path::Path;
use service::{MULTIPLE, UNCONNECTED_SEND};

/// Bit of the service that says answer.
const REPLY: u8 = 0x80;
/// General status of success, and of an answer whose rest must be asked for (volume 1, appendix B).
const SUCCESS: u8 = 0;
const PARTIAL: u8 = 6;
/// One of the services in a packet of several was refused.
const EMBEDDED: u8 = 0x1e;

/// A service that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub service: u8,
    pub path: Path,
    pub body: &'a [u8],
}

/// The answer to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    pub service: u8,
    /// General status.
    pub status: u8,
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Cip;
        let ([service, n_words], rest) = header::<2>(layer, bytes)?;
        if service & REPLY != 0 {
            return Err(WireError::UnknownCode { layer, code: *service });
        }
        let path_len = 2 * usize::from(*n_words);
        let (path, body) = rest.split_at_checked(path_len).unwrap_or((rest, &[]));
        Ok(Self { service: *service, path: Path::of(path), body })
    }

    fn judge(&self) -> Judged {
        let code = service::code(self.service, &self.path);
        Judged { code, operation: service::operation(code, self.body), status: SUCCESS }
    }
}

impl<'a> Reply<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Cip;
        let ([service, _, status, n_words], rest) = header::<4>(layer, bytes)?;
        if service & REPLY == 0 {
            return Err(WireError::UnknownCode { layer, code: *service });
        }
        let body = rest.get(2 * usize::from(*n_words)..).unwrap_or_default();
        Ok(Self { service: service & !REPLY, status: *status, body })
    }

    fn judge(&self) -> Judged {
        let status = if self.status == PARTIAL { SUCCESS } else { self.status };
        let code = service::code_of_reply(self.service, status != SUCCESS);
        Judged { code, operation: service::operation(code, &[]), status }
    }
}

/// What a request or an answer says, of which `head` is all or the beginning. One that is sent
/// through others is told as what it is for, several in one packet as the gravest of them, or the
/// first that was refused, as far as they lie in `head`.
pub fn message(head: &[u8]) -> Result<Message, WireError> {
    match head.first() {
        Some(service) if service & REPLY != 0 => {
            let reply = Reply::parse(head)?;
            Ok(gravest_reply(&reply).told(Role::Response, None))
        }
        Some(_) | None => {
            let request = Request::parse(head)?;
            let (request, slot) = unwrapped(&request)?;
            Ok(gravest_request(&request).told(Role::Request, slot))
        }
    }
}

/// One service of a packet that may hold several.
#[derive(Clone, Copy, Debug)]
struct Judged {
    code: u16,
    operation: Operation,
    status: u8,
}

impl Judged {
    fn told(self, role: Role, station: Option<u32>) -> Message {
        let Self { code, operation, status } = self;
        let error = (status != SUCCESS).then_some(status.into());
        Message { role, operation, code, station, error }
    }

    fn gravity(self) -> u8 {
        match self.operation {
            Operation::Read => 0,
            Operation::Session => 1,
            Operation::Other => 2,
            Operation::Write => 3,
            Operation::Command => 4,
        }
    }

    /// The graver one; of equals the first.
    fn or_graver(self, other: Self) -> Self {
        if other.gravity() > self.gravity() { other } else { self }
    }
}

/// What an unconnected send carries (volume 1, section 3-5.5.4), and the slot that its route ends in.
/// One inside it is not opened.
fn unwrapped<'a>(request: &Request<'a>) -> Result<(Request<'a>, Option<u32>), WireError> {
    if request.service != UNCONNECTED_SEND || !request.path.is_connection_manager() {
        return Ok((*request, None));
    }
    let layer = Layer::Cip;
    let ([_, _, l0, l1], rest) = header::<4>(layer, request.body)?;
    let len = usize::from(u16::from_le_bytes([*l0, *l1]));
    let inner = rest.get(..len).unwrap_or(rest);
    // The route stands at an even place: its length in words, a reserved byte, port segments.
    let slot = match rest.get(len.next_multiple_of(2)..) {
        Some([_, _, route @ ..]) => path::last_link(route),
        Some(_) | None => None,
    };
    Ok((Request::parse(inner)?, slot))
}

fn gravest_request(request: &Request<'_>) -> Judged {
    if request.service != MULTIPLE {
        return request.judge();
    }
    let inner = services(request.body).filter_map(|bytes| Request::parse(bytes).ok());
    inner.map(|request| request.judge()).reduce(Judged::or_graver).unwrap_or(request.judge())
}

fn gravest_reply(reply: &Reply<'_>) -> Judged {
    let whole = reply.judge();
    if reply.service != MULTIPLE || !matches!(whole.status, SUCCESS | EMBEDDED) {
        return whole;
    }
    let inner = services(reply.body).filter_map(|bytes| Reply::parse(bytes).ok());
    let mut inner = inner.map(|reply| reply.judge());
    let mut gravest = None;
    let refused = inner.find(|judged| {
        gravest = Some(gravest.map_or(*judged, |known: Judged| known.or_graver(*judged)));
        judged.status != SUCCESS
    });
    refused.or(gravest).unwrap_or(whole)
}

/// The services of a packet of several (volume 1, section ): how many, where each begins,
/// counted from the front. They lie one behind the other; where they do not, the packet ends.
pub fn services(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let n_services = body.first_chunk().map_or(0, |n| usize::from(u16::from_le_bytes(*n)));
    let at = move |index: usize| {
        let offset = body.get(2 + 2 * index..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*offset)))
    };
    let mut previous = 0;
    (0..n_services).map_while(move |index| {
        let start = at(index).filter(|start| *start > previous)?;
        previous = start;
        let end = if index + 1 < n_services { at(index + 1)? } else { body.len() };
        body.get(start..end).or(body.get(start..))
    })
}

#[cfg(test)]
mod tests;
