//! `[[opcua]]`: what is read, and every way to get it wrong.

use std::time::Duration;

use infra_monitor::config::{Certificates, Security, User};
use infra_monitor::record::SourceId;
use infra_monitor::tag::Place;

use super::{accepted, assert_refused};

/// A server with these lines. They begin on line 3; its tags stand on the last.
fn with(lines: &str) -> String {
    format!("[[opcua]]\nname = \"s\"\n{lines}tags = [{{ name = \"t\", node = \"ns=2;s=T\" }}]\n")
}

const ENDPOINT: &str = "endpoint = \"opc.tcp://192.0.2.10\"\n";

#[test]
fn a_server_is_read_as_it_was_meant() {
    let files = "certificate = \"/e/own.der\"\nkey = \"/e/own.pem\"\npki = \"/v/pki\"\n";
    let text = with(&format!(
        "endpoint = \"opc.tcp://[2001:db8::1]:4841/UA/Server\"\nsecurity = \"basic256sha256\"\n{files}\
         user = \"monitor\"\npassword_file = \"/e/password\"\nevery = \"250ms\"\n"
    ));
    let server = &accepted(&text).servers[&SourceId::from("s")];
    assert_eq!(&*server.url, "opc.tcp://[2001:db8::1]:4841/UA/Server");
    assert_eq!(server.address.to_string(), "[2001:db8::1]:4841");
    assert_eq!(server.every, Duration::from_millis(250));
    let certificates = Certificates {
        certificate: "/e/own.der".into(),
        key: "/e/own.pem".into(),
        pki: "/v/pki".into(),
        application_uri: "urn:infra_monitor".into(),
    };
    assert_eq!(server.security, Security::Basic256Sha256(certificates));
    let user = User { name: "monitor".into(), password_file: "/e/password".into() };
    assert_eq!(server.user, Some(user));
    let Place::Node(node) = &server.tags[0].place else { panic!("{:?}", server.tags) };
    assert_eq!(node.to_string(), "ns=2;s=T");
}

#[test]
fn what_is_not_said_is_the_default() {
    let server = &accepted(&with(ENDPOINT)).servers[&SourceId::from("s")];
    assert_eq!(&*server.url, "opc.tcp://192.0.2.10:4840");
    assert_eq!((&server.security, &server.user), (&Security::None, &None));
    assert_eq!(server.every, Duration::from_secs(1));
}

#[test]
fn an_endpoint_is_an_address() {
    const HELP: &str = "write an IP address, as in \"opc.tcp://192.0.2.10:4840\"; host names are \
                        not looked up, because a resolver that does not answer would stall reading";
    for (endpoint, message) in [
        ("opc.tcp://plc-7:4840", "is not an IP address with or without a port"),
        ("192.0.2.10:4840", "does not begin with opc.tcp://"),
        ("https://192.0.2.10", "does not begin with opc.tcp://"),
        ("opc.tcp://192.0.2.10:0", "has port 0, which cannot be connected to"),
        ("opc.tcp://192.0.2.10/a b", "has a blank in its path"),
    ] {
        let problem = format!("3:12: `endpoint`: `{endpoint}` {message} ({HELP})");
        assert_refused(&with(&format!("endpoint = \"{endpoint}\"\n")), &[&problem]);
    }
}

#[test]
fn files_belong_to_the_protection_that_uses_them() {
    assert_refused(
        &with(&format!("{ENDPOINT}key = \"/e/own.pem\"\n")),
        &["4:7: `key`: the channel is not protected, so that nothing uses it \
           (remove it, or set security = \"basic256sha256\")"],
    );
    assert_refused(
        &with(&format!("{ENDPOINT}security = \"basic256sha256\"\nkey = \"own.pem\"\n")),
        &[
            "1:1: [[opcua]] has no `certificate` (add certificate = \"/etc/infra_monitor/own.der\")",
            "1:1: [[opcua]] has no `pki` (add pki = \"/var/lib/infra_monitor/pki\")",
            "5:7: `key`: `own.pem` is not an absolute path \
             (expected a path such as \"/etc/infra_monitor/own.pem\")",
        ],
    );
    assert_refused(
        &with(&format!("{ENDPOINT}user = \"monitor\"\n")),
        &["1:1: [[opcua]] has no `password_file` (add password_file = \
           \"/etc/infra_monitor/scada-1.password\", which holds it and nothing else)"],
    );
}

#[test]
fn a_tag_is_a_node_and_nothing_of_modbus() {
    let text = |tags: &str| format!("[[opcua]]\nname = \"s\"\n{ENDPOINT}tags = [{tags}]\n");
    assert_refused(
        &text("{ name = \"t\", node = \"Pump\" }"),
        &["4:30: `node`: `Pump` is not a node id (write ns=2;s=Pump.Pressure or ns=3;i=1001)"],
    );
    assert_refused(
        &text("{ name = \"t\", node = \"i=1\", at = \"%MW1\" }"),
        &["4:37: tags = [{ node = … }] has no key `at` (known are `deadband`, `expect_change`, \
           `limits`, `name`, `node`, `offset`, `scale`, `unit`)"],
    );
    assert_refused(
        &text(""),
        &["4:8: `tags`: there is nothing to read \
           (write tags = [{ name = \"pressure\", node = \"ns=2;s=Pump.Pressure\" }])"],
    );
}

#[test]
fn a_server_shares_its_name_with_no_other_source() {
    let twice = with(ENDPOINT) + "[[capture]]\ninterface = \"s\"\n";
    let found = super::rejected(&twice).to_string();
    assert!(found.contains("another source is called \"s\""), "{found}");
}

#[test]
fn a_node_can_be_expected_to_change_as_fast_as_it_is_told_of() {
    let text = |every: &str| {
        let tag = "{ name = \"beat\", node = \"i=1\", expect_change = \"10s\" }";
        format!("[[opcua]]\nname = \"s\"\n{ENDPOINT}every = \"{every}\"\ntags = [{tag}]\n")
    };
    let server = &accepted(&text("5s")).servers[&SourceId::from("s")];
    assert_eq!(server.tags[0].expect_change, Some(Duration::from_secs(10)));
    assert_refused(
        &text("6s"),
        &["4:9: `every`: once in 6s is too seldom to see tag \"beat\" change within 10s \
           (read it every 5s or more often, or raise its `expect_change`)"],
    );
}
