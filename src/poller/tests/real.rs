//! The faults of the matrix once more over real connections and pseudo-terminals, in real time and
//! all at once: each befalls every second request for four seconds, or, where the matrix says why,
//! one. Nothing here depends on how fast the machine is: how soon a link recovers is tried with
//! paused time, in `matrix`.

use std::sync::Mutex;

use tokio::net::TcpListener;
use tokio_serial::{SerialPort, SerialStream};

use crate::config::{Endpoint, Link, Serial};
use crate::record::Quality;

use super::super::*;
use super::fake::{Hits, Record, Script, Wire, link, serve};
use super::matrix::{WIRES, lies};
use super::unit::Fault;

/// A run ends after this, once so many readings in succession were good: those of five cycles.
const LASTING: Duration = Duration::from_secs(14);
const N_GOOD: u32 = 20;
/// A link that has not recovered after so many moments in succession, each of which the machine had
/// time for, never will. Where it has none, time-outs say nothing of the poller.
const PATIENCE: u32 = 300;
const MOMENT: Duration = ms(100);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One of each kind, with the delays that hurt most.
fn faults(wire: Wire) -> Vec<Fault> {
    let mut faults = vec![
        Fault::None,
        Fault::Late(ms(400)),
        Fault::Late(ms(1010)),
        Fault::Overtaken(ms(210)),
        Fault::Overtaken(ms(1000)),
        Fault::Twice(ms(0)),
        Fault::Twice(ms(10)),
        Fault::Twice(ms(300)),
        Fault::Again(ms(2)),
        Fault::Silent,
        Fault::WrongUnit,
        Fault::WrongFunction,
        Fault::WrongCount(1),
        Fault::Exception(2),
        Fault::Exception(6),
        Fault::Flip(17),
        Fault::Flip(60),
        Fault::Split(3, ms(20)),
        Fault::Before(vec![1, 3, 4]),
        Fault::After(vec![0x55; 300]),
        Fault::OwnRequest(ms(3)),
        Fault::OnlyOwnRequest,
        Fault::Cut(6),
        Fault::Trickle(ms(30)),
    ];
    match wire {
        Wire::Tcp | Wire::TcpZero | Wire::TcpTwo => {
            faults.extend([0, 1, 255, 65535].map(Fault::Length));
            faults.extend([Fault::Close, Fault::CloseAfter(8), Fault::HalfOpen]);
        }
        Wire::RtuOverTcp => faults.extend([Fault::Close, Fault::CloseAfter(4)]),
        // Whoever closes a pseudo-terminal takes it away.
        Wire::Rtu(_) | Wire::RtuEchoing => (),
    }
    faults
}

async fn run_one(script: Script) -> Vec<String> {
    let (start, record) = (Instant::now(), Mutex::new(Record::default()));
    let fake = link(script.wire);
    let (readings, mut received) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let mut log = vec![];
    let polled = |endpoint: Endpoint| {
        let link = Arc::new(Link { endpoint, ..Link::clone(&fake) });
        run("line".into(), link, readings.clone(), stop.clone())
    };
    let reading = async {
        let mut n_good = 0;
        while start.elapsed() < LASTING || n_good < N_GOOD {
            let reading = received.recv().await.expect("the poller is there");
            n_good = if reading.quality == Quality::Good { n_good + 1 } else { 0 };
            log.push((Instant::now(), reading));
        }
    };
    let outcome = match &fake.endpoint {
        Endpoint::Tcp(_) | Endpoint::RtuOverTcp(_) | Endpoint::Tls(_) => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let endpoint = match &fake.endpoint {
                Endpoint::RtuOverTcp(_) => Endpoint::RtuOverTcp(address),
                Endpoint::Tcp(_) | Endpoint::Tls(_) | Endpoint::Serial(_) => Endpoint::Tcp(address),
            };
            let serving = async {
                while let Ok((stream, _)) = listener.accept().await {
                    serve(stream, &script, start, &record).await;
                }
            };
            until_read(reading, serving, polled(endpoint)).await
        }
        Endpoint::Serial(serial) => {
            let (far, near) = SerialStream::pair().unwrap();
            let path = near.name().unwrap();
            let named = Serial::new(&path).unwrap();
            let endpoint = Endpoint::Serial(Serial { device: named.device, ..serial.clone() });
            let serving = serve(far, &script, start, &record);
            until_read(reading, serving, polled(endpoint)).await
        }
    };
    let wrong = outcome.err().map(Into::into).into_iter().chain(lies(&log, start));
    wrong.map(|what| format!("{script:?}: {what}")).collect()
}

/// Run all three in one task until enough was read. Their order counts: what was published is in
/// the log before the unit takes a request that was sent after it. So no value is older than the
/// log says, however long this task is kept from running anywhere between.
async fn until_read(
    reading: impl Future<Output = ()>,
    serving: impl Future<Output = ()>,
    polled: impl Future<Output = ()>,
) -> Result<(), &'static str> {
    tokio::select! {
        biased;
        () = reading => Ok(()),
        () = serving => Err("the unit is gone"),
        () = polled => Err("polling ended, and nobody stopped it"),
        () = calm() => Err("not recovered"),
    }
}

async fn calm() {
    let mut n_calm = 0;
    while n_calm < PATIENCE {
        let due = Instant::now() + MOMENT;
        sleep_until(due).await;
        n_calm = if due.elapsed() < MOMENT / 2 { n_calm + 1 } else { 0 };
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_on_a_real_link_is_believed() {
    let mut runs = JoinSet::new();
    for wire in WIRES {
        for fault in faults(wire) {
            // Out of order again and again is more than replies without identifiers can show.
            let is_overtaken = matches!(fault, Fault::Overtaken(_));
            let is_numbered = matches!(wire, Wire::Tcp | Wire::TcpTwo);
            let hits = if is_overtaken && !is_numbered { Hits::Nth(4) } else { Hits::EveryNth(2) };
            runs.spawn(run_one(Script { wire, fault, hits }));
        }
    }
    let n_runs = runs.len();
    let wrong: Vec<_> = runs.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} wrong in {n_runs} runs:\n{}", wrong.len(), wrong.join("\n"));
}
