//! The order of addresses, the same as their own, in a few instructions: tables of the pipeline,
//! which is built small, are searched by them.

use std::cmp::Ordering;
use std::net::{IpAddr, SocketAddr};

pub fn by_address(a: &IpAddr, b: &IpAddr) -> Ordering {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.to_bits().cmp(&b.to_bits()),
        _ => a.cmp(b),
    }
}

pub fn by_endpoint(a: &SocketAddr, b: &SocketAddr) -> Ordering {
    match (a, b) {
        (SocketAddr::V4(a), SocketAddr::V4(b)) => {
            (a.ip().to_bits(), a.port()).cmp(&(b.ip().to_bits(), b.port()))
        }
        _ => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_their_own_order() {
        let hosts =
            ["192.0.2.1", "192.0.2.2", "9.255.0.0", "::1", "::ffff:192.0.2.1", "2001:db8::1"];
        let hosts = hosts.map(|host| host.parse::<IpAddr>().unwrap());
        let ends = hosts.map(|host| [1, 502, 65_535].map(|port| SocketAddr::new(host, port)));
        for a in ends.as_flattened() {
            for b in ends.as_flattened() {
                assert_eq!(by_endpoint(a, b), a.cmp(b), "{a} {b}");
                assert_eq!(by_address(&a.ip(), &b.ip()), a.ip().cmp(&b.ip()), "{a} {b}");
            }
        }
    }
}
