//! Serial lines that get worse, recover, and lose their adapter: a poller and a pipeline together.
//!
//! A line is judged by the minute. To the pipeline each second here passes for thirty, unless
//! `INFRA_MONITOR_LONG=1` asks for the real ones.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use infra_monitor::config::{Device, Endpoint, Link, Log, Parity, Samples, Serial};
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::poller;
use infra_monitor::record::{Event, Kind, LineCount, LineReport, Reading, Scalar};
use infra_monitor::tag::{Address, Table, Tag, Type};
use infra_monitor::wire::checksum::crc16_modbus;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_serial::{SerialPort, SerialStream};
use tokio_util::sync::CancellationToken;

/// How many seconds a second stands for.
fn haste() -> u32 {
    if std::env::var_os("INFRA_MONITOR_LONG").is_some() { 1 } else { 30 }
}

/// What a slave does, to be changed while it runs.
#[derive(Clone, Default)]
struct Manners(Arc<AtomicU8>);

const HONEST: u8 = 0;
/// One reply of five has a bit wrong.
const CORRUPT: u8 = 1;
const SILENT: u8 = 2;
/// Answers what it is polled for, and no probe.
const TERSE: u8 = 3;

impl Manners {
    fn of(manner: u8) -> Self {
        Self(Arc::new(AtomicU8::new(manner)))
    }

    fn set(&self, manner: u8) {
        self.0.store(manner, Ordering::Relaxed);
    }

    fn reply(&self, nth: u32, request: [u8; 8]) -> Option<Vec<u8>> {
        let manner = self.0.load(Ordering::Relaxed);
        let [unit, function, _, first, _, count, ..] = request;
        if manner == SILENT || (manner == TERSE && (function, count) != (3, 2)) {
            return None;
        }
        let mut reply = vec![unit, function];
        match function {
            3 => {
                reply.push(count * 2);
                reply.extend((first..first + count).flat_map(|index| [0, index]));
            }
            8 => reply.extend(&request[2..6]),
            _ => reply = vec![unit, function | 0x80, 1],
        }
        reply.extend(crc16_modbus(&reply).to_le_bytes());
        if manner == CORRUPT && nth.is_multiple_of(5) {
            reply[4] ^= 0x10;
        }
        Some(reply)
    }
}

/// Serve one line until it is gone.
async fn slave(mut line: impl AsyncRead + AsyncWrite + Unpin, manners: Manners) {
    let mut request = [0; 8];
    for nth in 0.. {
        if line.read_exact(&mut request).await.is_err() {
            return;
        }
        if let Some(reply) = manners.reply(nth, request)
            && line.write_all(&reply).await.is_err()
        {
            return;
        }
    }
}

fn link(endpoint: Endpoint) -> Arc<Link> {
    let word = |index| {
        let address = Address { table: Table::Holding, index, bit: None };
        Arc::new(Tag::new(&format!("w{index}"), address, Type::Uint))
    };
    let every = Duration::from_millis(40);
    let device = Device { every, tags: [100, 101].map(word).to_vec(), ..Device::new("plant", 1) };
    Arc::new(Link {
        timeout: Duration::from_millis(100),
        backoff_max: Duration::from_millis(200),
        devices: vec![Arc::new(device)],
        ..Link::new(endpoint)
    })
}

/// A poller, and what the pipeline makes of what it sends.
struct Watch {
    _poller: JoinSet<()>,
    readings: mpsc::Receiver<Reading>,
    lines: mpsc::Receiver<LineReport>,
    pipeline: Pipeline,
    events: Vec<Event>,
    good_in_a_row: u32,
    counted: LineCount,
}

impl Watch {
    fn begin(endpoint: Endpoint) -> Self {
        let (readings, readings_out) = mpsc::channel(16);
        let (reports, reports_out) = mpsc::channel(4);
        let lanes = poller::Lanes { readings, lines: reports };
        let mut task = JoinSet::new();
        let stop = CancellationToken::new();
        task.spawn(poller::run("line-a".into(), link(endpoint), lanes, stop));
        let log = Log { samples: Samples::None, ..Log::default() };
        Self {
            _poller: task,
            readings: readings_out,
            lines: reports_out,
            pipeline: Pipeline::new(Settings {
                log,
                window: Duration::from_secs(1),
                sources: Sources::default(),
            }),
            events: vec![],
            good_in_a_row: 0,
            counted: LineCount::default(),
        }
    }

    /// Go on until this is true, and fail after `patience`.
    async fn until(&mut self, what: &str, patience: Duration, is_true: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + patience;
        while !is_true(self) {
            let step = timeout_at(deadline, self.step()).await;
            assert!(step.is_ok(), "not {what} in {patience:?}: {:?}", self.events);
        }
    }

    async fn step(&mut self) {
        tokio::select! {
            Some(reading) = self.readings.recv() => {
                let is_good = reading.quality.is_good();
                self.good_in_a_row = if is_good { self.good_in_a_row + 1 } else { 0 };
                self.pipeline.on_reading(&reading);
            }
            Some(report) = self.lines.recv() => {
                self.counted.merge(&report.count);
                let lasted = report.lasted * haste();
                self.pipeline.on_line(&LineReport { lasted, ..report });
            }
        }
        let events = &mut self.events;
        self.pipeline.hand_on(|event| {
            events.push(event);
            Ok(())
        });
    }

    fn told(&self, kind: Kind) -> Vec<&Event> {
        self.events.iter().filter(|event| event.kind == kind).collect()
    }

    fn is_good(&self) -> bool {
        self.good_in_a_row >= 5
    }
}

/// So long for the line.
fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n) / haste() + Duration::from_secs(8)
}

/// A pseudo-terminal: its far end, and the near one with its path.
fn terminal() -> (SerialStream, SerialStream) {
    SerialStream::pair().unwrap()
}

