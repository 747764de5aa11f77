//! Segments between ports of no service: a server is found only by three pairs, and then no more is
//! read than was sent.

use infra_monitor::flow::Table;
use infra_monitor::record::{Detected, Note, Services, WireReport};

use super::segments;

pub(crate) fn run(bytes: &[u8]) {
    let table = Table::new(16, &Services::default(), 7);
    let (report, n_bytes) = segments::follow(bytes, table, [40_000, 15_020]);
    let modbus = &report.modbus;
    let detection = &report.detection;
    assert!(detection.servers <= 4, "both ends, as either framing");
    assert_eq!(detection.candidates_evicted + detection.servers_evicted, 0);
    if detection.servers == 0 {
        assert_eq!(modbus.requests + modbus.responses, 0);
    } else {
        assert!(modbus.requests >= 1 && modbus.responses >= 1);
    }
    assert!((modbus.requests + modbus.responses) * 4 <= n_bytes, "each was sent");
    for note in &report.notes {
        if let Note::Detected(Detected { n_pairs, client, server, .. }) = note {
            assert!(*n_pairs >= 3 && client != server);
        }
    }
    assert!(report.notes.len() <= WireReport::MAX_NOTES);
}
