//! A listener on a line between a master and a slave that are not ours, over pseudo-terminals.

mod line;

use std::future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use infra_monitor::config::{Config, Log, Samples, SerialTap, parse};
use infra_monitor::listener;
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::record::{Event, Kind, Ledger, Scalar, TapReport, TapState};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_modbus::client::{Reader, Writer, rtu};
use tokio_modbus::prelude::{ExceptionCode, Request, Response, Slave, SlaveRequest};
use tokio_modbus::server::Service;
use tokio_serial::{SerialPort, SerialStream};
use tokio_util::sync::CancellationToken;

use line::{Copy, Hearing};

/// Long for what takes milliseconds, so that a loaded machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads between the write and the end; each is a transaction.
const N_READS: u16 = 60;

/// Holds its address in each of 100 registers, and takes every write.
struct Plant;

impl Service for Plant {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: SlaveRequest<'static>) -> Self::Future {
        let answer = if let Request::ReadHoldingRegisters(first, count) = request.request
            && first + count <= 100
        {
            Ok(Response::ReadHoldingRegisters((first..first + count).collect()))
        } else if let Request::WriteSingleRegister(address, value) = request.request {
            Ok(Response::WriteSingleRegister(address, value))
        } else {
            Err(ExceptionCode::IllegalDataAddress)
        };
        future::ready(answer)
    }
}

/// The master: a write, many reads, and one read that is refused.
async fn ask(port: SerialStream) {
    let mut master = rtu::attach_slave(port, Slave(17));
    master.write_single_register(8, 4660).await.unwrap().unwrap();
    for n in 0..N_READS {
        let count = 1 + n % 40;
        let values = master.read_holding_registers(n, count).await.unwrap().unwrap();
        assert_eq!(values, (n..n + count).collect::<Vec<_>>());
    }
    let refused = master.read_holding_registers(99, 2).await.unwrap();
    assert_eq!(refused, Err(ExceptionCode::IllegalDataAddress));
}

fn tap(device: &str) -> Arc<SerialTap> {
    let text = format!(
        "[[serial]]\nname = \"b\"\ndevice = \"{device}\"\nbaud = 115200\nmode = \"listen\""
    );
    let Config { taps, .. } = parse("test.toml", text).unwrap_or_else(|e| panic!("{e}"));
    Arc::clone(&taps[&"b".into()])
}

/// What the pipeline made of a line.
struct Judged {
    events: Vec<Event>,
    ledger: Ledger,
}

impl Judged {
    fn of(reports: &[TapReport]) -> Self {
        let log = Log { samples: Samples::None, ..Log::default() };
        let mut pipeline = Pipeline::new(Settings {
            log,
            window: Duration::from_secs(1),
            sources: Sources::default(),
        });
        for report in reports {
            pipeline.on_tap(report);
        }
        pipeline.on_window_end(reports.last().unwrap().at);
        let mut events = vec![];
        pipeline.hand_on(|event| {
            events.push(event);
            Ok(())
        });
        let ledger = pipeline.ledgers().remove("line:b").unwrap();
        Self { events, ledger }
    }

    fn only(&self, kind: Kind) -> &Event {
        let found: Vec<_> = self.events.iter().filter(|event| event.kind == kind).collect();
        assert_eq!(found.len(), 1, "{kind:?} in {:#?}", self.events);
        found[0]
    }
}

fn field<'e>(event: &'e Event, name: &str) -> &'e Scalar {
    &event.fields.iter().find(|(known, _)| *known == name).unwrap().1
}

