//! The daemon at work: starts every part, waits for what concerns all of them, ends them.

mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;

use crate::config::Baseline;
use crate::config::Config;
use crate::config::diff;
use crate::flow::WatchList;
use crate::pipeline;
use crate::pipeline::Beat;
use crate::pipeline::Intake;
use crate::pipeline::LineLoad;
use crate::pipeline::Notice;
use crate::pipeline::Pipeline;
use crate::pipeline::Pulse;
use crate::pipeline::Settings;
use crate::pipeline::Sources;
use crate::poller::load;
use crate::poller::load::Load;
use crate::record::Event;
use crate::record::Ledger;
use crate::record::SourceId;
use crate::sink;
use crate::sink::Beside;
use crate::sink::Output;
use crate::sys::seccomp;

use super::AppError;
use super::Options;
use super::Summary;
use super::captures;
use super::captures::Acquisition;
use super::crosscheck::Followed;
use super::drain::Drain;
use super::drain::SINK;
use super::drain::Thread;
use super::links;
use super::links::Links;
use super::notices::Notices;
use super::notify::ServiceManager;
use super::reload;
use super::reload::Plan;
use super::restrict;
use super::restrict::Layers;
use super::signals::Request;
use super::signals::Signals;
use super::watchdog::Gates;
use super::watchdog::Watchdog;
use told::{started, stopping, tell_of_load, tell_of_sink};

/// Lossless: a poller waits when it is full. A second's worth for a large site.
const READINGS: usize = 1024;

/// Lossless: a poller waits when it is full. A line reports about once a second.
const LINES: usize = 256;

/// Lossless: an analyser waits when it is full, and its ring absorbs the wait. A report may hold
/// twice [`WireReport::MAX_NOTES`] notes, so that this is also a bound on memory.
const REPORTS: usize = 64;

/// Lossless: a listener adds to its report while it is full, and waits only with its last.
const HEARD: usize = 64;

/// How long a start may take. A source of which nothing was heard by then is being tried and will
/// say what comes of it; longer, and the service manager would end what only waits for a time-out.
const START: Duration = Duration::from_secs(10);

/// A burst of every kind of event; full, the pipeline counts what it could not hand on as
/// `sink_full`.
const EVENTS: usize = 4096;

/// Every part that runs, and what tells them to end.
#[derive(Debug)]
pub(super) struct Daemon {
    config: Config,
    /// What is allowed on the wire.
    baseline: Option<Arc<Baseline>>,
    file: reload::File,
    stop_after: Option<Duration>,
    signals: Signals,
    manager: ServiceManager,
    phase: Phase,
    notices: Notices,
    beats: watch::Receiver<Beat>,
    followed: Followed,
    /// What analysers look out for, replaced by a reload.
    watched: watch::Sender<WatchList>,
    links: Links,
    threads: Vec<Thread<()>>,
    pipeline: JoinSet<BTreeMap<String, Ledger>>,
    sink: JoinHandle<Ledger>,
    /// Cancels when it is dropped, so that a start that fails half-way ends what it started.
    running: DropGuard,
    /// Only under a service manager that asks for one.
    watchdog: Option<Watchdog>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting {
        since: Instant,
    },
    /// Every source was heard of, it is up or said why not; or the start has taken long enough.
    Ready,
}

impl Phase {
    fn after(self, n_unheard: usize, now: Instant) -> Self {
        match self {
            Self::Starting { since } if n_unheard > 0 && now.duration_since(since) < START => self,
            Self::Starting { .. } | Self::Ready => Self::Ready,
        }
    }
}

/// Why the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Signal(&'static str),
    TimeUp,
    PipelineEnded,
}

