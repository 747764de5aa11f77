//! The connections that are known: a fixed table, found by a seeded hash.
//!
//! Open addressing in windows: a connection lies in one of the 32 places from where its hash
//! points. When all are taken, the one silent for longest makes room and is counted. So a look-up
//! is bounded, nothing is ever moved or swept, and a stranger who fills the table, or even finds
//! collisions without knowing the seed, can only make us forget, never wait or allocate.

mod guess;
mod meet;
mod place;
mod sweep;

use crate::record::{Gap, Protocol, Services, WireReport};
use crate::wire::modbus::likeness::{self, Framing};
use crate::wire::modbus::pdu::Direction;

use super::connection::Connection;
use super::conversation::Page;
use super::detector::Detector;
use super::effect::Effects;
use super::greetings::Greetings;
use super::half::Pool;
use super::key::Key;
use super::ports::Ports;
use super::sighting::Sighting;
use super::transcript::{Transcript, Turn};
use super::usage::{Recent, Usages};
use super::watch::WatchList;
use place::{Found, Place, tag, worth};

/// Connections of one capture.
#[derive(Debug)]
pub struct Table {
    /// Ports that are listened to, asked twice for each segment, and what they speak.
    ports: Ports,
    services: Services,
    /// What is found on other ports.
    detector: Detector,
    watched: WatchList,
    seed: u64,
    /// Home positions, a power of two, minus one.
    mask: usize,
    places: Box<[Place]>,
    /// Reserved at the start and filled as connections come, so that an empty table costs nothing.
    slots: Vec<Slot>,
    /// The connection that was met last: packets of one come in runs.
    last: Found,
    /// Number of the block being judged.
    block: u64,
    /// Gaps of the capture so far. Connections learn of them one by one, when they are met again.
    n_gaps: u32,
    pool: Pool,
    /// Where the search for connections whose holes are hopeless goes on.
    swept: usize,
    swept_ns: u64,
    transcript: Transcript,
    effects: Effects,
    usages: Usages,
    greetings: Greetings,
}

/// One connection in the table.
#[derive(Debug)]
struct Slot {
    key: Key,
    /// The same, but of a server that connected to its client: that it called, and where.
    parties: Key,
    last_ns: u64,
    recent: Recent,
    connection: Connection,
}

/// Who speaks in a segment.
#[derive(Clone, Copy, Debug)]
struct Route {
    direction: Direction,
    /// How, if the server was detected; else its port tells.
    proven: Option<Framing>,
}

/// Places in which a connection may lie. Half full, a table of ten thousand has no window of
/// this length taken.
const WINDOW: usize = 32;
/// Bytes that wait for what is missing before them, in all connections together. When there is no
/// room, holes are given up at once.
pub(super) const POOL: usize = 4 << 20;
impl Table {
    /// Room for `capacity` connections, rounded up to a power of two.
    pub fn new(capacity: usize, services: &Services, seed: u64) -> Self {
        let n_homes = capacity.max(1).next_power_of_two();
        let n_places = n_homes + WINDOW - 1;
        let services: Services =
            services.iter().filter(|(_, protocol)| is_connected(*protocol)).collect();
        Self {
            ports: Ports::new(services.iter().map(|(port, _)| port)),
            services,
            detector: Detector::new(seed),
            watched: WatchList::default(),
            seed,
            mask: n_homes - 1,
            places: vec![Place::UNUSED; n_places].into(),
            slots: Vec::with_capacity(n_places),
            last: Found::NOTHING,
            block: 0,
            n_gaps: 0,
            pool: Pool::new(POOL),
            swept: 0,
            swept_ns: 0,
            transcript: Transcript::Off,
            effects: Effects::new(seed),
            usages: Usages::new(seed),
            greetings: Greetings::default(),
        }
    }

    /// Keep the reads of these servers from now on, and of no others.
    pub fn watch(&mut self, servers: WatchList) {
        self.watched = servers;
        for Slot { key, connection, .. } in &mut self.slots {
            connection.watch(key.is_on(&self.watched));
        }
    }

    /// Others may write to the same servers and not be seen here: never claim that a write did not
    /// take effect.
    pub fn ignore_effects(&mut self) {
        self.effects.switch_off();
    }

