//! Polls that stop and come back.

use super::*;

fn poll(last: u64) -> Poll {
    Poll { function: 3, interval: Duration::from_secs(1), last: at(last) }
}

fn stopped(seconds: u64, client: u8, ending: Ending) -> UsageChange {
    change(seconds, client, Change::Stopped { poll: poll(seconds - 8), ending })
}

fn resumed(seconds: u64, client: u8, last: u64) -> UsageChange {
    change(seconds, client, Change::Resumed { poll: poll(last) })
}

/// What is told of these changes when their window ends.
fn window(
    pipeline: &mut Pipeline,
    seconds: u64,
    changes: impl IntoIterator<Item = UsageChange>,
) -> Vec<Event> {
    assert_eq!(see(pipeline, [usage(seconds, 5)], changes), [], "not before the window ends");
    pipeline.on_window_end(at(seconds));
    drain(pipeline)
}

#[test]
fn a_client_that_stops_polling_is_told_once_for_all_its_requests_and_told_when_it_is_back() {
    let mut pipeline = settled();
    let units = |what: fn(u64, u8) -> UsageChange, seconds| {
        (1..=3).map(move |unit| UsageChange { station: Some(unit), ..what(seconds, 5) })
    };
    let events = window(&mut pipeline, 20, units(|at, who| stopped(at, who, Ending::Open), 20));
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    poll.stopped: 192.0.2.5 does not poll 192.0.2.10:502 any more: periodic requests that stopped: 3, one of them every 1s, the last one 8s ago; its connection was not closed: the client hangs or is cut off, or its frames do not come by here any more; look at the client, then at the mirror port
      client = Text("192.0.2.5")
      server = Text("192.0.2.10:502")
      polls = Unsigned(3)
      silent_ms = Real(8000.0)
      closed_by = Text("nobody")
      interval_ms = Real(1000.0)
      trust = Text("full")
    "#);
    let events = window(&mut pipeline, 50, units(|at, who| resumed(at, who, 12), 50));
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    poll.resumed: 192.0.2.5 polls 192.0.2.10:502 again after 38s
      client = Text("192.0.2.5")
      server = Text("192.0.2.10:502")
      polls = Unsigned(3)
      silent_polls = Unsigned(0)
      silent_ms = Real(38000.0)
    "#);
}

#[test]
fn a_poll_is_back_when_it_was_seen_and_not_when_the_window_ended() {
    let mut pipeline = settled();
    window(&mut pipeline, 20, [1, 2].map(|_| stopped(20, 5, Ending::Open)));
    see(&mut pipeline, [], [resumed(50, 5, 12), resumed(51, 5, 12)]);
    pipeline.on_window_end(at(110));
    let events = drain(&mut pipeline);
    assert_eq!((events[0].kind, events[0].at), (Kind::PollResumed, at(50)));
    assert_eq!(field(&events[0], "silent_ms"), Some(&Scalar::Real(38_000.0)));
}

#[test]
fn who_closed_the_connection_in_order_is_said() {
    let endings = [Ending::ByClient, Ending::ByServer, Ending::Reset, Ending::Unknown];
    let texts = endings.map(|ending| {
        let events = window(&mut settled(), 20, [stopped(20, 5, ending)]);
        assert_eq!(field(&events[0], "station"), Some(&Scalar::Unsigned(1)));
        events[0].text.clone()
    });
    insta::assert_snapshot!(texts.join("\n"), @r"
    192.0.2.5 does not poll 192.0.2.10:502 any more: periodic requests that stopped: 1, one of them every 1s, the last one 8s ago; the client closed its connection in order: it was stopped or configured anew; if nobody did that, look at its program
    192.0.2.5 does not poll 192.0.2.10:502 any more: periodic requests that stopped: 1, one of them every 1s, the last one 8s ago; the server closed the connection in order, and the client has not come back: look at whether the device restarted and how many connections it allows
    192.0.2.5 does not poll 192.0.2.10:502 any more: periodic requests that stopped: 1, one of them every 1s, the last one 8s ago; the connection was broken off: one of the two restarted, or a firewall cut it; look at the client's own log
    192.0.2.5 does not poll 192.0.2.10:502 any more: periodic requests that stopped: 1, one of them every 1s, the last one 8s ago; what became of its connection was not seen; look at the client, then at the mirror port
    ");
}

#[test]
fn polls_that_stop_together_are_told_to_have_something_in_common() {
    let changes = [5, 6, 7].map(|client| stopped(20, client, Ending::Open));
    let events = window(&mut settled(), 20, changes);
    assert_eq!(events.len(), 3);
    assert!(events[0].text.contains("2 more pairs fell silent with it"), "{}", events[0].text);
}

#[test]
fn a_poll_that_comes_and_goes_is_told_once_in_five_minutes_and_not_forgotten_if_it_stays_away() {
    let mut pipeline = settled();
    let mut told = vec![];
    for seconds in (20..260).step_by(20) {
        told.extend(window(&mut pipeline, seconds, [stopped(seconds, 5, Ending::Reset)]));
        told.extend(window(&mut pipeline, seconds + 9, [resumed(seconds + 9, 5, seconds - 8)]));
    }
    let kinds: Vec<_> = told.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::PollStopped, Kind::PollResumed]);
    assert_eq!(window(&mut pipeline, 280, [stopped(280, 5, Ending::Reset)]), []);
    let events = window(&mut pipeline, 400, []);
    assert_eq!(events.len(), 1, "still silent");
    assert_eq!(field(&events[0], "silent_ms"), Some(&Scalar::Real(128_000.0)));
    assert_eq!(window(&mut pipeline, 900, []), []);
}

#[test]
fn requests_that_stay_away_when_others_are_back_are_told_after_five_minutes() {
    let mut pipeline = settled();
    window(&mut pipeline, 20, [1, 2].map(|_| stopped(20, 5, Ending::ByClient)));
    let events = window(&mut pipeline, 30, [resumed(30, 5, 12)]);
    assert_eq!(field(&events[0], "silent_polls"), Some(&Scalar::Unsigned(1)));
    assert_eq!(window(&mut pipeline, 100, []), []);
    let events = window(&mut pipeline, 321, []);
    assert_eq!(field(&events[0], "polls"), Some(&Scalar::Unsigned(1)));
    assert_eq!(field(&events[0], "silent_ms"), Some(&Scalar::Real(309_000.0)));
    assert_eq!(field(&events[0], "closed_by"), Some(&Scalar::from("client")));
}
