//! Configuration files, good and bad, as an operator would write them.

use std::net::SocketAddr;
use std::time::Duration;

use infra_monitor::config::{Color, Config, Endpoint, Rejected, Samples, parse};
use infra_monitor::record::SourceId;
use infra_monitor::tag::Type;
use proptest::prelude::*;

fn accepted(text: &str) -> Config {
    parse("test.toml", text).unwrap_or_else(|rejected| panic!("{rejected}"))
}

fn rejected(text: &str) -> Rejected {
    parse("test.toml", text).expect_err("this file has a mistake")
}

/// Assert that `text` has exactly these problems, each as `line:column: message (help)`.
fn assert_refused(text: &str, problems: &[&str]) {
    let rejected = rejected(text);
    let found: Vec<_> = rejected.problems().iter().map(ToString::to_string).collect();
    assert_eq!(found, problems, "\n{rejected}");
}

/// A link with one device, and `device` as more lines of the device. They begin on line 7.
fn with_device(device: &str) -> String {
    let link = "[[modbus]]\nname = \"a\"\ntcp = \"192.0.2.10\"\n[[modbus.device]]\nname = \"d\"\n";
    format!("{link}unit = 1\n{device}")
}

/// The same with one tag, whose line is `tag`, number 8.
fn with_tag(tag: &str) -> String {
    with_device(&format!("tags = [\n{{ {tag} }}\n]\n"))
}

const SITE: &str = r#"
site = "pump-station-7"

[[capture]]
interface = "eth1"
cpu = 1

[[modbus]]                                   # one link: a TCP connection or a serial line
name = "line-a"
serial = { device = "/dev/ttyS0", baud = 19200, parity = "even" }    # or: tcp = "192.0.2.10:502"

[[modbus.device]]
name = "pump-1"
unit = 1
every = "1s"
template = "acme-pump"

[template.acme-pump]
tags = [
  { name = "pressure", at = "%MW100", type = "REAL", unit = "bar", limits = { low = 2.0, high = 9.5 }, deadband = 0.05 },
  { name = "running",  at = "%QX0.3", type = "BOOL" },
]
"#;

#[test]
fn a_small_site_is_read_as_it_was_meant() {
    let config = accepted(SITE);
    assert_eq!(config.site.as_deref(), Some("pump-station-7"));
    assert_eq!(config.log.samples, Samples::Changes);
    assert_eq!(config.captures[&SourceId::from("eth1")].cpu, Some(1));
    let link = &config.links[&SourceId::from("line-a")];
    assert_eq!(link.endpoint.to_string(), "rtu:///dev/ttyS0?baud=19200&parity=even&stop=1");
    let [pump] = &link.devices[..] else { panic!("{:?}", link.devices) };
    assert_eq!((&*pump.name, pump.unit, pump.every), ("pump-1", 1, Duration::from_secs(1)));
    let [pressure, running] = &pump.tags[..] else { panic!("{:?}", pump.tags) };
    assert_eq!((pressure.address.to_string().as_str(), pressure.kind), ("holding:100", Type::Real));
    assert_eq!((pressure.limits.low, pressure.limits.high), (Some(2.0), Some(9.5)));
    assert_eq!(
        (pressure.unit.as_deref(), pressure.deadband.to_string()),
        (Some("bar"), "0.05".to_owned())
    );
    assert_eq!((running.address.to_string().as_str(), running.kind), ("coil:3", Type::Bool));
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(accepted(""), Config::default());
}

#[test]
fn five_mistakes_are_five_problems_with_line_and_column() {
    let text = r#"
[[capture]]
interfce = "eth1"

[[modbus]]
name = "line-a"
tcp = "plc7:502"
timeout = 500

[[modbus.device]]
name = "pump-1"
unit = 248
template = "acme-pmp"

[template.acme-pump]
tags = [{ name = "pressure", at = "%MW100", type = "REAL" }]
"#;
    insta::assert_snapshot!(rejected(text).render(Color::Plain), @"");
}

#[test]
fn colour_adds_only_escape_sequences() {
    let rejected = rejected("sitte = \"a\"\n");
    let colored = rejected.render(Color::Ansi);
    assert!(colored.contains("\u{1b}["));
    let mut plain = String::new();
    for (n, part) in colored.split('\u{1b}').enumerate() {
        plain += if n == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    assert_eq!(plain, rejected.render(Color::Plain));
}

#[test]
fn a_key_that_is_not_known_is_refused_with_the_nearest() {
    assert_refused("sitte = \"a\"\n", &["1:1: the file has no key `sitte` (did you mean `site`?)"]);
    assert_refused(
        "[sandbox]\nlandlock = true\n",
        &["2:1: [sandbox] has no key `landlock` (known are `seccomp`)"],
    );
    let site = SITE.replace("]\n\"\"\"", "") + "checksum = { algorithm = \"crc16-modbus\" }\n";
    assert_refused(&site, &["22:1: [template.…] has no key `checksum` (known are `tags`)"]);
}

#[test]
fn syntax_errors_are_reported_beside_the_others() {
    assert_refused(
        "site = pump\n[log]\nlevel = trace\nrate =\nburst = 0\nburst = 5\n",
        &[
            "1:8: text must stand in double quotes (write \"pump\")",
            "3:9: text must stand in double quotes (write \"trace\")",
            "4:7: a value is missing (write key = value, or remove the line)",
            "5:9: `burst`: 0 is out of range (expected a whole number from 1 to 1000000)",
            "6:1: this was set before (a key stands once in a table: remove one of them)",
        ],
    );
}

#[test]
fn what_follows_an_unclosed_bracket_is_not_guessed_at() {
    let [problem] = &rejected("[log\nlevel = \"info\"\n").problems()[..] else { panic!() };
    assert_eq!((problem.line, problem.column), (1, 5));
    let [problem] =
        &rejected("[log]\nrate = 1\n[runtime]\ncpus = [1,\nwindow = \"1s\"\n").problems()[..]
    else {
        panic!()
    };
    assert_eq!(problem.line, 5);
}

#[test]
fn a_value_without_its_unit_is_refused() {
    assert_refused(
        "[runtime]\nwindow = 1\nshutdown_grace = \"5\"\n",
        &[
            "2:10: `window`: found a whole number (expected a time from 100ms to 1h, such as \"500ms\")",
            "3:18: `shutdown_grace`: \"5\" is not a time: time unit needed, for example 5sec or 5ms (expected a time from 100ms to 1m, such as \"500ms\")",
        ],
    );
}
