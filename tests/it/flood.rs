//! A generator that sends as fast as it can, and a wire on which almost nothing is said.
//!
//! Each flood lasts [`FLOOD`], or half a minute with `INFRA_MONITOR_LONG=1`.

use std::fs;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant, SystemTime};

use infra_monitor::analysis::Analyser;
use infra_monitor::block::Delivery;
use infra_monitor::capture;
use infra_monitor::config::{Capture, Log};
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::record::{Event, InterfaceState, Kind, Ledger, Services};
use infra_monitor::sys::inject::Injector;
use nix::errno::Errno;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio_util::sync::CancellationToken;

use crate::alone::{alone, resident_kib, wish};
use crate::netns::Namespace;
use crate::traffic;

const FLOOD: Duration = Duration::from_secs(3);
const LONG_FLOOD: Duration = Duration::from_secs(30);
/// How long a kernel may sit on what was sent.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a process may grow by once it has seen a fifth of a flood.
const GROWTH_KIB: u64 = 2048;
const INTERFACE: &str = "tap0";
const N_FRAMES: u32 = 1000;

/// A capture with all that follows it, on this thread.
struct Plant {
    pipeline: Pipeline,
    analyser: Analyser,
    deliveries: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
    window_end: Instant,
    events: Vec<Event>,
    /// As the kernel counted and as was judged.
    received: u64,
    judged: u64,
}

/// What a flood came to.
struct Flooded {
    /// Frames that the generator's interface passed on, as it counts itself.
    sent: u64,
    ledger: Ledger,
    events: Vec<Event>,
    grown_kib: u64,
}

#[test]
fn a_flood_of_short_frames_is_accounted_for_to_the_unit() {
    alone("flood::a_flood_of_short_frames_is_accounted_for_to_the_unit", || {
        flood_with(60, Capture::new(INTERFACE));
    });
}

#[test]
fn a_flood_of_full_frames_is_accounted_for_to_the_unit() {
    alone("flood::a_flood_of_full_frames_is_accounted_for_to_the_unit", || {
        flood_with(1514, Capture::new(INTERFACE));
    });
}

#[test]
fn the_smallest_ring_loses_frames_in_a_flood_counts_each_and_says_so() {
    alone("flood::the_smallest_ring_loses_frames_in_a_flood_counts_each_and_says_so", || {
        let spec = Capture { block_size: 128 << 10, blocks: 2, ..Capture::new(INTERFACE) };
        let Some(flooded) = flood_with(1514, spec) else { return };
        assert!(flooded.ledger.dropped["ring_full"] > 0, "{}", flooded.ledger);
        assert!(flooded.events.iter().any(|event| event.kind == Kind::CaptureLoss));
    });
}

/// Flood, and hold the books against what was sent. `None` where there are no namespaces.
fn flood_with(frame_len: usize, spec: Capture) -> Option<Flooded> {
    let lasts = if wish("INFRA_MONITOR_LONG").is_some() { LONG_FLOOD } else { FLOOD };
    let flooded = flood(frame_len, lasts, spec)?;
    let Flooded { sent, ledger, events, grown_kib } = &flooded;
    println!(
        "{frame_len} bytes, {lasts:?}: sent {sent}; {ledger}; {} events; grown {grown_kib} KiB",
        events.len()
    );
    assert!(ledger.balances() && *sent > 0, "{ledger}");
    assert_eq!(ledger.entered, *sent, "each frame that was sent is judged or counted lost");
    assert!(*grown_kib <= GROWTH_KIB, "grown by {grown_kib} KiB");
    let n_windows = usize::try_from(lasts.as_secs()).unwrap() + 2;
    let n_losses = events.iter().filter(|event| event.kind == Kind::CaptureLoss).count();
    assert!(n_losses <= n_windows, "no more than one a window: {events:?}");
    Some(flooded)
}

fn flood(frame_len: usize, lasts: Duration, spec: Capture) -> Option<Flooded> {
    let (near, far) = (Namespace::new("l")?, Namespace::new("r")?);
    near.join(&far, INTERFACE);
    let mut plant = Plant::open(&near, spec);
    let sending = far.spawn(move || send(frame_len, lasts));
    let settled = Instant::now() + lasts / 5;
    plant.take_until(|_| Instant::now() >= settled);
    let before_kib = resident_kib("self");
    plant.take_until(|_| sending.is_finished());
    let sent = sending.join().unwrap();
    let deadline = Instant::now() + PATIENCE;
    plant.take_until(|plant| plant.received >= sent || Instant::now() >= deadline);
    let grown_kib = resident_kib("self").saturating_sub(before_kib);
    let (ledger, events) = plant.close();
    Some(Flooded { sent, ledger, events, grown_kib })
}

