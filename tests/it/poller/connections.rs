//! A gateway that serves several connections, seen from its side.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use infra_monitor::config::{Device, Endpoint, Link, Log, Samples};
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::poller;
use infra_monitor::record::{Kind, Reading};
use infra_monitor::tag::{Address, Table, Tag, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(200);
/// A slow device: two in turn do not fit a period, one does.
const REPLY_TIME: Duration = Duration::from_millis(120);

fn link(address: std::net::SocketAddr, max_connections: usize) -> Arc<Link> {
    let device = |unit: u8| {
        let place = Address { table: Table::Holding, index: 0, bit: None };
        let tags = vec![Arc::new(Tag::new("w0", place, Type::Uint))];
        Arc::new(Device { every: EVERY, tags, ..Device::new(&format!("unit-{unit}"), unit) })
    };
    let devices = (1..=4).map(device).collect();
    let timeout = Duration::from_millis(500);
    let backoff_max = Duration::from_millis(200);
    Arc::new(Link {
        timeout,
        backoff_max,
        max_connections,
        devices,
        ..Link::new(Endpoint::Tcp(address))
    })
}

/// A gateway's side of things.
#[derive(Default)]
struct Seen {
    /// The units that were asked over each connection so far.
    units: Mutex<Vec<BTreeSet<u8>>>,
    /// The next request for this unit ends its connection.
    hang_up_on: Mutex<Option<u8>>,
}

impl Seen {
    fn units(&self) -> Vec<BTreeSet<u8>> {
        let mut units = self.units.lock().unwrap().clone();
        units.sort();
        units
    }
}

/// Answer each request on each connection with the unit, after a while.
async fn gateway(listener: TcpListener, seen: &Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let nth = {
            let mut seen = seen.units.lock().unwrap();
            seen.push(BTreeSet::new());
            seen.len() - 1
        };
        let seen = Arc::clone(seen);
        connections.spawn(async move { answer(stream, nth, &seen).await });
    }
}

async fn answer(mut stream: TcpStream, nth: usize, seen: &Seen) {
    let mut request = [0; 12];
    while stream.read_exact(&mut request).await.is_ok() {
        let [high, low, _, _, _, _, unit, function, ..] = request;
        seen.units.lock().unwrap()[nth].insert(unit);
        if seen.hang_up_on.lock().unwrap().take_if(|hit| *hit == unit).is_some() {
            return;
        }
        sleep(REPLY_TIME).await;
        let reply = [high, low, 0, 0, 0, 5, unit, function, 2, 0, unit];
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// Poll for a while; what was read.
async fn poll(max_connections: usize, seen: &Arc<Seen>) -> Vec<Reading> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = link(listener.local_addr().unwrap(), max_connections);
    let (readings, mut received) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let mut log = vec![];
    let polling = poller::run("gateway".into(), link, readings, stop.clone());
    let collecting = async {
        while let Some(reading) = received.recv().await {
            log.push(reading);
        }
    };
    let ending = async {
        sleep(Duration::from_secs(3)).await;
        stop.cancel();
    };
    tokio::select! {
        () = gateway(listener, seen) => panic!("the gateway ended"),
        ended = timeout(Duration::from_secs(10), async { tokio::join!(polling, collecting, ending) }) => {
            ended.expect("polling ends with all its connections");
        }
    }
    log
}

fn missed(log: &[Reading]) -> u32 {
    log.iter().map(|reading| reading.missed).sum()
}

#[tokio::test]
async fn devices_of_a_gateway_are_polled_over_as_many_connections_as_it_may_have() {
    for (max_connections, units) in [
        (1, vec![BTreeSet::from([1, 2, 3, 4])]),
        (2, vec![BTreeSet::from([1, 3]), BTreeSet::from([2, 4])]),
        (4, vec![[1].into(), [2].into(), [3].into(), [4].into()]),
    ] {
        let seen = Arc::default();
        let log = poll(max_connections, &seen).await;
        assert_eq!(seen.units(), units);
        assert!(log.iter().all(|reading| reading.quality.is_good()), "{log:?}");
        let n_missed = missed(&log);
        if max_connections == 4 {
            assert!(log.len() >= 45, "{} readings, {n_missed} missed", log.len());
        } else {
            assert!(n_missed > 4, "{max_connections}: {} readings, {n_missed} missed", log.len());
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_is_not_the_link() {
    let seen: Arc<Seen> = Arc::default();
    let started = Instant::now();
    let losing = async {
        sleep(Duration::from_millis(1250)).await;
        *seen.hang_up_on.lock().unwrap() = Some(3);
        std::future::pending::<()>().await;
    };
    let log = tokio::select! {
        log = poll(4, &seen) => log,
        () = losing => unreachable!(),
    };
    assert!(started.elapsed() >= Duration::from_secs(3));
    assert_eq!(seen.units().len(), 5, "one of four was opened again: {:?}", seen.units());
    let log_settings = Log { samples: Samples::None, ..Log::default() };
    let (window, sources) = (Duration::from_secs(1), Sources::default());
    let mut pipeline = Pipeline::new(Settings { log: log_settings, window, sources });
    for reading in &log {
        pipeline.on_reading(reading);
    }
    pipeline.on_window_end(SystemTime::now());
    let mut kinds = vec![];
    pipeline.hand_on(|event| {
        kinds.push(event.kind);
        Ok(())
    });
    assert_eq!(kinds, [Kind::DeviceDown, Kind::DeviceUp], "no link.down: three were reached");
}
