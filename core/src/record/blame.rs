//! What a capture saw that tells where packets are damaged, and why some cannot be judged.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::wire::packet::Vlan;

/// A TCP segment that was damaged came again, the same in place and length, and intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// When it was seen intact.
    pub at: SystemTime,
    pub vlan: Vlan,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// How long after the damaged one.
    pub after: Duration,
}

/// Packets whose checksum was right, from a host of which others were damaged lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intact {
    pub host: IpAddr,
    pub packets: u64,
}

/// Checksums of a host's packets that were not there yet when they were captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unverifiable {
    pub at: SystemTime,
    pub host: IpAddr,
    pub cause: Unfinished,
    /// Packets of it that could not be verified, and that could, since the first that could not.
    pub packets: u64,
    pub verified: u64,
    /// Of the interface, as far as it is known: longest packet in bytes.
    pub mtu: Option<u32>,
}

/// Why a checksum was not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfinished {
    /// The sender is this machine, or a guest of it: the kernel says that the sum is still to be
    /// filled in (`TP_STATUS_CSUMNOTREADY`), also of packets that were never merged.
    Local,
    /// The packet holds the sum of its pseudo-header alone, as a system leaves it for the network
    /// card, and the kernel knows nothing of that: it was copied before the sender's card had it.
    Copied,
    /// Packets longer than the interface's MTU from a host whose others can be verified: the
    /// capturing machine merged what had arrived (GRO, LRO).
    Merged,
}