/// Let the master ask and the slave answer, and judge what the listener heard of it.
async fn listen(hearing: Hearing) -> Judged {
    let (master_end, master_port) = SerialStream::pair().unwrap();
    let (slave_end, slave_port) = SerialStream::pair().unwrap();
    let (tap_end, tap_port) = SerialStream::pair().unwrap();
    let tap = tap(&tap_port.name().unwrap());
    drop(tap_port); // it holds a lock on the terminal
    let (reports, mut received) = mpsc::channel::<TapReport>(64);
    let stop = CancellationToken::new();
    let copy = Copy::new(tap_end, hearing);
    let traffic = async {
        let first = timeout(PATIENCE, received.recv()).await.unwrap().unwrap();
        assert_eq!(first.state, Some(TapState::Open));
        sleep(Duration::from_millis(50)).await; // a silence: the listener knows where frames start
        let serve = tokio_modbus::server::rtu::Server::new(slave_port);
        let mut copy = tokio::select! {
            ended = serve.serve_forever(Plant) => panic!("the slave ended: {ended:?}"),
            copy = copy.carry(master_end, slave_end, ask(master_port)) => copy,
        };
        copy.flush().await;
        let mut heard = vec![first];
        let n_bytes = |heard: &[TapReport]| heard.iter().map(|r| r.bytes.heard).sum::<u64>();
        while n_bytes(&heard) < copy.n_bytes {
            heard.push(timeout(PATIENCE, received.recv()).await.unwrap().unwrap());
        }
        sleep(Duration::from_millis(200)).await; // the silence that settles the last frame
        stop.cancel();
        (heard, copy)
    };
    let ((mut heard, copy), ()) =
        tokio::join!(traffic, listener::run("b".into(), tap, reports, stop.clone()));
    while let Some(report) = received.recv().await {
        heard.push(report);
    }
    let judged = Judged::of(&heard);
    assert_eq!(judged.ledger.entered, copy.n_bytes);
    judged
}

fn assert_all_found(judged: &Judged) {
    let Judged { ledger, .. } = judged;
    assert!(ledger.balances(), "{ledger}");
    let n = u64::from(N_READS) + 2;
    let count = |what| ledger.noted.get(what).copied().unwrap_or_default();
    let counts = ["requests", "transactions", "unclear", "unanswered", "strays"].map(count);
    assert_eq!(counts, [n, n - 1, 1, 0, 0], "{ledger}");
    assert_eq!([count("frames_valid"), count("frames_invalid")], [2 * n - 1, 1], "{ledger}");
    assert_eq!(ledger.dropped.keys().collect::<Vec<_>>(), [&"bad_crc"], "{ledger}");

    let write = judged.only(Kind::ModbusWrite);
    assert!(
        write.text.starts_with(
            "the master on b to unit 17: write single register, 4660 to address 8; done"
        ),
        "{}",
        write.text
    );
    let refused = judged.only(Kind::ModbusException);
    assert_eq!(field(refused, "exception_code"), &Scalar::Unsigned(2));
    let damaged = judged.only(Kind::ChecksumInvalid);
    let coverage = ["failed", "verified", "seen"].map(|name| field(damaged, name).clone());
    assert_eq!(coverage, [1, 2 * n, 2 * n].map(Scalar::Unsigned));
    assert_eq!(judged.events.len(), 3, "{:#?}", judged.events);
}

#[tokio::test]
async fn every_transaction_of_a_line_is_paired_at_one_byte_at_a_time() {
    assert_all_found(&listen(Hearing::EachByte).await);
}

#[tokio::test]
async fn every_transaction_of_a_line_is_paired_as_it_comes() {
    assert_all_found(&listen(Hearing::AsItComes).await);
}

#[tokio::test]
async fn every_transaction_of_a_line_is_paired_in_large_clumps() {
    assert_all_found(&listen(Hearing::Clumps(700)).await);
}

#[tokio::test]
async fn an_adapter_that_is_unplugged_is_told_and_heard_again_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let device: PathBuf = dir.path().join("line-b");
    let plug_in = || {
        let (end, port) = SerialStream::pair().unwrap();
        let _ = std::fs::remove_file(&device);
        std::os::unix::fs::symlink(port.name().unwrap(), &device).unwrap();
        end
    };
    let (reports, mut received) = mpsc::channel::<TapReport>(64);
    let stop = CancellationToken::new();
    let end = plug_in();
    let tap = tap(device.to_str().unwrap());
    let test = async {
        let mut next_state = async || loop {
            let report = timeout(PATIENCE, received.recv()).await.unwrap().unwrap();
            if let Some(state) = report.state {
                return state;
            }
        };
        assert_eq!(next_state().await, TapState::Open);
        drop(end);
        let TapState::Lost(why) = next_state().await else { panic!("it is gone") };
        assert!(why.contains("adapter unplugged"), "{why}");
        let mut end = plug_in();
        assert_eq!(next_state().await, TapState::Open);
        end.write_all(&[1, 2, 3]).await.unwrap();
        let report = timeout(PATIENCE, received.recv()).await.unwrap().unwrap();
        assert_eq!(report.bytes.heard, 3);
        stop.cancel();
    };
    tokio::join!(test, listener::run("b".into(), tap, reports, stop.clone()));
}