impl Daemon {
    /// Start everything, from the end of the flow to its beginning.
    pub(super) fn start(
        config: Config,
        options: Options,
        (acquired, baseline, layers): (Acquisition, Option<Arc<Baseline>>, &Layers),
        runtime: &Runtime,
    ) -> Result<Self, AppError> {
        let Options { config_path, output, stop_after } = options;
        let _entered = runtime.enter();
        let signals = Signals::install().map_err(AppError::Start)?;
        let mut manager = ServiceManager::from_environment().map_err(AppError::Start)?;
        manager.keep(acquired.parked());
        let stop = CancellationToken::new();
        let running = stop.clone().drop_guard();

        let mut gates = Gates::default();
        let (events, sink, beside) = start_sink(output, &config, &mut gates)?;

        let (readings, readings_out) = mpsc::channel(READINGS);
        let (line_reports, line_reports_out) = mpsc::channel(LINES);
        let (reports, reports_out) = mpsc::channel(REPORTS);
        let (notices, notices_out) = Notices::lane();
        started(&config, layers).for_each(|event| notices.raise(event));
        let (beats_in, beats) = watch::channel(Beat::default());
        let activity = gates.of_clockwork("pipeline");
        let pulse = Pulse { beats: beats_in, every: manager.beat_every(), activity };
        let (heard, heard_out) = mpsc::channel(HEARD);
        let intake = Intake {
            readings: readings_out,
            lines: line_reports_out,
            reports: reports_out,
            notices: notices_out,
            taps: heard_out,
        };
        let pipeline = start_pipeline(&config, baseline.clone(), (intake, events, pulse));

        let followed = Followed::by(config.captures.values());
        let (watched, watched_out) = watch::channel(followed.watch_list(&config.polled()));
        let lanes = captures::Lanes {
            reports,
            watched: watched_out,
            notices: notices.clone(),
            stop: stop.clone(),
            runtime: runtime.handle().clone(),
            seccomp: config.sandbox.seccomp,
            realtime: config.runtime.realtime,
        };
        let threads = captures::start(acquired, &lanes, &mut gates).map_err(AppError::Start)?;
        let lanes = links::Lanes {
            readings,
            lines: line_reports,
            heard,
            followed: followed.clone(),
            notices: notices.clone(),
            stop,
            runtime: runtime.handle().clone(),
        };
        let links = Links::start(lanes, &config.polled());
        let watchdog =
            Watchdog::over(gates, &manager, beside, (runtime.handle(), config.sandbox.seccomp))?;
        Ok(Self {
            config,
            baseline,
            file: reload::File { path: config_path, reach: layers.reach() },
            stop_after,
            signals,
            manager,
            phase: Phase::Starting { since: Instant::now() },
            notices,
            beats,
            followed,
            watched,
            links,
            threads,
            pipeline,
            sink,
            running,
            watchdog,
        })
    }

    /// Wait for what concerns the whole daemon. Every future here is cancel safe: those of
    /// `tokio` because they are documented to be, `next` and `tend` as they say themselves.
    pub(super) async fn until_stopped(&mut self) -> Reason {
        self.look_whether_ready(0);
        let time_up = tokio::time::sleep(self.stop_after.unwrap_or(Duration::MAX));
        tokio::pin!(time_up);
        loop {
            tokio::select! {
                request = self.signals.next() => match (request, self.file.path.clone()) {
                    (Request::Reload, Some(path)) => self.reload(&path),
                    // Without a file, it means that the terminal is gone.
                    (Request::Reload, None) => return Reason::Signal("SIGHUP"),
                    (Request::Stop(signal), _) => return Reason::Signal(signal),
                },
                beat = self.beats.changed() => match beat {
                    Ok(()) => self.on_beat(),
                    Err(_) => return Reason::PipelineEnded,
                },
                never = self.links.tend() => match never {},
                () = &mut time_up => return Reason::TimeUp,
            }
        }
    }

    /// Stop the sources; what is under way runs out to the sink, or is named after the grace.
    pub(super) fn drain(mut self, reason: Reason) -> Result<Summary, AppError> {
        self.manager.stopping(&reason.to_string());
        self.notices.raise(stopping(reason));
        let grace = self.config.runtime.shutdown_grace;
        let Self {
            links, threads, pipeline, sink, notices, running, mut manager, watchdog, ..
        } = self;
        // What hangs from here on is told by the drain.
        drop((notices, running, watchdog));
        let (link_tasks, links) = links.into_tasks();
        let ledgers = Drain { link_tasks, links, threads, pipeline, sink }
            .finish(grace)
            .map_err(|parts| AppError::Hung { grace, parts })?;
        manager.keep_nothing();
        if let Some(ledger) = ledgers.get(SINK) {
            tell_of_sink(ledger);
        }
        match reason {
            Reason::Signal(_) | Reason::TimeUp => Ok(Summary { ledgers }),
            Reason::PipelineEnded => Err(AppError::PipelineEnded),
        }
    }

    /// The pipeline is alive, and this is how things stand.
    fn on_beat(&mut self) {
        let beat = self.beats.borrow_and_update().clone();
        tracing::debug!(sources = beat.n_sources, status = beat.text, "beat");
        self.look_whether_ready(beat.n_sources);
        self.manager.on_beat(&beat.text);
    }

