//! How a link is reached and what it is spared.

use std::time::Duration;

#[cfg(feature = "tls")]
use infra_monitor::config::Endpoint;

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

/// A link with these `tls` settings, on line 4.
#[cfg(feature = "tls")]
fn secured(settings: &str) -> String {
    let link = format!("tcp = \"192.0.2.10\"\ntls = {{ {settings} }}");
    with_device("tags = []\n").replace("tcp = \"192.0.2.10\"", &link)
}

#[cfg(feature = "tls")]
#[test]
fn a_secured_link_has_a_port_and_a_name_of_its_own() {
    let text = secured("ca = \"/ca.pem\", certificate = \"/me.pem\", key = \"/me.key\"");
    let link = accepted(&text).links.into_values().next().unwrap();
    assert_eq!(link.endpoint.to_string(), "tls://192.0.2.10:802");
    let Endpoint::Tls(tls) = &link.endpoint else { panic!("{:?}", link.endpoint) };
    assert_eq!(tls.server_name.to_str(), "192.0.2.10");
}

#[cfg(feature = "tls")]
#[test]
fn a_secured_link_needs_all_of_its_files() {
    assert_refused(
        &secured("ca = \"ca.pem\", key = \"/me.key\", server_name = \"plc 7\""),
        &[
            "4:7: tls = { … } has no `certificate` \
             (add certificate = \"/etc/infra_monitor/monitor.pem\")",
            "4:14: `ca`: \"ca.pem\" is not an absolute path \
             (write one such as \"/etc/infra_monitor/ca.pem\")",
            "4:55: `server_name`: \"plc 7\" is neither a host name nor an IP address \
             (write the name that the device's certificate has)",
        ],
    );
    let text = on_a_line(
        "device = \"/d\" }\ntls = { ca = \"/a\", certificate = \"/b\", key = \"/c\"",
        "1",
    );
    assert_refused(
        &text,
        &["4:7: `tls`: a serial line has no TLS (remove it: it belongs to `tcp`)"],
    );
}

#[test]
fn several_connections_lead_to_a_gateway_and_to_no_line() {
    const ONE_MASTER: &str = "`max_connections`: a serial line has one master, and behind a \
        converter too (remove it: it needs Modbus/TCP)";
    let tcp = |more: &str| {
        let link = format!("tcp = \"192.0.2.10\"\n{more}");
        with_device("tags = []\n").replace("tcp = \"192.0.2.10\"", &link)
    };
    let link = accepted(&tcp("max_connections = 8")).links.into_values().next().unwrap();
    assert_eq!(link.max_connections, 8);
    assert_refused(
        &tcp("max_connections = 9"),
        &["4:19: `max_connections`: 9 is out of range (expected a whole number from 1 to 8)"],
    );
    assert_refused(
        &tcp("max_connections = 2\nframing = \"rtu\""),
        &[&format!("4:19: {ONE_MASTER}")],
    );
    assert_refused(
        &on_a_line("device = \"/d\" }\nmax_connections = 2\n#{", "1"),
        &[&format!("4:19: {ONE_MASTER}")],
    );
}
