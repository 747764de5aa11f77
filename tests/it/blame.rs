//! Damage, loss and checksums that nobody finished, on real rings: where each is said to be.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use infra_monitor::analysis::Analyser;
use infra_monitor::block::Delivery;
use infra_monitor::capture::{self, CaptureError, counters};
use infra_monitor::config::{Capture, Log};
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::record::{ChecksumTally, Event, InterfaceCount, Kind, Scalar, Services};
use infra_monitor::sys::CounterReader;
use infra_monitor::sys::inject::Injector;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::netns::{Namespace, skip};
use crate::traffic::{Address, PSH_ACK, Standing, tcp, udp};

const LIMIT: Duration = Duration::from_secs(20);
const WINDOW: Duration = Duration::from_secs(1);
const CLIENT: Address = [198, 51, 100, 1];
const SERVER: Address = [203, 0, 113, 1];

/// A capture in a namespace, and all that is told of it.
struct Watch {
    analyser: Analyser,
    pipeline: Pipeline,
    deliveries: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
    thread: JoinHandle<Result<(), CaptureError>>,
    n_frames: u64,
    checksums: ChecksumTally,
}

impl Watch {
    fn open(namespace: &Namespace) -> Self {
        let spec = Capture::new("tap0");
        let (sender, deliveries) = mpsc::channel(spec.blocks as usize);
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = namespace.spawn(move || {
            let mut opened = capture::open(&spec, 0)?;
            capture::run(&mut opened, &sender, &token)
        });
        let analyser = Analyser::new("tap0".into(), &Services::default());
        let (log, sources) = (Log::default(), Sources::default());
        let pipeline = Pipeline::new(Settings { log, window: WINDOW, sources });
        let (n_frames, checksums) = (0, ChecksumTally::default());
        let mut watch = Self { analyser, pipeline, deliveries, stop, thread, n_frames, checksums };
        watch.take(); // the state: from now on it captures
        watch
    }

    fn take(&mut self) {
        let deadline = Instant::now() + LIMIT;
        let delivery = loop {
            match self.deliveries.try_recv() {
                Ok(delivery) => break delivery,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
            assert!(Instant::now() < deadline, "nothing after {LIMIT:?}");
        };
        let report = self.analyser.judge(delivery);
        self.n_frames += report.frames;
        self.checksums.merge(&report.checksums);
        self.pipeline.on_report(&report);
    }

    fn take_frames(&mut self, n: u64) {
        while self.n_frames < n {
            self.take();
        }
    }

    /// Everything that was told by the end.
    fn close(mut self) -> Vec<Event> {
        self.stop.cancel();
        while let Some(delivery) = self.deliveries.blocking_recv() {
            self.pipeline.on_report(&self.analyser.judge(delivery));
        }
        self.thread.join().unwrap().unwrap();
        self.pipeline.close(SystemTime::now());
        let mut events = vec![];
        self.pipeline.hand_on(|event| {
            events.push(event);
            Ok(())
        });
        events
    }
}

fn joined() -> Option<(Namespace, Namespace)> {
    let (left, right) = (Namespace::new("l")?, Namespace::new("r")?);
    left.join(&right, "tap0");
    Some((left, right))
}

fn inject(namespace: &Namespace, frames: Vec<Vec<u8>>) {
    let send = move || {
        let injector = Injector::open("tap0").unwrap();
        for frame in &frames {
            injector.send(frame).unwrap();
        }
    };
    namespace.spawn(send).join().unwrap();
}

fn segment(source: Address, destination: Address, sequence: u32) -> Vec<u8> {
    let at = Standing {
        source: (source, 40_000),
        destination: (destination, 502),
        sequence,
        acknowledgment: 1,
        flags: PSH_ACK,
    };
    tcp(&at, b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x01")
}

fn damaged(mut frame: Vec<u8>) -> Vec<u8> {
    *frame.last_mut().unwrap() ^= 0x20;
    frame
}

fn field<'a>(event: &'a Event, name: &str) -> &'a Scalar {
    event
        .fields
        .iter()
        .find(|(field, _)| *field == name)
        .map_or_else(|| panic!("no {name} in {event:?}"), |(_, value)| value)
}

fn of_kind(events: &[Event], kind: Kind) -> Vec<&Event> {
    events.iter().filter(|event| event.kind == kind).collect()
}

