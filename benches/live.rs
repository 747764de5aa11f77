//! What a packet on a live wire costs in processor time, next to a bare drain of the same ring and
//! to two other programs, while a generator floods a veth pair.
//!
//! The generator has a processor of its own, and what it disturbs is the time of day, not the
//! processor time of the others (`/proc/*/schedstat`). Rounds go through all in turn; the medians
//! are shown. Needs root, for network namespaces.
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say so and stop")]

#[path = "live/drains.rs"]
mod drains;
#[path = "../core/benches/generator.rs"]
mod generator;
#[expect(clippy::print_stderr, reason = "it says so when it skips")]
#[path = "../tests/it/netns.rs"]
mod netns;
#[path = "live/programs.rs"]
mod programs;

use std::convert::Infallible;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use infra_monitor::sys::inject::Injector;
use infra_monitor::sys::pin_current;

use generator::{Plan, for_each_frame};
use netns::Namespace;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in the program

const N_ROUNDS: usize = 3;
const TRAFFIC: Plan = Plan { n_connections: 500, handshakes: true, n_rounds: 400 };
const INTERFACE: &str = "tap0";
const GENERATOR_CPU: usize = 0;
const CPU: usize = 1;
/// How long frames that were sent may take to arrive.
const SETTLING: Duration = Duration::from_millis(200);

/// What one way to take frames came to.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    frames: u64,
    /// Lost because the ring was full.
    drops: u64,
    cpu_ns: u64,
}

type Way = fn(&Site) -> Option<Taken>;
const WAYS: [(&str, Way); 4] = [
    ("bare ring, a byte a packet", drains::bare),
    ("capture + analysis", drains::ours),
    ("tcpdump -w /dev/null", |site| programs::run(site, "tcpdump", &["-B", "32768"])),
    ("dumpcap -w /dev/null", |site| programs::run(site, "dumpcap", &["-q", "-B", "32"])),
];

/// Two ends of a wire, and what is said on it.
struct Site {
    tap: Namespace,
    plant: Namespace,
    frames: Arc<Vec<Vec<u8>>>,
}

fn main() {
    let (Some(tap), Some(plant)) = (Namespace::new("l"), Namespace::new("r")) else { return };
    tap.join(&plant, INTERFACE);
    let site = Site { tap, plant, frames: Arc::new(frames()) };
    let mut rounds = WAYS.map(|_| vec![]);
    for _ in 0..N_ROUNDS {
        for ((_, way), taken) in WAYS.iter().zip(&mut rounds) {
            taken.extend(way(&site));
        }
    }
    let n_sent = TRAFFIC.n_packets();
    let n_connections = TRAFFIC.n_connections;
    println!("{n_sent} packets of Modbus/TCP on {n_connections} connections, at full speed");
    println!("{:<28} {:>9} {:>9} {:>14} {:>7}", "", "taken", "dropped", "CPU ns each", "ratio");
    let mut bare = None;
    for ((name, _), rounds) in WAYS.iter().zip(rounds) {
        let Some(taken) = median(rounds) else {
            println!("skipped: {name}: not here, or it could not run");
            continue;
        };
        let ns = taken.ns_each();
        let ratio = ns / *bare.get_or_insert(ns);
        println!("{name:<28} {:>9} {:>9} {ns:>14.1} {ratio:>7.2}", taken.frames, taken.drops);
    }
}

fn median(mut rounds: Vec<Taken>) -> Option<Taken> {
    rounds.sort_by(|a, b| a.ns_each().total_cmp(&b.ns_each()));
    rounds.get(rounds.len() / 2).copied()
}

impl Taken {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn ns_each(&self) -> f64 {
        self.cpu_ns as f64 / self.frames.max(1) as f64
    }
}

impl Site {
    /// Send every frame once and give the last of them time to arrive.
    fn flood(&self) {
        let frames = Arc::clone(&self.frames);
        let sender = self.plant.spawn(move || {
            pin_current(GENERATOR_CPU).ok();
            let injector = Injector::open(INTERFACE).unwrap();
            frames.iter().for_each(|frame| injector.send(frame).unwrap());
        });
        sender.join().unwrap();
        std::thread::sleep(SETTLING);
    }

    /// Run on the tap's side of the wire, on the processor that is measured.
    fn at_tap<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.tap.spawn(|| {
            pin_current(CPU).ok();
            body()
        })
    }
}

fn frames() -> Vec<Vec<u8>> {
    let mut frames = vec![];
    let shown: Result<(), Infallible> = for_each_frame(TRAFFIC, |frame| {
        frames.push(frame.to_vec());
        Ok(())
    });
    shown.unwrap();
    frames
}

/// Processor time of a thread, from its `schedstat`, in nanoseconds.
fn schedstat(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}
