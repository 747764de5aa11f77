//! Capture files through the daemon's own analysis and pipeline, on one thread.
//!
//! Time is the capture's: the same files always give the same events and the same summary. Each
//! file is a source of its own, so connections do not continue from one to the next.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::analysis::Analyser;
use crate::block::{Block, Content, Delivery};
use crate::capture::file::{CaptureFile, FileError};
use crate::config::{Baseline, Level, Log, Samples};
use crate::flow::Turn;
use crate::pipeline::{Pipeline, Settings, Sources};
use crate::record::{
    ChecksumTally, DetectionTally, Event, Kind, Layer2Tally, Ledger, MessageTallies, MessageTally,
    ModbusTally, RingCount, Services, SourceId, StreamTally, Usage, WireReport,
};

/// What the files held.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Frames read.
    pub packets: u64,
    /// Their length on the wire, summed.
    pub bytes: u64,
    /// From the earliest frame to the latest, as their time stamps say. Not how long it took: that
    /// would make no two summaries of a file equal.
    pub seconds: f64,
    pub checksums: ChecksumTally,
    /// Frames with a structural error in some layer.
    pub malformed: u64,
    pub modbus: Modbus,
    /// Messages of other protocols, of those that occurred.
    pub messages: BTreeMap<&'static str, MessageTally>,
    /// Deviations from the baseline, one for each kind that is told; `None` without a baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviations: Option<u64>,
    /// Modbus servers on ports that are no service's.
    pub detection: DetectionTally,
    /// Frames that are not IP, by protocol, of those that occurred.
    pub layer2: BTreeMap<&'static str, u64>,
    /// In: records begun. Out: frames judged.
    pub ledger: Ledger,
}

/// Modbus/TCP in the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Modbus {
    pub requests: u64,
    pub responses: u64,
    /// Request and response paired.
    pub transactions: u64,
    pub exceptions: u64,
    /// Requests and responses by function code, those that occurred.
    pub functions: BTreeMap<u8, u64>,
    /// Requests that change something in a device.
    pub writes: u64,
}

/// What a replay shows while it goes on.
#[derive(Debug)]
pub enum Observed<'a> {
    Event(&'a Event),
    /// A Modbus transaction, when its response was seen; one without a response when none can come
    /// any more, at the latest at the end of its file. Only of [`transcribe`].
    Transaction {
        source: &'a SourceId,
        turn: &'a Turn,
    },
    /// Somebody asks something of somebody for the first time, or more than before.
    Usage(&'a Usage),
    /// So many news of who asks what of whom were met when there was no room to tell them.
    Deferred(u64),
    /// Bytes read, of all files together.
    Progress {
        read: u64,
        total: u64,
    },
}

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// Of everything that could be read.
    pub summary: Summary,
    /// Files that could not be read to their end, and why.
    pub broken: Vec<FileError>,
}

/// Of capture time, as the daemon's default.
const WINDOW: Duration = Duration::from_secs(1);