#[test]
fn a_damaged_segment_that_is_repeated_intact_blames_the_link() {
    let Some((left, right)) = joined() else { return };
    let mut watch = Watch::open(&left);
    let first = segment(CLIENT, SERVER, 1000);
    inject(&right, vec![segment(CLIENT, SERVER, 988), damaged(first.clone())]);
    watch.take_frames(2);
    watch.pipeline.on_window_end(SystemTime::now());
    inject(&right, vec![first]);
    watch.take_frames(3);
    let events = watch.close();
    let [event] = of_kind(&events, Kind::ChecksumInvalid)[..] else { panic!("{events:?}") };
    assert_eq!(field(event, "locator"), &Scalar::from("link"));
    assert_eq!(field(event, "failed"), &Scalar::Unsigned(1));
    assert_eq!(field(event, "per_million"), &Scalar::Unsigned(333_333));
    assert!(event.text.contains("repeated intact"), "{}", event.text);
}

#[test]
fn a_host_whose_packets_are_all_bad_is_blamed_itself_and_its_neighbour_is_not() {
    let Some((left, right)) = joined() else { return };
    let mut watch = Watch::open(&left);
    let mut frames = vec![];
    for n in 0..10 {
        frames.push(damaged(udp([192, 0, 2, 7], SERVER, b"seven")));
        frames.push(damaged(segment([192, 0, 2, 7], CLIENT, 1000 * n)));
        frames.push(segment([192, 0, 2, 8], SERVER, 12 * n));
    }
    inject(&right, frames);
    watch.take_frames(30);
    let events = watch.close();
    let told = of_kind(&events, Kind::ChecksumInvalid);
    assert_eq!(told.len(), 2, "{events:?}");
    for event in told {
        assert_eq!(field(event, "locator"), &Scalar::from("sender"));
        assert_eq!(field(event, "source_host"), &Scalar::from("192.0.2.7"));
        assert!(event.text.contains("network card"), "{}", event.text);
    }
}

#[test]
fn a_sender_on_this_machine_is_told_once_with_the_line_that_finishes_its_checksums() {
    let Some((left, right)) = joined() else { return };
    left.ip("addr add 198.51.100.1/24 dev tap0");
    right.ip("addr add 198.51.100.2/24 dev tap0");
    let mut watch = Watch::open(&left);
    let send = || {
        let socket = UdpSocket::bind("198.51.100.2:0").unwrap();
        for _ in 0..400 {
            socket.send_to(b"not finished", "198.51.100.1:9").ok(); // nobody listens there
        }
    };
    right.spawn(send).join().unwrap();
    watch.take_frames(400);
    for _ in 0..3 {
        watch.pipeline.on_window_end(SystemTime::now());
    }
    let events = watch.close();
    assert_eq!(of_kind(&events, Kind::ChecksumInvalid), [] as [&Event; 0]);
    let [event] = of_kind(&events, Kind::ChecksumUnverifiable)[..] else { panic!("{events:?}") };
    assert_eq!(field(event, "host"), &Scalar::from("198.51.100.2"));
    assert_eq!(field(event, "cause"), &Scalar::from("local"));
    assert!(event.text.contains("`ethtool -K tap0 tx off`"), "{}", event.text);
}

#[test]
fn packets_that_this_machine_merges_are_told_with_the_line_that_stops_it() {
    let Some((left, right)) = joined() else { return };
    left.ip("addr add 198.51.100.1/24 dev tap0");
    right.ip("addr add 198.51.100.2/24 dev tap0");
    let settings = [(&right, "tx off tso off gso off"), (&left, "gro on")];
    for (end, settings) in settings {
        if let Err(error) = exec(end, &format!("ethtool -K tap0 {settings}")) {
            return skip(&format!("cannot have the interface merge: {error}"));
        }
    }
    let mut watch = Watch::open(&left);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let sink = left.spawn(move || {
        let listener = TcpListener::bind("198.51.100.1:5000").unwrap();
        ready.send(()).unwrap();
        let (mut from, _) = listener.accept().unwrap();
        io::copy(&mut from, &mut io::sink()).unwrap()
    });
    is_ready.recv().unwrap();
    let source = right.spawn(|| {
        let mut to = TcpStream::connect("198.51.100.1:5000").unwrap();
        let chunk = vec![0x5a; 64 << 10];
        (0..500).for_each(|_| to.write_all(&chunk).unwrap());
        // Comes alone, so that nothing merges it.
        let alone = UdpSocket::bind("198.51.100.2:0").unwrap();
        alone.send_to(b"alone", "198.51.100.1:9").unwrap();
    });
    while !sink.is_finished() {
        watch.take();
    }
    source.join().unwrap();
    assert_eq!(sink.join().unwrap(), 500 << 16);
    let tcp = watch.checksums.tcp.clone();
    let events = watch.close();
    if tcp.offloaded < 500 {
        return skip(&format!("the interface hardly merges: {tcp:?}"));
    }
    let hints = of_kind(&events, Kind::ChecksumUnverifiable);
    let [event] = hints[..] else { panic!("{tcp:?} {events:?}") };
    // The receiver's own acknowledgments are not finished either; who comes first is told first.
    let expected = match field(event, "cause").to_string().as_str() {
        "merged" => ("198.51.100.2", "`ethtool -K tap0 gro off lro off`"),
        _ => ("198.51.100.1", "`ethtool -K tap0 tx off`"),
    };
    assert_eq!(field(event, "host"), &Scalar::from(expected.0), "{event:?}");
    assert!(event.text.contains(expected.1), "{}", event.text);
}

