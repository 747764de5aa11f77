//! Every transaction word by word, for one who reads a file.
//!
//! A report keeps what an operator must be told and has a bound, because a stranger decides how
//! much is said. Who replays a file wants all of it, and can wait: a table that transcribes keeps
//! the bytes of what is open (at most sixteen PDUs a connection) and of what was said since it was
//! last asked. A table that does not, as the daemon's, looks at one word for each PDU.

use std::net::SocketAddr;

use crate::wire::packet::Vlan;

/// A request and its response, or the one that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub vlan: Vlan,
    pub client: SocketAddr,
    pub server: SocketAddr,
    /// Of the MBAP header; frames of a serial line have none.
    pub transaction: Option<u16>,
    pub unit: u8,
    pub request: Option<Said>,
    pub response: Option<Said>,
}

/// A PDU, and when its last byte was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Nanoseconds since the Unix epoch.
    pub at_ns: u64,
    pub pdu: Box<[u8]>,
}

/// What was said and not yet taken.
#[derive(Debug)]
pub(super) enum Transcript {
    Off,
    On(Vec<Turn>),
}

impl Transcript {
    /// Keep a request until it is answered.
    pub(super) fn begin(&self, request: impl FnOnce() -> Turn) -> Option<Box<Turn>> {
        match self {
            Self::Off => None,
            Self::On(_) => Some(Box::new(request())),
        }
    }

    /// A response came to what was asked, or to nothing that was seen.
    pub(super) fn answer(&mut self, asked: Option<Box<Turn>>, response: impl FnOnce() -> Turn) {
        let Self::On(turns) = self else { return };
        let response = response();
        turns.push(match asked {
            Some(asked) => Turn { response: response.response, ..*asked },
            None => response,
        });
    }

    /// No response will come any more.
    pub(super) fn end(&mut self, asked: Option<Box<Turn>>) {
        if let (Self::On(turns), Some(asked)) = (self, asked) {
            turns.push(*asked);
        }
    }

    pub(super) fn take(&mut self) -> Vec<Turn> {
        match self {
            Self::Off => Vec::new(),
            Self::On(turns) => std::mem::take(turns),
        }
    }
}
