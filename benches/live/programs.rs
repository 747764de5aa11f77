//! Other programs that capture, and what they tell of it when they end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{INTERFACE, Site, Taken, schedstat};

/// Let a program capture the flood and throw it away. `None` where it is not installed or fails.
pub(super) fn run(site: &Site, program: &'static str, options: &'static [&str]) -> Option<Taken> {
    let spawning = site.at_tap(move || {
        let mut command = Command::new(program);
        command.args(["-i", INTERFACE, "-w", "/dev/null"]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
    });
    let mut child = spawning.join().ok()?.ok()?;
    let mut told = BufReader::new(child.stderr.take()?);
    wait_until_ready(&mut told)?;
    // What it does before it says that it listens, and just after, is no packet's cost.
    std::thread::sleep(super::SETTLING);
    let before = cpu_ns(&child);
    site.flood();
    let cpu_ns = cpu_ns(&child) - before;
    kill(Pid::from_raw(i32::try_from(child.id()).ok()?), Signal::SIGINT).ok()?;
    let mut last_words = String::new();
    told.read_to_string(&mut last_words).ok()?;
    child.wait().ok()?;
    let (frames, drops) = counts(&last_words)?;
    Some(Taken { frames, drops, cpu_ns })
}

fn wait_until_ready(told: &mut BufReader<ChildStderr>) -> Option<()> {
    let mut line = String::new();
    while told.read_line(&mut line).ok()? > 0 {
        if line.contains("listening on") || line.contains("Capturing on") {
            return Some(());
        }
    }
    None
}

/// Of all its threads.
fn cpu_ns(child: &Child) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let of = |task: fs::DirEntry| schedstat(&task.path().join("schedstat").to_string_lossy());
    tasks.flatten().filter_map(of).sum()
}

/// Frames taken and frames dropped, in the words of either program.
fn counts(last_words: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.trim().split(' ').next()?.parse::<u64>().ok();
    for line in last_words.lines() {
        // Packets received/dropped on interface 'tap0': 600/0 (pcap:0/dumpcap:0/flushed:0/ps_ifdrop:0)
        if let Some((_, counts)) = line.split_once("Packets received/dropped on interface") {
            let (received, dropped) = counts.split_once(": ")?.1.split_once('/')?;
            return Some((number(received)?, number(dropped)?));
        }
    }
    let before =
        |words: &str| last_words.lines().find_map(|line| number(line.strip_suffix(words)?));
    let dropped = before(" packets dropped by kernel").or(before(" packet dropped by kernel"));
    Some((before(" packets captured")?, dropped?))
}