    fn look_whether_ready(&mut self, n_heard: usize) {
        let n_configured = self.config.polled().len() + self.config.captures.len();
        let n_unheard = n_configured.saturating_sub(n_heard);
        let phase = self.phase.after(n_unheard, Instant::now());
        if phase == self.phase {
            return;
        }
        if n_unheard > 0 {
            tracing::warn!(n_unheard, "ready, though not every source has been heard of yet");
        }
        tracing::debug!("ready");
        self.phase = phase;
        self.manager.ready();
    }

    /// Reading the file blocks this thread, for which nothing but the next signal waits.
    fn reload(&mut self, path: &Path) {
        self.manager.reloading();
        let now = SystemTime::now();
        let notice = match reload::read(path, self.file.reach.as_ref()) {
            Ok((wanted, baseline)) => {
                let (running, polled) = (self.config.polled(), wanted.polled());
                let changes = diff(&running, &polled);
                // Before the links: what they ask first is looked out for already.
                self.watched.send_replace(self.followed.watch_list(&polled));
                self.links.apply(&changes);
                let plan = Plan::new(&self.config, &wanted, &changes)
                    .within(self.file.reach.as_ref(), &wanted);
                let before = std::mem::replace(&mut self.baseline, baseline.clone());
                let baselines = (before.as_deref(), baseline.as_deref());
                let event = reload::holding_to(plan.event(path, now), baselines);
                let loads = load::loads(&wanted.links);
                let is_new = |(id, _): &(&SourceId, &Load)| {
                    running.get(*id).is_none_or(|link| polled.get(*id) != Some(link))
                };
                loads.iter().filter(is_new).for_each(tell_of_load);
                self.config = reload::applied(&self.config, &wanted);
                let sources = sources(&self.config, &loads);
                // Before the event that tells so, which may stand alone in a full lane.
                self.notices.raise(Notice::Baseline(baseline));
                Notice::Reloaded { event, log: self.config.log.clone(), sources }
            }
            Err(refused) => refused.event(path, now).into(),
        };
        self.notices.raise(notice);
        if self.phase == Phase::Ready {
            self.manager.ready();
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signal(signal) => signal,
            Self::TimeUp => "the time it was asked to run for is over",
            Self::PipelineEnded => "the pipeline ended by itself",
        })
    }
}

/// The way to it, its thread, and the way to the log beside it.
fn start_sink(
    output: Output,
    config: &Config,
    gates: &mut Gates,
) -> Result<(mpsc::Sender<Event>, JoinHandle<Ledger>, Beside), AppError> {
    let (events, events_out) = mpsc::channel(EVENTS);
    let activity = gates.of_queue(SINK.to_owned(), &events);
    let (site, seccomp) = (config.site.clone(), config.sandbox.seccomp);
    let beside = Beside::new(&output, site.clone()).map_err(AppError::Start)?;
    let confine = move || restrict::confine_or_warn(&seccomp::sink(), seccomp);
    let sink = sink::spawn(output, site, events_out, confine, activity).map_err(AppError::Start)?;
    Ok((events, sink, beside))
}

fn start_pipeline(
    config: &Config,
    baseline: Option<Arc<Baseline>>,
    (intake, events, pulse): (Intake, mpsc::Sender<Event>, Pulse),
) -> JoinSet<BTreeMap<String, Ledger>> {
    let judge = Pipeline::new(settings(config)).holding_to(baseline);
    let mut pipeline = JoinSet::new();
    pipeline.spawn(pipeline::run(intake, judge, events, pulse));
    pipeline
}

/// What the pipeline starts with.
fn settings(config: &Config) -> Settings {
    let loads = load::loads(&config.links);
    loads.iter().for_each(tell_of_load);
    let (log, window) = (config.log.clone(), config.runtime.window);
    Settings { log, window, sources: sources(config, &loads) }
}

/// What the pipeline may expect of what is polled.
fn sources(config: &Config, loads: &BTreeMap<SourceId, Load>) -> Sources {
    let load = |(id, load): (&SourceId, &Load)| {
        (id.clone(), LineLoad { percent: load.percent, text: load.to_string() })
    };
    Sources { polled: config.polled(), loads: loads.iter().map(load).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_is_not_heard_of_holds_up_the_start_for_a_while_only() {
        let since = Instant::now();
        let start = Phase::Starting { since };
        assert_eq!(start.after(0, since), Phase::Ready);
        assert_eq!(start.after(1, since + START / 2), start);
        assert_eq!(start.after(1, since + START), Phase::Ready);
        assert_eq!(Phase::Ready.after(1, since), Phase::Ready, "a reload starts nothing over");
    }
}
