//! Pollers against real sockets, a real pseudo-terminal and servers that are not ours.
//!
//! `INFRA_MONITOR_LONG=1` runs the late replies for over a minute each instead of ten seconds.

mod connections;
mod guarded;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use infra_monitor::config::{Device, Endpoint, Link, Parity, Serial};
use infra_monitor::poller;
use infra_monitor::record::{Fault, Quality, Reading};
use infra_monitor::tag::{Address, Table, Tag, Type, Value};
use infra_monitor::wire::checksum::crc16_modbus;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::accept_tcp_connection;
use tokio_serial::{SerialPort, SerialStream};
use tokio_util::sync::CancellationToken;

/// Every so many answers one is late.
const LATE_EVERY: u32 = 15;

/// How long a test of late replies runs, and at what pace.
#[derive(Clone, Copy)]
struct Pace {
    lasting: Duration,
    every: Duration,
    timeout: Duration,
    late: Duration,
}

impl Pace {
    fn of_this_run() -> Self {
        let ms = Duration::from_millis;
        if std::env::var_os("INFRA_MONITOR_LONG").is_some() {
            Self { lasting: ms(65_000), every: ms(1000), timeout: ms(500), late: ms(1200) }
        } else {
            Self { lasting: ms(10_000), every: ms(250), timeout: ms(200), late: ms(450) }
        }
    }
}

/// Every holding register holds its own address; nothing else is served.
struct Plant {
    n_answers: AtomicU32,
    late: Duration,
}

impl Plant {
    fn new(late: Duration) -> Arc<Self> {
        Arc::new(Self { n_answers: AtomicU32::new(0), late })
    }

    /// How long the next answer takes.
    fn delay(&self) -> Duration {
        let nth = self.n_answers.fetch_add(1, Ordering::Relaxed) + 1;
        if nth.is_multiple_of(LATE_EVERY) { self.late } else { Duration::from_millis(3) }
    }
}

impl Service for Plant {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Pin<Box<dyn Future<Output = Result<Response, ExceptionCode>> + Send>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        let delay = self.delay();
        Box::pin(async move {
            sleep(delay).await;
            let Request::ReadHoldingRegisters(first, count) = request.request else {
                return Err(ExceptionCode::IllegalFunction);
            };
            Ok(Response::ReadHoldingRegisters((first..first + count).collect()))
        })
    }
}

fn link(endpoint: Endpoint, pace: Pace) -> Arc<Link> {
    let word = |index| {
        let address = Address { table: Table::Holding, index, bit: None };
        Arc::new(Tag::new(&format!("w{index}"), address, Type::Uint))
    };
    // Two requests of the same shape: the second's answer would pass for the first's.
    let tags = [100, 101, 102, 300, 301, 302].map(word).to_vec();
    let device = Device { every: pace.every, tags, ..Device::new("plant", 1) };
    Arc::new(Link {
        timeout: pace.timeout,
        backoff_max: pace.every,
        devices: vec![Arc::new(device)],
        ..Link::new(endpoint)
    })
}

/// A pseudo-terminal: the far end, the terminal (to be held open), and its path.
fn terminal() -> (SerialStream, SerialStream, Endpoint) {
    let (far, near) = SerialStream::pair().unwrap();
    let serial = Serial::new(&near.name().unwrap()).unwrap();
    let serial = Serial { baud: 115_200, parity: Parity::None, ..serial };
    (far, near, Endpoint::Serial(serial))
}

/// Poll beside `server` for as long as the pace says.
async fn poll_beside(
    server: impl Future<Output = ()>,
    link: Arc<Link>,
    pace: Pace,
) -> Vec<Reading> {
    let (readings, mut received) = mpsc::channel(16);
    let stop = CancellationToken::new();
    let mut log = vec![];
    let collect = async {
        while let Some(reading) = received.recv().await {
            log.push(reading);
        }
    };
    tokio::select! {
        () = server => panic!("the server ended"),
        () = poller::run("link".into(), link, readings, stop) => panic!("the poller ended"),
        () = collect => panic!("the poller is gone"),
        () = sleep(pace.lasting) => (),
    }
    log
}

fn assert_never_wrong_and_recovered(log: &[Reading]) {
    let samples = log.iter().flat_map(|reading| &reading.samples);
    let good: Vec<_> = samples.filter(|sample| sample.quality.is_good()).collect();
    for sample in &good {
        let own = Value::Unsigned(sample.tag.registers().unwrap().address.index.into());
        assert_eq!(sample.value, Some(own), "{:?}", sample.tag.name);
    }
    let n_late =
        log.iter().filter(|reading| reading.quality == Quality::Bad(Fault::Timeout)).count();
    let last_late = log.iter().rposition(|reading| !reading.quality.is_good()).unwrap_or(0);
    assert!(n_late >= 2, "some replies were late: {n_late}");
    assert!(good.len() > log.len(), "{} good samples of {} readings", good.len(), log.len());
    let n_recoveries = log[..=last_late]
        .windows(2)
        .filter(|pair| !pair[0].quality.is_good() && pair[1].quality.is_good())
        .count();
    assert!(n_recoveries >= 2, "polling recovered {n_recoveries} times");
}

