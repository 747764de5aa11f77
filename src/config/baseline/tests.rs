mod merging;
mod round_trip;

use std::net::SocketAddr;
use std::time::SystemTime;

use crate::config::Color;
use crate::record::{Operation, Trust, Vlan};

use super::*;

const PUMPS: &str = r#"
[[talk]]
client = "192.0.2.7"
server = "192.0.2.10:502"
protocol = "modbus"
allow = [
  { station = 1, function = [3, 4], addresses = "100..119" },
  { station = 1, function = 16, addresses = "8..12", values = "0..100" },
  { station = 1, function = 16, addresses = 40, values = "0..5000" },
]

[[talk]]
client = "10.1.0.0/16"
server = "[2001:db8::/32]:20000"
protocol = "dnp3"
vlan = 12
allow = [{ function = ["1..4", 129] }]
"#;

fn baseline(text: &str) -> Baseline {
    parse_baseline("test.toml", text).unwrap_or_else(|rejected| panic!("{rejected}"))
}

/// A first request from 192.0.2.7 to unit 1 of 192.0.2.10.
fn usage(function: u16, addresses: RangeInclusive<u32>) -> Usage {
    Usage {
        at: SystemTime::UNIX_EPOCH,
        vlan: Vlan::default(),
        client: [192, 0, 2, 7].into(),
        server: ([192, 0, 2, 10], 502).into(),
        protocol: Protocol::Modbus,
        station: Some(1),
        function,
        operation: Operation::Read,
        addresses: Some(addresses),
        values: None,
        news: News::First,
        trust: Trust::FULL,
    }
}

fn write(address: u32, value: u16) -> Usage {
    Usage { values: Some(value..=value), ..usage(16, address..=address) }
}

/// The aspect, what was allowed, and what would have to be.
fn told(baseline: &Baseline, usage: &Usage) -> (Aspect, String, String) {
    let Deviation { aspect, missing } = baseline.covers(usage).expect_err("a deviation");
    (aspect, baseline.nearest(usage, aspect).unwrap_or_default(), missing.to_string())
}

#[test]
fn the_commented_example_is_good_and_shows_every_key() {
    let text = include_str!("../../../config/baseline.toml");
    let example = baseline(text);
    assert_eq!((example.talks().len(), example.n_grants()), (2, 4));
    let keys = ["client", "server", "protocol", "vlan", "vlan_inner", "allow"];
    let keys = keys.into_iter().chain(["station", "function", "addresses", "values"]);
    for key in keys {
        let stands = text.lines().any(|line| line.contains(&format!("{key} = ")));
        assert!(stands, "the example says nothing of `{key}`");
        let misspelt = text.replacen(&format!("{key} = "), "zzz = ", 1);
        assert!(parse_baseline("test.toml", misspelt).is_err(), "`{key}` is not read");
    }
    for protocol in Protocol::ALL {
        assert!(text.contains(protocol.name()), "{}", protocol.name());
    }
}

#[test]
fn what_the_file_allows_is_covered() {
    let baseline = baseline(PUMPS);
    for usage in [usage(3, 100..=119), usage(4, 105..=105), write(8, 0), write(40, 5000)] {
        assert_eq!(baseline.covers(&usage), Ok(()), "{usage:?}");
    }
    let outstation: SocketAddr = "[2001:db8::7]:20000".parse().unwrap();
    let dnp3 = Usage {
        client: [10, 1, 255, 3].into(),
        server: outstation,
        protocol: Protocol::Dnp3,
        vlan: Vlan { outer: 12, inner: 0 },
        addresses: None,
        ..usage(129, 0..=0)
    };
    assert_eq!(baseline.covers(&dnp3), Ok(()));
    assert_eq!((baseline.talks().len(), baseline.n_grants()), (2, 4));
}

