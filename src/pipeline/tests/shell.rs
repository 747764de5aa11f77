//! The task around the pipeline, in paused time.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::pipeline::{Beat, Intake, Notice, Pulse, run};
use crate::record::{Activity, Ledger, LineCount, LineReport, UnitCount, WireReport};

use super::*;

/// A running pipeline: the lanes into it, and what comes out.
struct Rig {
    notices: mpsc::Sender<Notice>,
    readings: mpsc::Sender<Reading>,
    lines: mpsc::Sender<LineReport>,
    reports: mpsc::Sender<WireReport>,
    events: mpsc::Receiver<Event>,
    beats: watch::Receiver<Beat>,
    task: JoinHandle<BTreeMap<String, Ledger>>,
}

fn rig(queue: usize) -> Rig {
    rig_of(quiet(), queue)
}

#[expect(clippy::disallowed_methods, reason = "the task is awaited by each test")]
fn rig_of(pipeline: Pipeline, queue: usize) -> Rig {
    let (notices, notices_out) = mpsc::channel(8);
    let (readings, readings_out) = mpsc::channel(8);
    let (lines, lines_out) = mpsc::channel(8);
    let (reports, reports_out) = mpsc::channel(1024);
    let (events_in, events) = mpsc::channel(queue);
    let (beats_in, beats) = watch::channel(Beat::default());
    let activity = Activity::default();
    let pulse = Pulse { beats: beats_in, every: Duration::from_secs(1), activity };
    let (_, taps) = mpsc::channel(1);
    let intake = Intake {
        notices: notices_out,
        readings: readings_out,
        lines: lines_out,
        reports: reports_out,
        taps,
    };
    let task = tokio::spawn(run(intake, pipeline, events_in, pulse));
    Rig { notices, readings, lines, reports, events, beats, task }
}

fn report() -> WireReport {
    WireReport { frames: 1, ..WireReport::new(SourceId::from("lo"), at(0)) }
}

async fn drained(mut events: mpsc::Receiver<Event>) -> Vec<Event> {
    let mut all = vec![];
    while let Some(event) = events.recv().await {
        all.push(event);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn hanging_up_all_lanes_ends_it_and_each_ledger_is_told() {
    let Rig { notices, readings, reports, events, task, .. } = rig(64);
    readings.send(bar(0, 9.5)).await.unwrap();
    reports.send(report()).await.unwrap();
    drop((notices, readings, reports));
    let told: Vec<_> =
        drained(events).await.iter().map(|e| format!("{}: {}", e.source, e.text)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    line-a: pump-1 pressure, 9.5 bar, is past its high limit of 9 bar
    daemon: capture:lo: in 1 = out 1
    daemon: notes: in 0 = out 0
    daemon: readings:line-a: in 1 = out 1
    daemon: events: in 4 = out 4
    "#);
    let ledgers = task.await.unwrap();
    assert!(ledgers.values().all(Ledger::balances), "{ledgers:?}");
    assert_eq!(ledgers["events"].left, told.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_window_closes_on_time_and_the_pulse_beats() {
    let mut rig = rig(64);
    rig.reports.send(report()).await.unwrap();
    let beat = rig.beats.wait_for(|beat| beat.at > 0).await.unwrap().clone();
    assert_eq!((beat.at, beat.n_sources), (1, 1));
    assert!(beat.text.contains("frames 1"), "{beat:?}");
    rig.beats.changed().await.unwrap();
    assert_eq!(rig.beats.borrow().at, 2);
}

#[tokio::test(start_paused = true)]
async fn a_watchdog_need_not_wait_for_a_long_window() {
    let (window, sources) = (Duration::from_secs(3600), Sources::default());
    let settings = Settings { log: Log::default(), window, sources };
    let mut rig = rig_of(Pipeline::new(settings), 64);
    let started = tokio::time::Instant::now();
    rig.beats.wait_for(|beat| beat.at == 3).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_new_is_told_before_the_window_ends() {
    let mut rig = rig(64);
    rig.reports.send(report()).await.unwrap();
    rig.beats.changed().await.unwrap();
    let beat = rig.beats.borrow_and_update().clone();
    assert_eq!((beat.at, beat.n_sources), (0, 1));
    rig.reports.send(report()).await.unwrap();
    rig.beats.changed().await.unwrap();
    assert_eq!(rig.beats.borrow().at, 1, "the second report of a source is no news");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_reports_delays_neither_readings_nor_the_pulse() {
    let mut rig = rig(64);
    (0..1000).for_each(|_| rig.reports.try_send(report()).unwrap());
    rig.readings.try_send(bar(0, 9.5)).unwrap();
    assert_eq!(rig.events.recv().await.unwrap().kind, Kind::LimitExceeded);
    assert!(rig.reports.capacity() < 1024, "the reading went first");
    tokio::time::advance(Duration::from_secs(1)).await;
    rig.beats.wait_for(|beat| beat.at > 0).await.unwrap();
    assert!(rig.reports.capacity() < 1024, "the pulse did not wait for the flood's end");
}

#[tokio::test(start_paused = true)]
async fn a_full_event_queue_costs_events_and_never_waits() {
    let Rig { notices, readings, reports, events, task, .. } = rig(1);
    for seconds in 0..20 {
        readings.send(bar(seconds, if seconds % 2 == 0 { 9.5 } else { 1.0 })).await.unwrap();
    }
    drop((notices, readings, reports));
    let ledgers = task.await.unwrap();
    drop(events);
    let books = &ledgers["events"];
    assert!(books.balances(), "{books}");
    assert_eq!(books.left, 1);
    assert_eq!(books.dropped["sink_full"], books.entered - 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_words_wait_for_a_slow_sink() {
    let Rig { notices, readings, reports, mut events, task, .. } = rig(1);
    drop((notices, readings, reports));
    let mut n_received = 0;
    while events.recv().await.is_some() {
        n_received += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ledgers = task.await.unwrap();
    assert_eq!((n_received, ledgers["events"].n_dropped()), (ledgers.len(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_line_has_a_lane_of_its_own() {
    let Rig { lines, notices, readings, reports, mut events, .. } = rig(64);
    let silent = UnitCount { timeouts: 20, ..UnitCount::default() };
    let count = LineCount { units: [(1, silent)].into(), ..LineCount::default() };
    let lasted = Duration::from_secs(60);
    let source = SourceId::from("line-a");
    let report = LineReport { source, at: at(0), lasted, count, reply_times: BTreeMap::new() };
    lines.send(report).await.unwrap();
    assert_eq!(events.recv().await.unwrap().kind, Kind::LineDegraded);
    drop((lines, notices, readings, reports));
}
