//! Who asks what of whom: the news a capture has of it.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::SystemTime;

use crate::wire::message::{Operation, Protocol};
use crate::wire::packet::Vlan;

use super::Trust;

/// What one client asks of one station with one function, as far as it was seen. Told when it is
/// first seen and whenever a range grows; the ranges are those of all that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// When the request that brought the news was seen.
    pub at: SystemTime,
    pub vlan: Vlan,
    /// Without its port: it may take a new one for each connection.
    pub client: IpAddr,
    pub server: SocketAddr,
    pub protocol: Protocol,
    /// Modbus unit, DNP3 or common address, slot; `None` where the protocol has none.
    pub station: Option<u32>,
    /// Function or service code, as the protocol numbers them.
    pub function: u16,
    pub operation: Operation,
    /// First to last address asked for, where the function has addresses.
    pub addresses: Option<RangeInclusive<u32>>,
    /// Least to greatest value written, where a single or first value is.
    pub values: Option<RangeInclusive<u16>>,
    /// What this request brought.
    pub news: News,
    /// Of this request. If its connection was not seen from its start, it may be older than it looks.
    pub trust: Trust,
}

/// Why a usage is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Nothing like it was known.
    First,
    /// An address outside the known ones.
    Address,
    /// A written value outside the known ones.
    Value,
}
