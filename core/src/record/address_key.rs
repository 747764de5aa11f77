//! Addresses as keys of tables.

use std::cmp::Ordering;
use std::net::{IpAddr, SocketAddr};

/// An address in its own order, compared in a few instructions: the crates that search tables by it
/// are built small, and there the comparison of the standard library is fifty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressKey<A>(pub A);

impl Ord for AddressKey<IpAddr> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (IpAddr::V4(a), IpAddr::V4(b)) => a.to_bits().cmp(&b.to_bits()),
            (a, b) => a.cmp(&b),
        }
    }
}

impl Ord for AddressKey<SocketAddr> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (SocketAddr::V4(a), SocketAddr::V4(b)) => {
                (a.ip().to_bits(), a.port()).cmp(&(b.ip().to_bits(), b.port()))
            }
            (a, b) => a.cmp(&b),
        }
    }
}

impl<A: PartialEq> PartialOrd for AddressKey<A>
where
    Self: Ord,
{
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_addresses() {
        let hosts =
            ["192.0.2.1", "192.0.2.2", "9.255.0.0", "::1", "::ffff:192.0.2.1", "2001:db8::1"];
        let hosts = hosts.map(|host| host.parse::<IpAddr>().unwrap());
        let ends = hosts.map(|host| [1, 502, 65_535].map(|port| SocketAddr::new(host, port)));
        for a in ends.as_flattened() {
            for b in ends.as_flattened() {
                assert_eq!(AddressKey(*a).cmp(&AddressKey(*b)), a.cmp(b), "{a} {b}");
                assert_eq!(
                    AddressKey(a.ip()).cmp(&AddressKey(b.ip())),
                    a.ip().cmp(&b.ip()),
                    "{a} {b}"
                );
            }
        }
    }
}
