//! Segments of a client and a server in any order, through a table.
//!
//! Segments: flags, of which the highest bit names the side; how far ahead of where the side stands
//! it starts, and how far its acknowledgment is, both signed; the time since the one before in
//! units of 10 ms; the length of the payload; the payload.

use std::net::IpAddr;
use std::time::SystemTime;

use infra_monitor::flow::{Evidence, Sighting, Table};
use infra_monitor::record::{Gap, WireReport};
use infra_monitor::wire::packet::{Flags, Segment, Vlan};

pub(crate) const HOSTS: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)),
];

/// What a table reports of them, and how many bytes they hold.
pub(crate) fn follow(bytes: &[u8], mut table: Table, ports: [u16; 2]) -> (WireReport, u64) {
    let mut report = WireReport::new("fuzz".into(), SystemTime::UNIX_EPOCH);
    table.start_block(Gap::None);
    let (mut next, mut at_ns, mut n_bytes) = ([u32::MAX - 100, 9000_u32], 0, 0);
    let mut rest = bytes;
    while let Some(([flags, ahead, acknowledged, after, len], behind)) = rest.split_first_chunk() {
        let (payload, behind) = behind.split_at(behind.len().min(usize::from(*len)));
        let here = usize::from(flags >> 7);
        let there = 1 - here;
        let offset = |byte: &u8| i32::from(byte.cast_signed());
        let segment = Segment {
            source_port: ports[here],
            destination_port: ports[there],
            sequence: next[here].wrapping_add_signed(offset(ahead)),
            acknowledgment: next[there].wrapping_add_signed(offset(acknowledged)),
            flags: Flags(flags & 0x1f),
            len: 20 + payload.len(),
            payload,
        };
        at_ns += u64::from(*after) * 10_000_000;
        let (source, destination) = (&HOSTS[here], &HOSTS[there]);
        let (vlan, evidence, segment) = (Vlan::default(), Evidence::Intact, &segment);
        let sighting = Sighting { at_ns, vlan, evidence, source, destination, segment };
        table.observe(&sighting, &mut report);
        n_bytes += payload.len() as u64;
        if *ahead == 0 {
            next[here] = next[here].wrapping_add(u32::from(*len));
        }
        rest = behind;
    }
    table.end_block(at_ns, &mut report);
    table.finish(&mut report);
    assert!(!table.has_holes(), "nothing waits any more");
    (report, n_bytes)
}
