//! A write that a device confirmed and that a later read does not show.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::wire::packet::Vlan;

use super::Trust;

/// What can be written and read back. Inputs are other tables, which nobody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bank {
    Coils,
    HoldingRegisters,
}

/// One coil or register that is not what was written to it. No byte is known to be missing between
/// the write and a while after the read, of any connection to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ineffective {
    /// When the read was answered.
    pub at: SystemTime,
    pub vlan: Vlan,
    pub server: SocketAddr,
    pub unit: u8,
    pub bank: Bank,
    pub address: u16,
    /// Function that wrote.
    pub function: u8,
    /// As far as `mask` says; the other bits are not known (function 22).
    pub written: u16,
    pub mask: u16,
    pub read: u16,
    pub writer: SocketAddr,
    pub reader: SocketAddr,
    /// From the confirmation of the write to the answer of the read.
    pub after: Duration,
    /// Of the write, the read and their answers.
    pub trust: Trust,
}
