//! `kill -9` and the service manager's store: a ring outlives its process, and is read on.
//!
//! The test plays the service manager: it takes what `open-sockets` parks, starts the daemon as
//! `nobody` with what it took, and again with the same after it was killed.

mod foreign;
mod manager;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use infra_monitor::block::Content;
use infra_monitor::capture::{self, Parked};
use infra_monitor::config::Capture;
use infra_monitor::sys::inject::Injector;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::netns::Namespace;
use crate::program::run;
use crate::traffic;
use manager::{Life, Manager};

const INTERFACE: &str = "tap0";
const N_FRAMES: u32 = 10_000;
const PACE: Duration = Duration::from_micros(100);

/// The capturing end, the sending end, and a service manager.
fn plant() -> Option<(Namespace, Namespace, Manager)> {
    let (left, right) = (Namespace::new("l")?, Namespace::new("r")?);
    left.join(&right, INTERFACE);
    let manager = Manager::new()?;
    Some((left, right, manager))
}

fn config(more: &str) -> String {
    format!("site = \"test\"\n[[capture]]\ninterface = \"{INTERFACE}\"\n{more}")
}

/// A ring of 128 such blocks bridges six seconds: this machine may be busy with other tests.
const BRIDGE: &str = "block_timeout = \"50ms\"";

/// Sends numbered frames, and says how many so far.
struct Sender {
    n_sent: Arc<AtomicU32>,
    thread: JoinHandle<()>,
}

