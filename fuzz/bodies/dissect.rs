//! A frame with anything in it: it is dissected without a panic, and what is shown lies inside it.
//!
//! The first byte says what the others begin with, and what the kernel said of them.

use infra_monitor::wire::packet::{Captured, Link, Transport, dissect};

pub(crate) fn run(bytes: &[u8]) {
    let Some((flags, frame)) = bytes.split_first() else { return };
    let link = match flags & 3 {
        0 => Link::Ethernet,
        1 => Link::Raw,
        2 => Link::Sll,
        _ => Link::Sll2,
    };
    let captured_len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let packet = dissect(&Captured {
        link,
        bytes: frame,
        wire_len: captured_len + u32::from(flags >> 4),
        stripped_vlan: (flags & 4 != 0).then_some(7),
        checksum_pending: flags & 8 != 0,
    });
    let payload = match packet.transport {
        Transport::Tcp(segment) => segment.payload,
        Transport::Udp { payload, .. } => payload,
        Transport::Icmp | Transport::Icmpv6 | Transport::Other => &[],
    };
    let (inner, outer) = (payload.as_ptr_range(), frame.as_ptr_range());
    assert!(payload.is_empty() || outer.start <= inner.start && inner.end <= outer.end);
}
