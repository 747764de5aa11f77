//! What readings become.

use crate::config::{Device, Endpoint, Link, Polled};
use crate::pipeline::Notice;
use crate::record::{Doubt, Fault};

use super::*;

const TIMEOUT: Quality = Quality::Bad(Fault::Timeout);
const NO_LINK: Quality = Quality::Bad(Fault::LinkDown);

fn kinds_after(pipeline: &mut Pipeline, readings: &[Reading]) -> Vec<Kind> {
    for reading in readings {
        pipeline.on_reading(reading);
    }
    kinds(pipeline)
}

#[test]
fn a_limit_event_says_which_value_is_past_which_limit() {
    let mut pipeline = quiet();
    pipeline.on_reading(&bar(0, 9.5));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    limit.exceeded: pump-1 pressure, 9.5 bar, is past its high limit of 9 bar
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("pressure")
      value = Real(9.5)
      engineering_unit = Text("bar")
      quality = Text("Good")
      latency_ms = Real(4.2)
      level = Text("high")
      limit = Real(9.0)
    "#);
}

#[test]
fn an_alarm_returns_only_when_the_value_is_back_inside_by_the_deadband() {
    let mut pipeline = quiet();
    let run = [bar(0, 9.5), bar(1, 8.9), bar(2, 9.1), bar(3, 8.6), bar(12, 8.5)];
    for reading in &run {
        pipeline.on_reading(reading);
    }
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 2, "{events:?}");
    insta::assert_snapshot!(show(&events[1]), @r#"
    limit.returned: pump-1 pressure, 8.5 bar, is back inside its high limit of 9 bar, 12s after the alarm
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("pressure")
      value = Real(8.5)
      engineering_unit = Text("bar")
      quality = Text("Good")
      latency_ms = Real(4.2)
      level = Text("high")
      limit = Real(9.0)
      after_ms = Real(12000.0)
    "#);
}

#[test]
fn an_alarm_survives_bad_and_uncertain_readings() {
    let mut pipeline = quiet();
    let late = reading(2, Quality::Uncertain(Doubt::LateReply));
    let run = [
        bar(0, 9.5),
        with_sample(&pressure(), None, reading(1, Quality::Bad(Fault::BadCrc))),
        with_sample(&pressure(), Some(Value::Real(1.0)), late),
        bar(3, 9.5),
    ];
    let kinds = kinds_after(&mut pipeline, &run);
    assert_eq!(kinds, [Kind::LimitExceeded, Kind::ReplyCorrupt, Kind::ReplyLate]);
}

#[test]
fn a_boolean_tag_has_no_limits_to_pass() {
    let mut pipeline = quiet();
    let running = with_sample(&pressure(), Some(Value::Bool(true)), reading(0, Quality::Good));
    assert_eq!(kinds_after(&mut pipeline, &[running]), []);
}

#[test]
fn a_sample_is_logged_with_everything_that_was_read() {
    let mut pipeline = pipeline(Log::default());
    pipeline.on_reading(&bar(0, f64::from(4.2_f32)));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    poll.sample: pump-1 pressure = 4.2 bar
      device = Text("pump-1")
      unit = Unsigned(1)
      tag = Text("pressure")
      value = Real(4.2)
      engineering_unit = Text("bar")
      quality = Text("Good")
      latency_ms = Real(4.2)
    "#);
}

#[test]
fn only_samples_that_left_the_deadband_or_changed_grade_are_news() {
    let mut pipeline = pipeline(Log::default());
    let no_value = |seconds, quality| with_sample(&pressure(), None, reading(seconds, quality));
    let is_logged = |reading: Reading| {
        pipeline.on_reading(&reading);
        kinds(&mut pipeline).contains(&Kind::PollSample)
    };
    let run = [
        bar(0, 4.0),
        bar(1, 4.5),
        bar(2, 3.5),
        bar(3, 4.6),
        no_value(4, TIMEOUT),
        no_value(5, Quality::Bad(Fault::BackedOff)),
        bar(6, 4.6),
    ];
    assert_eq!(run.map(is_logged), [true, false, false, true, true, false, true]);
}

#[test]
fn without_a_deadband_any_other_value_is_news() {
    let tag = Tag { deadband: 0.0, ..pressure() };
    let mut pipeline = pipeline(Log::default());
    for (value, n_logged) in [(1, 1), (1, 0), (2, 1)] {
        let value = Some(Value::Signed(value));
        pipeline.on_reading(&with_sample(&tag, value, reading(0, Quality::Good)));
        assert_eq!(kinds(&mut pipeline).len(), n_logged);
    }
}

