//! The first segment of a connection, or the first that is seen of one.

use crate::record::WireReport;
use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::{Flags, Segment};

use super::super::key::Key;
use super::super::sighting::Sighting;
use super::{Route, Table};

impl Table {
    /// A segment of a connection that is not.
    #[cold]
    pub(super) fn meet(
        &mut self,
        sighting: &Sighting<'_>,
        route: Route,
        key: Key,
        report: &mut WireReport,
    ) {
        let hash = key.hash(self.seed);
        let Route { direction, .. } = route;
        let segment = sighting.segment;
        if segment.payload.is_empty() {
            if segment.flags.any(Flags::SYN) && direction == Direction::Request {
                self.greetings.note(hash, segment.sequence);
            }
            return; // a port scan costs nothing
        }
        if self.is_contrary(sighting, route, &key) {
            return self.guess(sighting, report);
        }
        let is_known = self.read_contrary(&key, route, report);
        let known = if is_known { self.find(&key, hash) } else { None };
        let is_new = known.is_none();
        let is_first = is_new && self.greetings.precede(hash, client_number(segment, direction));
        let Some(found) = known.or_else(|| self.claim(key, hash, route, report)) else {
            return;
        };
        if let Some((_, page, _)) = self.open(found.slot, report) {
            page.recent.is_from_start |= is_first;
            if is_new && !is_first {
                page.effects.miss(page.key); // it may have written before it was met
            }
        }
        self.go_on(found, sighting, direction, report);
    }
}

/// Where the client's bytes stand: what it sends next, or what the server has of it.
fn client_number(segment: &Segment<'_>, direction: Direction) -> u32 {
    match direction {
        Direction::Request => segment.sequence,
        Direction::Response => segment.acknowledgment,
    }
}