/// Replay files one after the other. All are opened first, so that a wrong name is told at once; a
/// file that breaks off later costs its own rest, and nothing of what was judged.
pub fn replay(paths: &[PathBuf], observe: impl FnMut(Observed<'_>)) -> Result<Replayed, FileError> {
    replay_by(|source| Analyser::new(source, &Services::default()), None, paths, observe)
}

/// As [`replay`], and what `baseline` does not allow is told.
pub fn replay_against(
    baseline: Arc<Baseline>,
    paths: &[PathBuf],
    observe: impl FnMut(Observed<'_>),
) -> Result<Replayed, FileError> {
    replay_by(|source| Analyser::new(source, &Services::default()), Some(baseline), paths, observe)
}

/// As [`replay`], with every Modbus transaction.
pub fn transcribe(
    paths: &[PathBuf],
    observe: impl FnMut(Observed<'_>),
) -> Result<Replayed, FileError> {
    let analyser = |source| Analyser::new(source, &Services::default()).transcribing();
    replay_by(analyser, None, paths, observe)
}

fn replay_by(
    analyser: impl Fn(SourceId) -> Analyser,
    baseline: Option<Arc<Baseline>>,
    paths: &[PathBuf],
    mut observe: impl FnMut(Observed<'_>),
) -> Result<Replayed, FileError> {
    let files = paths.iter().map(|path| Ok((path.as_path(), CaptureFile::open(path)?)));
    let files = files.collect::<Result<Vec<_>, FileError>>()?;
    let total = files.iter().map(|(_, file)| file.len()).sum();
    let mut replay = Replay::new(baseline);
    let mut broken = vec![];
    let mut read_before = 0;
    for (path, mut file) in files {
        let source = source(path);
        let mut analyser = analyser(source.clone()).learning();
        loop {
            match file.next_block() {
                Ok(Some(block)) => {
                    replay.on_report(&analyser.judge(delivery(block)), &mut observe);
                    show_turns(&source, &analyser.take_turns(), &mut observe);
                }
                Ok(None) => break,
                Err(error) => {
                    let is_corrupt = matches!(error, FileError::Corrupt { .. });
                    replay.totals.corrupt_records += u64::from(is_corrupt);
                    broken.push(error);
                    break;
                }
            }
            observe(Observed::Progress { read: read_before + file.position(), total });
        }
        if let Some(report) = analyser.finish() {
            replay.on_report(&report, &mut observe);
        }
        show_turns(&source, &analyser.take_turns(), &mut observe);
        show_turns(&source, &analyser.take_unanswered(), &mut observe);
        read_before += file.len();
        replay.totals.close(&file);
    }
    Ok(Replayed { summary: replay.finish(&mut observe), broken })
}

fn show_turns(source: &SourceId, turns: &[Turn], observe: &mut impl FnMut(Observed<'_>)) {
    for turn in turns {
        observe(Observed::Transaction { source, turn });
    }
}

/// Everything that outlives a block.
struct Replay {
    pipeline: Pipeline,
    totals: Totals,
    /// End of the window that the last report fell into.
    window_end: Option<SystemTime>,
}

#[derive(Default)]
struct Totals {
    frames: u64,
    bytes: u64,
    checksums: ChecksumTally,
    malformed: u64,
    unknown_link: u64,
    truncated_records: u64,
    corrupt_records: u64,
    modbus: ModbusTally,
    messages: MessageTallies,
    detection: DetectionTally,
    layer2: Layer2Tally,
    flows_evicted: u64,
    usages_deferred: u64,
    writes_untracked: u64,
    writes_unjudged: u64,
    streams: StreamTally,
    deviations: Option<u64>,
    /// Earliest and latest time stamp.
    span_ns: Option<RangeInclusive<u64>>,
}

impl Replay {
    fn new(baseline: Option<Arc<Baseline>>) -> Self {
        // Whoever replays a file wants to see everything in it.
        let log =
            Log { samples: Samples::None, rate: u32::MAX, burst: u32::MAX, level: Level::Info };
        let totals = Totals { deviations: baseline.as_ref().map(|_| 0), ..Totals::default() };
        let settings = Settings { log, window: WINDOW, sources: Sources::default() };
        let pipeline = Pipeline::new(settings).holding_to(baseline);
        Self { pipeline, totals, window_end: None }
    }

    fn on_report(&mut self, report: &WireReport, observe: &mut impl FnMut(Observed<'_>)) {
        let window_end = *self.window_end.get_or_insert(report.at + WINDOW);
        if report.at >= window_end {
            self.pipeline.on_window_end(window_end);
            self.window_end = Some(report.at + WINDOW);
        }
        report.usages.iter().for_each(|usage| observe(Observed::Usage(usage)));
        if report.usages_deferred > 0 {
            observe(Observed::Deferred(report.usages_deferred));
        }
        self.pipeline.on_report(report);
        self.totals.add(report);
        self.show_events(observe);
    }

    fn finish(mut self, observe: &mut impl FnMut(Observed<'_>)) -> Summary {
        if let Some(now) = self.window_end {
            self.pipeline.close(now);
        }
        self.show_events(observe);
        let ledgers = self.pipeline.ledgers();
        let repeated = ledgers.get("notes").and_then(|notes| notes.noted.get("writes_repeated"));
        let mut summary = Summary::from(self.totals);
        summary.ledger.note("writes_repeated", repeated.copied().unwrap_or_default());
        summary
    }

    fn show_events(&mut self, observe: &mut impl FnMut(Observed<'_>)) {
        let deviations = &mut self.totals.deviations;
        self.pipeline.hand_on(|event| {
            if event.kind == Kind::BaselineDeviation {
                *deviations = deviations.map(|n| n + 1);
            }
            observe(Observed::Event(&event));
            Ok(())
        });
    }
}

impl Totals {
    fn add(&mut self, report: &WireReport) {
        self.frames += report.frames;
        self.bytes += report.bytes;
        self.checksums.merge(&report.checksums);
        self.malformed += report.malformed;
        self.unknown_link += report.unknown_link;
        self.modbus.merge(&report.modbus);
        self.messages.merge(&report.messages);
        self.detection.merge(&report.detection);
        self.layer2.merge(&report.layer2);
        self.flows_evicted += report.flows_evicted;
        self.usages_deferred += report.usages_deferred;
        self.writes_untracked += report.writes_untracked;
        self.writes_unjudged += report.writes_unjudged;
        self.streams.merge(&report.streams);
    }

    /// Add what is known once a file was read.
    fn close(&mut self, file: &CaptureFile) {
        self.truncated_records += file.n_truncated();
        self.span_ns = match (self.span_ns.take(), file.span_ns()) {
            (Some(a), Some(b)) => Some(*a.start().min(b.start())..=*a.end().max(b.end())),
            (a, b) => a.or(b),
        };
    }
}

impl From<Totals> for Summary {
    fn from(totals: Totals) -> Self {
        let mut ledger = Ledger {
            entered: totals.frames + totals.truncated_records + totals.corrupt_records,
            left: totals.frames - totals.unknown_link,
            ..Ledger::default()
        };
        ledger.drop("unknown_link", totals.unknown_link);
        ledger.drop("truncated_record", totals.truncated_records);
        ledger.note("flows_evicted", totals.flows_evicted);
        ledger.note("usages_deferred", totals.usages_deferred);
        ledger.note("writes_untracked", totals.writes_untracked);
        ledger.note("writes_unjudged", totals.writes_unjudged);
        ledger.note("candidates_evicted", totals.detection.candidates_evicted);
        ledger.note("servers_evicted", totals.detection.servers_evicted);
        ledger.note("modbus_unread", totals.modbus.unread);
        ledger.note("stream_bytes_missing", totals.streams.missing_bytes);
        ledger.note("stream_bytes_repeated", totals.streams.repeated_bytes);
        ledger.note("stream_conflicts", totals.streams.conflicts);
        ledger.note("stream_holes", totals.streams.holes);
        ledger.drop("corrupt_record", totals.corrupt_records);
        Self {
            packets: totals.frames,
            bytes: totals.bytes,
            seconds: totals.span_ns.map_or(0.0, |span| seconds(&span)),
            checksums: totals.checksums,
            malformed: totals.malformed,
            modbus: totals.modbus.into(),
            messages: by_name(&totals.messages),
            deviations: totals.deviations,
            detection: totals.detection,
            layer2: totals.layer2.by_name().into_iter().filter(|(_, n)| *n > 0).collect(),
            ledger,
        }
    }
}

impl From<ModbusTally> for Modbus {
    fn from(tally: ModbusTally) -> Self {
        let functions = (0..).zip(tally.functions).filter(|(_, count)| *count > 0);
        Self {
            requests: tally.requests,
            responses: tally.responses,
            transactions: tally.transactions,
            exceptions: tally.exceptions,
            functions: functions.map(|(function, count)| (function, u64::from(count))).collect(),
            writes: tally.writes,
        }
    }
}

fn by_name(messages: &MessageTallies) -> BTreeMap<&'static str, MessageTally> {
    let occurred = messages.by_protocol().filter(|(_, tally)| **tally != MessageTally::default());
    occurred.map(|(protocol, tally)| (protocol.name(), *tally)).collect()
}

fn seconds(span_ns: &RangeInclusive<u64>) -> f64 {
    Duration::from_nanos(span_ns.end() - span_ns.start()).as_secs_f64()
}

fn delivery(block: Block) -> Delivery {
    // A block's report is dated by its last frame.
    let at = SystemTime::UNIX_EPOCH;
    Delivery { at, ring: RingCount::default(), interface: None, content: Content::Block(block) }
}

/// A file is known by its name, wherever it lies.
fn source(path: &Path) -> SourceId {
    let name = path.file_name().unwrap_or(path.as_os_str());
    SourceId::from(&*name.to_string_lossy())
}

#[cfg(test)]
mod tests;