#[test]
fn every_sample_or_none_is_logged_if_so_configured() {
    for (samples, n_logged) in [(Samples::All, 500), (Samples::None, 0)] {
        let mut pipeline = pipeline(Log { samples, ..Log::default() });
        (0..500).for_each(|seconds| pipeline.on_reading(&bar(seconds, 4.0)));
        assert_eq!(kinds(&mut pipeline).len(), n_logged, "{samples:?}");
    }
}

#[test]
fn an_outage_is_told_once_and_its_end_says_how_much_was_lost() {
    let mut pipeline = quiet();
    let backed_off = reading(2, Quality::Bad(Fault::BackedOff));
    let run = [
        reading(0, TIMEOUT),
        reading(1, TIMEOUT),
        backed_off,
        reading(3, TIMEOUT),
        reading(65, Quality::Good),
        reading(66, Quality::Good),
    ];
    for reading in &run {
        pipeline.on_reading(reading);
    }
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    device.down: pump-1 (unit 1) is down: no reply; check wiring
      device = Text("pump-1")
      unit = Unsigned(1)
      quality = Text("Bad(Timeout)")
    device.up: pump-1 (unit 1) answers again after 1m 5s; readings lost: 4
      device = Text("pump-1")
      unit = Unsigned(1)
      quality = Text("Good")
      down_ms = Real(65000.0)
      lost = Unsigned(4)
    "#);
}

#[test]
fn one_corrupt_reply_does_not_take_a_device_down() {
    let mut pipeline = quiet();
    let run = [reading(0, Quality::Bad(Fault::BadCrc)), reading(1, Quality::Good)];
    assert_eq!(kinds_after(&mut pipeline, &run), [Kind::ReplyCorrupt]);
}

#[test]
fn a_doubtful_reply_does_not_end_an_outage() {
    let mut pipeline = quiet();
    let run = [reading(0, TIMEOUT), reading(1, Quality::Uncertain(Doubt::LateReply))];
    assert_eq!(kinds_after(&mut pipeline, &run), [Kind::DeviceDown, Kind::ReplyLate]);
    assert_eq!(kinds_after(&mut pipeline, &[reading(2, Quality::Good)]), [Kind::DeviceUp]);
}

#[test]
fn a_refusal_proves_that_the_device_is_there_but_not_if_a_gateway_says_it() {
    let exception = |seconds, code| reading(seconds, Quality::Bad(Fault::Exception(code)));
    let mut pipeline = quiet();
    let run = [reading(0, TIMEOUT), exception(1, 2)];
    let kinds = kinds_after(&mut pipeline, &run);
    assert_eq!(kinds, [Kind::DeviceDown, Kind::PollException, Kind::DeviceUp]);
    let mut pipeline = quiet();
    let kinds = kinds_after(&mut pipeline, &[exception(0, 0x0b)]);
    assert_eq!(kinds, [Kind::PollException, Kind::DeviceDown]);
}

#[test]
fn repeated_refusals_are_counted_and_told_again_after_five_minutes() {
    let mut pipeline = quiet();
    for seconds in 0..=300 {
        pipeline.on_reading(&reading(seconds, Quality::Bad(Fault::Exception(2))));
    }
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 2);
    insta::assert_snapshot!(show(&events[1]), @r#"
    poll.exception: pump-1 (unit 1): no reply; check wiring (299 more since this was last told)
      device = Text("pump-1")
      unit = Unsigned(1)
      quality = Text("Bad(Exception(2))")
      count = Unsigned(300)
      exception = Text("illegal data address")
      exception_code = Unsigned(2)
    "#);
}

#[test]
fn a_status_that_is_bad_is_told_with_its_name_and_no_unit() {
    let mut pipeline = quiet();
    let refusal = reading(0, Quality::Bad(Fault::Status(STATUS)));
    pipeline.on_reading(&Reading { unit: None, ..refusal });
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    poll.exception: pump-1: no reply; check wiring
      device = Text("pump-1")
      quality = Text("Bad(Status(BadNodeIdUnknown 0x80340000))")
      count = Unsigned(1)
      status = Text("BadNodeIdUnknown")
    "#);
}

#[test]
fn a_link_is_down_when_none_of_its_devices_can_be_reached() {
    let mut pipeline = quiet();
    let other = |reading| from_device("pump-2", reading);
    let good = [reading(0, Quality::Good), other(reading(0, Quality::Good))];
    assert_eq!(kinds_after(&mut pipeline, &good), []);
    assert_eq!(kinds_after(&mut pipeline, &[reading(1, NO_LINK)]), [Kind::DeviceDown]);
    let last = [other(reading(2, NO_LINK)), reading(3, NO_LINK)];
    assert_eq!(kinds_after(&mut pipeline, &last), [Kind::DeviceDown, Kind::LinkDown]);
    // A device that is silent on a link proves the link.
    assert_eq!(kinds_after(&mut pipeline, &[reading(9, TIMEOUT)]), [Kind::LinkUp]);
    let back = [reading(10, Quality::Good), other(reading(10, Quality::Good))];
    assert_eq!(kinds_after(&mut pipeline, &back), [Kind::DeviceUp, Kind::DeviceUp]);
}

