//! What replaying a capture file costs, next to a floor and to what others need to read it.
//!
//! 1.5 million packets of Modbus/TCP: every checksum verified, every connection followed, every
//! transaction paired, on one core. Rounds go through all the rows in turn, so that a slow moment
//! of the machine hits each; the medians are shown.
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say so and stop")]

#[path = "replay/files.rs"]
mod files;
#[path = "../core/benches/generator.rs"]
mod generator;
#[path = "replay/peers.rs"]
mod peers;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use infra_monitor::app::replay::{Summary, replay};

use generator::Plan;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in the program

const N_ROUNDS: usize = 5;
/// The plant that the others are compared on.
const PLANT: Plan = Plan { n_connections: 500, handshakes: true, n_rounds: 999 };
/// Tables from empty to a hundred times too small. Of the last, the capture saw no handshake.
const CROWDS: [Plan; 3] = [
    Plan { n_connections: 10, handshakes: true, n_rounds: 50_000 },
    Plan { n_connections: 10_000, handshakes: true, n_rounds: 49 },
    Plan { n_connections: 1_000_000, handshakes: false, n_rounds: 1 },
];
/// A cut of the plant for what takes microseconds a packet.
const CUT: Plan = Plan { n_rounds: 99, ..PLANT };

fn main() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine before: {}", load.trim());
    println!("{:<44} {:>10} {:>8} {:>8} {:>12}", "", "packets", "ns each", "best", "million/s");
    let mut rows = rows();
    for _ in 0..N_ROUNDS {
        rows.iter_mut().for_each(Row::run);
    }
    let medians: Vec<_> = rows.iter().map(|row| (row.name, row.print())).collect();
    let slow = &mut Row::new("tshark -q -z io,stat,0, checksums on, once", CUT, peers::tshark);
    slow.run();
    let tshark = slow.print();
    let of = |name| medians.iter().find(|row| row.0 == name).and_then(|row| row.1);
    for (name, peer) in [(FLOOR, of(FLOOR)), (TCPDUMP, of(TCPDUMP)), ("tshark", tshark)] {
        let Some((ours, peer)) = of(OURS).zip(peer) else {
            println!("skipped: no {name} here to compare with");
            continue;
        };
        println!("replay of 500 connections : {name} = {:.4}", ours / peer);
    }
    for plan in CROWDS {
        let evicted = evicted(&summary(&files::capture(plan)));
        println!("{} connections: {evicted} times one made room for another", plan.n_connections);
    }
}

const OURS: &str = "replay, 500 connections";
const FLOOR: &str = "summing the bytes of the file";
const TCPDUMP: &str = "tcpdump -r F -w /dev/null";

fn rows() -> Vec<Row> {
    let [few, many, too_many] = CROWDS;
    vec![
        Row::new(FLOOR, PLANT, |path| peers::sum(path) > 0),
        Row::new(OURS, PLANT, judge),
        Row::new(TCPDUMP, PLANT, peers::tcpdump),
        Row::new("replay, 10 connections", few, judge),
        Row::new("replay, 10,000 connections", many, judge),
        Row::new("replay, 1,000,000 connections", too_many, judge),
    ]
}

/// One way to read one file.
struct Row {
    name: &'static str,
    plan: Plan,
    path: PathBuf,
    /// False if it cannot be run here.
    read: fn(&Path) -> bool,
    seconds: Vec<f64>,
}

impl Row {
    /// Checked once: a fast wrong answer is not worth measuring.
    fn new(name: &'static str, plan: Plan, read: fn(&Path) -> bool) -> Self {
        let path = files::capture(plan);
        let summary = summary(&path);
        let n_packets = plan.n_packets();
        let Summary { packets, checksums, modbus, .. } = &summary;
        assert_eq!(
            (*packets, checksums.ipv4.valid, checksums.tcp.valid),
            (n_packets, n_packets, n_packets)
        );
        let n_transactions = plan.n_transactions();
        assert_eq!((modbus.requests, modbus.transactions), (n_transactions, n_transactions));
        Self { name, plan, path, read, seconds: vec![] }
    }

    fn run(&mut self) {
        let start = Instant::now();
        if (self.read)(&self.path) {
            self.seconds.push(start.elapsed().as_secs_f64());
        }
    }

    /// Returns the median of nanoseconds a packet.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 packets")]
    fn print(&self) -> Option<f64> {
        let n_packets = self.plan.n_packets();
        let mut ns: Vec<_> = self.seconds.iter().map(|s| s / n_packets as f64 * 1e9).collect();
        ns.sort_by(f64::total_cmp);
        let (best, median) = (*ns.first()?, *ns.get(ns.len() / 2)?);
        println!(
            "{:<44} {n_packets:>10} {median:>8.1} {best:>8.1} {:>12.2}",
            self.name,
            1e3 / median
        );
        Some(median)
    }
}

fn summary(path: &Path) -> Summary {
    replay(&[path.to_owned()], |_| ()).unwrap().summary
}

fn judge(path: &Path) -> bool {
    summary(path).packets > 0
}

fn evicted(summary: &Summary) -> u64 {
    summary.ledger.noted.get("flows_evicted").copied().unwrap_or_default()
}
