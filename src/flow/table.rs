//! The connections that are known: a fixed table, found by a seeded hash.
//!
//! Open addressing in windows: a connection lies in one of the 32 places from where its hash
//! points. When all are taken, the one silent for longest makes room and is counted. So a look-up
//! is bounded, nothing is ever moved or swept, and a stranger who fills the table, or even finds
//! collisions without knowing the seed, can only make us forget, never wait or allocate.

use std::net::IpAddr;

use crate::record::WireReport;
use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::Flags;

use super::connection::{Connection, Page};
use super::ports::Ports;
use super::sighting::Sighting;
use super::watch::WatchList;

/// Connections of one capture.
#[derive(Debug)]
pub struct Table {
    modbus_ports: Ports,
    watched: WatchList,
    seed: u64,
    /// Home positions, a power of two, minus one.
    mask: usize,
    places: Box<[Place]>,
    /// Reserved at the start and filled as connections come, so that an empty table costs nothing.
    slots: Vec<Slot>,
    /// Number of the block being judged.
    block: u64,
}

/// Where a connection may lie. Once used, it stays used, and keeps its slot.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Bits of the hash of its key; 0 if it was never used.
    tag: u32,
    slot: u32,
}

/// One connection in the table.
#[derive(Debug)]
struct Slot {
    key: Key,
    last_ns: u64,
    connection: Connection,
}

/// Who talks to whom, and on which VLAN: addresses may repeat across VLANs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    client: u128,
    server: u128,
    /// Client port, server port, outer and inner VLAN.
    rest: u64,
}

/// Places in which a connection may lie. Half full, a table of ten thousand has no window of
/// this length taken.
const WINDOW: usize = 32;

impl Table {
    /// Room for `capacity` connections, rounded up to a power of two.
    pub fn new(capacity: usize, modbus_ports: &[u16], seed: u64) -> Self {
        let n_homes = capacity.max(1).next_power_of_two();
        let n_places = n_homes + WINDOW - 1;
        Self {
            modbus_ports: Ports::new(modbus_ports),
            watched: WatchList::default(),
            seed,
            mask: n_homes - 1,
            places: vec![Place { tag: 0, slot: 0 }; n_places].into(),
            slots: Vec::with_capacity(n_places),
            block: 0,
        }
    }

    /// Keep the reads of these servers from now on, and of no others.
    pub fn watch(&mut self, servers: WatchList) {
        self.watched = servers;
        for Slot { key, connection, .. } in &mut self.slots {
            connection.watch(self.watched.contains(key.server, key.server_port()));
        }
    }

    /// A new report begins: notes made so far can no longer be completed.
    pub fn start_block(&mut self) {
        self.block += 1;
    }

    /// Follow the connection that a segment belongs to, if it is one of Modbus.
    pub fn observe(&mut self, sighting: &Sighting<'_>, report: &mut WireReport) {
        let Some(direction) = self.direction(sighting) else {
            return;
        };
        let key = Key::of(sighting, direction);
        let hash = key.hash(self.seed);
        let known = self.find(&key, hash);
        if known.is_none() && sighting.segment.payload.is_empty() {
            return; // a port scan costs nothing
        }
        let Some(number) = known.or_else(|| self.claim(key, hash, report)) else {
            return;
        };
        let block = self.block;
        if let Some(slot) = self.slots.get_mut(number) {
            slot.last_ns = sighting.at_ns;
            slot.connection.accept(sighting, direction, &mut Page { block, report });
        }
    }

    /// Who speaks; `None` if neither port is one of Modbus.
    fn direction(&self, sighting: &Sighting<'_>) -> Option<Direction> {
        let segment = sighting.segment;
        let to_server = self.modbus_ports.contain(segment.destination_port);
        let to_client = self.modbus_ports.contain(segment.source_port);
        match (to_server, to_client) {
            (true, false) => Some(Direction::Request),
            (false, true) => Some(Direction::Response),
            (false, false) => None,
            (true, true) => Some(self.direction_between_servers(sighting)),
        }
    }

