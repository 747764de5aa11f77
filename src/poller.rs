//! Pollers: one task per link asks each device in its turn and says what came of it.
//!
//! [`run`] and [`read_once`] come in from `app`; readings and counts of lines go out through bounded
//! channels, and a full one is waited for: a slow pipeline makes polling slower. A reading is
//! `Good` only if its reply is proven (`tcp` by identifiers, `rtu` with `station` by probes).
//! A failure of a request costs the request, a failure of the link costs the link; both recover
//! by themselves. Nothing here can write to a device.

mod bus;
mod connection;
mod deadline;
mod device;
mod dial;
mod exchange;
mod explain;
mod guard;
mod inquiry;
mod line;
pub mod load;
#[cfg(feature = "opcua")]
pub mod opcua;
#[cfg(not(feature = "opcua"))]
#[path = "poller/opcua_absent.rs"]
pub mod opcua;
mod pace;
mod plan;
mod probe;
mod query;
mod question;
mod rtu;
mod schedule;
mod station;
mod stream;
mod tally;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "poller/tls_absent.rs"]
mod tls;
mod trace;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

pub use exchange::Values;
pub use inquiry::{Heard, Inquiry, Unheard, Why};
pub use question::Question;

use crate::config::Endpoint;
use crate::config::Link;
use crate::record::{Fault, LineReport, Quality, Reading, SourceId};

use bus::Bus;
use device::Polled;
use dial::Dial;
use schedule::{Backoff, Phase, Schedule, Turn};
use stream::Stream;
use tally::Survey;

/// A link that could not be opened: what, where, the likely cause and the next step.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct LinkError {
    text: String,
    /// For the exit code.
    pub kind: io::ErrorKind,
}

/// Where a poller sends. Both are waited for when they are full; polling ends with the readings.
#[derive(Clone, Debug)]
pub struct Lanes {
    pub readings: mpsc::Sender<Reading>,
    /// Of links that are lines. Nobody has to take them.
    pub lines: mpsc::Sender<LineReport>,
}

/// Nobody judges lines.
impl From<mpsc::Sender<Reading>> for Lanes {
    fn from(readings: mpsc::Sender<Reading>) -> Self {
        Self { readings, lines: mpsc::channel(1).0 }
    }
}

/// Poll the devices of `link` until `stop` is cancelled or nobody takes readings any more. Over
/// more than one connection, each has a task of its own, which ends with this future.
///
/// Cancelling between two polls of the future drops the link; a reply under way is then nobody's,
/// and the next one to open the line starts by suspecting it.
pub async fn run(id: SourceId, link: Arc<Link>, lanes: impl Into<Lanes>, stop: CancellationToken) {
    run_seen_by(Onlooker::Nobody, id, link, lanes.into(), stop).await;
}

/// As [`run`], for a link that a capture may see: readings say which exchange they are of, if
/// that can be read on the wire.
pub async fn run_watched(
    id: SourceId,
    link: Arc<Link>,
    lanes: impl Into<Lanes>,
    stop: CancellationToken,
) {
    run_seen_by(Onlooker::Capture, id, link, lanes.into(), stop).await;
}

/// Who may see the frames of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Onlooker {
    Nobody,
    Capture,
}

async fn run_seen_by(
    onlooker: Onlooker,
    id: SourceId,
    link: Arc<Link>,
    lanes: Lanes,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    let shares = connection::shares(link);
    if let [link] = &shares[..] {
        let connection = Connection { id, nth: 0, link: Arc::clone(link), onlooker };
        return connection.poll(lanes, stop).await;
    }
    for (nth, link) in shares.into_iter().enumerate() {
        let connection = Connection { id: id.clone(), nth, link, onlooker };
        connections.spawn(connection.poll(lanes.clone(), stop.clone()));
    }
    while connections.join_next().await.is_some() {}
}

/// One of the connections of a link, with the devices polled over it.
struct Connection {
    id: SourceId,
    nth: usize,
    link: Arc<Link>,
    onlooker: Onlooker,
}

