//! Data that ceases, stands still or is old when it comes.

mod server;

use crate::config::{Device, Endpoint, Link, Polled, Server};
use crate::pipeline::Notice;
use crate::record::{Doubt, Fault};
use crate::tag::NodeId;

use super::*;

const EVERY: Duration = Duration::from_secs(1);

/// A pipeline that expects `pump-1` on `line-a` to be read each second, and `scada` to tell.
fn expecting(samples: Samples) -> Pipeline {
    let log = Log { samples, ..Log::default() };
    Pipeline::new(Settings { log, window: Duration::from_secs(1), sources: sources(EVERY) })
}

/// With `pump-1` read so often.
fn sources(every: Duration) -> Sources {
    let device = Device {
        every,
        tags: [heartbeat(), pressure()].map(Arc::new).into(),
        ..Device::new("pump-1", 1)
    };
    let link = Link {
        timeout: EVERY / 2,
        devices: vec![Arc::new(device)],
        ..Link::new(Endpoint::Tcp(([192, 0, 2, 10], 502).into()))
    };
    let server = Server { every: EVERY, ..Server::new(([192, 0, 2, 11], 4840).into()) };
    let polled = [
        (SourceId::from("line-a"), Polled::Modbus(Arc::new(link))),
        (SourceId::from("scada"), Polled::OpcUa(Arc::new(server))),
    ];
    Sources { polled: polled.into(), ..Sources::default() }
}

/// From now on `pump-1` is read so often.
fn reloaded(every: Duration) -> Notice {
    let event = Event::new(Kind::ConfigReloaded, at(0), SourceId::from("daemon"), "");
    let log = Log { samples: Samples::None, ..Log::default() };
    Notice::Reloaded { event, log, sources: sources(every) }
}

fn heartbeat() -> Tag {
    Tag { expect_change: Some(Duration::from_secs(10)), ..Tag::new("beat", address(), Type::Uint) }
}

fn address() -> Address {
    Address { table: Table::Holding, index: 99, bit: None }
}

fn beat(seconds: u64, value: u64) -> Reading {
    with_sample(&heartbeat(), Some(Value::Unsigned(value)), reading(seconds, Quality::Good))
}

/// What the server tells of a tag, with its own time.
fn told(tag: &Tag, seconds: u64, value: u64) -> Reading {
    let reading = with_sample(tag, Some(Value::Unsigned(value)), reading(seconds, Quality::Good));
    Reading { source: SourceId::from("scada"), unit: None, ..from_device("scada", reading) }
}

fn node() -> Tag {
    Tag::at("node", "i=1".parse::<NodeId>().unwrap().into())
}

/// Let windows end, each second.
fn windows(pipeline: &mut Pipeline, seconds: std::ops::RangeInclusive<u64>) {
    seconds.for_each(|second| pipeline.on_window_end(at(second)));
}

#[test]
fn a_tag_whose_readings_cease_is_told_once_and_so_is_its_return() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&bar(0, 4.2));
    windows(&mut pipeline, 0..=3);
    assert_eq!(kinds(&mut pipeline), [], "three periods and a time-out are not over");
    windows(&mut pipeline, 4..=60);
    pipeline.on_reading(&bar(61, 4.5));
    windows(&mut pipeline, 61..=62);
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    tag.stale: pump-1 pressure is stale: its last good value is 4s old; line-a is held up, or its replies come late or in doubt: see its other events
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("pressure")
      quality = Text("Uncertain(Stale)")
      age_ms = Real(4000.0)
    tag.fresh: pump-1 pressure, 4.5 bar, is fresh again after 57s
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("pressure")
      value = Real(4.5)
      engineering_unit = Text("bar")
      quality = Text("Good")
      latency_ms = Real(4.2)
      after_ms = Real(57000.0)
    "#);
}

#[test]
fn a_tag_that_is_read_in_time_is_never_stale() {
    let mut pipeline = expecting(Samples::None);
    for second in 0..600 {
        pipeline.on_reading(&bar(second, 4.2));
        pipeline.on_window_end(at(second));
    }
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn doubtful_readings_do_not_keep_a_tag_fresh() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&bar(0, 4.2));
    for second in 1..=5 {
        let late = reading(second, Quality::Uncertain(Doubt::LateReply));
        pipeline.on_reading(&with_sample(&pressure(), Some(Value::Real(4.2)), late));
        pipeline.on_window_end(at(second));
    }
    assert_eq!(kinds(&mut pipeline), [Kind::ReplyLate, Kind::TagStale]);
}

#[test]
fn a_device_that_is_down_is_told_alone() {
    for fault in [Fault::Timeout, Fault::LinkDown] {
        let mut pipeline = expecting(Samples::None);
        pipeline.on_reading(&bar(0, 4.2));
        let failed = reading(1, Quality::Bad(fault));
        pipeline.on_reading(&with_sample(&pressure(), None, failed));
        windows(&mut pipeline, 1..=60);
        assert!(!kinds(&mut pipeline).contains(&Kind::TagStale), "{fault:?}");
    }
}

#[test]
fn a_tag_that_is_refused_has_been_told_of() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&bar(0, 4.2));
    let refused = reading(1, Quality::Bad(Fault::Exception(2)));
    pipeline.on_reading(&with_sample(&pressure(), None, refused));
    windows(&mut pipeline, 1..=60);
    assert_eq!(kinds(&mut pipeline), [Kind::PollException]);
}

