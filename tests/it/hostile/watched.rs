//! An analyser and a pipeline, and what they made of the packets they were shown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use infra_monitor::analysis::Analyser;
use infra_monitor::block::{Block, Content, Delivery, FileBlock, FileFrame};
use infra_monitor::config::Log;
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::record::{
    ChecksumTally, Event, FragmentTally, Kind, Layer2Tally, Ledger, RingCount, Services, SourceId,
    WireReport,
};
use infra_monitor::wire::packet::Link;

const SOURCE: &str = "tap0";
const WINDOW: Duration = Duration::from_secs(1);
/// A hundred thousand packets a second.
const SPACING_NS: u64 = 10_000;

/// As it was captured.
#[derive(Clone)]
pub(super) struct Packet {
    pub(super) link: Link,
    pub(super) bytes: Vec<u8>,
    /// Bytes on the wire that were not captured.
    pub(super) n_cut: u32,
}

impl Packet {
    pub(super) fn ethernet(bytes: Vec<u8>) -> Self {
        Self { link: Link::Ethernet, bytes, n_cut: 0 }
    }
}

/// Everything that was reported, summed.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) frames: u64,
    pub(super) malformed: u64,
    pub(super) flows_evicted: u64,
    pub(super) fragments: FragmentTally,
    pub(super) checksums: ChecksumTally,
    pub(super) layer2: Layer2Tally,
}

pub(super) struct Watched {
    analyser: Analyser,
    pipeline: Pipeline,
    now_ns: u64,
    window_end: SystemTime,
    n_windows: u64,
    events: BTreeMap<Kind, u64>,
    /// Writes by the one who may.
    writes: u64,
    pub(super) totals: Totals,
}

impl Watched {
    pub(super) fn new() -> Self {
        let settings =
            Settings { log: Log::default(), window: WINDOW, sources: Sources::default() };
        let now_ns = 1_700_000_000_000_000_000;
        Self {
            analyser: Analyser::new(SourceId::from(SOURCE), &Services::default()),
            pipeline: Pipeline::new(settings),
            now_ns,
            window_end: time(now_ns) + WINDOW,
            n_windows: 0,
            events: BTreeMap::new(),
            writes: 0,
            totals: Totals::default(),
        }
    }

    /// Judge one block and keep what is told of it.
    pub(super) fn see(&mut self, packets: Vec<Packet>) {
        let block = self.block(packets);
        let content = Content::Block(block);
        let at = time(self.now_ns);
        let report = self.analyser.judge(Delivery {
            at,
            ring: RingCount::default(),
            interface: None,
            content,
        });
        self.totals.add(&report);
        self.pipeline.on_report(&report);
        if report.at >= self.window_end {
            self.pipeline.on_window_end(report.at);
            self.window_end = report.at + WINDOW;
            self.n_windows += 1;
        }
        let (events, writes) = (&mut self.events, &mut self.writes);
        self.pipeline.hand_on(|event| {
            *events.entry(event.kind).or_default() += 1;
            *writes += u64::from(is_the_write(&event));
            Ok(())
        });
    }

    /// Nothing is captured for so long.
    pub(super) fn wait(&mut self, time: Duration) {
        self.now_ns += u64::try_from(time.as_nanos()).unwrap();
    }

    pub(super) fn n_told(&self, kind: Kind) -> u64 {
        self.events.get(&kind).copied().unwrap_or_default()
    }

    fn block(&mut self, packets: Vec<Packet>) -> Block {
        let (mut bytes, mut frames) = (vec![], vec![]);
        for packet in packets {
            self.now_ns += SPACING_NS;
            let len = u32::try_from(packet.bytes.len()).unwrap();
            frames.push(FileFrame {
                offset: bytes.len(),
                len,
                wire_len: len + packet.n_cut,
                at_ns: self.now_ns,
                link: Some(packet.link),
            });
            bytes.extend(packet.bytes);
        }
        Block::File(FileBlock::new(Arc::new(bytes), frames))
    }

    /// Everything that was told.
    pub(super) fn n_events(&self) -> u64 {
        self.events.values().sum()
    }

    /// What is written down beside the books of the analysers' findings.
    pub(super) fn noted(&self, what: &str) -> u64 {
        self.pipeline.ledgers()["notes"].noted.get(what).copied().unwrap_or_default()
    }

    pub(super) fn n_writes_told(&self) -> u64 {
        self.writes
    }

    /// The log budget held, and every book balances.
    pub(super) fn check_books(&self) {
        let log = Log::default();
        let allowed = u64::from(log.burst) + u64::from(log.rate) * (self.n_windows + 1);
        for (kind, n) in &self.events {
            assert!(*n <= allowed, "{n} of {kind:?} in {} windows", self.n_windows);
        }
        let ledgers = self.pipeline.ledgers();
        assert!(ledgers.values().all(Ledger::balances), "{ledgers:?}");
        assert_eq!(ledgers["capture:tap0"].entered, self.totals.frames);
        assert_eq!(ledgers["events"].left, self.events.values().sum::<u64>());
    }
}

/// By the only host that may.
fn is_the_write(event: &Event) -> bool {
    event.kind == Kind::ModbusWrite && event.text.contains("198.51.100.77")
}

impl Totals {
    fn add(&mut self, report: &WireReport) {
        self.frames += report.frames;
        self.malformed += report.malformed;
        self.flows_evicted += report.flows_evicted;
        self.fragments.merge(&report.fragments);
        self.checksums.merge(&report.checksums);
        self.layer2.merge(&report.layer2);
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { frames, malformed, flows_evicted, .. } = self.totals;
        let n_events = self.events.values().sum::<u64>();
        write!(
            f,
            "{frames} packets, {malformed} malformed, {flows_evicted} connections evicted, "
        )?;
        write!(f, "{n_events} events in {} windows", self.n_windows)
    }
}

fn time(at_ns: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(at_ns)
}
