//! A capture thread in a namespace, the analyser of what it delivers, and a tally of the reports.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use infra_monitor::analysis::Analyser;
use infra_monitor::block::Delivery;
use infra_monitor::capture::{self, CaptureError};
use infra_monitor::config;
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::record::{Event, Gap, InterfaceState, Services, WireReport};
use infra_monitor::sys::inject::Injector;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio_util::sync::CancellationToken;

use crate::netns::Namespace;
use crate::traffic;

const LIMIT: Duration = Duration::from_secs(20);
/// TEST-NET-2 to TEST-NET-3 (RFC 5737).
const SOURCE: [u8; 4] = [198, 51, 100, 1];
const DESTINATION: [u8; 4] = [203, 0, 113, 1];
const HEADERS: usize = 14 + 20 + 8;

/// What was reported so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) packets: u64,
    pub(crate) drops: u64,
    pub(crate) frames: u64,
    /// UDP datagrams: nobody but us sends any.
    pub(crate) ours: u64,
    /// Of these, those with a wrong checksum, and those whose checksum was not judged.
    pub(crate) corrupt: u64,
    pub(crate) unverified: u64,
    /// Blocks said to follow a loss.
    pub(crate) gaps: u64,
    /// Modbus requests that were seen with their responses.
    pub(crate) transactions: u64,
    /// Datagrams that were put together from fragments.
    pub(crate) reassembled: u64,
    pub(crate) states: Vec<InterfaceState>,
    pub(crate) arp: u64,
    pub(crate) events: Vec<Event>,
}

pub(crate) struct Tap {
    pub(crate) seen: Seen,
    analyser: Analyser,
    pipeline: Pipeline,
    deliveries: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
    thread: JoinHandle<Result<(), CaptureError>>,
}

impl Tap {
    pub(crate) fn open(namespace: &Namespace, spec: config::Capture) -> Self {
        Self::open_ring(namespace, spec, 0)
    }

    /// One of the rings that share the interface. As a tap it tells of the interface, whichever.
    pub(crate) fn open_ring(namespace: &Namespace, spec: config::Capture, ring: u8) -> Self {
        Self::open_before(namespace, spec, ring, || ())
    }

    /// The same, with something that happens between opening and reading.
    pub(crate) fn open_before(
        namespace: &Namespace,
        spec: config::Capture,
        ring: u8,
        meanwhile: impl FnOnce(),
    ) -> Self {
        let (is_open, opened) = std::sync::mpsc::channel();
        let (may_read, reading) = std::sync::mpsc::channel();
        let (sender, deliveries) = mpsc::channel(spec.blocks as usize);
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = namespace.spawn(move || {
            let mut opened = capture::open(&spec, ring)?;
            is_open.send(()).unwrap();
            reading.recv().unwrap();
            capture::run(&mut opened, &sender, &token)
        });
        opened.recv().unwrap();
        meanwhile();
        may_read.send(()).unwrap();
        let analyser = Analyser::new("tap".into(), &Services::default());
        let log = config::Log::default();
        let (window, sources) = (Duration::from_secs(1), Sources::default());
        let pipeline = Pipeline::new(Settings { log, window, sources });
        Self { seen: Seen::default(), analyser, pipeline, deliveries, stop, thread }
    }

    /// Take deliveries until `enough`.
    pub(crate) fn take_until(&mut self, enough: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !enough(&self.seen) {
            match self.deliveries.try_recv() {
                Ok(delivery) => self.take(delivery),
                Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(1)),
                Err(TryRecvError::Disconnected) => panic!("the capture ended: {:?}", self.seen),
            }
            assert!(Instant::now() < deadline, "not enough after {LIMIT:?}: {:?}", self.seen);
        }
    }

    /// Take deliveries until none is there.
    pub(crate) fn take_what_is_there(&mut self) {
        while let Ok(delivery) = self.deliveries.try_recv() {
            self.seen.take(&self.analyser.judge(delivery));
        }
    }

    /// Take deliveries until the interface is in this state, and forget the states before.
    pub(crate) fn take_until_state(&mut self, state: InterfaceState) -> Vec<InterfaceState> {
        self.take_until(|seen| seen.states.last() == Some(&state));
        std::mem::take(&mut self.seen.states)
    }

    fn take(&mut self, delivery: Delivery) {
        let report = self.analyser.judge(delivery);
        self.seen.take(&report);
        self.pipeline.on_report(&report);
        self.pipeline.hand_on(|event| {
            self.seen.events.push(event);
            Ok(())
        });
    }

    /// Stop the capture and take what is left.
    pub(crate) fn close(mut self) -> Seen {
        self.stop.cancel();
        while let Some(delivery) = self.deliveries.blocking_recv() {
            self.take(delivery);
        }
        self.thread.join().unwrap().unwrap();
        self.seen
    }
}

impl Seen {
    /// True if nothing vanished uncounted.
    pub(crate) fn is_balanced(&self) -> bool {
        self.packets == self.frames + self.drops
    }

    fn take(&mut self, report: &WireReport) {
        let udp = &report.checksums.udp;
        self.packets += report.ring.packets;
        self.drops += report.ring.drops;
        self.frames += report.frames;
        self.ours += udp.seen();
        self.corrupt += udp.invalid;
        self.unverified += udp.seen() - udp.verified();
        self.gaps += u64::from(report.gap == Gap::Before);
        self.transactions += report.modbus.transactions;
        self.reassembled += report.fragments.reassembled;
        self.states.extend(report.interface);
        self.arp += report.layer2.arp;
    }
}

/// Send `n` UDP datagrams, every `corrupt_each`-th with a bit flipped in its payload.
pub(crate) fn inject(namespace: &Namespace, interface: &'static str, n: u32, corrupt_each: u32) {
    let send = move || {
        let injector = Injector::open(interface).unwrap();
        for i in 0..n {
            let mut frame = datagram(i);
            if i % corrupt_each == corrupt_each - 1 {
                frame[HEADERS + 10] ^= 0x04;
            }
            injector.send(&frame).unwrap();
        }
    };
    namespace.spawn(send).join().unwrap();
}

fn datagram(number: u32) -> Vec<u8> {
    let payload = [&number.to_be_bytes()[..], &[0xa5; 60]].concat();
    traffic::udp(SOURCE, DESTINATION, &payload)
}
