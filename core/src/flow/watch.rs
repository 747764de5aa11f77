//! The watch list: servers whose reads are kept, and the proof that an answer is that of its read.
//!
//! A pairing is proven if both segments are intact, no byte of either direction was missed from
//! the request to its response, and the client numbers its requests: then no other request, seen
//! or unseen, can be the one that was answered. What is not proven is counted and not kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::record::{Exchange, Identity, Overheard, ReadAnswer, Trust};
use crate::wire::modbus::pdu::{Direction, Layout, Pdu};
use crate::wire::modbus::reply;
use crate::wire::modbus::request::{ReadRequest, Span};

use super::conversation::Page;
use super::key::{Key, number};
use super::outstanding::{Address, Request};
use super::sighting::Evidence;

/// Servers by address and port, sorted. Cheap to clone; a new list replaces the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchList(Arc<[(u128, u16)]>);

impl FromIterator<SocketAddr> for WatchList {
    fn from_iter<T: IntoIterator<Item = SocketAddr>>(servers: T) -> Self {
        let servers = servers.into_iter();
        let mut sorted: Vec<_> =
            servers.map(|server| (number(&server.ip()), server.port())).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self(sorted.into())
    }
}

impl WatchList {
    /// Asked once for each connection, and once more when the list changes.
    pub(super) fn contains(&self, server: u128, port: u16) -> bool {
        self.0.binary_search(&(server, port)).is_ok()
    }
}

/// What a connection has shown of itself, and whether its server is watched.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Reads are kept.
    is_kept: bool,
    /// Identifier of the last request.
    last_id: Option<u16>,
    client: Intactness,
    server: Intactness,
}

/// Of the bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Intactness {
    #[default]
    Intact,
    /// The segment at hand, or the start of an ADU that it goes on with, may be damaged; or it
    /// waited for others, or was seen in two versions.
    Doubtful,
}

impl Watch {
    pub(super) fn new(is_kept: bool) -> Self {
        Self { is_kept, ..Self::default() }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    pub(super) fn keep(&mut self, is_kept: bool) {
        self.is_kept = is_kept;
    }

    /// True if a request was seen before, so that it is known how the client numbers them.
    pub(super) fn knows_client(&self) -> bool {
        self.last_id.is_some()
    }

    /// True if what the server says now is as it was sent.
    pub(super) fn hears_server(&self) -> bool {
        self.server == Intactness::Intact
    }

    /// Before the ADUs of a segment are read.
    pub(super) fn on_segment(&mut self, direction: Direction, evidence: Evidence) {
        match evidence {
            Evidence::Verified | Evidence::Intact => (),
            Evidence::Unverified => self.doubt(direction),
        }
    }

    /// What is read next in a direction proves nothing.
    pub(super) fn doubt(&mut self, direction: Direction) {
        *self.intactness(direction) = Intactness::Doubtful;
    }

    /// After that, if no ADU goes on in the next segment and none waits.
    pub(super) fn on_adu_end(&mut self, direction: Direction) {
        *self.intactness(direction) = Intactness::Intact;
    }

    /// True if the response to this request, if one alone fits, will be proven to be its response.
    pub(super) fn is_provable(&mut self, transaction: Option<u16>) -> bool {
        let is_numbered = self.last_id != transaction;
        self.last_id = transaction;
        is_numbered && self.client == Intactness::Intact
    }

    /// Keep `request` with its response, if it is a read.
    pub(super) fn on_transaction(
        &self,
        request: &Request,
        response: &[u8],
        at_ns: u64,
        page: &mut Page<'_>,
    ) {
        let Some(read) = read(&request.pdu).filter(|_| self.is_kept) else { return };
        let is_proven = request.is_proven && self.server == Intactness::Intact;
        // An answer of another shape than was asked for is none, whoever takes it for one.
        let answer = reply::prove(read, response).ok().and_then(ReadAnswer::of);
        let (key, trust) = (page.key, page.trust());
        match (answer.filter(|_| is_proven), request.address.transaction) {
            (Some(answer), Some(transaction)) => page.report.read(|| {
                let Address { unit, .. } = request.address;
                let (client, server) = (key.client(), key.server());
                let identity = Identity { client, server, transaction, unit, request: read };
                overheard(identity, answer, [request.at_ns, at_ns], (key, trust))
            }),
            (None, _) | (_, None) => page.report.reads_unproven += 1,
        }
    }

    fn intactness(&mut self, direction: Direction) -> &mut Intactness {
        match direction {
            Direction::Request => &mut self.client,
            Direction::Response => &mut self.server,
        }
    }
}

/// What a well-formed request reads, if it does nothing else.
fn read(pdu: &Pdu) -> Option<ReadRequest> {
    let (first, count) = (pdu.address?, pdu.quantity?);
    let read = ReadRequest::read(pdu.function, Span { first, count });
    read.filter(|_| pdu.layout == Layout::Expected)
}

fn overheard(
    identity: Identity,
    answer: ReadAnswer,
    [asked_ns, answered_ns]: [u64; 2],
    (key, trust): (&Key, Trust),
) -> Overheard {
    let exchange =
        Exchange { identity, asked: time(asked_ns), answered: time(answered_ns), answer };
    Overheard { vlan: key.vlan(), exchange: Arc::new(exchange), trust }
}

pub(super) fn time(at_ns: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(at_ns)
}
