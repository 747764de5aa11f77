//! The seeds of the fuzzers, each with all its prefixes, through the very functions they fuzz.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/bodies/bacnet.rs"]
mod bacnet;
#[path = "../../fuzz/bodies/block_walk.rs"]
mod block_walk;
#[path = "../../fuzz/bodies/capture_file.rs"]
mod capture_file;
#[path = "../../fuzz/bodies/config.rs"]
mod config;
#[path = "../../fuzz/bodies/dissect.rs"]
mod dissect;
#[path = "../../fuzz/bodies/dnp3.rs"]
mod dnp3;
#[path = "../../fuzz/bodies/enip.rs"]
mod enip;
#[path = "../../fuzz/bodies/flow.rs"]
mod flow;
#[path = "../../fuzz/bodies/iec104.rs"]
mod iec104;
#[path = "../../fuzz/bodies/layer2.rs"]
mod layer2;
#[path = "../../fuzz/bodies/modbus_rtu.rs"]
mod modbus_rtu;
#[path = "../../fuzz/bodies/modbus_tcp.rs"]
mod modbus_tcp;
#[path = "../../fuzz/bodies/opcua.rs"]
mod opcua;
#[path = "../../fuzz/bodies/rtu_listen.rs"]
mod rtu_listen;
#[path = "../../fuzz/bodies/rtu_stream.rs"]
mod rtu_stream;
#[path = "../../fuzz/bodies/s7comm.rs"]
mod s7comm;
#[path = "../../fuzz/bodies/segments.rs"]
mod segments;
#[path = "../../fuzz/bodies/shape.rs"]
mod shape;

/// Corpora are for reading too: a seed has the name of what it shows, or is of the two dozen, `f01`
/// and on, that a fuzzer found to reach most of the rest.
const MAX_SEEDS: usize = 40;
const MAX_CORPUS: usize = 16 << 10;

#[test]
fn seeds_of_blocks_are_walked() {
    replay("block_walk", block_walk::run);
}

#[test]
fn seeds_of_capture_files_are_read() {
    replay("capture_file", capture_file::run);
}

#[test]
fn seeds_of_configurations_are_parsed() {
    replay("config", config::run);
}

#[test]
fn seeds_of_frames_are_dissected() {
    replay("dissect", dissect::run);
}

#[test]
fn seeds_of_ethernet_ip_streams_are_read() {
    replay("enip", enip::run);
}

#[test]
fn seeds_of_segments_are_followed() {
    replay("flow", flow::run);
}

#[test]
fn seeds_of_frames_that_are_not_ip_are_watched() {
    replay("layer2", layer2::run);
}

#[test]
fn seeds_of_replies_on_a_line_are_judged() {
    replay("modbus_rtu", modbus_rtu::run);
}

#[test]
fn seeds_of_replies_over_tcp_are_judged() {
    replay("modbus_tcp", modbus_tcp::run);
}

#[test]
fn seeds_of_opcua_streams_are_read() {
    replay("opcua", opcua::run);
}

#[test]
fn seeds_of_dnp3_streams_are_read() {
    replay("dnp3", dnp3::run);
}

#[test]
fn seeds_of_iec104_streams_are_read() {
    replay("iec104", iec104::run);
}

#[test]
fn seeds_of_bacnet_datagrams_are_read() {
    replay("bacnet", bacnet::run);
}

#[test]
fn seeds_of_what_is_heard_on_a_line_are_read() {
    replay("rtu_listen", rtu_listen::run);
}

#[test]
fn seeds_of_s7_streams_are_read() {
    replay("s7comm", s7comm::run);
}

#[test]
fn seeds_of_frames_in_a_connection_are_read() {
    replay("rtu_stream", rtu_stream::run);
}

#[test]
fn seeds_of_segments_of_no_service_are_looked_at() {
    replay("shape", shape::run);
}

fn replay(name: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let seeds: Vec<_> = entries.map(|path| fs::read(path).unwrap()).collect();
    let n_bytes: usize = seeds.iter().map(Vec::len).sum();
    assert!((1..=MAX_SEEDS).contains(&seeds.len()), "{} seeds of {name}", seeds.len());
    assert!(n_bytes <= MAX_CORPUS, "{n_bytes} bytes of seeds of {name}");
    for seed in seeds {
        for len in 0..=seed.len() {
            run(&seed[..len]);
        }
    }
}
