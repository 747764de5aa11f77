//! Messages, corruption and jumps of telecontrol protocols, as an operator reads them.

use crate::record::{Jump, Message, Note, Operation, Protocol, Role, Spoken, Tally, WireReport};

use super::*;

fn report() -> WireReport {
    WireReport::new(SourceId::from("eth1"), at(0))
}

fn jump(from: u8) -> Jump {
    Jump {
        at: at(0),
        vlan: Vlan::default(),
        protocol: Protocol::Iec104,
        source: SocketAddr::new(host(from), 2404),
        destination: SocketAddr::new(host(5), 40112),
        due: 12,
        found: 14,
        trust: Trust::FULL,
    }
}

fn with_jumps(jumps: impl IntoIterator<Item = Jump>) -> WireReport {
    let mut report = report();
    for jump in jumps {
        report.messages.of(jump.protocol).jumps += 1;
        report.note(Note::Jump(jump));
    }
    report
}

#[test]
fn numbers_that_jump_are_told_once_and_then_every_five_minutes_with_the_count() {
    let mut pipeline = quiet();
    pipeline.on_report(&with_jumps([jump(10), jump(10), jump(10)]));
    assert_eq!(kinds(&mut pipeline), [], "not before the window ends");
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    protocol.sequence: 192.0.2.10:2404 to 192.0.2.5:40112: the numbers of IEC 60870-5-104 frames jump: 3, first to 14 where 12 was due, though no byte between was missed; somebody forges frames in this connection, or the sender loses or repeats them: compare its own log
      protocol = Text("iec104")
      source_host = Text("192.0.2.10")
      source_port = Unsigned(2404)
      destination_host = Text("192.0.2.5")
      destination_port = Unsigned(40112)
      due = Unsigned(12)
      found = Unsigned(14)
      jumps = Unsigned(3)
      trust = Text("full")
    "#);
    for second in 2..300 {
        let reconnected = SocketAddr::new(host(5), 40112 + second);
        pipeline.on_report(&with_jumps([Jump { destination: reconnected, ..jump(10) }]));
        pipeline.on_window_end(at(second.into()));
        assert_eq!(kinds(&mut pipeline), [], "at {second} s");
    }
    pipeline.on_window_end(at(302));
    let events = drain(&mut pipeline);
    let jumps = events.iter().map(|event| field(event, "jumps"));
    assert_eq!(jumps.collect::<Vec<_>>(), [Some(&Scalar::from(298_u64))]);
    pipeline.on_window_end(at(900));
    assert_eq!(kinds(&mut pipeline), [], "nothing new");
}

#[test]
fn what_is_told_of_jumps_adds_up_however_many_stations_there_are() {
    let mut pipeline = quiet();
    pipeline.on_report(&with_jumps((0..200).map(jump)));
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    let told = events.iter().map(|event| match field(event, "jumps") {
        Some(Scalar::Unsigned(jumps)) => *jumps,
        other => panic!("{other:?}"),
    });
    assert_eq!((events.len(), told.sum::<u64>()), (17, 200));
    // What was told makes room.
    pipeline.on_report(&with_jumps([jump(250)]));
    pipeline.on_window_end(at(2));
    assert!(drain(&mut pipeline)[0].text.starts_with("192.0.2.250:2404 to 192.0.2.5:40112"));
}

#[test]
fn a_corrupt_frame_of_dnp3_points_behind_its_sender() {
    let mut pipeline = quiet();
    let mut report = report();
    report.checksums.dnp3 = Tally { valid: 9, invalid: 1, ..Tally::default() };
    report.note(Note::Corrupt(Corruption { checked: Checked::Dnp3, ..corruption(1, 2) }));
    pipeline.on_report(&report);
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    insta::assert_snapshot!(events[0].text, @"corrupt DNP3 frames from 192.0.2.1 to 192.0.2.2: 1; checksums that could be verified: 10 of 10; what carries them is not corrupt: look at termination, shield and baud rate of the serial line behind 192.0.2.1, and at its gateway");
    assert_eq!(field(&events[0], "layer"), Some(&Scalar::from("dnp3")));
}

#[test]
fn functions_and_refusals_are_told_in_the_words_of_their_protocol() {
    let spoken = |protocol, code: u16, station, error: Option<u16>| Spoken {
        at: at(0),
        vlan: Vlan::default(),
        protocol,
        client: SocketAddr::new(host(5), 40112),
        server: SocketAddr::new(host(10), 7),
        message: Message {
            role: if error.is_none() { Role::Request } else { Role::Response },
            operation: Operation::Command,
            code,
            station,
            error,
        },
        trust: Trust::FULL,
    };
    let mut pipeline = quiet();
    let mut report = report();
    for spoken in [
        spoken(Protocol::Dnp3, 13, Some(5), None),
        spoken(Protocol::Dnp3, 4, Some(5), Some(0x102)),
        spoken(Protocol::Iec104, 45, Some(3), None),
        spoken(Protocol::Iec104, 45, Some(3), Some(47)),
        spoken(Protocol::Bacnet, 20, None, None),
        spoken(Protocol::Bacnet, 15, Some(0x0d3d), Some(40)),
        spoken(Protocol::Bacnet, 0x406, Some(13 << 8), Some(67)),
    ] {
        report.note(Note::Message(spoken));
    }
    pipeline.on_report(&report);
    let texts: Vec<_> = drain(&mut pipeline).into_iter().map(|event| event.text).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    192.0.2.5:40112 to 192.0.2.10:7 station 5: DNP3 cold restart
    192.0.2.10:7 station 5 to 192.0.2.5:40112: DNP3 operate refused: no select before the operate
    192.0.2.5:40112 to 192.0.2.10:7 station 3: IEC 60870-5-104 single command
    192.0.2.10:7 station 3 to 192.0.2.5:40112: IEC 60870-5-104 single command refused: information object address unknown
    192.0.2.5:40112 to 192.0.2.10:7: BACnet reinitialize device
    192.0.2.10:7 network 13 host 61 to 192.0.2.5:40112: BACnet write property refused: write access denied
    192.0.2.10:7 network 13 to 192.0.2.5:40112: BACnet request refused: rejected: unrecognized service
    ");
}