/// Returns the number of frames that the interface passed on.
fn send(frame_len: usize, lasts: Duration) -> u64 {
    let frame = |n: u32| {
        let mut payload = n.to_be_bytes().to_vec();
        payload.resize(frame_len - 14 - 20 - 8, 0xa5);
        traffic::udp([198, 51, 100, 1], [203, 0, 113, 1], &payload)
    };
    let frames: Vec<_> = (0..N_FRAMES).map(frame).collect();
    let injector = Injector::open(INTERFACE).unwrap();
    let end = Instant::now() + lasts;
    while Instant::now() < end {
        for frame in &frames {
            match injector.send(frame) {
                Ok(()) => (),
                // The interface had no room: nobody received it. Some kernels do not even say so.
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => (),
                Err(error) => panic!("{error}"),
            }
        }
    }
    n_passed_on()
}

/// Frames that the interface of this thread's namespace sent to its peer (`proc_pid_net(5)`).
fn n_passed_on() -> u64 {
    let devices = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let counts = devices.lines().find_map(|line| line.trim().strip_prefix("tap0:")).unwrap();
    counts.split_whitespace().nth(9).unwrap().parse().unwrap()
}

impl Plant {
    /// Returns when the interface is captured from.
    fn open(namespace: &Namespace, spec: Capture) -> Self {
        let (sender, deliveries) = mpsc::channel(spec.blocks as usize);
        let stop = CancellationToken::new();
        let until = stop.clone();
        namespace.spawn(move || {
            let mut opened = capture::open(&spec, 0).unwrap();
            capture::run(&mut opened, &sender, &until).unwrap();
        });
        let window = Duration::from_secs(1);
        let settings = Settings { log: Log::default(), window, sources: Sources::default() };
        let mut plant = Self {
            pipeline: Pipeline::new(settings),
            analyser: Analyser::new(INTERFACE.into(), &Services::default()),
            deliveries,
            stop,
            window_end: Instant::now() + window,
            events: vec![],
            received: 0,
            judged: 0,
        };
        let mut state = None;
        while state != Some(InterfaceState::Up) {
            let delivery = plant.deliveries.blocking_recv().unwrap();
            state = plant.take(delivery).or(state);
        }
        plant
    }

    fn take(&mut self, delivery: Delivery) -> Option<InterfaceState> {
        let report = self.analyser.judge(delivery);
        self.received += report.ring.packets;
        self.judged += report.frames;
        self.pipeline.on_report(&report);
        if Instant::now() >= self.window_end {
            self.window_end += Duration::from_secs(1);
            self.pipeline.on_window_end(SystemTime::now());
        }
        self.keep_events();
        report.interface
    }

    fn keep_events(&mut self) {
        let events = &mut self.events;
        self.pipeline.hand_on(|event| {
            events.push(event);
            Ok(())
        });
    }

    fn take_until(&mut self, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            match self.deliveries.try_recv() {
                Ok(delivery) => _ = self.take(delivery),
                Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(1)),
                Err(TryRecvError::Disconnected) => panic!("the capture ended"),
            }
        }
    }

    fn close(mut self) -> (Ledger, Vec<Event>) {
        self.stop.cancel();
        while let Some(delivery) = self.deliveries.blocking_recv() {
            self.take(delivery);
        }
        self.pipeline.close(SystemTime::now());
        self.keep_events();
        (self.pipeline.ledgers()["capture:tap0"].clone(), self.events)
    }
}

/// How much later than the block time-out a frame may be known on a machine that is busy.
const MARGIN: Duration = Duration::from_millis(500);

#[test]
fn a_frame_on_a_quiet_wire_is_known_once_the_block_timeout_has_passed() {
    let Some((near, far)) = Namespace::new("l").zip(Namespace::new("r")) else { return };
    near.join(&far, INTERFACE);
    let spec = Capture::new(INTERFACE);
    let timeout = spec.block_timeout;
    let mut plant = Plant::open(&near, spec);
    let (go, go_ahead) = std_mpsc::channel::<()>();
    let (leaving, left_at) = std_mpsc::channel();
    let frame = traffic::udp([198, 51, 100, 1], [203, 0, 113, 1], b"at last");
    let sender = far.spawn(move || {
        let injector = Injector::open(INTERFACE).unwrap();
        while go_ahead.recv().is_ok() {
            leaving.send(Instant::now()).unwrap();
            injector.send(&frame).unwrap();
        }
    });
    let mut delays = vec![];
    for n in 1..=20 {
        go.send(()).unwrap();
        while plant.judged < n {
            let delivery = plant.deliveries.blocking_recv().unwrap();
            plant.take(delivery);
        }
        delays.push(left_at.recv().unwrap().elapsed());
    }
    drop(go);
    sender.join().unwrap();
    delays.sort();
    let (median, longest) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!(
        "a frame on a quiet wire is known after {median:.1?}, at most {longest:.1?}; block time-out {timeout:?}"
    );
    assert!(longest <= timeout + MARGIN, "{delays:?}");
    assert!(plant.close().0.balances());
}