impl Sender {
    fn start(from: &Namespace, n: u32, pace: Duration) -> Self {
        let n_sent = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&n_sent);
        let thread = from.spawn(move || {
            let injector = Injector::open(INTERFACE).unwrap();
            for number in 0..n {
                let payload = [&number.to_be_bytes()[..], &[0xa5; 60]].concat();
                let frame = traffic::udp([198, 51, 100, 1], [203, 0, 113, 1], &payload);
                injector.send(&frame).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(pace);
            }
        });
        Self { n_sent, thread }
    }

    fn wait_for(&self, n: u32) {
        while self.n_sent.load(Ordering::Relaxed) < n {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn finish(self) {
        self.thread.join().unwrap();
    }
}

fn send_all(from: &Namespace, n: u32) {
    Sender::start(from, n, Duration::ZERO).finish();
}

fn number(event: &Value, field: &str) -> u64 {
    event[field].as_u64().unwrap_or_else(|| panic!("no {field} in {event}"))
}

/// What the ledger of the capture says came in, went out, and was lost; it balances.
fn ledger(events: &[Value]) -> [u64; 3] {
    let is_ours = |event: &&Value| event["ledger"] == format!("capture:{INTERFACE}");
    let ledger = events.iter().find(is_ours).unwrap_or_else(|| panic!("{events:#?}"));
    assert_eq!(ledger["balances"], true, "{ledger}");
    let lost = ledger["ring_full"].as_u64().unwrap_or(0);
    [number(ledger, "in"), number(ledger, "out"), lost]
}

#[test]
fn a_daemon_killed_amid_ten_thousand_frames_loses_none_and_counts_each_once() {
    let Some((left, right, manager)) = plant() else { return };
    let config = config(BRIDGE);
    manager.open_sockets(&left, &config);
    assert_eq!(manager.names().len(), 1);
    let first = Life::start(&manager, &left, &config);
    first.assert_no_privilege();
    let sender = Sender::start(&right, N_FRAMES, PACE);
    sender.wait_for(N_FRAMES / 3);
    first.kill();
    sender.wait_for(N_FRAMES / 2);
    manager.open_sockets(&left, &config);
    assert_eq!(manager.names().len(), 2, "who parks does not know what is parked");
    let mut second = Life::start(&manager, &left, &config);
    let resumed = second.wait_for("capture.resumed");
    sender.finish();
    let events = second.stop();
    let [entered, judged, lost] = ledger(&events);
    let before = number(&resumed, "judged");
    println!("before the kill {before}, waited {}, after it {entered}", resumed["frames"]);
    assert_eq!((before + entered, lost), (u64::from(N_FRAMES), 0), "{resumed}");
    assert_eq!(judged, entered);
    assert!(number(&resumed, "frames") >= u64::from(N_FRAMES / 2 - N_FRAMES / 3), "{resumed}");
    assert!(before > 0 && resumed["lost"] == 0, "{resumed}");
    assert_eq!(manager.names(), Vec::<String>::new(), "a stop in good order keeps nothing");
}

/// Names the file to which a process appends the number of each frame; unset in the one that judges.
const NUMBERS: &str = "IM_PARKED_NUMBERS";

#[test]
fn every_number_is_read_by_one_process_or_the_other_and_none_twice_but_in_the_block_of_the_kill() {
    let Some((left, right, manager)) = plant() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let reader = || {
        let name = format!("{NUMBERS}={}", file.path().display());
        let test = std::env::current_exe().unwrap();
        let program = ["env", &name, test.to_str().unwrap(), "--exact", "parked::reads_numbers"];
        manager.launch(&left, &program.map(std::ffi::OsStr::new))
    };
    let told = || numbers_in(&std::fs::read(file.path()).unwrap());
    manager.open_sockets(&left, &config(BRIDGE));
    let sender_of = |n| Sender::start(&right, n, PACE);
    let mut first = reader();
    while told().is_empty() {
        sender_of(1).finish(); // number 0, until somebody listens
        std::thread::sleep(Duration::from_millis(20));
    }
    let sender = sender_of(N_FRAMES);
    while told().last() < Some(&(N_FRAMES / 3)) {
        std::thread::sleep(Duration::from_millis(1));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let by_first = told();
    sender.wait_for(N_FRAMES / 2);
    let mut second = reader();
    sender.finish();
    while told().last() != Some(&(N_FRAMES - 1)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    second.kill().unwrap();
    second.wait().unwrap();
    let by_second = &told()[by_first.len()..];
    println!("by the first {}, by the second {}", by_first.len(), by_second.len());
    let last = by_first[by_first.len() - 1];
    assert!(by_second[0] <= last + 1, "{} after {last}", by_second[0]);
    assert!(by_second.is_sorted() && by_second.len() == (N_FRAMES - by_second[0]) as usize);
    let by_first: Vec<_> = by_first.into_iter().skip_while(|n| *n == 0).collect();
    assert!(by_first.is_sorted() && by_first.len() == last as usize, "{} to {last}", by_first[0]);
    // All of the last block, if it was written and not yet given back.
    assert!(last + 1 - by_second[0] <= 1 << 11, "{} again", last + 1 - by_second[0]);
}

fn numbers_in(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|number| u32::from_be_bytes(*number)).collect()
}

/// The other side of the test above; by itself it does nothing.
#[test]
fn reads_numbers() {
    let Ok(path) = std::env::var(NUMBERS) else { return };
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    let spec = Capture { block_timeout: Duration::from_millis(50), ..Capture::new(INTERFACE) };
    let passed = infra_monitor::sys::passed_fds().unwrap();
    let mut parked = Parked::sort(passed, std::iter::once(&spec));
    let mut opened = capture::open_from(&mut parked, &spec, 0).unwrap();
    assert_eq!(parked.close().in_use.len(), 1);
    let (sender, mut deliveries) = tokio::sync::mpsc::channel(opened.n_blocks());
    std::thread::Builder::new()
        .spawn(move || capture::run(&mut opened, &sender, &CancellationToken::new()))
        .unwrap();
    while let Some(delivery) = deliveries.blocking_recv() {
        let Content::Block(block) = delivery.content else { continue };
        let mut numbers = vec![];
        block.for_each(|frame| numbers.extend(&frame.bytes[42..46]));
        file.write_all(&numbers).unwrap(); // before the block is given back
    }
}

#[test]
fn many_deaths_in_a_row_lose_and_double_nothing() {
    let Some((left, right, manager)) = plant() else { return };
    let config = config(&format!("rings = 2\n{BRIDGE}"));
    manager.open_sockets(&left, &config);
    let mut daemon = Life::start(&manager, &left, &config);
    let sender = Sender::start(&right, N_FRAMES, PACE);
    let mut before = 0;
    for death in 1..=5 {
        sender.wait_for(N_FRAMES / 8 * death);
        daemon.kill();
        manager.open_sockets(&left, &config);
        daemon = Life::start(&manager, &left, &config);
        let told = [daemon.wait_for("capture.resumed"), daemon.wait_for("capture.resumed")];
        let judged = told.iter().map(|resumed| number(resumed, "judged")).sum();
        assert!(judged >= before, "{judged} after {before}");
        before = judged;
        assert_eq!(manager.names().len(), 2, "what is not needed is not kept");
    }
    sender.finish();
    let [entered, _, lost] = ledger(&daemon.stop());
    assert_eq!((before + entered, lost), (u64::from(N_FRAMES), 0));
}

#[test]
fn a_ring_that_overflowed_while_nobody_ran_says_how_many_were_lost() {
    let Some((left, right, manager)) = plant() else { return };
    let config = config("blocks = 2\nblock_size = \"128KiB\"");
    manager.open_sockets(&left, &config);
    let mut first = Life::start(&manager, &left, &config);
    send_all(&right, 10);
    first.wait_until_judged();
    first.kill();
    send_all(&right, N_FRAMES);
    let mut second = Life::start(&manager, &left, &config);
    let resumed = second.wait_for("capture.resumed");
    let (waited, lost) = (number(&resumed, "frames"), number(&resumed, "lost"));
    assert_eq!(number(&resumed, "judged") + waited + lost, u64::from(N_FRAMES) + 10, "{resumed}");
    assert!(waited > 100 && lost > 1000, "{resumed}");
    let text = resumed["text"].as_str().unwrap();
    assert!(text.contains(&format!("{lost} were lost because the ring was full")), "{text}");
    second.wait_until_judged(); // else these find no room either
    send_all(&right, 10);
    let events = second.stop();
    assert_eq!(ledger(&events), [waited + lost + 10, waited + 10, lost]);
    assert!(events.iter().any(|event| event["event"] == "capture.loss"), "{events:#?}");
}

#[test]
fn a_ring_of_another_configuration_is_given_up_with_what_was_in_it_and_a_new_one_captures() {
    let Some((left, right, manager)) = plant() else { return };
    let old = config("block_timeout = \"20ms\"");
    manager.open_sockets(&left, &old);
    Life::start(&manager, &left, &old).kill();
    for change in ["block_timeout = \"30ms\"", "blocks = 5", "block_size = \"128KiB\"", "rings = 2"]
    {
        send_all(&right, 200);
        let new = config(change);
        manager.open_sockets(&left, &new);
        let mut next = Life::start(&manager, &left, &new);
        let discarded = next.wait_for("capture.discarded");
        let [frames, lost] = ["frames", "lost"].map(|field| number(&discarded, field));
        assert_eq!((frames, lost), (200, 0), "{change}: {discarded}");
        assert_eq!(discarded["source"], INTERFACE);
        send_all(&right, 50);
        next.wait_until_judged();
        next.kill();
        assert_eq!(manager.names().len(), if change == "rings = 2" { 2 } else { 1 });
    }
}

#[test]
fn a_ring_that_overflowed_and_is_given_up_says_how_many_found_no_room_in_it() {
    let Some((left, right, manager)) = plant() else { return };
    let old = config("blocks = 2\nblock_size = \"128KiB\"");
    manager.open_sockets(&left, &old);
    Life::start(&manager, &left, &old).kill();
    send_all(&right, N_FRAMES);
    let new = config("blocks = 3\nblock_size = \"128KiB\"");
    manager.open_sockets(&left, &new);
    let discarded = Life::start(&manager, &left, &new).wait_for("capture.discarded");
    let [frames, lost] = ["frames", "lost"].map(|field| number(&discarded, field));
    assert_eq!(frames + lost, u64::from(N_FRAMES), "{discarded}");
    assert!(frames > 100 && lost > 1000, "{discarded}");
}

#[test]
fn an_interface_that_was_made_anew_meanwhile_is_told_as_gone_and_captured_from() {
    let Some((left, right, manager)) = plant() else { return };
    let config = config("");
    manager.open_sockets(&left, &config);
    let mut first = Life::start(&manager, &left, &config);
    send_all(&right, 100);
    first.wait_until_judged();
    first.kill();
    send_all(&right, 100);
    left.ip(&format!("link del {INTERFACE}"));
    left.join(&right, INTERFACE);
    let mut second = Life::start(&manager, &left, &config);
    assert_eq!(number(&second.wait_for("capture.resumed"), "frames"), 100);
    assert_eq!(second.wait_for("capture.down")["state"], "absent");
    second.wait_for("capture.up");
    send_all(&right, 100);
    assert_eq!(ledger(&second.stop()), [200, 200, 0]);
}

#[test]
fn open_sockets_says_what_it_lacks() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(config("").as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let told = run(&["open-sockets", "--config", path]);
    assert_eq!(told.code, Some(64), "{}", told.stderr);
    for word in ["NOTIFY_SOCKET", "ExecStartPre", "NotifyAccess=exec", "infra_monitor run"] {
        assert!(told.stderr.contains(word), "{word}: {}", told.stderr);
    }
    let mut nobody_listens = crate::program::program();
    nobody_listens.args(["open-sockets", "--config", path]).env("NOTIFY_SOCKET", "/nonexistent");
    let output = nobody_listens.output().unwrap();
    let privileged = nix::unistd::geteuid().is_root();
    assert_eq!(output.status.code(), Some(if privileged { 69 } else { 77 }));
    assert_eq!(run(&["open-sockets", "--config", "/nonexistent"]).code, Some(78));
}

#[test]
fn without_permission_nothing_is_parked_and_the_remedy_is_named() {
    let Some(manager) = Manager::new() else { return };
    let Some(refused) = manager.open_sockets_as_nobody(&config("")) else { return };
    assert_eq!(refused.code, Some(77), "{}", refused.stderr);
    assert!(refused.stderr.contains("ExecStartPre=+"), "{}", refused.stderr);
    assert_eq!(manager.names(), Vec::<String>::new());
}
