//! Servers that were detected: a short list, behind a bit for each of their ports.
//!
//! When it is full, the one silent for longest makes room; it will be detected again.

use crate::record::DetectionTally;
use crate::wire::modbus::likeness::Framing;
use crate::wire::modbus::pdu::Direction;

use super::super::key::Key;
use super::super::ports::Ports;
use super::super::sighting::Sighting;

#[derive(Debug)]
pub(super) struct Servers {
    /// Asked first: nearly no segment has one of them.
    ports: Ports,
    servers: Vec<Server>,
}

#[derive(Clone, Copy, Debug)]
struct Server {
    end: Key,
    framing: Framing,
    last_ns: u64,
}

const MAX_SERVERS: usize = 64;

impl Default for Servers {
    fn default() -> Self {
        Self { ports: Ports::new([]), servers: Vec::new() }
    }
}

impl Servers {
    #[inline]
    pub(super) fn may_have(&self, port: u16, other: u16) -> bool {
        !self.servers.is_empty() && (self.ports.contain(port) || self.ports.contain(other))
    }

    /// Who speaks, if one end is a server.
    pub(super) fn direction(&mut self, sighting: &Sighting<'_>) -> Option<(Framing, Direction)> {
        [Direction::Request, Direction::Response].into_iter().find_map(|direction| {
            let end = Key::of(sighting, direction).of_server();
            let server = self.servers.iter_mut().find(|server| server.end == end)?;
            server.last_ns = sighting.at_ns;
            Some((server.framing, direction))
        })
    }

    pub(super) fn insert(
        &mut self,
        end: Key,
        framing: Framing,
        last_ns: u64,
        tally: &mut DetectionTally,
    ) {
        self.servers.retain(|server| server.end != end);
        if self.servers.len() == MAX_SERVERS {
            self.forget_one();
            tally.servers_evicted += 1;
        }
        self.ports.insert(end.server().port());
        self.servers.push(Server { end, framing, last_ns });
    }

    fn forget_one(&mut self) {
        let silent = self.servers.iter().enumerate().min_by_key(|(_, server)| server.last_ns);
        let Some(index) = silent.map(|(index, _)| index) else { return };
        let port = self.servers.swap_remove(index).end.server().port();
        if self.servers.iter().all(|server| server.end.server().port() != port) {
            self.ports.remove(port);
        }
    }
}
