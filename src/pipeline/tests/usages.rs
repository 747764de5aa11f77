//! What becomes of news of who asks what of whom.

mod polls;
mod scans;

use crate::record::{
    Change, Ending, News, Note, Operation, Pace, Poll, Protocol, RingCount, Usage, UsageChange,
    WireReport,
};

use super::*;

/// When a capture that began at 0 has settled.
const SETTLED: u64 = 10 * 60;

fn server(last: u8) -> SocketAddr {
    SocketAddr::new(host(last), 502)
}

/// `client` asks unit 1 of .10 to read.
fn usage(seconds: u64, client: u8) -> Usage {
    Usage {
        at: at(seconds),
        vlan: Vlan::default(),
        client: host(client),
        server: server(10),
        protocol: Protocol::Modbus,
        station: Some(1),
        function: 3,
        operation: Operation::Read,
        addresses: Some(100..=101),
        values: None,
        news: News::First,
        trust: Trust::FULL,
    }
}

/// Something about what `client` asks of unit 1 of .10.
fn change(seconds: u64, client: u8, what: Change) -> UsageChange {
    let Usage { at, vlan, client, server, protocol, station, .. } = usage(seconds, client);
    UsageChange { at, vlan, client, server, protocol, station, what, trust: Trust::FULL }
}

/// As a capture reports them.
fn see(
    pipeline: &mut Pipeline,
    usages: impl IntoIterator<Item = Usage>,
    changes: impl IntoIterator<Item = UsageChange>,
) -> Vec<Event> {
    let usages: Vec<_> = usages.into_iter().collect();
    let usage_changes: Vec<_> = changes.into_iter().collect();
    let times = usages.iter().map(|usage| usage.at);
    let last = times.chain(usage_changes.iter().map(|change| change.at)).max();
    let report = WireReport::new(SourceId::from("eth1"), last.unwrap());
    pipeline.on_report(&WireReport { frames: 1, usages, usage_changes, ..report });
    drain(pipeline)
}

/// Frames come by that nobody has to know of, every half minute between the two.
fn pass(pipeline: &mut Pipeline, from: u64, to: u64) {
    for seconds in (from..to).step_by(30) {
        let report = WireReport::new(SourceId::from("eth1"), at(seconds));
        pipeline.on_report(&WireReport { frames: 1, ..report });
    }
    assert_eq!(drain(pipeline), []);
}

/// After nearly ten minutes in which .5 asked .10, which answered.
fn settled() -> Pipeline {
    let mut pipeline = quiet();
    let first = see(&mut pipeline, [usage(0, 5)], [change(0, 5, Change::Answers)]);
    assert_eq!(first, [], "everything is new at the start");
    pass(&mut pipeline, 0, SETTLED);
    pipeline
}

#[test]
fn a_client_is_new_if_it_asks_a_server_for_the_first_time_after_ten_minutes() {
    let mut pipeline = settled();
    assert_eq!(see(&mut pipeline, [usage(SETTLED - 1, 6)], []), [], "still learning");
    let again = [5, 6].map(|client| Usage { function: 4, ..usage(SETTLED, client) });
    assert_eq!(see(&mut pipeline, again, []), [], "it asks for something else");
    let usage = Usage { vlan: Vlan { outer: 7, inner: 0 }, ..usage(SETTLED + 5, 77) };
    let events = see(&mut pipeline, [usage.clone()], []);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    master.new: 192.0.2.77 asks 192.0.2.10:502 unit 1: read holding registers; in the 10m 5s of this capture before, it never asked this server anything: a client that is new or asks seldom; if nobody expects it, find the host and whoever uses it
      protocol = Text("modbus")
      client = Text("192.0.2.77")
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      vlan = Unsigned(7)
      function = Text("read holding registers")
      function_code = Unsigned(3)
      operation = Text("read")
      learned_ms = Real(605000.0)
      trust = Text("full")
    "#);
    assert_eq!(see(&mut pipeline, [usage], []), [], "told once");
}

#[test]
fn a_capture_that_is_read_from_a_file_learns_in_the_time_of_the_file() {
    let mut pipeline = quiet();
    pass(&mut pipeline, 0, SETTLED);
    let events = see(&mut pipeline, [usage(SETTLED - 1, 5), usage(SETTLED, 6)], []);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(field(&events[0], "client"), Some(&Scalar::from("192.0.2.6")));
}

#[test]
fn a_file_whose_clock_is_set_forward_by_a_year_goes_on_learning() {
    const YEAR: u64 = 365 * 86_400;
    let mut pipeline = quiet();
    pass(&mut pipeline, 0, 300);
    assert_eq!(see(&mut pipeline, [usage(YEAR, 6)], [change(YEAR, 6, Change::Answers)]), []);
    pass(&mut pipeline, YEAR, YEAR + 270);
    assert_eq!(see(&mut pipeline, [usage(YEAR + 269, 7)], []), []);
    assert_eq!(see(&mut pipeline, [usage(YEAR + 270, 8)], []).len(), 1, "ten minutes");
}

/// A window of a live capture that ends, after `client` was seen asking.
fn live(pipeline: &mut Pipeline, seconds: u64, client: u8) -> Vec<Kind> {
    let report = WireReport::new(SourceId::from("eth1"), at(seconds));
    let ring = RingCount { packets: 1, drops: 0 };
    let usages = vec![usage(seconds, client)];
    pipeline.on_report(&WireReport { frames: 1, ring, usages, ..report });
    pipeline.on_window_end(at(seconds));
    kinds(pipeline)
}

