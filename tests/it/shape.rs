//! Modbus on ports of no service: found in real traffic, and in nothing else.

mod rewritten;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use infra_monitor::analysis::Analyser;
use infra_monitor::app::replay::{Observed, Summary, replay, transcribe};
use infra_monitor::block::{Block, Content, Delivery};
use infra_monitor::flow::Turn;
use infra_monitor::record::{
    DetectionTally, Event, Kind, Protocol, RingCount, Services, SourceId, WireReport,
};
use infra_monitor::sys::interface::Interface;
use infra_monitor::sys::{PacketRing, RingSpec, Share};

use crate::netns::{Namespace, skip};
use crate::replay::captures;

use rewritten::rewritten;

const PORT: u16 = 15_020;

/// Transactions of a capture in the order of their requests, and how often a server was found.
fn transactions(path: &Path) -> (Vec<Turn>, Summary) {
    let mut turns = vec![];
    let observe = |observed: Observed<'_>| {
        if let Observed::Transaction { turn, .. } = observed {
            turns.push(turn.clone());
        }
    };
    let summary = transcribe(&[path.to_owned()], observe).unwrap().summary;
    turns.sort_by_key(|turn| {
        let said = turn.request.as_ref().or(turn.response.as_ref());
        (said.map(|said| said.at_ns), turn.client, turn.transaction)
    });
    (turns, summary)
}

/// As if the server's port were that of Modbus.
fn on_502(mut turn: Turn) -> Turn {
    assert_eq!(turn.server.port(), PORT);
    turn.server.set_port(502);
    turn
}

/// What is lost to the evidence is only what is no proper Modbus itself: a request that the protocol
/// rules out, with its refusal, before the third pair.
#[test]
fn a_capture_on_another_port_gives_the_same_transactions_but_odd_ones_before_the_evidence() {
    let Some(folder) = captures() else { return };
    for (file, n_lost) in [("icsnpp-modbus_example.pcap", 1), ("iti-ModbusTCP.pcap", 0)] {
        let path = folder.join(file);
        let moved = rewritten(&path, 502, PORT);
        let (known, expected) = transactions(&path);
        let (found, summary) = transactions(moved.path());
        assert_eq!(summary.checksums.tcp.invalid, 0, "{file}: it was rewritten well");
        assert_eq!(summary.modbus.writes, expected.modbus.writes, "{file}");
        let found: Vec<_> = found.into_iter().map(on_502).collect();
        let lost: Vec<_> = known.iter().filter(|turn| !found.contains(turn)).collect();
        assert_eq!((lost.len(), found.len()), (n_lost, known.len() - n_lost), "{file}: {lost:?}");
    }
}

#[test]
fn the_server_is_told_once_with_what_to_do() {
    let Some(folder) = captures() else { return };
    let moved = rewritten(&folder.join("icsnpp-modbus_example.pcap"), 502, PORT);
    let mut told: Vec<Event> = vec![];
    replay(&[moved.path().to_owned()], |observed| match observed {
        Observed::Event(event) if event.kind == Kind::ProtocolDetected => told.push(event.clone()),
        Observed::Event(_)
        | Observed::Transaction { .. }
        | Observed::Progress { .. }
        | Observed::Usage(_)
        | Observed::Deferred(_) => (),
    })
    .unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].text.contains("add 15020 to `modbus_ports`"), "{}", told[0].text);
}

/// Every capture but those of Modbus on its own port; there is RTU in none.
#[test]
fn nothing_is_found_in_traffic_that_is_not_modbus_even_if_its_crc_is_the_same() {
    let Some(folder) = captures() else { return };
    let mut files: Vec<PathBuf> = vec![];
    for folder in [folder.clone(), folder.join("chksums")] {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.extend(
            entries.filter(|path| path.extension().is_some_and(|e| e != "md" && e != "tsv")),
        );
    }
    let files: Vec<_> = files
        .into_iter()
        .filter(|path| path.is_file() && path.to_string_lossy().contains(".pcap"))
        .collect();
    assert!(files.len() >= 25, "{}", files.len());
    for path in files {
        let summary = replay(std::slice::from_ref(&path), |_| ()).unwrap().summary;
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(summary.detection, DetectionTally::default(), "{file}");
        assert_eq!(summary.checksums.modbus_rtu.seen(), 0, "{file}");
        if !file.to_lowercase().contains("modbus") {
            assert_eq!(summary.modbus.requests + summary.modbus.responses, 0, "{file}");
        }
    }
}

