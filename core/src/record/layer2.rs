//! What frames that are not IP tell of a plant network: stations, neighbours, bridges, devices
//! that are configured, and the events that protection devices send each other.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use crate::wire::mac::Mac;
use crate::wire::packet::Vlan;
use crate::wire::stp::BridgeId;

/// Frames by protocol, and what is remembered of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layer2Tally {
    pub arp: u64,
    pub lldp: u64,
    /// Of every version of the protocol.
    pub stp: u64,
    /// PROFINET discovery and configuration; cyclic frames are not counted.
    pub dcp: u64,
    pub goose: u64,
    /// Of all these, frames with a structural error.
    pub malformed: u64,
    /// IPv4 addresses whose station was learnt, and those that made room for others.
    pub stations_met: u64,
    pub stations_forgotten: u64,
    /// Neighbours, trees, settings and streams that made room for others.
    pub evicted: u64,
}

impl Layer2Tally {
    /// Name and count of each kind of frame, and of those that could not be read.
    pub fn by_name(&self) -> [(&'static str, u64); 6] {
        [
            ("arp", self.arp),
            ("lldp", self.lldp),
            ("stp", self.stp),
            ("dcp", self.dcp),
            ("goose", self.goose),
            ("malformed", self.malformed),
        ]
    }

    /// Stations known by now, if this is everything since the start.
    pub fn n_stations(&self) -> u64 {
        self.stations_met.saturating_sub(self.stations_forgotten)
    }

    pub fn merge(&mut self, other: &Self) {
        self.arp += other.arp;
        self.lldp += other.lldp;
        self.stp += other.stp;
        self.dcp += other.dcp;
        self.goose += other.goose;
        self.malformed += other.malformed;
        self.stations_met += other.stations_met;
        self.stations_forgotten += other.stations_forgotten;
        self.evicted += other.evicted;
    }
}

/// A change in the neighbourhood of a capture. Text in it is a stranger's, bounded, not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer2Finding {
    pub at: SystemTime,
    pub vlan: Vlan,
    /// Who sent the frame that shows it.
    pub mac: Mac,
    pub change: Layer2Change,
    /// Changes like it that were not told since one last was.
    pub untold: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer2Change {
    /// An IPv4 address speaks for the first time, or from another station than `before`.
    Station {
        address: Ipv4Addr,
        before: Option<Mac>,
    },
    /// Two stations claim one IPv4 address within a short time. The later claim was an
    /// announcement (RFC 5227), or not.
    Conflict {
        address: Ipv4Addr,
        rival: Mac,
        is_announced: bool,
    },
    Neighbour {
        change: NeighbourChange,
        now: Neighbour,
    },
    /// The root of a spanning tree is another bridge.
    Root {
        before: BridgeId,
        root: BridgeId,
        bridge: BridgeId,
    },
    /// Ports of bridges went up or down.
    Topology {
        bridge: Option<BridgeId>,
    },
    /// Somebody changes a PROFINET device, or was refused by it.
    Set {
        station: Option<Mac>,
        what: Box<str>,
        is_refused: bool,
    },
    Goose {
        stream: Stream,
        change: GooseChange,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeighbourChange {
    Appeared,
    /// It is another device, or another port of one.
    Replaced(Neighbour),
    /// It said good-bye, or nothing for longer than it wanted to be remembered.
    Gone,
}

/// The other end of a cable, by its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub chassis: Box<str>,
    pub port: Box<str>,
    /// Empty if it has none.
    pub system: Box<str>,
}

/// A GOOSE publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub appid: u16,
    /// Reference of its control block.
    pub reference: Box<str>,
}

/// Where a stream stands: `stNum` and `sqNum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GooseNumber {
    pub state: u32,
    pub sequence: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GooseChange {
    /// The values changed. Frames may have been missed on the way: so many at least.
    State { before: GooseNumber, now: GooseNumber, missed: u32, flags: GooseFlags },
    /// The same values, with other flags.
    Flags { now: GooseNumber, flags: GooseFlags },
    /// The numbers begin again.
    Restarted { before: GooseNumber, now: GooseNumber },
    /// Older numbers than before: frames are repeated, or there are two publishers.
    Backwards { before: GooseNumber, now: GooseNumber },
    /// Frames of one state are missing.
    Skipped { before: GooseNumber, now: GooseNumber, missed: u32 },
    /// Nothing came within the time allowed.
    Lost { allowed: Duration },
    /// A stream that was lost is there again. `is_late`: nobody had noticed before.
    Back { silent: Duration, allowed: Duration, is_late: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GooseFlags {
    /// Not to be acted on in operation.
    pub test: bool,
    pub needs_commissioning: bool,
}