#[test]
fn each_deviation_says_in_what_it_lies_and_what_is_allowed_instead() {
    let baseline = baseline(PUMPS);
    let other = "192.0.2.7 to 192.0.2.10:502 in modbus";
    let stranger = Usage { client: [192, 0, 2, 9].into(), ..usage(3, 100..=119) };
    let whole = r#"{ station = 1, function = 3, addresses = "100..119" }"#;
    assert_eq!(told(&baseline, &stranger), (Aspect::Talk, other.into(), whole.into()));
    let port = Usage { server: ([192, 0, 2, 10], 503).into(), ..usage(3, 100..=119) };
    assert_eq!(told(&baseline, &port).1, other);
    let vlan = Usage { vlan: Vlan { outer: 12, inner: 0 }, ..usage(3, 100..=119) };
    assert_eq!(told(&baseline, &vlan), (Aspect::Talk, other.into(), whole.into()));
    let station = Usage { station: Some(2), ..usage(3, 100..=119) };
    assert_eq!(
        (told(&baseline, &station).0, &*told(&baseline, &station).1),
        (Aspect::Station, "1")
    );
    let none = Usage { station: None, ..usage(3, 100..=119) };
    assert_eq!(told(&baseline, &none).2, r#"{ function = 3, addresses = "100..119" }"#);
    let function = told(&baseline, &usage(5, 8..=8));
    let missing = "{ station = 1, function = 5, addresses = 8 }".to_owned();
    assert_eq!(function, (Aspect::Function, "3..4, 16".into(), missing));
    let address = told(&baseline, &Usage { values: Some(7..=7), ..usage(16, 300..=301) });
    let missing =
        r#"{ station = 1, function = 16, addresses = "300..301", values = 7 }"#.to_owned();
    assert_eq!(address, (Aspect::Address(300), "8..12, 40".into(), missing));
    let value = told(&baseline, &write(40, 6000));
    let missing = "{ station = 1, function = 16, addresses = 40, values = 6000 }".to_owned();
    assert_eq!(value, (Aspect::Value(6000), "0..5000".into(), missing));
}

#[test]
fn a_value_that_is_allowed_at_another_address_is_a_deviation_of_a_first_request() {
    let baseline = baseline(PUMPS);
    let missing = "{ station = 1, function = 16, addresses = 8, values = 4000 }".to_owned();
    assert_eq!(told(&baseline, &write(8, 4000)), (Aspect::Value(4000), "0..100".into(), missing));
}

#[test]
fn of_a_range_that_has_grown_only_the_ends_were_surely_asked_for() {
    let baseline = baseline(PUMPS);
    let grown = |addresses, values| Usage {
        news: News::Address,
        values: Some(values),
        ..usage(16, addresses)
    };
    assert_eq!(baseline.covers(&grown(8..=40, 0..=5000)), Ok(()), "in two requests");
    let first = Usage { news: News::First, ..grown(8..=40, 0..=0) };
    assert_eq!(told(&baseline, &first).0, Aspect::Address(13), "in one");
    let (aspect, _, missing) = told(&baseline, &grown(8..=41, 0..=5000));
    let expected = r#"{ station = 1, function = 16, addresses = 41, values = "0..5000" }"#;
    assert_eq!((aspect, &*missing), (Aspect::Address(41), expected));
    let (aspect, _, missing) = told(&baseline, &grown(7..=41, 0..=6000));
    let expected = r#"{ station = 1, function = 16, addresses = "7..41", values = "0..6000" }"#;
    assert_eq!((aspect, &*missing), (Aspect::Address(7), expected));
}

#[test]
fn what_a_key_does_not_name_is_not_judged() {
    let talk = "[[talk]]\nclient = \"::/0\"\nserver = \"0.0.0.0/0\"\nprotocol = \"modbus\"\n";
    let text = format!("{talk}allow = [{{ function = 3 }}]\n");
    let any = baseline(&text.replace("::/0", "0.0.0.0/0"));
    assert_eq!(any.covers(&usage(3, 0..=u32::MAX)), Ok(()));
    assert_eq!(any.covers(&Usage { station: None, addresses: None, ..usage(3, 0..=0) }), Ok(()));
    assert_eq!(any.nearest(&usage(3, 0..=0), Aspect::Address(0)).as_deref(), Some("any"));
    assert_eq!(told(&baseline(&text), &usage(3, 0..=0)).0, Aspect::Talk, "IPv6 is not IPv4");
    assert_eq!(told(&Baseline::default(), &usage(3, 0..=0)).1, "", "nothing is near");
}

#[test]
fn ranges_that_touch_are_one() {
    let ranges: Ranges =
        [10..=12, 0..=3, 13..=20, 2..=5, u32::MAX..=u32::MAX].into_iter().collect();
    assert_eq!(ranges.to_string(), "0..5, 10..20, 4294967295");
    assert_eq!(
        (ranges.gap(&(0..=5)), ranges.gap(&(4..=11)), ranges.gap(&(10..=21))),
        (None, Some(6), Some(21))
    );
    assert_eq!(
        (ranges.gap(&(7..=8)), ranges.contains(9), ranges.contains(10)),
        (Some(7), false, true)
    );
    assert_eq!(Ranges::ALL.gap(&(0..=u32::MAX)), None);
}

#[test]
fn the_mistakes_of_a_baseline_are_told_with_their_places() {
    let text = r#"
[[talks]]
[[talk]]
client = "10.1.2.3/16"
server = "192.0.2.10:modbus"
protocol = "modbuss"
vlan = 0
alow = []
[[talk]]
client = "plc7"
server = "[2001:db8::/129]:502"
protocol = 502
allow = [
  { station = 1, fucntion = 3 },
  { function = "8..=12", addresses = "12..8", values = [70000, "x"] },
  { function = [], addresses = true, station = "4294967296" },
]
"#;
    let rejected = parse_baseline("baseline.toml", text).unwrap_err();
    insta::assert_snapshot!(rejected.render(Color::Plain));
}
