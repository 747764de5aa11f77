//! Modbus where nobody said it would be.

use std::net::SocketAddr;
use std::time::SystemTime;

use crate::wire::message::Protocol;
use crate::wire::modbus::likeness::Framing;
use crate::wire::packet::Vlan;

use super::Trust;

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
    /// Of the segments that showed it.
    pub trust: Trust,
}

/// Where operating systems begin to number the ports of those who connect; servers do not listen
/// there. Linux; the range of IANA begins at 49152 (RFC 6335, section 6).
const FIRST_EPHEMERAL: u16 = 32_768;

impl Detected {
    /// True if the server seems to be the one who connects.
    pub fn connects_out(&self) -> bool {
        connects_out(self.server.port(), self.client.port())
    }
}

/// True if a server at one port seems to have connected to its client at the other.
pub fn connects_out(server_port: u16, client_port: u16) -> bool {
    server_port >= FIRST_EPHEMERAL && client_port < FIRST_EPHEMERAL
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