impl Connection {
    async fn poll(self, lanes: Lanes, stop: CancellationToken) {
        let Self { id, nth, link, onlooker } = self;
        let phase = Phase::of(&id, nth);
        let endpoint = link.endpoint.clone();
        let poller = Poller { onlooker, ..Poller::new(&id, link, endpoint) };
        poll(poller, phase, lanes, stop).await;
    }
}

/// How long after its first turn, which comes at once, the only device of the link `id` has its
/// second one, if it is read `every` so often. From then on it is due once a period.
pub fn phase(id: &SourceId, every: Duration) -> Duration {
    Phase::of(id, 0).within(every)
}

/// Read each device of `link` once.
pub async fn read_once(link: &Link) -> Result<Vec<Reading>, LinkError> {
    // A line that was just opened may hold somebody's late reply, and a unit that answers no
    // probe takes several turns to show that it does not.
    const RTU_TURNS: u32 = 5;
    let id = SourceId::from(link.endpoint.to_string().as_str());
    let link = Arc::new(link.clone());
    let endpoint = link.endpoint.clone();
    let n_turns = match endpoint {
        Endpoint::Tcp(_) | Endpoint::Tls(_) => 1,
        Endpoint::RtuOverTcp(_) | Endpoint::Serial(_) => RTU_TURNS,
    };
    Poller::new(&id, link, endpoint).read_once(n_turns).await
}

async fn poll<D: Dial>(mut poller: Poller<D>, phase: Phase, lanes: Lanes, stop: CancellationToken) {
    let polling = async {
        let periods = poller.link.devices.iter().map(|device| device.every);
        let mut schedule = Schedule::new(periods, phase, Instant::now());
        while let Some(Turn { nth, due, missed }) = schedule.next(Instant::now()) {
            if due > Instant::now() {
                sleep_until(due).await; // even one that is over costs a timer
            }
            let mut readings_of_turn = poller.take_turn(nth).await;
            // What would not have been asked anyway was not missed.
            if let Some(asked) = readings_of_turn.iter_mut().find(|reading| is_asked(reading)) {
                asked.missed = missed;
            }
            for reading in readings_of_turn {
                if lanes.readings.send(reading).await.is_err() {
                    return; // the pipeline is gone: shutting down
                }
            }
            poller.survey_line(Instant::now());
            poller.send_reports(&lanes.lines).await;
        }
        std::future::pending::<()>().await; // no devices: nothing to do until `stop`
    };
    stop.run_until_cancelled(polling).await;
    poller.close();
    poller.send_reports(&lanes.lines).await;
}

/// A link with its devices, open or not.
struct Poller<D: Dial> {
    link: Arc<Link>,
    dial: D,
    bus: Option<Bus<Box<dyn Stream>>>,
    source: SourceId,
    /// Of the link as it is open now, if it is a line.
    survey: Option<Survey>,
    /// To be sent: at most one for each time that the line was closed in a turn, and one more.
    reports: VecDeque<LineReport>,
    /// Why the link was lost or could not be opened last.
    outage: String,
    backoff: Backoff,
    devices: Vec<Polled>,
    onlooker: Onlooker,
}

impl<D: Dial> Poller<D> {
    fn new(id: &SourceId, link: Arc<Link>, dial: D) -> Self {
        let devices = link.devices.iter();
        let polled =
            devices.map(|device| Polled::new(id.clone(), Arc::clone(&link), Arc::clone(device)));
        let periods = link.devices.iter().map(|device| device.every);
        let backoff = Backoff::new(periods.min().unwrap_or_default(), link.backoff_max);
        let outage = String::new();
        Self {
            devices: polled.collect(),
            bus: None,
            source: id.clone(),
            survey: None,
            reports: VecDeque::new(),
            dial,
            outage,
            backoff,
            link,
            onlooker: Onlooker::Nobody,
        }
    }