fn serial(path: &Path) -> Endpoint {
    let serial = Serial::new(path.to_str().unwrap()).unwrap();
    Endpoint::Serial(Serial { baud: 115_200, parity: Parity::None, ..serial })
}

fn text_of<'e>(event: &'e Event, name: &str) -> Option<&'e Scalar> {
    event.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
}

async fn degrades_once_and_recovers_once(endpoint: Endpoint, manners: &Manners, uart: &str) {
    let mut watch = Watch::begin(endpoint);
    watch.until("good", minutes(1), Watch::is_good).await;
    manners.set(CORRUPT);
    let is_degraded = |watch: &Watch| !watch.told(Kind::LineDegraded).is_empty();
    watch.until("degraded", minutes(2), is_degraded).await;
    // As bad for another two minutes, of which nothing is told.
    let n_damaged = watch.counted.total().damaged + 10;
    watch.until("worse", minutes(3), |w| w.counted.total().damaged >= n_damaged).await;
    manners.set(HONEST);
    let is_well = |watch: &Watch| !watch.told(Kind::LineRecovered).is_empty();
    watch.until("recovered", minutes(4), is_well).await;

    let (degraded, recovered) = (watch.told(Kind::LineDegraded), watch.told(Kind::LineRecovered));
    println!("{}\n{}", degraded[0].text, recovered[0].text);
    assert_eq!((degraded.len(), recovered.len()), (1, 1), "{:?}", watch.events);
    assert!(
        degraded[0].text.contains("a device") && degraded[0].text.contains("noise"),
        "{degraded:?}"
    );
    assert_eq!(text_of(degraded[0], "uart"), Some(&Scalar::from(uart)));
    assert_eq!(text_of(degraded[0], "framing"), None, "what was not counted is not 0");
    assert!(watch.events.len() < 10, "bounded: {:?}", watch.events);
    // The shortest frame is a refusal.
    assert!(watch.counted.discarded_bytes >= 5 * n_damaged, "{:?}", watch.counted);
}

#[tokio::test]
async fn a_line_with_a_device_that_corrupts_is_told_of_once_and_so_is_its_recovery() {
    let (far, near) = terminal();
    let manners = Manners::default();
    let mut far_end = JoinSet::new();
    far_end.spawn(slave(far, manners.clone()));
    let endpoint = serial(Path::new(&near.name().unwrap()));
    degrades_once_and_recovers_once(endpoint, &manners, "not counted").await;
}

#[tokio::test]
async fn a_line_behind_a_converter_is_judged_without_its_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::RtuOverTcp(listener.local_addr().unwrap());
    let manners = Manners::default();
    let mut far_end = JoinSet::new();
    let served = manners.clone();
    far_end.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            slave(stream, served.clone()).await;
        }
    });
    degrades_once_and_recovers_once(endpoint, &manners, "remote").await;
}

#[tokio::test]
async fn a_line_on_which_nothing_was_ever_heard_says_where_to_measure() {
    let (far, near) = terminal();
    let mut far_end = JoinSet::new();
    far_end.spawn(slave(far, Manners::of(SILENT)));
    let mut watch = Watch::begin(serial(Path::new(&near.name().unwrap())));
    let is_degraded = |watch: &Watch| !watch.told(Kind::LineDegraded).is_empty();
    watch.until("degraded", minutes(3), is_degraded).await;
    let told = watch.told(Kind::LineDegraded)[0];
    println!("{}", told.text);
    assert!(told.text.contains("nothing was ever received") && told.text.contains("200 mV"));
    assert_eq!(text_of(told, "score"), Some(&Scalar::Unsigned(0)));
}

#[tokio::test]
async fn a_healthy_device_that_ignores_probes_does_not_degrade_its_line() {
    let (far, near) = terminal();
    let mut far_end = JoinSet::new();
    far_end.spawn(slave(far, Manners::of(TERSE)));
    let mut watch = Watch::begin(serial(Path::new(&near.name().unwrap())));
    watch.until("polled", minutes(4), |w| w.counted.total().answers >= 60).await;
    let counted = watch.counted.total();
    assert!(counted.ignored_probes > 0 && counted.timeouts == 0, "{counted:?}");
    assert_eq!(watch.told(Kind::LineDegraded), [] as [&Event; 0]);
}

#[tokio::test]
async fn an_adapter_that_is_plugged_in_again_under_its_name_is_polled_again() {
    let folder = tempfile::tempdir().unwrap();
    let by_id = folder.path().join("usb-adapter");
    let mut far_end = JoinSet::new();
    let mut watch = Watch::begin(serial(&by_id));
    for nth in 0..3 {
        let (far, near) = terminal();
        far_end.spawn(slave(far, Manners::default()));
        // As udev does it: the name is there at once or not at all.
        let fresh = folder.path().join("fresh");
        symlink(near.name().unwrap(), &fresh).unwrap();
        std::fs::rename(&fresh, &by_id).unwrap();
        watch.until("plugged in", minutes(1), Watch::is_good).await;
        assert_eq!(watch.told(Kind::LinkUp).len(), watch.told(Kind::LinkDown).len());

        far_end.shutdown().await;
        drop(near);
        if nth % 2 == 0 {
            std::fs::remove_file(&by_id).unwrap();
        }
        let is_down = |w: &Watch| w.told(Kind::LinkDown).len() > w.told(Kind::LinkUp).len();
        watch.until("unplugged", minutes(1), is_down).await;
        let down = watch.told(Kind::LinkDown).pop().unwrap();
        println!("{}", down.text);
        assert!(down.text.contains("unplugged"), "{}", down.text);
    }
    assert_eq!(watch.told(Kind::LineDegraded), [] as [&Event; 0], "that is the link's matter");
}
