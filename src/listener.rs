//! Listeners: one task per serial line on which another master polls. It hears and never sends.
//!
//! Neither a poller, which owns its line and asks, nor a capture, whose frames come whole with
//! their time: here frames have to be found among bytes, which `flow::Line` does. Reports go out
//! at most ten times a second. If the pipeline has no room for one, the next holds its counts too:
//! nobody waits with the reading, because the bytes that the kernel can hold are few.

mod explain;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::config::{Parity, SerialTap, StopBits};
use crate::flow::{Line, Moment};
use crate::record::{SourceId, TapReport};
use crate::sys::{LineFormat, ParityBit, SerialInput};
use crate::wire::modbus::rtu::Timing;

/// How long an adapter may hold bytes back: 16 ms is what the most usual one does by default.
const ADAPTER: Duration = Duration::from_millis(20);
/// Between two reports.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// Until a line that is gone is looked for again.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes taken from the kernel at once.
const READ: usize = 1024;

/// Listen until `stop` is cancelled or nobody takes reports any more. A line that is not there, or
/// goes, is reported and waited for.
pub async fn run(
    id: SourceId,
    tap: Arc<SerialTap>,
    reports: mpsc::Sender<TapReport>,
    stop: CancellationToken,
) {
    let mut listener = Listener::new(id, reports);
    stop.run_until_cancelled(listener.listen(&tap)).await;
    listener.finish().await;
}

struct Listener {
    line: Line,
    reports: mpsc::Sender<TapReport>,
    /// What `elapsed` counts from.
    start: Instant,
    heard: Instant,
    reported: Instant,
    presence: Presence,
}

/// As last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Untold,
    Open,
    Lost,
}

/// Nobody takes reports: shutting down.
struct HungUp;

impl Listener {
    fn new(id: SourceId, reports: mpsc::Sender<TapReport>) -> Self {
        let now = Instant::now();
        let line = Line::new(id);
        Self { line, reports, start: now, heard: now, reported: now, presence: Presence::Untold }
    }

    async fn listen(&mut self, tap: &SerialTap) {
        // Between 3.5 characters, where a frame ends, and the next request of any usual master.
        let silence = Timing::at(tap.baud).t3_5 + ADAPTER;
        loop {
            let error = match open(tap) {
                Ok(port) => match self.hear(&port, silence).await {
                    Err(error) => error,
                    Ok(HungUp) => return,
                },
                Err(error) => error,
            };
            self.lose(&tap.device, &error);
            if self.report().is_err() {
                return;
            }
            sleep(RETRY).await;
        }
    }

    /// Hear what comes until the line is gone.
    async fn hear(&mut self, port: &AsyncFd<SerialInput>, silence: Duration) -> io::Result<HungUp> {
        let mut bytes = [0; READ];
        self.heard = Instant::now();
        if self.presence != Presence::Open {
            self.presence = Presence::Open;
            self.line.on_open();
        }
        loop {
            let read = port.async_io(Interest::READABLE, |port| port.read(&mut bytes));
            // What has arrived is read before the time is looked at, so that a delay of ours is
            // not taken for silence. Cancel safe: `async_io` reads when it is ready, or not at all.
            let n_bytes = match self.deadline(silence) {
                Some(deadline) => {
                    timeout_at(deadline, read).await.unwrap_or(Err(WOULD_BLOCK.into()))
                }
                None => read.await,
            };
            match n_bytes {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n_bytes) => {
                    self.heard = Instant::now();
                    self.line.on_bytes(bytes.get(..n_bytes).unwrap_or_default(), self.now());
                }
                Err(error) if error.kind() == WOULD_BLOCK => {
                    if self.heard.elapsed() >= silence {
                        self.line.on_silence(self.now());
                    }
                }
                Err(error) => return Err(error),
            }
            if self.report_is_due() && self.report().is_err() {
                return Ok(HungUp);
            }
        }
    }

    /// When there is something to do even if nothing is heard.
    fn deadline(&self, silence: Duration) -> Option<Instant> {
        let silent = self.line.awaits_silence().then(|| self.heard + silence);
        let report = self.line.has_news().then(|| {
            let due = self.reported + REPORT_EVERY;
            // Not settled, or refused: looked at again in a while.
            if due <= Instant::now() { Instant::now() + REPORT_EVERY } else { due }
        });
        silent.into_iter().chain(report).min()
    }

    fn report_is_due(&self) -> bool {
        let is_first = self.presence != Presence::Untold && self.reported == self.start;
        let is_time = self.reported.elapsed() >= REPORT_EVERY;
        self.line.has_news() && (is_first || is_time && self.line.is_settled(self.now()))
    }

    /// Hand over what there is, if there is room for it.
    fn report(&mut self) -> Result<(), HungUp> {
        if !self.line.has_news() {
            return Ok(());
        }
        let now = self.now();
        match self.reports.try_reserve() {
            Ok(permit) => {
                permit.send(self.line.take_report(now));
                self.reported = Instant::now();
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(())) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(())) => Err(HungUp),
        }
    }

    fn lose(&mut self, device: &Path, error: &io::Error) {
        let is_news = self.presence != Presence::Lost;
        self.presence = Presence::Lost;
        let why = is_news.then(|| explain::outage(device, error));
        self.line.on_end(why.as_deref());
    }

    /// The last report waits for room: what it holds is in the books.
    async fn finish(mut self) {
        self.line.on_end(None);
        if self.line.has_news() {
            let last = self.line.take_report(self.now());
            // Nobody takes it only where nobody keeps books any more.
            let _ = self.reports.send(last).await;
        }
    }

    fn now(&self) -> Moment {
        Moment { elapsed: self.start.elapsed(), clock: SystemTime::now() }
    }
}

const WOULD_BLOCK: io::ErrorKind = io::ErrorKind::WouldBlock;

fn open(tap: &SerialTap) -> io::Result<AsyncFd<SerialInput>> {
    let format = LineFormat {
        baud: tap.baud,
        parity: match tap.parity {
            Parity::None => ParityBit::None,
            Parity::Even => ParityBit::Even,
            Parity::Odd => ParityBit::Odd,
        },
        has_two_stop_bits: match tap.stop_bits {
            StopBits::One => false,
            StopBits::Two => true,
        },
    };
    SerialInput::open(&tap.device, format)?.watched()
}
