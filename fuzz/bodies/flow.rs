//! Segments of a client and a server in any order: whatever they are, nothing is counted twice,
//! nothing waits for ever, and the report stays small.
//!
//! Segments: flags, of which the highest bit names the side; how far ahead of where the side stands
//! it starts, and how far its acknowledgment is, both signed; the time since the one before in
//! units of 10 ms; the length of the payload; the payload.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use infra_monitor::flow::{Evidence, Sighting, Table};
use infra_monitor::record::{Gap, Services, WireReport};
use infra_monitor::wire::packet::{Flags, Segment, Vlan};

pub(crate) fn run(bytes: &[u8]) {
    let hosts = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
    let ports = [40_000, 502];
    let mut table = Table::new(16, &Services::default(), 7);
    table.watch([SocketAddr::new(hosts[1], ports[1])].into_iter().collect());
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
        let (source, destination) = (&hosts[here], &hosts[there]);
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
    check(&report, n_bytes);
}

fn check(report: &WireReport, n_bytes: u64) {
    let modbus = &report.modbus;
    assert!(modbus.transactions <= modbus.requests.min(modbus.responses));
    assert!((modbus.requests + modbus.responses) * 8 <= n_bytes, "each ADU was sent");
    assert!(report.streams.repeated_bytes <= n_bytes);
    assert!(report.reads.len() as u64 + report.reads_unproven <= modbus.transactions);
    assert!(report.notes.len() <= WireReport::MAX_NOTES);
}
