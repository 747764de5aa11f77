//! What reports of lines become.

use std::collections::BTreeMap;

use crate::config::{Endpoint, Link, Polled};
use crate::pipeline::Notice;
use crate::record::{LineCount, LineReport, Uart, UartCount, UnitCount};

use super::*;

/// A second of `line-a`: ten requests to unit 1, so many of them with a damaged reply.
fn second(nth: u64, n_damaged: u64) -> LineReport {
    let answers = 10 - n_damaged;
    let unit = UnitCount { answers, damaged: n_damaged, ..UnitCount::default() };
    let uart = UartCount { received_bytes: 90, sent_bytes: 80, ..UartCount::default() };
    LineReport {
        source: SourceId::from("line-a"),
        at: at(nth),
        lasted: Duration::from_secs(1),
        count: LineCount {
            units: [(1, unit)].into(),
            discarded_bytes: 9 * n_damaged,
            uart: Uart::Counted(uart),
            ..LineCount::default()
        },
        reply_times: [(1, Duration::from_millis(12))].into(),
    }
}

/// Events of seconds with so many damaged replies each, with the second they came in.
fn run(pipeline: &mut Pipeline, n_damaged: &[u64]) -> Vec<(u64, Event)> {
    let mut told = vec![];
    for (nth, n_damaged) in (0..).zip(n_damaged) {
        pipeline.on_line(&second(nth, *n_damaged));
        told.extend(drain(pipeline).into_iter().map(|event| (nth, event)));
    }
    told
}

#[test]
fn a_line_that_gets_worse_is_told_once_with_its_cause_and_once_that_it_is_well_again() {
    let run = run(&mut quiet(), &[[0; 100], [2; 100], [0; 100], [0; 100]].concat());
    let seconds: Vec<_> = run.iter().map(|(nth, _)| *nth).collect();
    assert_eq!(run.len(), 2, "{run:?}");
    assert!((110..140).contains(&seconds[0]), "in half a minute: {seconds:?}");
    assert!((310..340).contains(&seconds[1]), "a good minute after a bad one: {seconds:?}");
    let events: Vec<_> = run.iter().map(|(_, event)| show(event)).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    line.degraded: line-a: line quality 79 of 100, 56 of the last 680 requests failed: replies are damaged, though the port saw no fault in their bytes: a device, or a gateway or converter on the way, corrupts them; exchange it, or update its firmware
      score = Unsigned(79)
      cause = Text("corruption")
      requests = Unsigned(680)
      crc_errors = Unsigned(56)
      timeouts = Unsigned(0)
      foreign = Unsigned(0)
      probes = Unsigned(0)
      discarded_bytes = Unsigned(504)
      uart = Text("counted")
      framing = Unsigned(0)
      parity = Unsigned(0)
      overruns = Unsigned(0)
      breaks = Unsigned(0)
      reply_ms = Real(12.0)
      usual_reply_ms = Real(12.0)
    line.recovered: line-a: line quality 100 of 100 again, after 3m 11s
      score = Unsigned(100)
      cause = Text("none")
      requests = Unsigned(690)
      crc_errors = Unsigned(0)
      timeouts = Unsigned(0)
      foreign = Unsigned(0)
      probes = Unsigned(0)
      discarded_bytes = Unsigned(0)
      uart = Text("counted")
      framing = Unsigned(0)
      parity = Unsigned(0)
      overruns = Unsigned(0)
      breaks = Unsigned(0)
      reply_ms = Real(12.0)
      usual_reply_ms = Real(12.0)
      degraded_ms = Real(191000.0)
    "#);
}

#[test]
fn a_line_that_trembles_is_told_of_once_a_minute_at_most() {
    for half in [1, 10, 70, 150] {
        let trembling: Vec<u64> = (0..3600).map(|nth| nth / half % 2 * 3).collect();
        let run = run(&mut quiet(), &trembling);
        let gaps = run.windows(2).map(|pair| pair[1].0 - pair[0].0);
        assert!(gaps.min().unwrap_or(60) >= 60, "{half}: {run:?}");
        assert_eq!(run.len() > 1, half == 150, "{half}: {run:?}");
    }
    let on_the_bound: Vec<u64> = (0..3600).map(|nth| u64::from(nth % 5 < 4)).collect();
    assert_eq!(run(&mut quiet(), &on_the_bound).len(), 1, "around 80 for an hour");
}

#[test]
fn one_failure_of_three_requests_says_nothing() {
    let mut pipeline = quiet();
    let unit = UnitCount { answers: 2, damaged: 1, ..UnitCount::default() };
    let count = LineCount { units: [(1, unit)].into(), ..LineCount::default() };
    let minutes = Duration::from_secs(180);
    pipeline.on_line(&LineReport { lasted: minutes, count, ..second(0, 0) });
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn a_line_that_left_the_configuration_is_forgotten() {
    let mut pipeline = quiet();
    assert_eq!(run(&mut pipeline, &[5; 10]).len(), 1);
    let event = Event::new(Kind::ConfigReloaded, at(10), SourceId::from("daemon"), "");
    let link = Link::new(Endpoint::Tcp(([192, 0, 2, 10], 502).into()));
    let reloaded = |id: &str| Notice::Reloaded {
        event: event.clone(),
        log: Log { samples: Samples::None, ..Log::default() },
        sources: Sources {
            polled: BTreeMap::from([(id.into(), Polled::Modbus(Arc::new(link.clone())))]),
            ..Sources::default()
        },
    };
    pipeline.on_notice(reloaded("line-a"));
    assert_eq!(kinds(&mut pipeline), [Kind::ConfigReloaded]);
    assert_eq!(run(&mut pipeline, &[5; 10]).len(), 0, "it was told of already");
    pipeline.on_notice(reloaded("line-b"));
    drain(&mut pipeline);
    assert_eq!(run(&mut pipeline, &[5; 10]).len(), 1, "another line of this name");
}
