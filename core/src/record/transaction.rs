//! Modbus transactions of others: counted, and those that somebody must know of.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use crate::wire::packet::Vlan;

use super::Trust;

/// Between whom a transaction went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Network {
        vlan: Vlan,
        client: SocketAddr,
        server: SocketAddr,
    },
    /// From the one master of a serial line to a unit on it.
    Serial,
}

/// One Modbus request with its answer, as seen on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// When the request was seen.
    pub at: SystemTime,
    pub path: Path,
    pub unit: u8,
    pub function: u8,
    /// First address and quantity, where the function has them.
    pub address: Option<u16>,
    pub quantity: Option<u16>,
    /// Value of a single write, or first value of a multiple one.
    pub value: Option<u16>,
    /// What a request says that writes coils or registers; `None` for any other, and for one whose
    /// quantity, count of bytes and values do not fit each other.
    pub written: Option<Written>,
    pub exception: Option<u8>,
    /// Request to response; `None` for a request that was not answered yet.
    pub latency: Option<Duration>,
    pub trust: Trust,
}

/// Function, addresses and all values of a request, to be held against those of another.
///
/// They are up to 253 bytes, so this is a hash of them. Its key is drawn once in a process: a
/// stranger cannot choose two writes that pass for one, and by chance 2^-64 of them do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written(u64);

impl Written {
    /// Of a whole PDU.
    pub fn of(request: &[u8]) -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(KEY.hash_one(request))
    }
}

/// Modbus traffic seen on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModbusTally {
    pub requests: u64,
    pub responses: u64,
    /// Request and response paired.
    pub transactions: u64,
    pub exceptions: u64,
    /// Requests that change something in a device.
    pub writes: u64,
    /// Segments with payload on a Modbus port that could not be read as Modbus: another protocol,
    /// or a hole in the stream before them.
    pub unread: u64,
    /// PDUs by function code, without the exception bit.
    pub functions: [u32; 128],
    /// Summed over `transactions`.
    pub latency: Duration,
}

impl Default for ModbusTally {
    fn default() -> Self {
        Self {
            requests: 0,
            responses: 0,
            transactions: 0,
            exceptions: 0,
            writes: 0,
            unread: 0,
            functions: [0; 128],
            latency: Duration::ZERO,
        }
    }
}

impl ModbusTally {
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.responses += other.responses;
        self.transactions += other.transactions;
        self.exceptions += other.exceptions;
        self.writes += other.writes;
        self.unread += other.unread;
        self.latency += other.latency;
        for (count, more) in self.functions.iter_mut().zip(other.functions) {
            *count += more;
        }
    }
}