#[tokio::test]
async fn late_tcp_replies_never_shift_values() {
    let pace = Pace::of_this_run();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plant = Plant::new(pace.late);
    let server = async {
        let server = tokio_modbus::server::tcp::Server::new(listener);
        let connected = |stream, peer| {
            let plant = Arc::clone(&plant);
            async move { accept_tcp_connection(stream, peer, |_| Ok(Some(Arc::clone(&plant)))) }
        };
        server.serve(&connected, |_| ()).await.unwrap();
    };
    let log = poll_beside(server, link(Endpoint::Tcp(address), pace), pace).await;
    assert_never_wrong_and_recovered(&log);
}

#[tokio::test]
async fn late_rtu_replies_of_a_slave_without_diagnostics_never_shift_values() {
    let pace = Pace::of_this_run();
    let (far, _near, endpoint) = terminal();
    let server = async {
        let server = tokio_modbus::server::rtu::Server::new(far);
        server.serve_forever(Plant::new(pace.late)).await.unwrap();
    };
    let log = poll_beside(server, link(endpoint, pace), pace).await;
    assert_never_wrong_and_recovered(&log);
}

#[tokio::test]
async fn late_rtu_replies_of_a_slave_with_diagnostics_never_shift_values() {
    let pace = Pace::of_this_run();
    let (far, _near, endpoint) = terminal();
    let plant = Plant::new(pace.late);
    let log = poll_beside(slave(far, &plant), link(endpoint, pace), pace).await;
    assert_never_wrong_and_recovered(&log);
}

/// An RTU slave that serves holding registers and returns query data.
async fn slave(mut line: SerialStream, plant: &Plant) {
    loop {
        let mut request = [0; 8];
        line.read_exact(&mut request).await.unwrap();
        sleep(plant.delay()).await;
        let [unit, function, first_hi, first_lo, _, count, ..] = request;
        let mut reply = vec![unit, function];
        if function == 8 {
            reply.extend(&request[2..6]);
        } else {
            let first = u16::from_be_bytes([first_hi, first_lo]);
            reply.push(count * 2);
            reply.extend((first..first + u16::from(count)).flat_map(u16::to_be_bytes));
        }
        reply.extend(crc16_modbus(&reply).to_le_bytes());
        line.write_all(&reply).await.unwrap();
    }
}

#[tokio::test]
async fn one_reading_is_taken_over_a_socket_and_a_line() {
    let pace = Pace::of_this_run();
    let prompt = Plant::new(Duration::ZERO);
    let (far, _near, endpoint) = terminal();
    let link = link(endpoint, pace);
    tokio::select! {
        () = slave(far, &prompt) => panic!("the slave ended"),
        readings = poller::read_once(&link) => {
            let readings = readings.unwrap();
            assert_eq!(readings.len(), 2);
            assert!(readings.iter().all(|reading| reading.quality.is_good()), "{readings:?}");
        }
    }
}

#[tokio::test]
async fn a_link_that_cannot_be_opened_says_why_and_what_to_do() {
    let pace = Pace::of_this_run();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = poller::read_once(&link(Endpoint::Tcp(address), pace)).await.unwrap_err();
    assert!(refused.to_string().contains("nothing listens there or a firewall rejects"));

    let absent: Endpoint = "rtu:///dev/ttyUSB77?baud=9600".parse().unwrap();
    let absent = poller::read_once(&link(absent, pace)).await.unwrap_err();
    assert!(absent.to_string().contains("adapter unplugged or wrong path"), "{absent}");

    let (_far, near, endpoint) = terminal();
    let held = tokio_serial::new(near.name().unwrap(), 9600);
    let _held = SerialStream::open(&held).unwrap();
    let busy = poller::read_once(&link(endpoint, pace)).await.unwrap_err();
    assert!(busy.to_string().contains("another program uses it"), "{busy}");
}

#[tokio::test]
async fn a_link_that_is_down_is_told_for_each_device_and_comes_back() {
    let pace = Pace { lasting: Duration::from_secs(3), ..Pace::of_this_run() };
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let server = async {
        sleep(Duration::from_millis(800)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        let server = tokio_modbus::server::tcp::Server::new(listener);
        let connected = |stream, peer| async move {
            accept_tcp_connection(stream, peer, |_| Ok(Some(Plant::new(Duration::ZERO))))
        };
        server.serve(&connected, |_| ()).await.unwrap();
    };
    let started = Instant::now();
    let log = poll_beside(server, link(Endpoint::Tcp(address), pace), pace).await;
    assert!(started.elapsed() >= pace.lasting);
    let first = log.first().unwrap();
    assert_eq!((first.quality, first.samples.len()), (Quality::Bad(Fault::LinkDown), 6));
    assert!(first.detail.as_deref().unwrap().contains("nothing listens there"));
    assert!(log.last().unwrap().quality.is_good(), "{:?}", log.last());
}
