//! What a packet costs in instructions, as valgrind counts them: the same on a busy machine.
//!
//! The program runs itself under valgrind, once with the packets that are measured and once
//! without, and subtracts. Above the committed baseline by more than [`TOLERANCE`] it fails.
//! `INFRA_MONITOR_BASELINE=write cargo bench --no-default-features --bench instructions` renews it.
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say so and stop")]

#[expect(dead_code, reason = "shared with the replay, which counts more of a plan")]
mod generator;

use std::convert::Infallible;
use std::fs;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::SystemTime;

use infra_monitor_core::analysis::Analyser;
use infra_monitor_core::block::{Block, Content, Delivery, FileBlock, FileFrame};
use infra_monitor_core::record::{RingCount, Services, SourceId, WireReport};
use infra_monitor_core::wire::Checksum;
use infra_monitor_core::wire::packet::{Captured, L4, Link, dissect};

use generator::{Plan, for_each_frame};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in the program

/// Relative. The flow table's seed is random, which moves the figure by less.
const TOLERANCE: f64 = 0.03;
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
const BLOCK_FRAMES: usize = 10_000;
/// The first block makes the connections known, the second is measured.
const TRAFFIC: Plan = Plan { n_connections: 100, handshakes: true, n_rounds: 67 };
const WORK: [&str; 2] = ["dissect+verify", "dissect+verify+flow"];

fn main() -> ExitCode {
    let mut args = std::env::args().skip_while(|arg| arg != "--count").skip(1);
    if let Some((work, blocks)) = args.next().zip(args.next()) {
        count(&work, blocks.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let Ok(valgrind) = Command::new("valgrind").arg("--version").output() else {
        println!("skipped: no valgrind here");
        return ExitCode::SUCCESS;
    };
    println!("{}", String::from_utf8_lossy(&valgrind.stdout).trim());
    let measured = WORK.map(|work| (work, instructions(work)));
    judge(&measured)
}

/// Compare with the baseline, or write it.
fn judge(measured: &[(&str, f64)]) -> ExitCode {
    let compiler = compiler();
    if std::env::var("INFRA_MONITOR_BASELINE").is_ok_and(|wish| wish == "write") {
        let lines = measured.iter().map(|(work, n)| format!("{work} {n:.1}\n"));
        fs::write(BASELINE, format!("{compiler}\n{}", lines.collect::<String>())).unwrap();
    }
    let baseline = fs::read_to_string(BASELINE).unwrap();
    let is_comparable = baseline.lines().next() == Some(&*compiler);
    let mut verdict = ExitCode::SUCCESS;
    for (work, n) in measured {
        let line = baseline.lines().find_map(|line| line.strip_prefix(&format!("{work} ")));
        let before: f64 = line.unwrap().parse().unwrap();
        let change = n / before - 1.0;
        println!(
            "{work:<20} {n:>8.1} instructions a packet, baseline {before:>8.1}, {:+.1} %",
            100.0 * change
        );
        if is_comparable && change > TOLERANCE {
            println!("{work}: more than {:.0} % above the baseline", 100.0 * TOLERANCE);
            verdict = ExitCode::FAILURE;
        }
    }
    if !is_comparable {
        println!("skipped: the baseline is of another compiler or machine than {compiler}");
    }
    verdict
}

/// Other compilers make other instructions.
fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout);
    let release = version.split_whitespace().nth(1).unwrap_or_default();
    format!("rustc {release} {}", std::env::consts::ARCH)
}

/// Instructions a packet: all with the second block, less all without it.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn instructions(work: &str) -> f64 {
    let [without, with] = [1, 2].map(|blocks| total(work, blocks));
    (with - without) as f64 / BLOCK_FRAMES as f64
}

/// Instructions of the whole program, judging so many blocks.
fn total(work: &str, blocks: usize) -> u64 {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--count", work, &blocks.to_string()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&valgrind.stderr);
    assert!(valgrind.status.success(), "{told}");
    let collected = told.lines().find_map(|line| line.split_once("Collected : "));
    collected.unwrap().1.trim().parse().unwrap()
}

/// What runs under valgrind. Makes both blocks whatever it judges of them.
fn count(work: &str, n_judged: usize) {
    let mut analyser = Analyser::new(SourceId::from("bench"), &Services::default());
    for (bytes, frames) in blocks().into_iter().take(n_judged) {
        if work == "dissect+verify" {
            assert_eq!(n_valid(&bytes, &frames), BLOCK_FRAMES);
        } else {
            let n_frames = frames.len() as u64;
            let report = report(&mut analyser, Block::File(FileBlock::new(bytes, frames)));
            assert_eq!((report.frames, report.checksums.tcp.valid), (n_frames, n_frames));
            assert!(report.modbus.transactions > 3_000);
        }
    }
}

fn report(analyser: &mut Analyser, block: Block) -> WireReport {
    let (at, ring) = (SystemTime::UNIX_EPOCH, RingCount::default());
    analyser.judge(Delivery { at, ring, interface: None, content: Content::Block(block) })
}

fn n_valid(bytes: &[u8], frames: &[FileFrame]) -> usize {
    let is_valid = |frame: &&FileFrame| {
        let packet = dissect(&Captured {
            link: Link::Ethernet,
            bytes: bytes.get(frame.offset..).and_then(|b| b.get(..frame.len as usize)).unwrap(),
            wire_len: frame.wire_len,
            stripped_vlan: None,
            checksum_pending: false,
        });
        matches!(black_box(&packet).l4, Some((L4::Tcp, Checksum::Valid)))
    };
    frames.iter().filter(is_valid).count()
}

/// Two blocks of consecutive frames, back to back.
fn blocks() -> Vec<(Arc<Vec<u8>>, Vec<FileFrame>)> {
    let mut blocks = vec![];
    let (mut bytes, mut frames) = (vec![], vec![]);
    let shown: Result<(), Infallible> = for_each_frame(TRAFFIC, |frame| {
        let len = u32::try_from(frame.len()).unwrap();
        let (offset, link, at_ns) = (bytes.len(), Some(Link::Ethernet), 1);
        frames.push(FileFrame { offset, len, wire_len: len, at_ns, link });
        bytes.extend(frame);
        if frames.len() == BLOCK_FRAMES {
            blocks.push((Arc::new(std::mem::take(&mut bytes)), std::mem::take(&mut frames)));
        }
        Ok(())
    });
    shown.unwrap();
    assert!(blocks.len() >= 2);
    blocks
}
