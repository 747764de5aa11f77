//! Segments of a client and a server in any order: whatever they are, nothing is counted twice,
//! nothing waits for ever, and the report stays small. How they are written, `segments.rs` says.

use std::net::SocketAddr;

use infra_monitor::flow::Table;
use infra_monitor::record::{Services, WireReport};

use super::segments;

pub(crate) fn run(bytes: &[u8]) {
    let ports = [40_000, 502];
    let mut table = Table::new(16, &Services::default(), 7);
    table.watch([SocketAddr::new(segments::HOSTS[1], ports[1])].into_iter().collect());
    let (report, n_bytes) = segments::follow(bytes, table, ports);
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
