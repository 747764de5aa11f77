//! What one request costs its client: ours with all that makes readings of it, and two that are
//! nothing but clients.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use infra_monitor::config::{Device, Endpoint, Link};
use infra_monitor::poller;
use infra_monitor::record::SourceId;
use infra_monitor::tag::{Address, Table, Tag, Type};
use nix::time::{ClockId, clock_gettime};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_modbus::prelude::{Reader, Slave};
use tokio_util::sync::CancellationToken;

const N_ROUNDS: usize = 7;
const N_REQUESTS: u32 = 20_000;
/// Before the clock starts: connecting, first allocations, caches.
const N_WARM_UP: u32 = 1_000;
pub(super) const N_REGISTERS: u16 = 100;
/// Registers between tags: the longest gap that is read over is one less.
const FEW: usize = 9;
/// Devices that are all overdue: the next request follows at once.
const N_DEVICES: usize = 100;

pub(super) fn compare(port: u16) {
    let libmodbus = libmodbus_client();
    let [mut few, mut all, mut tokio_modbus, mut c] = [vec![], vec![], vec![], vec![]];
    for _ in 0..N_ROUNDS {
        few.push(poller_ns(port, FEW));
        all.push(poller_ns(port, 1));
        tokio_modbus.push(tokio_modbus_ns(port));
        c.extend(libmodbus.as_ref().map(|client| libmodbus_ns(client, port)));
    }
    println!("CPU of the client per request of {N_REGISTERS} holding registers, TCP over loopback");
    println!("{:<34} {:>8} {:>8} {:>8}", "", "ns", "best", "ratio");
    let yardstick = median(&mut tokio_modbus);
    row("bare tokio-modbus loop", &mut tokio_modbus, yardstick);
    row("our poller, 12 tags, readings", &mut few, yardstick);
    row("our poller, 100 tags, readings", &mut all, yardstick);
    if c.is_empty() {
        println!("skipped: no libmodbus or no compiler here to compare with");
    } else {
        row("bare libmodbus loop, C", &mut c, yardstick);
    }
}

fn row(name: &str, rounds: &mut [f64], yardstick: f64) {
    let median = median(rounds);
    let best = rounds.first().copied().unwrap_or(f64::NAN);
    println!("{name:<34} {median:>8.0} {best:>8.0} {:>8.2}", median / yardstick);
}

/// Leaves `rounds` sorted.
fn median(rounds: &mut [f64]) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A device whose tags lie in 100 registers, each `step` after the one before.
pub(super) fn device(name: &str, step: usize, every: Duration) -> Arc<Device> {
    let tags = (0..N_REGISTERS).step_by(step).map(|index| {
        let address = Address { table: Table::Holding, index, bit: None };
        Arc::new(Tag::new(&format!("{name}-w{index}"), address, Type::Uint))
    });
    let device = Device { every, tags: tags.collect(), ..Device::new(name, 1) };
    Arc::new(device)
}

/// The poller with what takes its readings, on this thread.
fn poller_ns(port: u16, tag_step: usize) -> f64 {
    let endpoint = Endpoint::Tcp(([127, 0, 0, 1], port).into());
    let every = Duration::from_millis(1);
    let devices = (0..N_DEVICES).map(|nth| device(&format!("d{nth}"), tag_step, every)).collect();
    let link = Arc::new(Link { devices, ..Link::new(endpoint) });
    let (readings, mut received) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let polling = poller::run(SourceId::from("link"), link, readings, stop);
    let measuring = async {
        let mut start = 0.0;
        for nth in 0..N_WARM_UP + N_REQUESTS {
            if nth == N_WARM_UP {
                start = thread_ns();
            }
            let reading = received.recv().await.unwrap();
            assert!(reading.quality.is_good(), "{reading:?}");
        }
        (thread_ns() - start) / f64::from(N_REQUESTS)
    };
    block_on(async {
        tokio::select! {
            () = polling => panic!("the poller ended"),
            ns = measuring => ns,
        }
    })
}

fn tokio_modbus_ns(port: u16) -> f64 {
    block_on(async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = tokio_modbus::client::tcp::attach_slave(stream, Slave(1));
        let mut start = 0.0;
        for nth in 0..N_WARM_UP + N_REQUESTS {
            if nth == N_WARM_UP {
                start = thread_ns();
            }
            let registers = client.read_holding_registers(0, N_REGISTERS).await.unwrap().unwrap();
            assert_eq!(registers.last(), Some(&(N_REGISTERS - 1)));
        }
        (thread_ns() - start) / f64::from(N_REQUESTS)
    })
}

fn libmodbus_ns(client: &PathBuf, port: u16) -> f64 {
    let mut command = Command::new(client);
    let printed = command.args([port.to_string(), N_REQUESTS.to_string()]).output().unwrap();
    assert!(printed.status.success(), "libmodbus reads what was asked for");
    String::from_utf8(printed.stdout).unwrap().trim().parse().unwrap()
}

/// `None` where libmodbus or a compiler is missing.
fn libmodbus_client() -> Option<PathBuf> {
    let arguments = ["--cflags", "--libs", "libmodbus"];
    let flags = Command::new("pkg-config").args(arguments).stderr(Stdio::null()).output().ok()?;
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("libmodbus_client");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/poller/libmodbus_client.c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", source, "-o"]).arg(&path);
    cc.args(String::from_utf8(flags.stdout).ok()?.split_whitespace()).stderr(Stdio::null());
    cc.status().ok()?.success().then_some(path)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 nanoseconds")]
fn thread_ns() -> f64 {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    now.tv_sec() as f64 * 1e9 + now.tv_nsec() as f64
}