#[test]
fn a_dead_device_does_not_keep_a_dead_link_from_being_told() {
    let mut pipeline = quiet();
    let dead = |quality| from_device("pump-2", reading(0, quality));
    let run = [dead(TIMEOUT), dead(Quality::Bad(Fault::BackedOff)), reading(1, NO_LINK)];
    let kinds = kinds_after(&mut pipeline, &run);
    assert_eq!(kinds, [Kind::DeviceDown, Kind::DeviceDown, Kind::LinkDown]);
}

#[test]
fn links_fail_on_their_own() {
    let mut pipeline = quiet();
    let elsewhere = Reading { source: SourceId::from("line-b"), ..reading(0, Quality::Good) };
    let run = [elsewhere, reading(1, NO_LINK)];
    assert_eq!(kinds_after(&mut pipeline, &run), [Kind::DeviceDown, Kind::LinkDown]);
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_a_device() {
    let mut pipeline = quiet();
    let corrupt = |seconds| reading(seconds, Quality::Bad(Fault::BadCrc));
    let kinds = kinds_after(&mut pipeline, &[corrupt(86_400), corrupt(0), corrupt(1)]);
    assert_eq!(kinds, [Kind::ReplyCorrupt, Kind::ReplyCorrupt]);
}

#[test]
fn a_device_that_left_the_configuration_neither_holds_its_link_up_nor_its_memory() {
    let mut pipeline = quiet();
    pipeline.on_reading(&from_device("gone", reading(0, Quality::Good)));
    pipeline.on_reading(&bar(0, 9.5));
    pipeline.on_notice(reloaded(Log::default(), vec![pressure()]));
    drain(&mut pipeline);
    let kinds = kinds_after(&mut pipeline, &[reading(2, NO_LINK)]);
    assert_eq!(kinds, [Kind::DeviceDown, Kind::LinkDown]);
    pipeline.on_reading(&from_device("gone", reading(2, Quality::Good)));
    pipeline.on_window_end(at(3));
    assert_eq!(pipeline.status().split(';').next(), Some("devices 1, down 1, alarms 1"));
    pipeline.on_notice(reloaded(Log::default(), vec![]));
    assert_eq!(pipeline.status().split(';').next(), Some("devices 1, down 1, alarms 0"));
}

#[test]
fn reloads_that_change_nothing_tell_no_state_again() {
    let mut pipeline = pipeline(Log::default());
    let run = [bar(0, 9.5), from_device("pump-2", reading(0, TIMEOUT))];
    assert_eq!(kinds_after(&mut pipeline, &run).len(), 3);
    for _ in 0..3 {
        pipeline.on_notice(reloaded(Log::default(), vec![pressure()]));
    }
    drain(&mut pipeline);
    assert_eq!(kinds_after(&mut pipeline, &run), []);
}

#[test]
fn what_is_logged_follows_a_reload() {
    let mut pipeline = quiet();
    assert_eq!(kinds_after(&mut pipeline, &[bar(0, 4.0)]), []);
    let log = Log { samples: Samples::All, ..Log::default() };
    pipeline.on_notice(reloaded(log, vec![pressure()]));
    let kinds = kinds_after(&mut pipeline, &[bar(1, 4.0), bar(2, 4.0)]);
    assert_eq!(kinds, [Kind::ConfigReloaded, Kind::PollSample, Kind::PollSample]);
}

/// From now on there are `pump-1` with these tags and `pump-2` with none, on `line-a`.
fn reloaded(log: Log, tags: Vec<Tag>) -> Notice {
    let device = |name: &str, tags| Arc::new(Device { tags, ..Device::new(name, 1) });
    let link = Link {
        devices: vec![
            device("pump-1", tags.into_iter().map(Arc::new).collect()),
            device("pump-2", vec![]),
        ],
        ..Link::new(Endpoint::Tcp(([192, 0, 2, 10], 502).into()))
    };
    let event = Event::new(Kind::ConfigReloaded, at(0), SourceId::from("daemon"), "");
    let polled = [(SourceId::from("line-a"), Polled::Modbus(Arc::new(link)))].into();
    Notice::Reloaded { event, log, sources: Sources { polled, ..Sources::default() } }
}
