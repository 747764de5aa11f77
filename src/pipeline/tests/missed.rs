//! Turns that could not be taken in time.

use crate::config::{Device, Endpoint, Link, Polled};
use crate::pipeline::{LineLoad, Notice};
use crate::record::Fault;

use super::*;

/// A pipeline that expects two devices on `line-a` each second.
fn expecting(load: Option<u64>) -> Pipeline {
    let log = Log { samples: Samples::None, ..Log::default() };
    Pipeline::new(Settings { log, window: Duration::from_secs(1), sources: sources(load) })
}

fn sources(load: Option<u64>) -> Sources {
    let device = |name| Arc::new(Device::new(name, 1));
    let endpoint = Endpoint::Tcp(([192, 0, 2, 10], 502).into());
    let devices = vec![device("pump-1"), device("pump-2")];
    let link = Polled::Modbus(Arc::new(Link { devices, ..Link::new(endpoint) }));
    let text = "needs 132 % of 9600 8E1, so turns will be missed".to_owned();
    let load = load.map(|percent| (SourceId::from("line-a"), LineLoad { percent, text }));
    Sources { polled: [(SourceId::from("line-a"), link)].into(), loads: load.into_iter().collect() }
}

fn after_missing(missed: u32, reading: Reading) -> Reading {
    Reading { missed, ..reading }
}

fn good(seconds: u64) -> Reading {
    reading(seconds, Quality::Good)
}

#[test]
fn a_device_that_misses_turns_is_told_once_and_again_after_five_minutes() {
    let mut pipeline = expecting(Some(132));
    pipeline.on_reading(&good(0));
    for seconds in (10..=320).step_by(2) {
        pipeline.on_reading(&after_missing(1, good(seconds)));
    }
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    assert_eq!(events.len(), 2, "{events:?}");
    insta::assert_snapshot!(events.join("\n"), @r#"
    schedule.missed: pump-1 (unit 1) missed 1 of 10 turns on line-a in 10s: line-a needs 132 % of 9600 8E1, so turns will be missed
      device = Text("pump-1")
      unit = Unsigned(1)
      missed = Unsigned(1)
      due = Unsigned(10)
      within_ms = Real(10000.0)
      load_percent = Unsigned(132)
    schedule.missed: pump-1 (unit 1) missed 150 of 300 turns on line-a in 5m: line-a needs 132 % of 9600 8E1, so turns will be missed
      device = Text("pump-1")
      unit = Unsigned(1)
      missed = Unsigned(150)
      due = Unsigned(300)
      within_ms = Real(300000.0)
      load_percent = Unsigned(132)
    "#);
    assert_eq!(pipeline.ledgers()["readings:line-a"].noted["missed_turns"], 156);
}

#[test]
fn nothing_is_told_of_turns_that_are_taken() {
    let mut pipeline = expecting(Some(132));
    (0..1000).for_each(|seconds| pipeline.on_reading(&good(seconds)));
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn turns_are_counted_anew_when_a_reload_changes_the_period() {
    let mut pipeline = expecting(None);
    (0..1000).for_each(|seconds| pipeline.on_reading(&good(seconds)));
    let Sources { mut polled, loads } = sources(None);
    let Some(Polled::Modbus(link)) = polled.get_mut(&SourceId::from("line-a")) else { panic!() };
    let often = |device: &Arc<Device>| {
        Arc::new(Device { every: Duration::from_millis(100), ..Device::clone(device) })
    };
    let devices = link.devices.iter().map(often).collect();
    *link = Arc::new(Link { devices, ..Link::clone(link) });
    pipeline.on_notice(Notice::Reloaded {
        event: Event::new(Kind::ConfigReloaded, at(1000), SourceId::from("daemon"), ""),
        log: Log { samples: Samples::None, ..Log::default() },
        sources: Sources { polled, loads },
    });
    pipeline.on_reading(&good(1000));
    pipeline.on_reading(&after_missing(4, good(1001)));
    let text = drain(&mut pipeline).pop().unwrap().text;
    assert!(text.starts_with("pump-1 (unit 1) missed 4 of 10 turns on line-a in 1s"), "{text}");
}

/// The text of the event when a turn is missed after `before`.
fn text_after(load: Option<u64>, before: &[Reading]) -> String {
    let mut pipeline = expecting(load);
    for reading in before {
        pipeline.on_reading(reading);
    }
    drain(&mut pipeline);
    pipeline.on_reading(&after_missing(3, good(10)));
    let events = drain(&mut pipeline);
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.kind, Kind::ScheduleMissed);
    event.text.clone()
}

#[test]
fn the_likely_cause_is_named() {
    let silent = from_device("pump-2", reading(1, Quality::Bad(Fault::Timeout)));
    let slow = from_device("pump-2", good(1));
    let slow = Reading { latency: Duration::from_micros(900_858), ..slow };
    for (load, before, cause) in [
        (Some(132), &silent, "line-a needs 132 % of 9600 8E1"),
        (Some(20), &silent, "pump-2 on line-a does not answer, and each attempt holds the link up"),
        (None, &slow, "pump-2 takes 900ms to answer; read it less often (`every`)"),
        (Some(20), &good(1), "line-a or this machine was held up for a moment"),
    ] {
        let text = text_after(load, &[good(0), before.clone()]);
        assert!(text.contains("missed 3 of 10 turns on line-a in 10s: "), "{text}");
        assert!(text.contains(cause), "{text}");
    }
}

#[test]
fn what_a_device_misses_by_its_own_silence_is_counted_and_not_told() {
    let mut pipeline = expecting(None);
    pipeline.on_reading(&good(0));
    let silent = |seconds| after_missing(1, reading(seconds, Quality::Bad(Fault::Timeout)));
    for reading in [silent(2), silent(4), after_missing(1, good(6))] {
        pipeline.on_reading(&reading);
    }
    assert_eq!(kinds(&mut pipeline), [Kind::DeviceDown, Kind::DeviceUp]);
    assert_eq!(pipeline.ledgers()["readings:line-a"].noted["missed_turns"], 3);
}
