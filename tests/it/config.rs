//! Configuration files, good and bad, as an operator would write them.

mod checksum;
mod link;
#[cfg(feature = "opcua")]
mod opcua;
mod refused;
mod refused_tags;
mod rings;
mod serial;

use std::time::Duration;

use infra_monitor::config::{Color, Config, Rejected, Samples, parse};
use infra_monitor::record::SourceId;
use infra_monitor::tag::{Tag, Type};
use proptest::prelude::*;

fn accepted(text: &str) -> Config {
    parse("test.toml", text).unwrap_or_else(|rejected| panic!("{rejected}"))
}

fn rejected(text: impl AsRef<[u8]>) -> Rejected {
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
    assert_eq!(config.captures[&SourceId::from("eth1")].cpu_of(0), Some(1));
    let link = &config.links[&SourceId::from("line-a")];
    assert_eq!(link.endpoint.to_string(), "rtu:///dev/ttyS0?baud=19200&parity=even&stop=1");
    let [pump] = &link.devices[..] else { panic!("{:?}", link.devices) };
    assert_eq!((&*pump.name, pump.unit, pump.every), ("pump-1", 1, Duration::from_secs(1)));
    let [pressure, running] = &pump.tags[..] else { panic!("{:?}", pump.tags) };
    let at = |tag: &Tag| tag.registers().map(|at| (at.address.to_string(), at.kind)).unwrap();
    assert_eq!(at(pressure), ("holding:100".to_owned(), Type::Real));
    assert_eq!((pressure.limits.low, pressure.limits.high), (Some(2.0), Some(9.5)));
    assert_eq!(
        (pressure.unit.as_deref(), pressure.deadband.to_string()),
        (Some("bar"), "0.05".to_owned())
    );
    assert_eq!(at(running), ("coil:3".to_owned(), Type::Bool));
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
    insta::assert_snapshot!(rejected(text).render(Color::Plain), @r#"
    error: [[capture]] has no key `interfce`
     --> test.toml:3:1
      |
    3 | interfce = "eth1"
      | ^^^^^^^^
      |
      = help: did you mean `interface`?

    error: `tcp`: `plc7:502` is not an IP address with or without a port
     --> test.toml:7:7
      |
    7 | tcp = "plc7:502"
      |       ^^^^^^^^^^
      |
      = help: write an IP address such as "192.0.2.10:502"; host names are not looked up, because a resolver that does not answer would stall polling

    error: `timeout`: 500 has no unit
     --> test.toml:8:11
      |
    8 | timeout = 500
      |           ^^^
      |
      = help: expected a time from 10ms to 1m, such as "500ms"

    error: `unit`: 248 is reserved
      --> test.toml:12:8
       |
    12 | unit = 248
       |        ^^^
       |
       = help: expected a unit from 0 to 247, or 255 for the device itself

    error: `template`: no template is called "acme-pmp"
      --> test.toml:13:12
       |
    13 | template = "acme-pmp"
       |            ^^^^^^^^^^
       |
       = help: did you mean "acme-pump"?

    test.toml: 5 problems
    "#);
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
        &["2:1: [sandbox] has no key `landlock` (known are `missing`, `seccomp`)"],
    );
    let site = SITE.to_owned() + "setpoints = { high = 9 }\n";
    assert_refused(
        &site,
        &["23:1: [template.…] has no key `setpoints` (known are `checksum`, `tags`)"],
    );
}

#[test]
fn nothing_in_a_file_can_steer_the_terminal() {
    let text = "\"\\u001b[2J\" = 1\nsite = \"\\u001b[31m\"\n[log]\nlevel = \"\\u001b\"\n"
        .to_owned()
        + &with_tag("name = \"t\", at = \"\\u001b\", type = \"\\u001b\", order = \"\\u001b\"")
        + "# \u{1b}[2J\nx = \u{1b}\n";
    let rejected = rejected(&text);
    assert!(rejected.problems().len() >= 7, "{rejected}");
    assert!(!rejected.to_string().contains('\u{1b}'), "{rejected}");
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
    for (text, place) in [
        ("[log\nlevel = \"info\"\nburst = 0\n", (1, 5)),
        ("[log]\nrate = 1\n[runtime]\ncpus = [1,\nwindow = \"1s\"\n", (5, 8)),
    ] {
        let rejected = rejected(text);
        let places: Vec<_> =
            rejected.problems().iter().map(|problem| (problem.line, problem.column)).collect();
        assert_eq!(places, [place], "{rejected}");
    }
}

#[test]
fn a_template_is_shared_and_a_tag_of_the_device_takes_the_place_of_its_namesake() {
    let text = with_device(
        r#"template = "t"
tags = [{ name = "b", at = "%MW9", type = "INT" }, { name = "c", at = "coil:3" }]
[template.t]
tags = [{ name = "a", at = "%MW1", type = "INT" }, { name = "b", at = "%MW2", type = "INT" }]
"#,
    );
    assert_eq!(places(&accepted(&text)), ["a holding:1", "b holding:9", "c coil:3"]);
}

#[test]
fn the_addressing_of_a_device_holds_for_its_template_too() {
    let text = with_device(
        r#"addressing = "openplc"
template = "t"
[template.t]
tags = [{ name = "a", at = "%MW1", type = "INT" }, { name = "b", at = "%MD2", type = "DINT" }]
"#,
    );
    assert_eq!(places(&accepted(&text)), ["a holding:1025", "b holding:2052"]);
    assert_refused(
        &text.replace("%MW1", "%MW1024"),
        &["10:28: `at`: `%MW1024`: OpenPLC serves entries 0 to 1023 of each kind \
           (expected an address such as %MW100, holding:100 or 40101)"],
    );
}

/// Name and address of each tag of the only device.
fn places(config: &Config) -> Vec<String> {
    let devices = config.links.values().flat_map(|link| &link.devices);
    let tags = devices.flat_map(|device| &device.tags);
    tags.map(|tag| format!("{} {}", tag.name, tag.registers().unwrap().address)).collect()
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\PC|\n|[\\[\\]={}\",#.]){0,200}") {
        if let Err(rejected) = parse("test.toml", &text) {
            let _ = (rejected.render(Color::Plain), rejected.render(Color::Ansi));
        }
    }

    #[test]
    fn no_mutilation_of_a_good_file_makes_it_panic(
        from in 0..SITE.len(),
        n_bytes in 0..40_usize,
        insert in "(\\PC|\n|[\\[\\]={}\",#.]){0,8}",
    ) {
        let to = (from + n_bytes).min(SITE.len());
        let text = [&SITE[..from], insert.as_str(), &SITE[to..]].concat();
        if let Err(rejected) = parse("test.toml", &text) {
            prop_assert!(!rejected.problems().is_empty());
            for problem in rejected.problems() {
                prop_assert!(problem.line >= 1 && problem.line <= text.lines().count() + 1);
            }
            let _ = rejected.render(Color::Plain);
        }
    }
}