#[test]
fn a_clock_that_is_set_makes_nothing_old() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&beat(0, 1));
    windows(&mut pipeline, 0..=1);
    pipeline.on_window_end(at(86_400));
    pipeline.on_reading(&beat(86_400, 1));
    windows(&mut pipeline, 86_400..=86_403);
    pipeline.on_reading(&beat(1, 1));
    windows(&mut pipeline, 1..=3);
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn a_heartbeat_that_stands_still_is_doubted_and_told_until_it_moves() {
    let mut pipeline = expecting(Samples::Changes);
    for second in 0..=12 {
        pipeline.on_reading(&beat(second, 7));
        pipeline.on_window_end(at(second));
    }
    pipeline.on_reading(&beat(13, 8));
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    poll.sample: pump-1 beat = 7
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("beat")
      value = Unsigned(7)
      quality = Text("Good")
      latency_ms = Real(4.2)
    tag.stale: pump-1 beat is stale: its value is read and has been the same for 10s, and should change within 10s; what counts it up has stopped: see whether the controller's program runs
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("beat")
      value = Unsigned(7)
      quality = Text("Uncertain(Stale)")
      age_ms = Real(10000.0)
    poll.sample: pump-1 beat = 7 (Uncertain(Stale))
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("beat")
      value = Unsigned(7)
      quality = Text("Uncertain(Stale)")
      latency_ms = Real(4.2)
    tag.fresh: pump-1 beat, 8, is fresh again after 3s
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("beat")
      value = Unsigned(8)
      quality = Text("Good")
      latency_ms = Real(4.2)
      after_ms = Real(3000.0)
    poll.sample: pump-1 beat = 8
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("beat")
      value = Unsigned(8)
      quality = Text("Good")
      latency_ms = Real(4.2)
    "#);
    let ledgers = pipeline.ledgers();
    assert_eq!(ledgers["readings:line-a"].noted["stale_samples"], 3);
}

#[test]
fn what_came_in_time_is_not_late_by_a_period_that_a_reload_brings() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_notice(reloaded(EVERY * 3600));
    pipeline.on_reading(&bar(0, 4.2));
    windows(&mut pipeline, 0..=1800);
    pipeline.on_notice(reloaded(EVERY));
    windows(&mut pipeline, 1801..=1803);
    assert_eq!(kinds(&mut pipeline), [Kind::ConfigReloaded; 2]);
    windows(&mut pipeline, 1804..=1860);
    let events = drain(&mut pipeline);
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.kind, Kind::TagStale);
    assert!(event.text.contains("its last good value is 30m 4s old"), "{}", event.text);
}

#[test]
fn a_reload_that_leaves_the_period_alone_excuses_nobody() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&bar(0, 4.2));
    for second in 0..=10 {
        pipeline.on_window_end(at(second));
        pipeline.on_notice(reloaded(EVERY));
    }
    let is_stale = |event: &Event| event.kind == Kind::TagStale;
    assert_eq!(drain(&mut pipeline).iter().filter(|event| is_stale(event)).count(), 1);
}

#[test]
fn tags_that_are_torn_turn_after_turn_are_told_with_what_tears_them() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&bar(0, 4.2));
    for second in 1..=10 {
        let torn = reading(second, Quality::Uncertain(Doubt::Torn));
        pipeline.on_reading(&with_sample(&pressure(), Some(Value::Real(4.3)), torn));
        pipeline.on_window_end(at(second));
    }
    let events = drain(&mut pipeline);
    let [event] = &events[..] else { panic!("{events:?}") };
    assert!(
        event.text.ends_with(
            "its last good value is 4s old; the controller writes it while it is read, each time \
         (`sequence` of its `checksum`): have it written less often, or sum less"
        ),
        "{}",
        event.text
    );
}

#[test]
fn a_heartbeat_that_beats_is_good_however_slowly() {
    let mut pipeline = expecting(Samples::None);
    for second in 0..600 {
        pipeline.on_reading(&beat(second, second / 9));
        pipeline.on_window_end(at(second));
    }
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn time_without_good_readings_does_not_count_as_standing_still() {
    let mut pipeline = expecting(Samples::None);
    for second in 0..=60 {
        // Nine seconds of good readings, then one that is none.
        let reading = if second % 10 == 9 {
            with_sample(&heartbeat(), None, reading(second, Quality::Bad(Fault::BackedOff)))
        } else {
            beat(second, second / 10)
        };
        pipeline.on_reading(&reading);
        pipeline.on_window_end(at(second));
    }
    assert_eq!(kinds(&mut pipeline), []);
    // A minute of silence in between is none of standing still either.
    pipeline.on_reading(&with_sample(
        &heartbeat(),
        None,
        reading(61, Quality::Bad(Fault::BackedOff)),
    ));
    windows(&mut pipeline, 61..=120);
    pipeline.on_reading(&beat(121, 6));
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn a_heartbeat_is_not_taken_to_stand_still_while_nobody_looked() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&beat(0, 7));
    windows(&mut pipeline, 0..=30);
    assert_eq!(kinds(&mut pipeline), [Kind::TagStale]);
    pipeline.on_reading(&beat(31, 7));
    assert_eq!(kinds(&mut pipeline), [Kind::TagFresh]);
}

#[test]
fn a_stale_value_raises_no_alarm_and_ends_none() {
    let limited = Tag { limits: pressure().limits, ..heartbeat() };
    let value = |second, value| {
        with_sample(&limited, Some(Value::Unsigned(value)), reading(second, Quality::Good))
    };
    let mut pipeline = expecting(Samples::None);
    for second in 0..=11 {
        pipeline.on_reading(&value(second, 20));
        pipeline.on_window_end(at(second));
    }
    let raised = kinds(&mut pipeline);
    assert_eq!(raised, [Kind::LimitExceeded, Kind::TagStale]);
    pipeline.on_reading(&value(12, 1));
    assert_eq!(kinds(&mut pipeline), [Kind::TagFresh, Kind::LimitReturned]);
}
