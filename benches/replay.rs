//! What replaying a capture file costs, next to what tcpdump needs to copy it.
//!
//! 1.5 million packets of Modbus/TCP on 500 connections: every checksum verified, every connection
//! followed, every transaction paired, on one core. Rounds alternate between the two, so that a
//! slow moment of the machine hits both; the medians are shown.
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say so and stop")]

mod generator;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use infra_monitor::app::replay::{Summary, replay};

use generator::{N_CONNECTIONS, N_PACKETS, N_TRANSACTIONS};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in the program

const N_ROUNDS: usize = 5;

fn main() {
    let path = capture();
    check(&summary(&path));
    let (mut ours, mut copying) = (vec![], vec![]);
    for _ in 0..N_ROUNDS {
        ours.push(seconds(|| summary(&path)));
        copying.extend(tcpdump_seconds(&path));
    }
    let bytes = fs::metadata(&path).unwrap().len();
    println!("{N_PACKETS} packets, {N_CONNECTIONS} connections, {} MB", bytes / 1_000_000);
    println!("{:<28} {:>12} {:>8} {:>18}", "", "ns a packet", "best", "packets a second");
    let ours = row("replay", ours);
    if copying.is_empty() {
        println!("skipped: no tcpdump here to compare with");
    } else {
        let copying = row("tcpdump -r F -w /dev/null", copying);
        println!("replay takes {:.2} of what tcpdump takes", ours / copying);
    }
}

/// The capture, made once and kept with what else cargo builds.
fn capture() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("modbus-1500k.pcap");
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        generator::write(&mut BufWriter::new(File::create(&unfinished).unwrap())).unwrap();
        fs::rename(unfinished, &path).unwrap();
    }
    path
}

fn summary(path: &Path) -> Summary {
    replay(&[path.to_owned()], |_| ()).unwrap().summary
}

/// A fast wrong answer is not worth measuring.
fn check(summary: &Summary) {
    let Summary { packets, checksums, modbus, .. } = summary;
    assert_eq!(
        (*packets, checksums.ipv4.valid, checksums.tcp.valid),
        (N_PACKETS, N_PACKETS, N_PACKETS)
    );
    assert_eq!((modbus.requests, modbus.transactions), (N_TRANSACTIONS, N_TRANSACTIONS));
}

fn seconds<T>(run: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(run());
    start.elapsed().as_secs_f64()
}

/// `None` where there is no tcpdump.
fn tcpdump_seconds(path: &Path) -> Option<f64> {
    let start = Instant::now();
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.arg("-r").arg(path).args(["-w", "/dev/null"]).stderr(Stdio::null());
    let status = tcpdump.status().ok()?;
    status.success().then(|| start.elapsed().as_secs_f64())
}

/// Print one row; returns nanoseconds a packet.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 packets")]
fn row(name: &str, mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    let [best, median] =
        [0, rounds.len() / 2].map(|at| rounds.get(at).copied().unwrap_or(f64::NAN));
    let n_packets = N_PACKETS as f64;
    let [best_ns, median_ns] = [best, median].map(|seconds| seconds / n_packets * 1e9);
    println!("{name:<28} {median_ns:>12.1} {best_ns:>8.1} {:>18.0}", n_packets / median);
    median_ns
}
