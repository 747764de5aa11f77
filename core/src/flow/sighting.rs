//! What a connection is followed by: a segment, and where and when it was seen.

use std::net::IpAddr;

use crate::wire::packet::{Segment, Vlan};

/// Borrowed: one is made for each packet.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Nanoseconds since the Unix epoch.
    pub at_ns: u64,
    pub vlan: Vlan,
    pub evidence: Evidence,
    pub source: &'a IpAddr,
    pub destination: &'a IpAddr,
    pub segment: &'a Segment<'a>,
}

/// Whether the segment is proven to be what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Its checksum is right.
    Verified,
    /// Its sender, on this machine, has not computed the checksum yet: it is what was sent, but
    /// nothing shows that.
    Intact,
    Unverified,
}
