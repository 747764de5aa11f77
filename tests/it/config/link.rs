//! How a link is reached and what it is spared.

use std::time::Duration;

use super::refused::on_a_line;
use super::{accepted, assert_refused, with_device};

#[test]
fn framing_is_chosen_for_tcp_alone() {
    let tcp = |framing: &str| {
        let endpoint = format!("tcp = \"192.0.2.10:4001\"\nframing = \"{framing}\"");
        with_device("tags = []\n").replace("tcp = \"192.0.2.10\"", &endpoint)
    };
    let link = accepted(&tcp("rtu")).links.into_values().next().unwrap();
    assert_eq!(link.endpoint.to_string(), "rtu+tcp://192.0.2.10:4001");
    assert_refused(
        &tcp("ascii"),
        &["4:11: `framing`: \"ascii\" is not known here (expected one of `tcp`, `rtu`)"],
    );
    assert_refused(
        &on_a_line("device = \"/d\" }\nframing = \"rtu\"\n#{", "1"),
        &["4:11: `framing`: a serial line always carries RTU frames \
           (remove it: it belongs to `tcp`)"],
    );
}

#[test]
fn weak_devices_are_spared() {
    let spared = "tcp = \"192.0.2.10\"\npause = \"20ms\"\nmax_registers = 32";
    let text = with_device("tags = []\n").replace("tcp = \"192.0.2.10\"", spared);
    let of_device = text.replace("unit = 1", "unit = 1\nmax_registers = 8");
    for (text, max_registers) in [(text, 32), (of_device, 8)] {
        let link = accepted(&text).links.into_values().next().unwrap();
        assert_eq!(link.pause, Duration::from_millis(20));
        assert_eq!(link.devices[0].max_registers, max_registers);
    }
    assert_refused(
        &with_device("max_registers = 126\ntags = []\n"),
        &["7:17: `max_registers`: 126 is out of range (expected a whole number from 1 to 125)"],
    );
}

#[test]
fn requests_go_out_together_only_where_replies_are_numbered() {
    const NUMBERED: &str = "`max_in_flight`: only transaction identifiers tell replies apart that \
        are due together (remove it: it needs Modbus/TCP and transaction_id = \"strict\")";
    let tcp = |more: &str| {
        let link = format!("tcp = \"192.0.2.10\"\n{more}");
        with_device("tags = []\n").replace("tcp = \"192.0.2.10\"", &link)
    };
    accepted(&tcp("max_in_flight = 16"));
    for more in ["framing = \"rtu\"", "transaction_id = \"lenient\""] {
        let text = tcp(&format!("max_in_flight = 2\n{more}"));
        assert_refused(&text, &[&format!("4:17: {NUMBERED}")]);
    }
}