/// What a command says in a namespace, which has a `/sys` of its own there.
fn exec(namespace: &Namespace, command: &str) -> io::Result<String> {
    let mut ip = Command::new("ip");
    ip.args(["netns", "exec", namespace.name()]).args(command.split_whitespace());
    let output = ip.output()?;
    if !output.status.success() {
        let failure = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{command}: {failure}")));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

/// One of the kernel's own files on an interface of a namespace.
fn statistic(namespace: &Namespace, name: &str) -> u64 {
    let file = format!("/sys/class/net/tap0/statistics/{name}");
    let read = exec(namespace, &format!("cat {file}")).unwrap();
    read.trim().parse().unwrap()
}

/// Frames of a type that nobody takes: the kernel counts them as dropped.
fn inject_unknown(namespace: &Namespace, n: usize) {
    let frame = [&[2; 12][..], &[0x88, 0xb5], &[0; 46]].concat();
    inject(namespace, vec![frame; n]);
}

#[test]
fn what_an_interface_counts_is_what_its_files_say() {
    let Some((left, right)) = joined() else { return };
    inject_unknown(&right, 7);
    let read = || CounterReader::open().unwrap().interface("tap0").unwrap().unwrap();
    let counted = left.spawn(read).join().unwrap();
    let rx = counted.rx.unwrap();
    assert!(rx.dropped >= 7, "{counted:?}");
    for (name, n) in [
        ("rx_dropped", rx.dropped),
        ("rx_crc_errors", rx.crc),
        ("rx_frame_errors", rx.frame),
        ("rx_fifo_errors", rx.fifo),
        ("rx_missed_errors", rx.missed),
        ("rx_nohandler", rx.nohandler),
    ] {
        assert_eq!(n, statistic(&left, name), "{name}");
    }
    assert_eq!(counted.mtu, 1500);
}

#[test]
fn an_interface_that_is_replaced_or_renamed_starts_anew_and_lost_nothing() {
    let Some((left, right)) = joined() else { return };
    let (deliveries, mut told) = mpsc::channel(16);
    let (look, looks) = std::sync::mpsc::channel::<()>();
    let (looked, done) = std::sync::mpsc::channel::<()>();
    let thread = left.spawn(move || {
        let mut counters = counters::open().unwrap();
        counters.follow(&"tap0".into(), 0, deliveries);
        while looks.recv().is_ok() {
            counters.look().unwrap();
            looked.send(()).unwrap();
        }
    });
    let mut count = || -> Option<InterfaceCount> {
        look.send(()).unwrap();
        done.recv().unwrap();
        told.try_recv().ok()?.interface
    };
    let dropped = |count: Option<InterfaceCount>| count.unwrap().losses.rx_dropped;
    inject_unknown(&right, 5);
    assert_eq!(dropped(count()), 0, "what was before the start");
    inject_unknown(&right, 3);
    assert_eq!(dropped(count()), 3);
    left.ip("link del tap0");
    assert_eq!(count(), None);
    left.join(&right, "tap0");
    inject_unknown(&right, 20);
    assert_eq!(dropped(count()), 0, "of another interface");
    inject_unknown(&right, 2);
    assert_eq!(dropped(count()), 2);
    left.ip("link del tap0");
    left.join(&right, "tap0");
    inject_unknown(&right, 30);
    assert_eq!(dropped(count()), 0, "replaced between two looks");
    left.ip("link set tap0 down");
    left.ip("link set tap0 name other");
    assert_eq!(count(), None);
    drop(look);
    thread.join().unwrap();
}