    /// Write down from now on what is said, for whoever takes it with [`Table::take_turns`].
    pub fn transcribe(&mut self) {
        self.transcript = Transcript::On(Vec::new());
    }

    /// What was said since this was last called, in the order of the responses. It grows with what
    /// is observed: whoever wants it must come for it after each block.
    pub fn take_turns(&mut self) -> Vec<Turn> {
        self.transcript.take()
    }

    /// Nothing more will come: requests that wait are unanswered, and told in their order.
    pub fn take_unanswered(&mut self) -> Vec<Turn> {
        for Slot { connection, .. } in &mut self.slots {
            connection.end_turns(&mut self.transcript);
        }
        let mut turns = self.transcript.take();
        turns.sort_by_key(|turn| turn.request.as_ref().map(|said| said.at_ns));
        turns
    }

    /// A new report begins: notes made so far can no longer be completed.
    pub fn start_block(&mut self, gap: Gap) {
        self.block += 1;
        self.n_gaps = match gap {
            Gap::None => self.n_gaps,
            Gap::Before => self.n_gaps.wrapping_add(1),
        };
        if gap == Gap::Before {
            self.usages.on_gap();
        }
    }

    /// The interface went or came: what was said in between was not seen.
    pub fn on_interface_change(&mut self) {
        self.usages.on_gap();
    }

    /// What is known of who asks what of whom; datagrams belong to it too.
    pub fn usages(&mut self) -> &mut Usages {
        &mut self.usages
    }

    #[cfg(test)]
    pub(super) fn pool_free(&self) -> usize {
        self.pool.free()
    }

    /// Connections that are kept, and for how many there is memory.
    #[cfg(test)]
    pub(super) fn room(&self) -> (usize, usize) {
        (self.slots.len(), self.slots.capacity())
    }

    /// True if something waits: for what is missing, or to be claimed.
    pub fn is_waiting(&self) -> bool {
        self.has_holes() || self.effects.has_suspects()
    }

    /// True if something waits for what is missing, or is known to be missing.
    pub fn has_holes(&self) -> bool {
        self.slots.iter().any(|slot| slot.connection.has_hole())
    }

    /// Follow the connection that a segment belongs to, if it is one of a service, and look for
    /// servers among the others.
    pub fn observe(&mut self, sighting: &Sighting<'_>, report: &mut WireReport) {
        match self.route(sighting) {
            Some(route) => self.follow(sighting, route, report),
            None if likeness::may_be_modbus(sighting.segment.payload) => {
                self.guess(sighting, report);
            }
            None => (),
        }
    }

    /// Who speaks, and what; `None` if neither end is a server that is known.
    #[inline]
    fn route(&mut self, sighting: &Sighting<'_>) -> Option<Route> {
        // What was proven counts for more than what was written down of the other end.
        if let Some((framing, direction)) = self.detector.direction(sighting) {
            return Some(Route { direction, proven: Some(framing) });
        }
        let direction = self.direction(sighting)?;
        Some(Route { direction, proven: None })
    }

    #[inline]
    fn follow(&mut self, sighting: &Sighting<'_>, route: Route, report: &mut WireReport) {
        let key = Key::of(sighting, route.direction);
        if self.slots.get(self.last.slot).is_none_or(|last| last.key != key) {
            match self.find(&key, key.hash(self.seed)) {
                Some(found) => self.last = found,
                None => return self.meet(sighting, route, key, report),
            }
        }
        self.go_on(self.last, sighting, route.direction, report);
    }

    /// A segment of a connection that is known.
    fn go_on(
        &mut self,
        found: Found,
        sighting: &Sighting<'_>,
        direction: Direction,
        report: &mut WireReport,
    ) {
        if let Some((connection, mut page, pool)) = self.open(found.slot, report) {
            connection.accept(sighting, direction, &mut page, pool);
        }
        self.touch(found, sighting.at_ns);
    }

    /// A connection was met.
    #[inline]
    fn touch(&mut self, found: Found, at_ns: u64) {
        if let (Some(slot), Some(place)) =
            (self.slots.get_mut(found.slot), self.places.get_mut(found.place))
        {
            slot.last_ns = at_ns;
            place.worth = worth(slot);
        }
    }

