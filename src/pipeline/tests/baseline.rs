//! What becomes of usages that the baseline does not allow.

use crate::config::parse_baseline;
use crate::pipeline::Notice;
use crate::record::{News, Operation, Protocol, Usage, WireReport};

use super::*;

const ALLOWED: &str = r#"
[[talk]]
client = "192.0.2.7"
server = "192.0.2.10:502"
protocol = "modbus"
allow = [
  { station = 1, function = 3, addresses = "100..119" },
  { station = 1, function = 16, addresses = "8..12", values = "0..100" },
]
"#;

fn holding_to(text: &str) -> Pipeline {
    quiet().holding_to(Some(Arc::new(parse_baseline("baseline.toml", text).unwrap())))
}

fn write(seconds: u64, address: u32, value: u16) -> Usage {
    Usage {
        at: at(seconds),
        vlan: Vlan::default(),
        client: [192, 0, 2, 7].into(),
        server: ([192, 0, 2, 10], 502).into(),
        protocol: Protocol::Modbus,
        station: Some(1),
        function: 16,
        operation: Operation::Write,
        addresses: Some(address..=address),
        values: Some(value..=value),
        news: News::First,
        trust: Trust::FULL,
    }
}

fn report(usages: impl IntoIterator<Item = Usage>) -> WireReport {
    let usages = usages.into_iter().collect();
    WireReport { usages, ..WireReport::new(SourceId::from("eth1"), at(0)) }
}

#[test]
fn what_the_baseline_covers_raises_no_event_and_without_one_nothing_does() {
    let read = Usage { function: 3, values: None, ..write(0, 110, 0) };
    let mut pipeline = holding_to(ALLOWED);
    pipeline.on_report(&report([write(0, 8, 0), write(0, 12, 100), read]));
    assert_eq!(kinds(&mut pipeline), []);
    let mut pipeline = quiet();
    pipeline.on_report(&report([write(0, 300, 60_000)]));
    assert_eq!(kinds(&mut pipeline), []);
}

#[test]
fn a_deviation_says_what_is_allowed_instead_and_what_to_add_if_it_is_meant() {
    let mut pipeline = holding_to(ALLOWED);
    let stranger = Usage {
        client: [192, 0, 2, 9].into(),
        vlan: Vlan { outer: 7, inner: 0 },
        ..write(0, 8, 0)
    };
    pipeline.on_report(&report([write(0, 300, 50), write(0, 12, 101), stranger]));
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 3);
    insta::assert_snapshot!(events.iter().map(show).collect::<String>());
}

#[test]
fn where_nothing_is_allowed_no_nearest_is_named() {
    let nothing = format!("{}allow = []", ALLOWED.split("allow").next().unwrap());
    for baseline in ["", &nothing] {
        let mut pipeline = holding_to(baseline);
        pipeline.on_report(&report([write(0, 8, 0)]));
        let [event] = &drain(&mut pipeline)[..] else { panic!("one event for {baseline}") };
        assert!(event.text.contains("allows nothing between the two; find out"), "{}", event.text);
    }
}

#[test]
fn the_line_that_an_event_gives_is_good_as_it_stands() {
    let mut pipeline = holding_to(ALLOWED);
    let stranger = Usage { client: [192, 0, 2, 9].into(), ..write(0, 8, 0) };
    pipeline.on_report(&report([write(0, 300, 50), stranger.clone()]));
    let allow: Vec<_> = drain(&mut pipeline).iter().map(|event| text_of(event, "allow")).collect();
    let [line, talk] = &allow[..] else { panic!("{allow:?}") };
    let text = format!("{}{talk}\n", ALLOWED.replace("\n]\n", &format!("\n{line}\n]\n")));
    let mut pipeline = holding_to(&text);
    pipeline.on_report(&report([write(0, 300, 50), stranger]));
    assert_eq!(kinds(&mut pipeline), []);
}

fn text_of(event: &Event, field: &str) -> String {
    event.fields.iter().find(|(name, _)| *name == field).unwrap().1.to_string()
}

#[test]
fn a_deviation_is_told_once_for_its_kind_and_then_counted() {
    let mut pipeline = holding_to(ALLOWED);
    for address in 300..310 {
        pipeline.on_report(&report([write(u64::from(address) - 300, address, 0)]));
    }
    pipeline.on_report(&report([write(10, 8, 101)]));
    let told: Vec<_> =
        drain(&mut pipeline).iter().map(|event| text_of(event, "deviation")).collect();
    assert_eq!(told, ["address", "value"]);
    pipeline.on_report(&report([write(301, 400, 0)]));
    let events = drain(&mut pipeline);
    assert!(events[0].text.ends_with("(9 more since this was last told)"), "{}", events[0].text);
    assert_eq!(text_of(&events[0], "count"), "10");
    assert!(pipeline.ledgers()["notes"].to_string().contains("deviations_repeated 9"));
}

#[test]
fn many_strangers_make_room_for_each_other_and_are_counted() {
    let mut pipeline = holding_to(ALLOWED);
    let stranger =
        |n: u32| Usage { client: Ipv4Addr::from_bits(n).into(), ..write(n.into(), 8, 0) };
    pipeline.on_report(&report([stranger(0), stranger(0)]));
    pipeline.on_report(&report((1..=2000).map(stranger)));
    let notes = pipeline.ledgers()["notes"].clone();
    assert_eq!(notes.noted["deviations_forgotten"], 1, "{notes}");
    let events = pipeline.ledgers()["events"].clone();
    assert_eq!(
        (events.entered, events.n_dropped()),
        (2001, 1901),
        "the log budget holds: {events}"
    );
}

#[test]
fn a_baseline_that_is_replaced_judges_what_comes_after() {
    let mut pipeline = holding_to(ALLOWED);
    let more = ALLOWED.replace("8..12", "8..300");
    pipeline.on_notice(Notice::Baseline(Some(Arc::new(parse_baseline("b", more).unwrap()))));
    pipeline.on_report(&report([write(0, 300, 50)]));
    assert_eq!(kinds(&mut pipeline), []);
    pipeline.on_report(&report([write(0, 301, 50)]));
    assert_eq!(kinds(&mut pipeline), [Kind::BaselineDeviation]);
    pipeline.on_notice(Notice::Baseline(None));
    pipeline.on_report(&report([write(0, 8, 6000)]));
    assert_eq!(kinds(&mut pipeline), []);
}
