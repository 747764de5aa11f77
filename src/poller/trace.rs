//! What a capture needs to find a reading's exchange on the wire again. Made only where the
//! configuration has a capture that could see it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpStream;

use crate::record::{Exchange, Identity, ReadAnswer, canonical};
use crate::wire::modbus::request::ReadRequest;

use super::exchange::{Reply, Values};

/// Both ends of a connection, as frames name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    client: SocketAddr,
    server: SocketAddr,
}

impl Route {
    /// `None` if the connection is already lost, which the next request will show.
    pub(super) fn of(stream: &TcpStream) -> Option<Self> {
        let (client, server) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
        Some(Self { client: canonical(client), server: canonical(server) })
    }

    /// The exchange that ended `at` with `reply`; `None` if its reply carried no identifier. The
    /// answer is made of what the samples are made of, so that comparing it tests that too.
    pub(super) fn exchange(
        self,
        unit: u8,
        request: ReadRequest,
        reply: &Reply,
        at: SystemTime,
    ) -> Option<Arc<Exchange>> {
        let identity = Identity {
            client: self.client,
            server: self.server,
            transaction: reply.transaction?,
            unit,
            request,
        };
        let asked = at.checked_sub(reply.latency).unwrap_or(at);
        let answer = answer(&reply.values)?;
        Some(Arc::new(Exchange { identity, asked, answered: at, answer }))
    }
}

fn answer(values: &Values) -> Option<ReadAnswer> {
    match values {
        Values::Registers(words) => Some(ReadAnswer::of_registers(words.iter().copied())),
        Values::Bits(bits) => Some(ReadAnswer::of_bits(bits.iter().copied())),
        Values::Exception(code) => Some(ReadAnswer::Exception(*code)),
        Values::Echo | Values::Identity(_) => None,
    }
}