    /// A connection, and what it writes on.
    #[inline]
    fn open<'a>(
        &'a mut self,
        number: usize,
        report: &'a mut WireReport,
    ) -> Option<(&'a mut Connection, Page<'a>, &'a mut Pool)> {
        let Self { slots, block, n_gaps, pool, transcript, effects, usages, .. } = self;
        let Slot { key, parties, recent, connection, .. } = slots.get_mut(number)?;
        let (block, n_gaps, slot) = (*block, *n_gaps, u32::try_from(number).unwrap_or(u32::MAX));
        let is_verified = false;
        let page = Page {
            block,
            n_gaps,
            key,
            parties,
            report,
            transcript,
            effects,
            usages,
            recent,
            slot,
            is_verified,
        };
        Some((connection, page, pool))
    }

    /// Who speaks; `None` if neither port is a service's.
    fn direction(&self, sighting: &Sighting<'_>) -> Option<Direction> {
        let segment = sighting.segment;
        let to_server = self.ports.contain(segment.destination_port);
        let to_client = self.ports.contain(segment.source_port);
        match (to_server, to_client) {
            (true, false) => Some(Direction::Request),
            (false, true) => Some(Direction::Response),
            (false, false) => None,
            (true, true) => Some(self.direction_between_servers(sighting)),
        }
    }

    fn find(&self, key: &Key, hash: u64) -> Option<Found> {
        let tag = tag(hash);
        for (offset, place) in self.window(hash).iter().enumerate() {
            if place.tag == 0 {
                return None; // nothing was ever placed behind it
            }
            if place.tag == tag && self.slot(*place).is_some_and(|slot| slot.key == *key) {
                return Some(Found { place: self.home(hash) + offset, slot: place.number() });
            }
        }
        None
    }

    /// Find room for a connection that is not in the table.
    fn claim(
        &mut self,
        key: Key,
        hash: u64,
        route: Route,
        report: &mut WireReport,
    ) -> Option<Found> {
        let protocol = self.protocol(route, &key)?;
        // The first of equals, so that no never-used place is left in front of a used one.
        let window = self.window(hash).iter().enumerate();
        let (offset, chosen) = window.min_by_key(|(_, place)| place.worth)?;
        let is_new = chosen.tag == 0;
        let number = if is_new { self.slots.len() } else { chosen.number() };
        if is_new {
            let (recent, connection) = (Recent::default(), Connection::new(protocol, self.n_gaps));
            self.slots.push(Slot { key, parties: key, last_ns: 0, recent, connection });
        } else {
            let (connection, mut page, pool) = self.open(number, report)?;
            page.report.flows_evicted += u64::from(connection.is_open());
            connection.finish(&mut page, pool);
            connection.restart(protocol, page.n_gaps, (pool, page.transcript));
            let slot = self.slots.get_mut(number)?;
            (slot.key, slot.recent) = (key, Recent::default());
        }
        let (parties, is_watched) = (self.parties(&key), key.is_on(&self.watched));
        let slot = self.slots.get_mut(number)?;
        slot.parties = parties;
        slot.connection.watch(is_watched);
        let worth = worth(slot);
        let found = Found { place: self.home(hash) + offset, slot: number };
        let place = self.places.get_mut(found.place)?;
        *place = Place { tag: tag(hash), slot: u32::try_from(number).ok()?, worth };
        Some(found)
    }

    /// The places a connection may lie in, the first one first.
    fn window(&self, hash: u64) -> &[Place] {
        let home = self.home(hash);
        self.places.get(home..home + WINDOW).unwrap_or_default()
    }

    /// `None` if the place was never used.
    fn slot(&self, place: Place) -> Option<&Slot> {
        self.slots.get(place.number()).filter(|_| place.tag != 0)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the mask keeps the low bits anyway")]
    fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask
    }
}

/// Whether a protocol is spoken in connections: whoever has its port by chance does not speak it.
fn is_connected(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Modbus
        | Protocol::ModbusRtu
        | Protocol::OpcUa
        | Protocol::Dnp3
        | Protocol::Iec104
        | Protocol::S7comm
        | Protocol::EtherNetIp => true,
        Protocol::Bacnet => false,
    }
}