    /// Both ports are Modbus ports: whoever sent the first SYN, or else spoke first, is the client.
    fn direction_between_servers(&self, sighting: &Sighting<'_>) -> Direction {
        let flags = sighting.segment.flags;
        if flags.any(Flags::SYN) {
            return if flags.any(Flags::ACK) { Direction::Response } else { Direction::Request };
        }
        let known = Key::of(sighting, Direction::Response);
        match self.find(&known, known.hash(self.seed)) {
            Some(_) => Direction::Response,
            None => Direction::Request,
        }
    }

    /// Number of the connection's slot.
    fn find(&self, key: &Key, hash: u64) -> Option<usize> {
        let tag = tag(hash);
        for place in self.window(hash) {
            if place.tag == 0 {
                return None; // nothing was ever placed behind it
            }
            if place.tag == tag && self.slot(*place).is_some_and(|slot| slot.key == *key) {
                return Some(place.number());
            }
        }
        None
    }

    /// Find room for a connection that is not in the table.
    fn claim(&mut self, key: Key, hash: u64, report: &mut WireReport) -> Option<usize> {
        // Never used, then closing, then silent for longest; the first of equals, so that no
        // never-used place is left in front of a used one.
        let worth =
            |place: &Place| self.slot(*place).map(|slot| (slot.connection.is_open(), slot.last_ns));
        let window = self.window(hash).iter().enumerate();
        let (offset, chosen) = window.min_by_key(|(_, place)| worth(place))?;
        let is_new = chosen.tag == 0;
        let number = if is_new { self.slots.len() } else { chosen.number() };
        if is_new {
            self.slots.push(Slot { key, last_ns: 0, connection: Connection::default() });
        } else {
            let slot = self.slots.get_mut(number)?;
            report.flows_evicted += u64::from(slot.connection.is_open());
            slot.key = key;
            slot.connection.reset();
        }
        let is_watched = self.watched.contains(key.server, key.server_port());
        self.slots.get_mut(number)?.connection.watch(is_watched);
        let place = self.places.get_mut(self.home(hash) + offset)?;
        *place = Place { tag: tag(hash), slot: u32::try_from(number).ok()? };
        Some(number)
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

impl Place {
    fn number(self) -> usize {
        self.slot.try_into().unwrap_or(usize::MAX)
    }
}

/// The high bits, which the home position does not use; never 0.
fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX).max(1)
}

impl Key {
    fn of(sighting: &Sighting<'_>, direction: Direction) -> Self {
        let Sighting { source, destination, segment, vlan, .. } = *sighting;
        let (source_port, destination_port) = (segment.source_port, segment.destination_port);
        let (client, server, client_port, server_port) = match direction {
            Direction::Request => (source, destination, source_port, destination_port),
            Direction::Response => (destination, source, destination_port, source_port),
        };
        let rest = [client_port, server_port, vlan.outer, vlan.inner]
            .iter()
            .fold(0, |rest, part| rest << 16 | u64::from(*part));
        Self { client: number(client), server: number(server), rest }
    }

    fn server_port(&self) -> u16 {
        let [_, _, high, low, ..] = self.rest.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// Folded multiplication, as in wyhash: quick, and a stranger cannot aim without the seed.
    #[expect(clippy::cast_possible_truncation, reason = "both halves of a product are used")]
    fn hash(&self, seed: u64) -> u64 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            (product >> 64) as u64 ^ product as u64
        };
        let halves = |address: u128| ((address >> 64) as u64, address as u64);
        let (client_high, client_low) = halves(self.client);
        let (server_high, server_low) = halves(self.server);
        let client = fold(client_low ^ seed, client_high ^ 0xa076_1d64_78bd_642f);
        let server = fold(server_low ^ seed, server_high ^ 0xe703_7ed1_a0b4_28db);
        fold(client ^ server.rotate_left(32) ^ seed, self.rest ^ 0x8ebc_6af0_9c88_c6e3)
    }
}

/// An IPv4 address is the IPv6 address it maps to (RFC 4291, section 2.5.5.2).
pub(super) fn number(address: &IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}
