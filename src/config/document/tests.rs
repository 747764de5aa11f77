//! The commented reference against the code that reads it.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use crate::record::SourceId;

use super::super::build::Build;
use super::super::{Capture, Endpoint, Link, Processors, Serial, SerialTap};
use super::*;

const REFERENCE: &str = include_str!("../../../config/infra_monitor.toml");

/// The reference with its examples switched on: a `#` directly before text begins one.
fn with_examples() -> String {
    let uncommented = |line: &'static str| match line.strip_prefix('#') {
        Some(example) if !example.starts_with([' ', '#']) => example,
        Some(_) | None => line,
    };
    // Within an array a line of an example is indented.
    let indented = |line: &'static str| line.strip_prefix('#').filter(|l| l.starts_with("  {"));
    let lines = REFERENCE.lines().map(|line| indented(line).unwrap_or_else(|| uncommented(line)));
    lines.collect::<Vec<_>>().join("\n")
}

/// They show all there is, whatever this build leaves out.
fn examples() -> Config {
    let parsed = parse_for(Build::WHOLE, "infra_monitor.toml", with_examples().as_bytes());
    parsed.unwrap_or_else(|rejected| panic!("{rejected}"))
}

#[test]
fn the_reference_as_shipped_is_the_defaults() {
    assert_eq!(parse("infra_monitor.toml", REFERENCE), Ok(Config::default()));
}

#[test]
fn the_examples_of_the_reference_are_good() {
    let config = examples();
    let tags: Vec<_> = config
        .links
        .values()
        .flat_map(|link| &link.devices)
        .map(|device| (&*device.name, device.tags.len()))
        .collect();
    assert_eq!(tags, [("drive-3", 4), ("pump-1", 6), ("pump-2", 4)]);
}

#[test]
fn the_examples_of_the_reference_show_the_defaults() {
    let config = examples();
    let expected = Capture { cpus: Processors::Listed(vec![1]), ..Capture::new("eth1") };
    assert_eq!(config.captures[&SourceId::from("eth1")], Arc::new(expected));
    for link in config.links.values() {
        let expected = Link { devices: link.devices.clone(), ..Link::new(link.endpoint.clone()) };
        assert_eq!(**link, expected);
    }
    let serial = Serial::new("/dev/ttyS1").unwrap();
    let Serial { device, baud, parity, stop_bits, .. } = serial;
    let tap = SerialTap { device, baud, parity, stop_bits };
    assert_eq!(config.taps[&SourceId::from("line-b")], Arc::new(tap));
    let serial = Serial::new("/dev/ttyS0").unwrap();
    assert_eq!(config.links[&SourceId::from("line-a")].endpoint, Endpoint::Serial(serial));
}

#[test]
fn a_program_without_opcua_refuses_the_first_server_and_still_reads_them_all() {
    let server = |name: &str| {
        format!("\n[[opcua]]\nname = \"{name}\"\nendpoint = \"opc.tcp://192.0.2.10\"\ntags = []\n")
    };
    let text = [server("a"), server("b")].concat();
    let problems = |build| {
        let rejected = parse_for(build, "test.toml", text.as_bytes()).unwrap_err();
        rejected.problems().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let absent = "2:1: this build has no OPC UA (install the full package, rebuild with \
                  --features opcua, or remove every [[opcua]])";
    let present = problems(Build::WHOLE);
    assert_eq!(present.len(), 2, "{present:?}");
    assert!(present.iter().all(|problem| problem.contains("there is nothing to read")));
    assert_eq!(
        problems(Build { opcua: false, ..Build::WHOLE }),
        [&[absent.to_owned()][..], &present].concat()
    );
}

#[test]
fn a_program_without_tls_refuses_the_first_link_that_asks_for_it() {
    let link = |name: &str, tls: &str| {
        format!(
            "[[modbus]]\nname = \"{name}\"\ntcp = \"192.0.2.10\"\n{tls}\n\
             [[modbus.device]]\nname = \"d-{name}\"\nunit = 1\ntags = []\n"
        )
    };
    let secured = "tls = { ca = \"/ca.pem\", certificate = \"/me.pem\", key = \"/me.key\" }";
    let text = [link("a", ""), link("b", secured), link("c", secured)].concat();
    parse_for(Build::WHOLE, "test.toml", text.as_bytes()).unwrap();
    let without = Build { tls: false, ..Build::WHOLE };
    let rejected = parse_for(without, "test.toml", text.as_bytes()).unwrap_err();
    let problems: Vec<_> = rejected.problems().iter().map(ToString::to_string).collect();
    let absent = "12:7: `tls`: this build has no TLS (install the full package, rebuild with \
                  --features tls, or remove every `tls`)";
    assert_eq!(problems, [absent]);
}

#[test]
fn every_key_that_is_known_stands_in_the_reference() {
    let text = with_examples();
    let (tree, _) = DeTable::parse_recoverable(&text);
    let reader = Reader::default();
    read(&Section::root(&reader, &tree), Build::WHOLE);
    let known = reader.known();
    assert!(known.values().map(BTreeSet::len).sum::<usize>() > 40, "{known:?}");
    for (title, keys) in known {
        let scope = scope_of(title, &text);
        for key in keys {
            let assigned = [format!("{key} = "), format!("[{key}"), format!(".{key}]")];
            assert!(
                assigned.iter().any(|form| scope.contains(form.as_str())),
                "the reference says nothing of `{key}` in {title}"
            );
        }
    }
}

/// The lines of the reference that a section's keys can stand on.
fn scope_of(title: &str, text: &str) -> String {
    let header = title.trim_end_matches(']').trim_end_matches('…');
    let mut within = !title.starts_with('[');
    let mut lines = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') && title.starts_with('[') {
            within = line.starts_with(header);
        }
        if within {
            lines.push(line);
        }
    }
    lines.join("\n")
}

proptest! {
    #[test]
    fn no_mutilation_of_the_reference_makes_it_panic(
        from in 0..20_000_usize,
        n_bytes in 0..200_usize,
        insert in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = with_examples().into_bytes();
        let from = from % bytes.len();
        let to = (from + n_bytes).min(bytes.len());
        bytes.splice(from..to, insert);
        if let Err(rejected) = parse("infra_monitor.toml", &bytes) {
            prop_assert!(!rejected.problems().is_empty());
            let _ = rejected.to_string();
        }
    }
}
