//! Frames of a serial line in a connection, cut, lost and damaged in any way: nothing is counted
//! twice, each frame was sent, and no more are damaged than there can be.

use infra_monitor::flow::Table;
use infra_monitor::record::{Protocol, Services, WireReport};

use super::segments;

pub(crate) fn run(bytes: &[u8]) {
    let services = Services::default().with(Protocol::ModbusRtu, &[4001]);
    let table = Table::new(16, &services, 7);
    let (report, n_bytes) = segments::follow(bytes, table, [40_000, 4001]);
    let modbus = &report.modbus;
    let crcs = &report.checksums.modbus_rtu;
    assert!(modbus.transactions <= modbus.requests.min(modbus.responses));
    assert_eq!(modbus.requests + modbus.responses, crcs.valid, "what is read has a CRC");
    assert!((crcs.valid + crcs.invalid) * 4 <= n_bytes, "each frame was sent");
    assert!(modbus.exceptions <= modbus.responses && modbus.writes <= modbus.requests);
    assert_eq!(report.reads.len(), 0, "without identifiers nothing is proven");
    assert!(report.notes.len() <= WireReport::MAX_NOTES);
}
