//! What is kept of one usage and of one station, and the keys they are found by.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::record::{News, Operation, Poll, Protocol, Trust, Usage};
use crate::wire::packet::Vlan;

use super::super::key::Key;
use super::super::watch::time;
use super::latency::Latency;
use super::rhythm::Rhythm;
use super::slots::Handle;
use super::{Asking, MASTERLY};

/// A request, reduced to what it is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) struct Asked {
    pub(in crate::flow) protocol: Protocol,
    pub(in crate::flow) station: Option<u32>,
    pub(in crate::flow) function: u16,
    pub(in crate::flow) operation: Operation,
    /// First and last.
    pub(in crate::flow) addresses: Option<(u32, u32)>,
    /// Of a write.
    pub(in crate::flow) value: Option<u16>,
}

impl Asked {
    /// Station and function as one number.
    #[inline]
    pub(super) fn what(&self) -> u64 {
        u64::from(self.function) << 48 | station_number(self.station)
    }
}

/// The bits of the station, and of whether there is one.
const STATION: u64 = (1 << 33) - 1;

/// A station may be 0, so that there is one is a bit of its own.
fn station_number(station: Option<u32>) -> u64 {
    station.map_or(0, |station| 1 << 32 | u64::from(station))
}

/// Who asks what of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UsageKey {
    /// Its port is not looked at: a client may take a new one for each connection.
    pub(super) parties: Key,
    pub(super) protocol: Protocol,
    pub(super) what: u64,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StationKey {
    pub(super) server: Key,
    pub(super) protocol: Protocol,
    pub(super) station: u64,
}

impl UsageKey {
    pub(super) fn of(connection: &Key, asked: &Asked) -> Self {
        let parties = connection.without_client_port();
        Self { parties, protocol: asked.protocol, what: asked.what() }
    }

    pub(super) fn station_key(&self) -> StationKey {
        let (server, station) = (self.parties.without_client(), self.what & STATION);
        StationKey { server, protocol: self.protocol, station }
    }

    pub(super) fn hash(&self, seed: u64) -> u64 {
        mix(self.parties.hash(seed), self.what, self.protocol)
    }

    /// True for requests of the same client to the same station.
    pub(super) fn is_of_same_talk(&self, other: &Self) -> bool {
        let talk = |key: &Self| (key.parties, key.protocol, key.what & STATION);
        talk(self) == talk(other)
    }

    pub(super) fn vlan(&self) -> Vlan {
        self.parties.vlan()
    }

    pub(super) fn client(&self) -> IpAddr {
        self.parties.client().ip()
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.parties.server()
    }

    pub(super) fn station(&self) -> Option<u32> {
        (self.what >> 32 & 1 == 1).then_some(u32::try_from(self.what & 0xffff_ffff).ok()?)
    }

    pub(super) fn function(&self) -> u16 {
        u16::try_from(self.what >> 48).unwrap_or(u16::MAX)
    }
}

impl StationKey {
    pub(super) fn hash(&self, seed: u64) -> u64 {
        mix(self.server.hash(seed), self.station, self.protocol)
    }
}

/// Folded multiplication, as for connections.
#[expect(clippy::cast_possible_truncation, reason = "both halves of the product are used")]
fn mix(parties: u64, what: u64, protocol: Protocol) -> u64 {
    let odd = 0x9fb2_1c65_1e98_df25 ^ (protocol as u64) << 40;
    let product = u128::from(parties ^ what.rotate_left(17)) * u128::from(what ^ odd);
    (product >> 64) as u64 ^ product as u64
}

/// One client's requests of one function to one station.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) operation: Operation,
    /// Empty until there are some: the first above the last.
    addresses: (u32, u32),
    values: (u16, u16),
    /// Requests, up to 2^32 - 1.
    pub(super) n: u32,
    /// Messages that wait for a response, where no identifier says whose one is.
    pub(super) n_open: u8,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) is_answered: bool,
    /// Whether its client is a second master was decided.
    pub(super) is_judged: bool,
    pub(super) station: Handle,
    /// The slot of the connection it was last seen in.
    pub(super) connection: u32,
    pub(super) rhythm: Rhythm,
}

