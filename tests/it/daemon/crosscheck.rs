//! The daemon polls over a wire that it captures: what it reads is compared with what passed, and
//! with what another master is told. Two network namespaces and a veth pair between them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::netns::{Namespace, skip};

use super::PATIENCE;
use super::process::{Daemon, ServiceManager};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// Where the daemon has its address, and another master, in the same namespace, its own.
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 3);

/// The daemon's namespace, and that of the device.
struct Plant {
    station: Namespace,
    _field: Namespace,
    n_requests: Arc<AtomicU64>,
    systemd: ServiceManager,
}

impl Plant {
    /// A device that answers 7 to most, and something of its own to the other master.
    fn start(to_other: u8) -> Option<Self> {
        let (station, field) = (Namespace::new("s")?, Namespace::new("f")?);
        station.join(&field, "tap0");
        field.ip("addr add 10.9.0.2/24 dev tap0");
        station.ip("addr add 10.9.0.1/24 dev tap0");
        station.ip("addr add 10.9.0.3/24 dev tap0");
        let n_requests = Arc::new(AtomicU64::new(0));
        let listener = field.spawn(|| TcpListener::bind((SERVER, 502)).unwrap()).join().unwrap();
        let counter = Arc::clone(&n_requests);
        field.spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let is_other = stream.peer_addr().unwrap().ip() == OTHER;
                let (value, counter) = (if is_other { to_other } else { 7 }, Arc::clone(&counter));
                std::thread::Builder::new().spawn(move || serve(stream, value, &counter)).unwrap();
            }
        });
        Some(Self { station, _field: field, n_requests, systemd: ServiceManager::listen() })
    }

    /// The daemon, which captured before it asked anything.
    fn daemon(&self) -> Daemon {
        // A process has the network of the thread that starts it.
        let socket = self.systemd.path();
        let environment = move || Daemon::start_notifying(&socket, CAPTURE);
        let daemon = self.station.spawn(environment).join().unwrap();
        self.systemd.wait_for("READY=1");
        daemon.reload(&format!("{CAPTURE}{LINK}"));
        daemon
    }

    fn wait_for_requests(&self, n: u64) {
        let started = Instant::now();
        while self.n_requests.load(Ordering::Relaxed) < n {
            assert!(started.elapsed() < PATIENCE, "waited in vain for {n} requests");
            sleep(Duration::from_millis(5));
        }
    }

    /// Another master that reads `n` times.
    fn other_master(&self, n: u16) -> JoinHandle<()> {
        self.station.spawn(move || {
            let mut stream = connect_from(OTHER);
            for id in 1..=n {
                let [high, low] = id.to_be_bytes();
                stream.write_all(&[high, low, 0, 0, 0, 6, 1, 3, 0, 100, 0, 2]).unwrap();
                stream.read_exact(&mut [0; 13]).unwrap();
                sleep(Duration::from_millis(30));
            }
        })
    }
}

const CAPTURE: &str = "[runtime]\nwindow = \"100ms\"\n[log]\nsamples = \"none\"\n\
                       [[capture]]\ninterface = \"tap0\"\n";
const LINK: &str = r#"
[[modbus]]
name = "line-a"
tcp = "10.9.0.2:502"
max_in_flight = 2
[[modbus.device]]
name = "pump-1"
unit = 1
every = "50ms"
tags = [
  { name = "pressure", at = "holding:100", type = "UINT" },
  { name = "level", at = "holding:101", type = "UINT" },
  { name = "running", at = "coil:5", type = "BOOL" },
]
"#;

/// Answer every read with bytes of which every second is `value`.
fn serve(mut stream: TcpStream, value: u8, n_requests: &AtomicU64) {
    let mut request = [0; 12];
    while stream.read_exact(&mut request).is_ok() {
        let [id_hi, id_lo, .., unit, function, _, _, _, quantity] = request;
        let values: Vec<u8> = match function {
            3 => [0, value].repeat(quantity.into()),
            _ => vec![1; usize::from(quantity).div_ceil(8)],
        };
        let len = u8::try_from(values.len()).unwrap();
        let reply = [&[id_hi, id_lo, 0, 0, 0, 3 + len, unit, function, len], &values[..]].concat();
        n_requests.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}

fn connect_from(address: Ipv4Addr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.into(), 0)).unwrap();
        socket.connect(SocketAddr::new(SERVER.into(), 502)).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Every event, and the ledger of the crosscheck.
fn end(daemon: Daemon) -> (Vec<Value>, Value) {
    daemon.signal(Signal::SIGTERM);
    let (status, events) = daemon.end();
    assert_eq!(status.code(), Some(0));
    let ledger = events.iter().find(|event| event["ledger"] == "crosscheck:line-a").cloned();
    let ledger = ledger.unwrap_or_else(|| panic!("no ledger of it: {events:#?}"));
    assert_eq!(ledger["balances"], true, "{ledger:#?}");
    (events, ledger)
}

