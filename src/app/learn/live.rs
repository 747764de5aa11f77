//! Learning from the wire: the captures of the configuration, without polling and without a daemon.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::capture::Parked;
use crate::config::Config;
use crate::flow::WatchList;
use crate::pipeline::Notice;
use crate::record::{Event, InterfaceState, SourceId, WireReport};

use super::super::AppError;
use super::super::captures;
use super::super::captures::Acquisition;
use super::super::notices::Notices;
use super::super::restrict;
use super::super::signals::{Request, Signals};
use super::super::watchdog::Gates;
use super::super::workers;
use super::Learned;

/// Lossless: an analyser waits when it is full, and its ring absorbs the wait.
const REPORTS: usize = 64;

/// Sockets that receive nothing yet, in a process that has given up its permissions.
pub struct Session {
    config: Config,
    acquired: Acquisition,
}

/// What the wire had to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// How long it was listened to.
    pub elapsed: Duration,
    pub frames: u64,
    /// Frames that a ring had no room for: what they asked is not known.
    pub lost: u64,
}

/// What a live run shows while it goes on.
#[derive(Debug)]
pub enum Observed<'a> {
    /// Once a second: how long, and how many lines were learnt.
    Progress {
        elapsed: Duration,
        n_lines: usize,
    },
    Interface {
        source: &'a SourceId,
        state: InterfaceState,
    },
    /// A part failed and starts again.
    Event(&'a Event),
}

impl Session {
    /// Open every capture, then give up what that took. To be called while the process has one
    /// thread.
    pub fn start(config: Config) -> Result<Self, AppError> {
        let acquired = captures::acquire(&config, Parked::default())?;
        restrict::restrict_learner(&config).map_err(AppError::Restrict)?;
        Ok(Self { config, acquired })
    }

    /// Listen for so long, or until a signal asks for the end.
    pub fn learn(
        self,
        duration: Option<Duration>,
        learned: &mut Learned,
        observe: impl FnMut(Observed<'_>),
    ) -> Result<Live, AppError> {
        let Self { config, acquired } = self;
        let runtime = workers::build(&config.runtime).map_err(AppError::Start)?;
        let entered = runtime.enter();
        let signals = Signals::install().map_err(AppError::Start)?;
        let (reports, reports_out) = mpsc::channel(REPORTS);
        let (notices, notices_out) = Notices::lane();
        let (_watched, watched) = watch::channel(WatchList::default());
        let stop = CancellationToken::new();
        let lanes = captures::Lanes {
            reports,
            watched,
            notices,
            stop: stop.clone(),
            runtime: runtime.handle().clone(),
            seccomp: config.sandbox.seccomp,
            realtime: config.runtime.realtime,
        };
        captures::start(acquired, &lanes, &mut Gates::default()).map_err(AppError::Start)?;
        drop((lanes, entered));
        let (started, live) = (Instant::now(), Live::default());
        let mut listener = Listener { learned, observe, started, live };
        let lanes = (reports_out, notices_out, signals);
        let ends = Ends { duration, stop, grace: config.runtime.shutdown_grace };
        listener.listen(&runtime, lanes, &ends);
        runtime.shutdown_background();
        Ok(listener.live)
    }
}

type Lanes = (mpsc::Receiver<WireReport>, mpsc::Receiver<Notice>, Signals);

/// What ends a run.
struct Ends {
    duration: Option<Duration>,
    stop: CancellationToken,
    grace: Duration,
}

struct Listener<'a, F> {
    learned: &'a mut Learned,
    observe: F,
    started: Instant,
    live: Live,
}

impl<F: FnMut(Observed<'_>)> Listener<'_, F> {
    fn listen(&mut self, runtime: &Runtime, (mut reports, notices, signals): Lanes, ends: &Ends) {
        runtime.block_on(self.until_ended(&mut reports, notices, signals, ends.duration));
        self.live.elapsed = self.started.elapsed();
        ends.stop.cancel();
        // The threads end by themselves, and with them the lane; one that hangs is left behind.
        let rest = async {
            while let Some(report) = reports.recv().await {
                self.on_report(&report);
            }
        };
        let ended = runtime.block_on(async { tokio::time::timeout(ends.grace, rest).await });
        if ended.is_err() {
            tracing::warn!("a capture does not end; what it still holds is not learnt");
        }
    }

    /// Every future here is cancel safe: those of `tokio` are documented to be, `next` says so.
    async fn until_ended(
        &mut self,
        reports: &mut mpsc::Receiver<WireReport>,
        mut notices: mpsc::Receiver<Notice>,
        mut signals: Signals,
        duration: Option<Duration>,
    ) {
        let time_up = tokio::time::sleep(duration.unwrap_or(Duration::MAX));
        tokio::pin!(time_up);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                request = signals.next() => match request {
                    Request::Stop(_) | Request::Reload => return,
                },
                () = &mut time_up => return,
                _ = second.tick() => {
                    let elapsed = self.started.elapsed();
                    let n_lines = self.learned.n_lines();
                    (self.observe)(Observed::Progress { elapsed, n_lines });
                }
                Some(notice) = notices.recv() => if let Notice::Event(event) = notice {
                    (self.observe)(Observed::Event(&event));
                },
                report = reports.recv() => match report {
                    Some(report) => self.on_report(&report),
                    None => return, // no analyser runs, which was told
                },
            }
        }
    }

    fn on_report(&mut self, report: &WireReport) {
        self.live.frames += report.frames;
        self.live.lost += report.ring.drops;
        report.usages.iter().for_each(|usage| self.learned.on_usage(usage));
        self.learned.on_deferred(report.usages_deferred);
        if let Some(state) = report.interface {
            (self.observe)(Observed::Interface { source: &report.source, state });
        }
    }
}