impl Entry {
    pub(super) fn new(operation: Operation, at_ns: u64, station: Handle) -> Self {
        Self {
            operation,
            addresses: (u32::MAX, 0),
            values: (u16::MAX, 0),
            n: 0,
            n_open: 0,
            first_ns: at_ns,
            last_ns: at_ns,
            is_answered: false,
            is_judged: false,
            station,
            connection: u32::MAX,
            rhythm: Rhythm::default(),
        }
    }

    /// True if a request that brings no news brings nothing else that has to be told or decided.
    #[inline]
    pub(super) fn is_routine(&self, at_ns: u64, n_gaps: u32) -> bool {
        self.n > 0 && (self.is_judged || self.n < MASTERLY - 1) && !self.is_back(at_ns, n_gaps)
    }

    /// True if a request that comes now comes after a long silence.
    #[inline]
    pub(super) fn is_back(&self, at_ns: u64, n_gaps: u32) -> bool {
        self.rhythm.is_silent || self.rhythm.is_overdue(at_ns, self.last_ns, n_gaps)
    }

    #[inline]
    pub(super) fn count(&mut self, asking: &Asking<'_>, asked: &Asked, n_gaps: u32) {
        if self.is_of_own_accord() {
            let address = asked.addresses.map_or(0, |(first, _)| first);
            self.rhythm.on_request(asking.at_ns, address, n_gaps);
        }
        self.n = self.n.saturating_add(1);
        self.last_ns = asking.at_ns;
        self.connection = asking.connection;
    }

    /// True if its client decides when to ask and the station answers at once. A request for news
    /// is answered when there are any, and the next one follows that.
    #[inline]
    pub(super) fn is_of_own_accord(&self) -> bool {
        match self.operation {
            Operation::Read | Operation::Write | Operation::Command => true,
            Operation::Session | Operation::Other => false,
        }
    }

    /// What a request brings beyond what is known.
    #[inline]
    pub(super) fn news(&self, asked: &Asked) -> Option<News> {
        let is_within = |first, last| self.addresses.0 <= first && last <= self.addresses.1;
        if asked.addresses.is_some_and(|(first, last)| !is_within(first, last)) {
            return Some(News::Address);
        }
        let is_known = |value| self.values.0 <= value && value <= self.values.1;
        asked.value.is_some_and(|value| !is_known(value)).then_some(News::Value)
    }

    /// Know of it from now on.
    pub(super) fn widen(&mut self, asked: &Asked) {
        if let Some((first, last)) = asked.addresses {
            self.addresses = (self.addresses.0.min(first), self.addresses.1.max(last));
        }
        if let Some(value) = asked.value {
            self.values = (self.values.0.min(value), self.values.1.max(value));
        }
    }

    /// What a stranger can have many of, requests that nobody answers, goes first.
    pub(super) fn worth(&self) -> (bool, u64) {
        (self.is_answered && self.n >= MASTERLY, self.last_ns)
    }

    pub(super) fn usage(&self, key: &UsageKey, (at_ns, news, trust): Seen) -> Usage {
        let (addresses, values) =
            (self.addresses.0..=self.addresses.1, self.values.0..=self.values.1);
        Usage {
            at: time(at_ns),
            vlan: key.vlan(),
            client: key.client(),
            server: key.server(),
            protocol: key.protocol,
            station: key.station(),
            function: key.function(),
            operation: self.operation,
            addresses: Some(addresses).filter(|addresses| !addresses.is_empty()),
            values: Some(values).filter(|values| !values.is_empty()),
            news,
            trust,
        }
    }

    pub(super) fn poll(&self, key: &UsageKey) -> Poll {
        Poll {
            function: key.function(),
            interval: Duration::from_nanos(self.rhythm.interval_ns),
            last: time(self.last_ns),
        }
    }
}

/// When and why.
pub(super) type Seen = (u64, News, Trust);

/// One station behind a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    /// It answered, and that was told.
    pub(super) is_known: bool,
    pub(super) last_ns: u64,
    /// The usage by which it first had a master.
    pub(super) master: Handle,
    pub(super) latency: Latency,
}

impl Station {
    pub(super) fn new(at_ns: u64) -> Self {
        let (master, latency) = (Handle::default(), Latency::default());
        Self { is_known: false, last_ns: at_ns, master, latency }
    }

    pub(super) fn worth(&self) -> (bool, u64) {
        (self.is_known, self.last_ns)
    }
}