fn mismatches(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["event"] == "crosscheck.mismatch").collect()
}

#[test]
fn all_that_is_polled_over_a_captured_wire_is_compared_and_equal() {
    let Some(plant) = Plant::start(7) else { return };
    let daemon = plant.daemon();
    plant.wait_for_requests(200);
    let (events, ledger) = end(daemon);
    assert!(ledger["in"].as_u64().unwrap() >= 190, "{ledger:#?}");
    assert_eq!((&ledger["out"], &ledger["dropped"]), (&ledger["in"], &0.into()), "{ledger:#?}");
    assert_eq!(mismatches(&events), [] as [&Value; 0]);
}

#[test]
fn another_master_that_is_told_the_same_is_compared_and_no_finding() {
    let Some(plant) = Plant::start(7) else { return };
    let daemon = plant.daemon();
    plant.other_master(150).join().unwrap();
    // Its last read lies between two of ours after that.
    let n_now = plant.n_requests.load(Ordering::Relaxed);
    plant.wait_for_requests(n_now + 10);
    let (events, ledger) = end(daemon);
    assert!(ledger["others_compared"].as_u64().unwrap() >= 30, "{ledger:#?}");
    assert_eq!(mismatches(&events), [] as [&Value; 0]);
}

#[test]
fn another_master_that_is_answered_differently_is_found() {
    let Some(plant) = Plant::start(8) else { return };
    let mut daemon = plant.daemon();
    let other = plant.other_master(300);
    let mismatch = daemon.wait_for("crosscheck.mismatch");
    for (name, value) in [
        ("source", "line-a"),
        ("device", "pump-1"),
        ("cause", "other_master"),
        ("ours", "0x0007"),
        ("theirs", "0x0008"),
        ("tags", "pressure"),
    ] {
        assert_eq!(mismatch[name], value, "{mismatch:#?}");
    }
    assert!(mismatch["master"].as_str().unwrap().starts_with("10.9.0.3:"), "{mismatch:#?}");
    assert_eq!((&mismatch["register"], &mismatch["registers"]), (&100.into(), &2.into()));
    other.join().unwrap();
    let (events, ledger) = end(daemon);
    assert_eq!(mismatches(&events).len(), 1, "the rest is counted: {events:#?}");
    assert_eq!((&ledger["out"], &ledger["dropped"]), (&ledger["in"], &0.into()), "{ledger:#?}");
}

/// Netfilter acts behind the tap and before the socket, as a box on the way would.
#[test]
fn an_answer_that_is_rewritten_between_wire_and_socket_is_found() {
    let Some(plant) = Plant::start(7) else { return };
    let mut daemon = plant.daemon();
    plant.wait_for_requests(20);
    // The last byte of the first register: behind a header of 32 bytes, MBAP, function and count,
    // in answers to reads of two registers, which are 32 + 13 bytes long in packets of 20 more.
    let rules = "table ip box {\nchain in {\ntype filter hook prerouting priority 0\n\
                 tcp sport 502 ip length 65 @th,336,8 set 0x55\n}\n}\n";
    if let Err(why) = rewrite(&plant.station, rules) {
        return skip(&format!("nft cannot rewrite packets here: {why}"));
    }
    let mismatch = daemon.wait_for("crosscheck.mismatch");
    for (name, value) in [
        ("cause", "wire"),
        ("received", "0x00550007"),
        ("on_the_wire", "0x00070007"),
        ("tags", "pressure"),
        ("capture", "tap0"),
    ] {
        assert_eq!(mismatch[name], value, "{mismatch:#?}");
    }
    assert_eq!(mismatch["register"], 100, "{mismatch:#?}");
    let (events, ledger) = end(daemon);
    assert_eq!(mismatches(&events).len(), 1, "the rest is counted: {events:#?}");
    assert!(ledger["different"].as_u64().unwrap() > 1, "{ledger:#?}");
    assert_eq!(ledger["different"], ledger["dropped"], "{ledger:#?}");
}

/// Load a rule set in a namespace.
fn rewrite(namespace: &Namespace, rules: &'static str) -> Result<(), String> {
    let load = move || {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rules");
        std::fs::write(&file, rules).unwrap();
        std::process::Command::new("nft").arg("-f").arg(&file).output()
    };
    match namespace.spawn(load).join().unwrap() {
        Ok(end) if end.status.success() => Ok(()),
        Ok(end) => Err(String::from_utf8_lossy(&end.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}
