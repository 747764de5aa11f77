//! Modbus where nobody said it would be.

use crate::record::{ChecksumTally, Detected, Note, Protocol, Tally, WireReport};

use super::*;

fn detected(server: &str, client: &str) -> Detected {
    Detected {
        at: at(0),
        vlan: Vlan { outer: 7, inner: 0 },
        protocol: Protocol::Modbus,
        client: client.parse().unwrap(),
        server: server.parse().unwrap(),
        n_pairs: 3,
        trust: Trust::FULL,
    }
}

fn see(pipeline: &mut Pipeline, detected: Detected) -> Vec<Event> {
    let mut report = WireReport::new(SourceId::from("eth1"), detected.at);
    report.note(Note::Detected(detected));
    pipeline.on_report(&report);
    drain(pipeline)
}

#[test]
fn a_server_that_was_found_is_told_once() {
    let mut pipeline = quiet();
    let found = detected("192.0.2.2:15020", "192.0.2.1:40112");
    let events = see(&mut pipeline, found);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    protocol.detected: 192.0.2.2:15020 serves Modbus/TCP, which no configuration says: 3 requests of 192.0.2.1:40112 were answered as only Modbus does; it is followed from now on; if it belongs there, add 15020 to `modbus_ports` of this [[capture]], else find out who set it up
      protocol = Text("modbus")
      client = Text("192.0.2.1:40112")
      server = Text("192.0.2.2:15020")
      pairs = Unsigned(3)
      trust = Text("full")
      vlan = Unsigned(7)
    "#);
    let again = Detected { client: "192.0.2.9:40000".parse().unwrap(), n_pairs: 5, ..found };
    assert_eq!(see(&mut pipeline, again), []);
    assert_eq!(pipeline.ledgers()["notes"].noted["detections_repeated"], 1);
    let other = Detected { protocol: Protocol::ModbusRtu, ..found };
    assert!(see(&mut pipeline, other)[0].text.contains("`rtu_ports`"));
}

#[test]
fn a_device_that_connects_to_its_master_is_told_once_from_whatever_port_it_comes() {
    let mut pipeline = quiet();
    let events = see(&mut pipeline, detected("192.0.2.2:51000", "192.0.2.1:502"));
    insta::assert_snapshot!(events[0].text, @"192.0.2.2 connects to 192.0.2.1:502 and serves Modbus/TCP there: 3 requests of 192.0.2.1:502 were answered as only Modbus does; it is followed from now on; find out whether the device is meant to connect to its master");
    for port in 51_001..51_100 {
        let again = detected(&format!("192.0.2.2:{port}"), "192.0.2.1:502");
        assert_eq!(see(&mut pipeline, again), []);
    }
}

#[test]
fn one_host_can_not_fill_the_log_and_many_can_not_fill_the_memory() {
    let mut pipeline = quiet();
    let mut seconds = 0;
    let mut told = |pipeline: &mut Pipeline, server: String| {
        seconds += 1; // the log has a budget, too
        pipeline.on_window_end(at(seconds));
        see(pipeline, Detected { at: at(seconds), ..detected(&server, "192.0.2.1:40112") }).len()
    };
    let of_one: usize =
        (1000..2000).map(|port| told(&mut pipeline, format!("192.0.2.2:{port}"))).sum();
    assert_eq!(of_one, 8);
    for n in 0..1000 {
        told(&mut pipeline, format!("10.0.{}.{}:1000", n / 250, n % 250));
    }
    assert_eq!(told(&mut pipeline, "192.0.2.2:1000".to_owned()), 1, "it was forgotten");
}

#[test]
fn damaged_frames_of_a_line_are_told_with_what_to_look_at() {
    let mut pipeline = quiet();
    let mut report = WireReport::new(SourceId::from("eth1"), at(0));
    let modbus_rtu = Tally { valid: 7, invalid: 1, ..Tally::default() };
    report.checksums = ChecksumTally { modbus_rtu, ..ChecksumTally::default() };
    report.note(Note::Corrupt(Corruption { checked: Checked::ModbusRtu, ..corruption(1, 2) }));
    pipeline.on_report(&report);
    pipeline.on_window_end(at(1));
    insta::assert_snapshot!(drain(&mut pipeline)[0].text, @"corrupt Modbus RTU frames from 192.0.2.1 to 192.0.2.2: 1; checksums that could be verified: 8 of 8; what carries them is not corrupt: look at termination, shield and baud rate of the serial line behind 192.0.2.1, and at its gateway");
}
