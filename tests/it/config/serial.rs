//! Lines that are only listened to.

use std::path::Path;

use infra_monitor::config::{Change, Parity, Polled, StopBits, diff};

use super::refused::on_a_line;
use super::{accepted, assert_refused};

const TAP: &str = "[[serial]]\nname = \"b\"\ndevice = \"/dev/ttyS1\"\nmode = \"listen\"\n";

#[test]
fn a_line_has_the_settings_of_modbus_until_it_is_given_others() {
    let config = accepted(TAP);
    let tap = &config.taps[&"b".into()];
    assert_eq!((&*tap.device, tap.baud), (Path::new("/dev/ttyS1"), 19_200));
    let text = TAP.to_owned() + "baud = 9600\nparity = \"none\"\nstop = 2\n";
    let tap = &accepted(&text).taps[&"b".into()];
    assert_eq!((tap.baud, tap.parity, tap.stop_bits), (9600, Parity::None, StopBits::Two));
}

#[test]
fn nobody_takes_it_for_polling() {
    assert_refused(
        &TAP.replace("mode = \"listen\"\n", ""),
        &["1:1: [[serial]] has no `mode` (add mode = \"listen\")"],
    );
    assert_refused(
        &TAP.replace("listen", "poll"),
        &["4:8: `mode`: \"poll\" is not known here (expected one of `listen`)"],
    );
    assert_refused(
        &(TAP.to_owned() + "rs485 = true\n"),
        &["5:1: [[serial]] has no key `rs485` \
           (known are `baud`, `device`, `mode`, `name`, `parity`, `stop`)"],
    );
}

#[test]
fn a_line_is_polled_or_listened_to_and_not_both() {
    const HELP: &str = "(poll it or listen to it: two readers of one line take each other's bytes)";
    let polled = on_a_line("device = \"/dev/ttyS1\"", "1");
    for device in ["/dev/ttyS1", "/dev//ttyS1", "/dev/./ttyS1"] {
        assert_refused(
            &(polled.clone() + &TAP.replace("/dev/ttyS1", device)),
            &[&format!("10:10: `device`: another link uses \"/dev/ttyS1\" {HELP}")],
        );
    }
    let other = TAP.replace("\"b\"", "\"c\"");
    assert_refused(
        &(TAP.to_owned() + &other),
        &[&format!("7:10: `device`: another link uses \"/dev/ttyS1\" {HELP}")],
    );
}

#[test]
fn its_name_is_that_of_no_other_source() {
    let polled = on_a_line("device = \"/dev/ttyS0\"", "1");
    assert_refused(
        &(polled + &TAP.replace("\"b\"", "\"a\"")),
        &["9:8: `name`: another source is called \"a\" \
           (give each one of its own, or merge the two)"],
    );
}

#[test]
fn a_reload_restarts_only_a_line_that_changed() {
    let before = accepted(TAP).polled();
    let other = TAP.replace("\"b\"", "\"c\"").replace("ttyS1", "ttyS2");
    let after = accepted(&(TAP.to_owned() + &other)).polled();
    let changes = diff(&before, &after);
    assert!(matches!(changes[..], [Change::Start(_, Polled::Tap(_))]), "{changes:?}");
    assert_eq!(after[&"b".into()].endpoint(), "/dev/ttyS1");
    let faster = accepted(&(TAP.to_owned() + "baud = 38400\n")).polled();
    let changes = diff(&before, &faster);
    assert!(matches!(changes[..], [Change::Restart(_, Polled::Tap(_))]), "{changes:?}");
}
