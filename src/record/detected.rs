//! Modbus where nobody said it would be.

use std::net::SocketAddr;
use std::time::SystemTime;

use crate::wire::message::Protocol;
use crate::wire::modbus::likeness::Framing;
use crate::wire::packet::Vlan;

/// A server that was found by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    pub at: SystemTime,
    pub vlan: Vlan,
    pub protocol: Protocol,
    /// Who asked last.
    pub client: SocketAddr,
    pub server: SocketAddr,
    /// Requests that were seen to be answered as only Modbus does.
    pub n_pairs: u32,
}

/// What was not remembered for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DetectionTally {
    /// Servers found.
    pub servers: u64,
    /// Ends that looked like servers and were given up before it was known.
    pub candidates_evicted: u64,
    /// Servers that were found and given up for others; they will be found again.
    pub servers_evicted: u64,
}

impl DetectionTally {
    pub fn merge(&mut self, other: &Self) {
        self.servers += other.servers;
        self.candidates_evicted += other.candidates_evicted;
        self.servers_evicted += other.servers_evicted;
    }
}

impl From<Framing> for Protocol {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Mbap => Self::Modbus,
            Framing::Rtu => Self::ModbusRtu,
        }
    }
}
