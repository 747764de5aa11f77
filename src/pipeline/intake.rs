//! The shell around [`Pipeline`]: four lanes in, one out, and a pulse.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::record::{Activity, Doing, Event, Ledger, LineReport, Reading, TapReport, WireReport};

use super::Notice;
use super::Pipeline;

/// How long the last words wait for room in the sink's queue, all together.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The receiving ends. One lane for each, so that a packet flood cannot delay a reading.
#[derive(Debug)]
pub struct Intake {
    /// What the application has to say: started, reloaded, a task failed.
    pub notices: mpsc::Receiver<Notice>,
    /// Lossless: a poller waits when this is full.
    pub readings: mpsc::Receiver<Reading>,
    /// Lossless: a poller waits when this is full.
    pub lines: mpsc::Receiver<LineReport>,
    /// Lossless: an analyser waits when this is full, and its ring absorbs the wait.
    pub reports: mpsc::Receiver<WireReport>,
    /// Lossless: a listener adds to its report while this is full.
    pub taps: mpsc::Receiver<TapReport>,
}

#[expect(clippy::large_enum_variant, reason = "there is one at a time, on its way to the pipeline")]
enum Input {
    Notice(Notice),
    Reading(Reading),
    Line(LineReport),
    Report(WireReport),
    Tap(TapReport),
}

impl Intake {
    /// The next input, reports last; `None` once every lane has been hung up.
    ///
    /// Cancel safe, because `recv` is, and nothing is held across the wait.
    async fn next(&mut self) -> Option<Input> {
        tokio::select! {
            biased;
            Some(notice) = self.notices.recv() => Some(Input::Notice(notice)),
            Some(reading) = self.readings.recv() => Some(Input::Reading(reading)),
            Some(report) = self.lines.recv() => Some(Input::Line(report)),
            Some(report) = self.taps.recv() => Some(Input::Tap(report)),
            Some(report) = self.reports.recv() => Some(Input::Report(report)),
            else => None,
        }
    }
}

/// Sent once a [`Pulse::every`] or once a window, whichever is more often, and when a source is
/// first heard of: the pipeline lives, and this is how things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Beats so far, without those for a new source.
    pub at: u64,
    /// Links and captures heard of so far: they are up, or said why not.
    pub n_sources: usize,
    /// One line for people.
    pub text: String,
}

impl Beat {
    fn on_tick(&mut self, pipeline: &Pipeline) {
        let (at, n_sources) = (self.at + 1, pipeline.n_sources());
        *self = Self { at, n_sources, text: pipeline.status() };
    }

    /// True if a source is new; it is then taken note of. A start may wait for that, and a window
    /// is long.
    fn is_news(&mut self, pipeline: &Pipeline) -> bool {
        let is_news = self.n_sources != pipeline.n_sources();
        self.n_sources = pipeline.n_sources();
        is_news
    }
}

/// Where beats go. A pipeline that is stuck stops sending them, and moves no more.
#[derive(Debug)]
pub struct Pulse {
    pub beats: watch::Sender<Beat>,
    /// Longest time between two beats: a watchdog waits for the next one.
    pub every: Duration,
    /// Moves with each beat, for the watchdog.
    pub activity: Activity,
}

/// Move records through the pipeline until every lane has been hung up, then tell the ledgers.
///
/// A full event queue costs events, counted as `sink_full`; it never makes anybody wait.
pub async fn run(
    mut intake: Intake,
    mut pipeline: Pipeline,
    events: mpsc::Sender<Event>,
    pulse: Pulse,
) -> BTreeMap<String, Ledger> {
    let mut window = ticks(pipeline.settings.window);
    let mut beat = ticks(pipeline.settings.window.min(pulse.every));
    loop {
        // Cancel safe: `tick` and `next` both are. The ticks go first: they come seldom, and a
        // flood on the lanes must neither stop the pulse nor keep a window open.
        tokio::select! {
            biased;
            _ = window.tick() => pipeline.on_window_end(SystemTime::now()),
            _ = beat.tick() => {
                pulse.activity.set(Doing::Works);
                pulse.beats.send_modify(|beat| beat.on_tick(&pipeline));
            }
            input = intake.next() => match input {
                Some(Input::Notice(notice)) => pipeline.on_notice(notice),
                Some(Input::Reading(reading)) => pipeline.on_reading(&reading),
                Some(Input::Line(report)) => pipeline.on_line(&report),
                Some(Input::Report(report)) => pipeline.on_report(&report),
                Some(Input::Tap(report)) => pipeline.on_tap(&report),
                None => break,
            },
        }
        pipeline.hand_on(|event| offer(&events, event));
        pulse.beats.send_if_modified(|beat| beat.is_news(&pipeline));
    }
    last_words(pipeline, &events).await
}

/// One tick at the end of each period. After a stall the next period is a whole one.
fn ticks(period: Duration) -> Interval {
    let period = period.max(Duration::from_millis(1)); // an interval of zero panics
    let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn offer(events: &mpsc::Sender<Event>, event: Event) -> Result<(), &'static str> {
    events.try_send(event).map_err(|refused| match refused {
        mpsc::error::TrySendError::Full(_) => "sink_full",
        mpsc::error::TrySendError::Closed(_) => "sink_closed",
    })
}

/// Close the last window and report each ledger, that of the events last.
async fn last_words(
    mut pipeline: Pipeline,
    events: &mpsc::Sender<Event>,
) -> BTreeMap<String, Ledger> {
    let now = SystemTime::now();
    let deadline = Instant::now() + LAST_WORDS;
    pipeline.close(now);
    deliver(&mut pipeline, events, deadline).await;
    let mut names: Vec<_> = pipeline.ledgers().into_keys().collect();
    names.sort_by_key(|name| name == "events");
    for name in names {
        if let Some(ledger) = pipeline.ledgers().get(&name) {
            pipeline.report_ledger(&name, ledger, now);
        }
        deliver(&mut pipeline, events, deadline).await;
    }
    pipeline.ledgers()
}

/// Hand on with patience: nothing else comes that could be delayed.
async fn deliver(pipeline: &mut Pipeline, events: &mpsc::Sender<Event>, deadline: Instant) {
    for event in pipeline.outbox.take_ready() {
        let permit = tokio::time::timeout_at(deadline, events.reserve()).await;
        let outcome = match permit {
            Ok(Ok(permit)) => {
                permit.send(event);
                Ok(())
            }
            Ok(Err(_)) => Err("sink_closed"),
            Err(_) => Err("sink_full"),
        };
        pipeline.outbox.settle(outcome);
    }
}