    /// One turn of the `nth` device, over the link as it is or can be made.
    async fn take_turn(&mut self, nth: usize) -> Vec<Reading> {
        self.settle().await;
        if self.bus.is_none() {
            self.open().await;
        }
        let Some(device) = self.devices.get_mut(nth) else { return vec![] };
        let Some(bus) = &mut self.bus else {
            return vec![device.link_down(self.outage.clone())];
        };
        let readings = device.take_turn(bus).await;
        if readings.iter().any(is_answer) {
            self.backoff.on_success();
        }
        if !bus.is_usable() {
            self.close();
            self.outage = readings.iter().filter_map(|reading| reading.detail.as_deref()).collect();
            self.backoff.on_failure(Instant::now());
        }
        readings
    }

    /// A link that was lost while nothing was asked is opened again before anybody notices.
    async fn settle(&mut self) {
        if let Some(bus) = &mut self.bus
            && bus.settle().await.is_err()
        {
            self.close();
        }
    }

    /// What was counted on a line that is lost is reported none the less; but what its port had
    /// counted since the last report is not known any more where the port is gone.
    fn close(&mut self) {
        self.report_line(Instant::now());
        (self.bus, self.survey) = (None, None);
    }

    /// Report on the line, if that is due.
    fn survey_line(&mut self, now: Instant) {
        if self.survey.as_ref().is_some_and(|survey| survey.is_due(now)) {
            self.report_line(now);
        }
    }

    fn report_line(&mut self, now: Instant) {
        if let Some(survey) = &mut self.survey
            && let Some((tally, stream)) = self.bus.as_mut().and_then(Bus::tally)
        {
            self.reports.extend(survey.report(tally, stream.counted(), now));
        }
    }

    /// A report leaves when there is room for it, so that being told to stop meanwhile loses none.
    async fn send_reports(&mut self, lines: &mpsc::Sender<LineReport>) {
        while !self.reports.is_empty() {
            let permit = lines.reserve().await;
            if let (Some(report), Ok(permit)) = (self.reports.pop_front(), permit) {
                permit.send(report);
            }
        }
    }

    async fn open(&mut self) {
        let now = Instant::now();
        if self.backoff.remaining(now).is_some() {
            return;
        }
        match self.dial.dial().await {
            Ok(stream) => self.connect(stream, now),
            Err(error) => {
                self.backoff.on_failure(now);
                self.outage = explain::outage(&self.link.endpoint, &error);
            }
        }
    }

    fn connect(&mut self, stream: Box<dyn Stream>, now: Instant) {
        let route = match self.onlooker {
            Onlooker::Capture => stream.route(),
            Onlooker::Nobody => None,
        };
        self.devices.iter_mut().for_each(|device| device.on_route(route));
        let uart = stream.counted();
        let mut bus = Bus::new(stream, &self.link);
        let is_line = bus.tally().is_some();
        self.survey = is_line.then(|| Survey::new(self.source.clone(), uart, now));
        self.bus = Some(bus);
    }

    async fn read_once(mut self, n_turns: u32) -> Result<Vec<Reading>, LinkError> {
        let stream = self.dial.dial().await.map_err(|error| LinkError {
            text: explain::outage(&self.link.endpoint, &error),
            kind: error.kind(),
        })?;
        self.connect(stream, Instant::now());
        let mut readings = vec![];
        for nth in 0..self.devices.len() {
            let mut last = self.take_turn(nth).await;
            for _ in 1..n_turns {
                if last.iter().any(is_answer) {
                    break;
                }
                sleep(self.link.timeout).await;
                last = self.take_turn(nth).await;
            }
            readings.append(&mut last);
        }
        Ok(readings)
    }
}

/// True if there was a request, or nothing stood in its way.
fn is_asked(reading: &Reading) -> bool {
    !matches!(reading.quality, Quality::Bad(Fault::BackedOff | Fault::LinkDown))
}

/// True if the device said something, even if only no.
fn is_answer(reading: &Reading) -> bool {
    match reading.quality {
        Quality::Good
        | Quality::Uncertain(_)
        | Quality::Bad(Fault::Exception(_) | Fault::ChecksumMismatch) => true,
        Quality::Bad(_) => false,
    }
}

#[cfg(test)]
mod tests;