#[test]
fn a_clock_that_is_set_neither_ends_what_a_live_capture_learns_nor_stretches_it() {
    const DAY: u64 = 86_400;
    for (before, after) in [(DAY, 10 * DAY), (10 * DAY, DAY)] {
        let mut pipeline = quiet();
        let told: Vec<_> = (0..=300).flat_map(|n| live(&mut pipeline, before + n, 5)).collect();
        assert_eq!(told, []);
        let told: Vec<_> = (0..290).flat_map(|n| live(&mut pipeline, after + n, 6)).collect();
        assert_eq!(told, [], "it has learned for less than ten minutes");
        (290..310).for_each(|n| assert_eq!(live(&mut pipeline, after + n, 6), []));
        assert_eq!(live(&mut pipeline, after + 310, 7), [Kind::MasterNew]);
    }
}

#[test]
fn a_file_in_which_time_goes_back_is_learned_no_longer() {
    let mut pipeline = quiet();
    pass(&mut pipeline, 5000, 5590);
    let told = [5590, 0, 5].map(|seconds| see(&mut pipeline, [usage(seconds, 5)], []));
    assert_eq!(told.concat(), []);
    assert_eq!(see(&mut pipeline, [usage(15, 6)], []).len(), 1, "ten minutes of packets");
}

#[test]
fn a_device_is_new_when_it_answers_and_not_when_it_is_asked() {
    let mut pipeline = settled();
    let asked = Usage { station: Some(7), ..usage(SETTLED, 5) };
    assert_eq!(see(&mut pipeline, [asked], []), []);
    let answers = UsageChange { station: Some(7), ..change(SETTLED, 5, Change::Answers) };
    let events = see(&mut pipeline, [], [answers.clone()]);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    device.new: 192.0.2.10:502 unit 7 answers 192.0.2.5; in the 10m of this capture before, it was never seen to answer anybody: a device that is new, was switched on or got another address, or that nobody asked; if nobody expects it, look at what is connected there
      protocol = Text("modbus")
      client = Text("192.0.2.5")
      server = Text("192.0.2.10:502")
      unit = Unsigned(7)
      trust = Text("full")
      learned_ms = Real(600000.0)
    "#);
    assert_eq!(see(&mut pipeline, [], [answers]), [], "told once");
}

#[test]
fn a_second_master_is_told_once_a_pair_however_many_stations_they_share() {
    let mut pipeline = settled();
    let what = Change::SecondMaster { master: host(5), since: at(0) };
    let second = |unit| UsageChange { station: Some(unit), ..change(720, 6, what) };
    let events = see(&mut pipeline, [], (1..30).map(second));
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    master.second: 192.0.2.6 polls or writes 192.0.2.10:502 unit 1, of which 192.0.2.5 has been the master for 12m and still is: two masters may undo what the other orders, or ask more than the device can answer; if it is no standby or engineering station, find out who started it
      protocol = Text("modbus")
      client = Text("192.0.2.6")
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      trust = Text("full")
      master = Text("192.0.2.5")
      since_ms = Real(720000.0)
    "#);
}

#[test]
fn a_station_that_becomes_slow_and_fast_again_is_told_with_both_medians() {
    let mut pipeline = settled();
    let pace = |recent| Pace {
        usual: Duration::from_micros(5_250),
        recent: Duration::from_micros(recent),
    };
    let changes = [Change::Slower(pace(80_000)), Change::AsUsual(pace(6_000))];
    let events = see(&mut pipeline, [], changes.map(|what| change(20, 5, what)));
    let events: Vec<_> = events.iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    latency.raised: 192.0.2.10:502 unit 1 takes 80ms to answer, usually 5ms 250us (medians): it has more to do, another client asks it as well, or the way to it is slow or loses packets; look at who asks it and at the line behind it
      protocol = Text("modbus")
      client = Text("192.0.2.5")
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      trust = Text("full")
      latency_ms = Real(80.0)
      usual_ms = Real(5.25)
    latency.returned: 192.0.2.10:502 unit 1 answers as fast as usual again: 6ms, usually 5ms 250us (medians)
      protocol = Text("modbus")
      client = Text("192.0.2.5")
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      trust = Text("full")
      latency_ms = Real(6.0)
      usual_ms = Real(5.25)
    "#);
}

#[test]
fn a_flood_of_strangers_is_eight_lines_and_one_with_the_number_of_the_rest() {
    let mut pipeline = settled();
    let stranger = |n: u32| {
        let client = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
        Usage { client, ..usage(SETTLED, 5) }
    };
    assert_eq!(see(&mut pipeline, (0..5000).map(stranger), []).len(), 8);
    assert_eq!(see(&mut pipeline, (5000..9000).map(stranger), []), []);
    pipeline.on_window_end(at(SETTLED + 299));
    assert_eq!(drain(&mut pipeline), []);
    pipeline.on_window_end(at(SETTLED + 300));
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 1);
    assert_eq!(field(&events[0], "count"), Some(&Scalar::Unsigned(8992)));
    let notes = &pipeline.ledgers()["notes"];
    assert!(notes.noted["masters_forgotten"] >= 7900, "{notes}");
    // Who is answered was not forgotten.
    assert_eq!(see(&mut pipeline, [usage(SETTLED + 301, 5)], []), []);
}