#[test]
fn rtu_over_tcp_of_another_library_is_read_from_a_real_ring() {
    let services = Services::default().with(Protocol::ModbusRtu, &[4001]);
    let Some(reports) = of_pymodbus(services) else { return };
    check(&reports, 0);
}

#[test]
fn rtu_over_tcp_of_another_library_is_found_on_a_real_ring_and_nothing_of_it_lost() {
    let Some(reports) = of_pymodbus(Services::default()) else { return };
    check(&reports, 1);
}

const N_ROUNDS: u64 = 20;

fn check(reports: &[WireReport], n_detected: u64) {
    let mut total = WireReport::new("total".into(), SystemTime::UNIX_EPOCH);
    for report in reports {
        total.modbus.merge(&report.modbus);
        total.checksums.merge(&report.checksums);
        total.detection.merge(&report.detection);
        total.streams.merge(&report.streams);
    }
    let modbus = &total.modbus;
    let n = 4 * N_ROUNDS;
    assert_eq!((modbus.requests, modbus.responses, modbus.transactions), (n, n, n));
    assert_eq!((modbus.writes, modbus.exceptions), (N_ROUNDS, N_ROUNDS));
    assert_eq!((modbus.unread, total.streams.holes), (0, 0));
    let crcs = &total.checksums.modbus_rtu;
    assert_eq!((crcs.valid, crcs.invalid), (2 * n, 0));
    assert_eq!(total.detection.servers, n_detected);
}

/// What is reported of a pymodbus client and server that speak RTU over TCP on a loopback of their
/// own; `None`, aloud, where there is none.
fn of_pymodbus(services: Services) -> Option<Vec<WireReport>> {
    let venv = std::env::var_os("INFRA_MONITOR_VENV").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = venv.unwrap_or_else(|| root.join("target/venv")).join("bin/python");
    let mut trial = Command::new(&python);
    if !trial.args(["-c", "import pymodbus"]).output().is_ok_and(|tried| tried.status.success()) {
        skip(&format!("no pymodbus for {}", python.display()));
        return None;
    }
    let script = root.join("tests/peers/pymodbus_rtu_over_tcp.py");
    let namespace = Namespace::new("s")?;
    let thread = namespace.spawn(move || {
        let spec = RingSpec {
            block_size: 1 << 18,
            blocks: 16,
            block_timeout: Duration::from_millis(10),
            promiscuous: false,
            share: Share::ALL,
            purpose: [0; 16],
        };
        let mut ring = PacketRing::open(&spec).unwrap();
        ring.rebind(Interface::find("lo").unwrap().unwrap()).unwrap();
        let mut analyser = Analyser::new(SourceId::from("lo"), &services);
        let mut talk =
            Command::new(python).arg(script).args(["4001", &N_ROUNDS.to_string()]).spawn().unwrap();
        let mut reports = vec![];
        loop {
            let ended = talk.try_wait().unwrap();
            while let Some(block) = ring.next_block(Duration::from_millis(100)).unwrap() {
                let (at, ring) = (SystemTime::now(), RingCount::default());
                let content = Content::Block(Block::Ring(Box::new(block)));
                reports.push(analyser.judge(Delivery { at, ring, interface: None, content }));
            }
            if let Some(status) = ended {
                assert!(status.success(), "{status}");
                reports.extend(analyser.finish());
                return reports;
            }
        }
    });
    Some(thread.join().unwrap())
}
