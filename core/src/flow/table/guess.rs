//! Who speaks and what, where ports do not tell: what is said decides, and not who connected.
//!
//! A device may connect to its master, so a port that is configured need not be that of the server.
//! A connection whose first segment can only go the other way is looked at as one on any other
//! port is, until evidence is complete; and between two ports of servers, the first segment that
//! can go one way only decides.

use crate::record::{Note, Protocol, WireReport, connects_out};
use crate::wire::modbus::likeness::{self, Framing};
use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::Flags;

use super::super::detector::{self, Proven};
use super::super::key::Key;
use super::super::sighting::Sighting;
use super::{Route, Table};

impl Table {
    /// Look for a server in a segment that is of none that is known. If it completes the evidence,
    /// everything that was kept is read.
    #[cold]
    pub(super) fn guess(&mut self, sighting: &Sighting<'_>, report: &mut WireReport) {
        let Some(proven) = self.detector.observe(sighting, &mut report.detection) else { return };
        report.detection.servers += 1;
        report.note(Note::Detected(proven.detected));
        let Proven { kept, framing, .. } = &proven;
        kept.for_each(|sighting, direction| {
            let route = Route { direction, proven: Some(*framing) };
            self.resume(sighting, route, report);
        });
        self.detector.give_back(proven);
    }

    /// A connection goes the way that its ports say after all: read what was kept of it because it
    /// seemed to go the other way. True if there was something.
    pub(super) fn read_contrary(
        &mut self,
        key: &Key,
        route: Route,
        report: &mut WireReport,
    ) -> bool {
        if route.proven.is_some() {
            return false;
        }
        let Some(kept) = self.detector.take_contrary(key) else { return false };
        kept.for_each(|sighting, direction| {
            let route = Route { direction: direction.opposite(), proven: None };
            self.resume(sighting, route, report);
        });
        true
    }

    /// Follow a connection by a segment that was kept. Between two of them others may have passed, of
    /// any client, and a write among them: what is kept proves no write to be without effect.
    fn resume(&mut self, sighting: &Sighting<'_>, route: Route, report: &mut WireReport) {
        let key = Key::of(sighting, route.direction);
        let hash = key.hash(self.seed);
        let known = self.find(&key, hash);
        let Some(found) = known.or_else(|| self.claim(key, hash, route, report)) else { return };
        let Some(protocol) = self.protocol(route, &key) else { return };
        let is_watched = key.is_on(&self.watched);
        if let Some((connection, mut page, pool)) = self.open(found.slot, report) {
            page.effects.miss(page.key);
            page.recent.is_from_start = false;
            let (sequence, direction) = (sighting.segment.sequence, route.direction);
            let speaks = (protocol, is_watched);
            connection.resume(speaks, direction, sequence, (&mut page, &mut *pool));
            connection.accept(sighting, route.direction, &mut page, pool);
        }
        self.touch(found, sighting.at_ns);
    }

    /// What a connection speaks.
    pub(super) fn protocol(&self, route: Route, key: &Key) -> Option<Protocol> {
        let proven = route.proven.map(Protocol::from);
        proven.or_else(|| self.services.protocol(key.server_port()))
    }

    /// True if a segment, the first that is seen of a connection, cannot be said by the side whose
    /// port makes it the client or the server.
    pub(super) fn is_contrary(&self, sighting: &Sighting<'_>, route: Route, key: &Key) -> bool {
        let framing = match self.protocol(route, key) {
            _ if route.proven.is_some() => return false,
            Some(Protocol::Modbus) => Framing::Mbap,
            Some(Protocol::ModbusRtu) => Framing::Rtu,
            Some(
                Protocol::OpcUa
                | Protocol::Dnp3
                | Protocol::Iec104
                | Protocol::S7comm
                | Protocol::EtherNetIp
                | Protocol::Bacnet,
            )
            | None => return false,
        };
        detector::is_contrary(sighting.segment.payload, framing, route.direction)
    }

    /// Both ports are services'. A connection that is known stays what it is. Of another, what is
    /// said tells who says it; if both may, whoever sent the first SYN, or else spoke first, is the
    /// client.
    pub(super) fn direction_between_servers(&self, sighting: &Sighting<'_>) -> Direction {
        for direction in [Direction::Response, Direction::Request] {
            let key = Key::of(sighting, direction);
            if self.find(&key, key.hash(self.seed)).is_some() {
                return direction;
            }
        }
        let spoken = likeness::likeness(sighting.segment.payload);
        if let Some(direction) = spoken.and_then(|likeness| likeness.direction) {
            return direction;
        }
        let flags = sighting.segment.flags;
        if flags.any(Flags::SYN) && flags.any(Flags::ACK) {
            Direction::Response
        } else {
            Direction::Request
        }
    }

    /// Who talks to whom, whatever connection it is. A server that connects to its client has
    /// another port of its own each time.
    pub(super) fn parties(&self, key: &Key) -> Key {
        let (client_port, server_port) = (key.client_port(), key.server_port());
        let has_called = !self.ports.contain(server_port)
            && (self.ports.contain(client_port) || connects_out(server_port, client_port));
        if has_called { key.at_port_of_client() } else { *key }
    }
}
