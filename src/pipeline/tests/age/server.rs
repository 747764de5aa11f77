//! What a server tells by itself, with its own times.

use super::*;

#[test]
fn a_server_that_tells_nothing_new_of_a_tag_is_not_stale() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_reading(&told(&node(), 0, 7));
    windows(&mut pipeline, 0..=3600);
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn a_heartbeat_that_a_server_tells_nothing_of_is_stale() {
    let expecting_change = Tag { expect_change: heartbeat().expect_change, ..node() };
    let mut pipeline = expecting(Samples::None);
    pipeline.on_window_end(at(0));
    pipeline.on_reading(&told(&expecting_change, 0, 7));
    windows(&mut pipeline, 1..=9);
    assert_eq!(kinds(&mut pipeline), []);
    windows(&mut pipeline, 10..=60);
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    tag.stale: scada node is stale: its value is read and has been the same for 10s, and should change within 10s; what counts it up has stopped: see whether the controller's program runs
      device = Text("scada")
      tag = Text("node")
      value = Unsigned(7)
      quality = Text("Uncertain(Stale)")
      age_ms = Real(10000.0)
    "#);
    pipeline.on_reading(&told(&expecting_change, 61, 8));
    assert_eq!(kinds(&mut pipeline), [Kind::TagFresh]);
}

#[test]
fn a_change_that_its_source_dates_further_back_than_usual_is_doubted() {
    let mut pipeline = expecting(Samples::Changes);
    pipeline.on_window_end(at(10_000));
    // What a server says first may be as old as it likes: nothing has happened since. After that
    // its clock is five minutes behind.
    for seconds in [10, 9_700, 9_701] {
        pipeline.on_reading(&told(&node(), seconds, seconds));
    }
    assert_eq!(kinds(&mut pipeline), [Kind::PollSample; 3]);
    pipeline.on_reading(&told(&node(), 6_100, 2));
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    tag.stale: scada node is stale: scada dates its latest change 1h 1s further back than usual; values are held back on the way, or a clock was set: compare the clocks first
      device = Text("scada")
      tag = Text("node")
      value = Unsigned(2)
      quality = Text("Uncertain(Stale)")
      age_ms = Real(3601000.0)
    poll.sample: scada node = 2 (Uncertain(Stale))
      device = Text("scada")
      tag = Text("node")
      value = Unsigned(2)
      quality = Text("Uncertain(Stale)")
      latency_ms = Real(4.2)
    "#);
    // The same again, as a server is read that takes no subscriptions.
    pipeline.on_reading(&told(&node(), 6_100, 2));
    pipeline.on_reading(&told(&node(), 6_101, 3));
    assert_eq!(kinds(&mut pipeline), [Kind::PollSample], "of the same grade, and told once");
    pipeline.on_reading(&told(&node(), 9_701, 4));
    assert_eq!(kinds(&mut pipeline), [Kind::TagFresh, Kind::PollSample]);
}

#[test]
fn what_changed_while_a_server_was_away_may_be_old() {
    let mut pipeline = expecting(Samples::None);
    pipeline.on_window_end(at(10_000));
    for seconds in [9_999, 10_000] {
        pipeline.on_reading(&told(&node(), seconds, seconds));
    }
    let lost = with_sample(&node(), None, reading(10_001, Quality::Bad(Fault::LinkDown)));
    let lost =
        Reading { source: SourceId::from("scada"), unit: None, ..from_device("scada", lost) };
    pipeline.on_reading(&lost);
    pipeline.on_window_end(at(20_000));
    drain(&mut pipeline);
    pipeline.on_reading(&told(&node(), 15_000, 7));
    assert_eq!(kinds(&mut pipeline), [Kind::DeviceUp, Kind::LinkUp]);
}

#[test]
fn a_servers_clock_that_is_set_back_is_got_used_to() {
    let mut pipeline = expecting(Samples::None);
    for nth in 0..1000 {
        pipeline.on_window_end(at(10_000 + nth));
        let lag = if nth < 500 { 0 } else { 3_600 };
        pipeline.on_reading(&told(&node(), 10_000 + nth - lag, nth));
    }
    assert_eq!(kinds(&mut pipeline), [Kind::TagStale, Kind::TagFresh]);
}
