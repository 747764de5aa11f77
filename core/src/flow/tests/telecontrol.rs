//! DNP3, IEC 60870-5-104 and BACnet/IP: what their conversations count, note and remember.

use crate::flow::usage::Usages;
use crate::record::{Checked, Corruption, Jump, MessageTally, Protocol, Spoken, Tally};
use crate::wire::checksum::crc16_dnp;
use crate::wire::message::Operation;

use super::*;

fn wire(server_port: u16) -> Wire {
    let mut wire = Wire::new();
    wire.server_port = server_port;
    wire
}

fn told(report: &WireReport) -> Vec<Spoken> {
    let message = |note: &Note| if let Note::Message(spoken) = note { Some(*spoken) } else { None };
    report.notes.iter().filter_map(message).collect()
}

fn corrupt(report: &WireReport) -> Vec<Corruption> {
    let corruption =
        |note: &Note| if let Note::Corrupt(corruption) = note { Some(*corruption) } else { None };
    report.notes.iter().filter_map(corruption).collect()
}

fn jumps(wire: &Wire) -> Vec<(u32, u32)> {
    let jump = |note: &Note| {
        if let Note::Jump(Jump { due, found, .. }) = note { Some((*due, *found)) } else { None }
    };
    wire.report.notes.iter().filter_map(jump).collect()
}

/// A frame between master 100 and outstation 5, with one fragment.
fn dnp3(control: u8, destination: u16, source: u16, fragment: &[u8]) -> Vec<u8> {
    let body = [&[0xc0], fragment].concat();
    let mut bytes = vec![0x05, 0x64, u8::try_from(body.len() + 5).unwrap(), control];
    bytes.extend(destination.to_le_bytes().into_iter().chain(source.to_le_bytes()));
    bytes.extend(crc16_dnp(&bytes).to_le_bytes());
    for block in body.chunks(16) {
        bytes.extend(block);
        bytes.extend(crc16_dnp(block).to_le_bytes());
    }
    bytes
}

fn ask(sequence: u8, function: u8) -> Vec<u8> {
    dnp3(0xc4, 5, 100, &[0xc0 | sequence, function, 60, 1, 6])
}

/// With these error bits.
fn answer(sequence: u8, errors: u8) -> Vec<u8> {
    dnp3(0x44, 100, 5, &[0xc0 | sequence, 129, 0, errors])
}

fn dnp3_tally(report: &mut WireReport) -> MessageTally {
    *report.messages.of(Protocol::Dnp3)
}

#[test]
fn a_frame_with_a_bad_crc_is_told_of_and_not_read_and_the_next_one_is() {
    let mut wire = wire(20_000);
    let mut damaged = ask(1, 5);
    damaged[11] ^= 0x10; // in the first block, behind the header's CRC
    wire.send(CLIENT, &[damaged, ask(2, 1)].concat());
    wire.send(SERVER, &answer(2, 0));
    let tally = dnp3_tally(&mut wire.report);
    assert_eq!((tally.requests, tally.reads, tally.commands, tally.responses), (1, 1, 0, 1));
    assert_eq!(tally.unread, 0);
    let verdicts = Tally { valid: 2, invalid: 1, ..Tally::default() };
    assert_eq!(wire.report.checksums.dnp3, verdicts);
    let [corruption] = corrupt(&wire.report)[..] else { panic!("{:?}", wire.report.notes) };
    assert_eq!(corruption.checked, Checked::Dnp3);
    assert_eq!(corruption.source, "192.0.2.1".parse::<IpAddr>().unwrap());
    assert_eq!(corruption.destination, "192.0.2.2".parse::<IpAddr>().unwrap());
}

#[test]
fn a_refusal_names_the_function_that_it_refuses() {
    let mut wire = wire(20_000);
    wire.send(CLIENT, &ask(3, 4));
    wire.send(SERVER, &answer(3, 0x04));
    let [operated, refused] = told(&wire.report)[..] else { panic!("{:?}", wire.report.notes) };
    assert_eq!((operated.message.code, operated.message.error), (4, None));
    assert_eq!((refused.message.code, refused.message.error), (4, Some(4)));
    assert_eq!((refused.message.operation, refused.message.station), (Operation::Command, Some(5)));
    // Of another number, it refuses something that was not seen; so it does behind a hole.
    wire.send(CLIENT, &ask(4, 1));
    wire.send(SERVER, &answer(5, 0x01));
    wire.send(CLIENT, &ask(6, 1));
    wire.skip(SERVER, 1 << 21);
    wire.send(SERVER, &answer(6, 0x01));
    let codes: Vec<_> = told(&wire.report)[2..].iter().map(|told| told.message.code).collect();
    assert_eq!(codes, [129, 129]);
}

#[test]
fn an_outstation_that_called_its_master_is_still_the_one_that_is_asked() {
    let mut wire = wire(20_000);
    wire.send(CLIENT, &dnp3(0x44, 100, 5, &[0xf0, 130, 0, 0]));
    wire.send(SERVER, &ask(1, 13));
    wire.send(CLIENT, &answer(1, 0x01));
    let [restart, refused] = told(&wire.report)[..] else { panic!("{:?}", wire.report.notes) };
    for spoken in [restart, refused] {
        assert_eq!(spoken.client, "192.0.2.2:20000".parse().unwrap());
        assert_eq!(spoken.server, "192.0.2.1:40000".parse().unwrap());
        assert_eq!((spoken.message.code, spoken.message.station), (13, Some(5)));
    }
    let tally = dnp3_tally(&mut wire.report);
    assert_eq!((tally.requests, tally.responses, tally.reports), (1, 1, 1));
}

/// A datagram to the server, or back.
fn datagram(port: u16, side: usize, payload: &[u8]) -> WireReport {
    let mut report = report();
    let host = |side: usize| IpAddr::V4(Ipv4Addr::new(192, 0, 2, [1, 2][side]));
    let ports = [40_000, port];
    let datagram = Datagram {
        at_ns: 1,
        vlan: Vlan::default(),
        evidence: Evidence::Verified,
        source: &host(side),
        destination: &host(1 - side),
        source_port: ports[side],
        destination_port: ports[1 - side],
        payload,
    };
    Datagrams::new(&Services::default()).observe(&datagram, &mut Usages::new(7), &mut report);
    report
}

#[test]
fn every_frame_of_a_datagram_is_judged() {
    let mut damaged = ask(1, 5);
    damaged[4] ^= 1;
    let frames = [ask(1, 5), damaged, ask(2, 1), ask(3, 2)[..9].to_vec()].concat();
    let mut report = datagram(20_000, CLIENT, &frames);
    let verdicts = Tally { valid: 2, invalid: 1, truncated: 1, ..Tally::default() };
    assert_eq!(report.checksums.dnp3, verdicts);
    let tally = dnp3_tally(&mut report);
    assert_eq!((tally.requests, tally.commands, tally.unread), (2, 1, 1));
    assert_eq!((told(&report).len(), corrupt(&report).len()), (1, 1));
    let mut report = datagram(20_000, CLIENT, b"something else");
    assert_eq!((report.checksums.dnp3.seen(), dnp3_tally(&mut report).unread), (0, 1));
}

#[test]
fn bacnet_is_told_by_who_asks_whichever_side_has_the_port() {
    let write = [0x81, 0x0a, 0, 10, 1, 4, 0, 5, 1, 15];
    let refused = [0x81, 0x0a, 0, 13, 1, 0, 0x50, 1, 15, 0x91, 2, 0x91, 40];
    for (side, payload, error) in [(CLIENT, &write[..], None), (SERVER, &refused, Some(40))] {
        let report = datagram(47_808, side, payload);
        let [spoken] = told(&report)[..] else { panic!("{:?}", report.notes) };
        assert_eq!(spoken.client, "192.0.2.1:40000".parse().unwrap());
        assert_eq!(spoken.server, "192.0.2.2:47808".parse().unwrap());
        assert_eq!((spoken.message.code, spoken.message.error), (15, error));
    }
    let later_segment = [0x81, 0x0a, 0, 12, 1, 4, 0x08, 5, 1, 2, 4, 15];
    let foreign = [0x82, 0x0a, 0, 4];
    for (payload, unread) in [(&later_segment[..], 0), (&foreign, 1)] {
        let mut report = datagram(47_808, CLIENT, payload);
        let tally = report.messages.of(Protocol::Bacnet);
        assert_eq!((tally.n_messages(), tally.unread), (0, unread), "{payload:02x?}");
    }
}

/// A measured value, unasked, with a number.
fn value(send: u16) -> Vec<u8> {
    let [low, high] = (send << 1).to_le_bytes();
    vec![0x68, 15, low, high, 0, 0, 11, 1, 3, 0, 3, 0, 0x14, 5, 0, 7, 0]
}

#[test]
fn a_number_left_out_or_repeated_with_no_byte_missing_is_told() {
    let mut wire = wire(2404);
    wire.send(SERVER, &[value(0), value(1)].concat());
    wire.send(SERVER, &value(3));
    wire.send(SERVER, &[value(4), value(4)].concat());
    wire.send(SERVER, &value(5));
    assert_eq!(jumps(&wire), [(2, 3), (5, 4)]);
    let tally = wire.report.messages.of(Protocol::Iec104);
    assert_eq!((tally.reports, tally.jumps, tally.unread), (6, 2, 0));
}

#[test]
fn numbers_of_the_two_sides_go_on_by_themselves_and_around() {
    let mut wire = wire(2404);
    for send in [0x7ffe, 0x7fff, 0, 1] {
        wire.send(SERVER, &value(send));
        wire.send(CLIENT, &[0x68, 4, 1, 0, 0, 0]);
        wire.send(CLIENT, &value(send.wrapping_add(77) & 0x7fff));
    }
    assert_eq!(jumps(&wire), []);
}

#[test]
fn after_a_hole_a_stranger_or_a_new_connection_numbers_begin_anew_in_silence() {
    let mut wire = wire(2404);
    wire.send(SERVER, &value(7)); // met under way
    wire.skip(SERVER, 1 << 21);
    wire.send(SERVER, &value(90));
    assert_eq!(wire.report.streams.holes, 1);
    wire.send(SERVER, b"?");
    wire.send(SERVER, &value(4));
    let repeated = value(4);
    let len = i32::try_from(repeated.len()).unwrap();
    wire.segment(SERVER, -len, Flags::ACK, &repeated); // by TCP
    wire.segment(CLIENT, -1, Flags::SYN, &[]);
    wire.segment(SERVER, -1, Flags::SYN | Flags::ACK, &[]);
    wire.send(SERVER, &value(0));
    assert_eq!(jumps(&wire), []);
    wire.send(SERVER, &value(2));
    assert_eq!(jumps(&wire), [(1, 2)]);
}

#[test]
fn a_connection_that_has_the_port_of_datagrams_by_chance_is_of_no_service() {
    let mut wire = wire(443);
    wire.client_port = 47_808;
    wire.send(CLIENT, b"\x17\x03\x03\0\x05hello");
    wire.send(SERVER, b"\x17\x03\x03\0\x05hello");
    assert_eq!((wire.report.modbus.unread, wire.table.room().0), (0, 0));
}

/// Client, server and function of what is used for the first time.
fn used(report: &WireReport) -> Vec<(String, String, u16)> {
    let names = |usage: &crate::record::Usage| {
        (usage.client.to_string(), usage.server.to_string(), usage.function)
    };
    report.usages.iter().map(names).collect()
}

#[test]
fn who_asks_an_outstation_is_known_in_datagrams_and_where_the_outstation_calls() {
    let usage = [("192.0.2.1".to_owned(), "192.0.2.2:20000".to_owned(), 5)];
    assert_eq!(used(&datagram(20_000, CLIENT, &ask(1, 5))), usage);
    let mut wire = wire(40_000);
    wire.client_port = 20_000;
    for _ in 0..3 {
        wire.send(CLIENT, &ask(1, 5));
        wire.send(SERVER, &answer(1, 0));
        wire.server_port += 1;
    }
    assert_eq!(used(&wire.report), usage, "one station, whatever port it calls from");
    let [answered] = &wire.report.usage_changes[..] else { panic!("{:?}", wire.report) };
    assert_eq!(answered.server.to_string(), "192.0.2.2:20000");
}

/// A command to one object of station 3, or its confirmation, with this cause.
fn command(send: u16, cause: u8) -> Vec<u8> {
    let [low, high] = (send << 1).to_le_bytes();
    vec![0x68, 14, low, high, 0, 0, 45, 1, cause, 0, 3, 0, 7, 0, 0, 1]
}

#[test]
fn a_command_is_of_the_host_that_sent_it_whichever_side_is_asked_elsewhere() {
    let mut wire = wire(2404);
    wire.send(CLIENT, &command(0, 6));
    wire.send(SERVER, &command(0, 7));
    wire.send(SERVER, &command(1, 6)); // from the side that is there to obey
    wire.send(CLIENT, &command(1, 0x47)); // it is refused
    wire.send(CLIENT, &command(2, 6));
    wire.send(SERVER, &command(2, 7));
    let parties = |spoken: &Spoken| (spoken.client.to_string(), spoken.server.to_string());
    let [client, server] = ["192.0.2.1:40000", "192.0.2.2:2404"].map(str::to_owned);
    let [own, turned] = [(client.clone(), server.clone()), (server, client)];
    let told: Vec<_> = told(&wire.report).iter().map(parties).collect();
    assert_eq!(told, [own.clone(), turned.clone(), turned, own]);
    let usage = |client: &str, server: &str| (client.to_owned(), server.to_owned(), 45);
    let usages = [usage("192.0.2.1", "192.0.2.2:2404"), usage("192.0.2.2", "192.0.2.1:2404")];
    assert_eq!(used(&wire.report), usages);
    let answered: Vec<_> = wire.report.usage_changes.iter().map(|change| change.client).collect();
    assert_eq!(answered.len(), 2, "each was answered by the other: {answered:?}");
}

#[test]
fn an_answer_from_the_side_that_asked_refuses_nothing() {
    let mut wire = wire(20_000);
    wire.send(CLIENT, &ask(3, 4));
    wire.send(CLIENT, &answer(3, 0x04));
    let codes: Vec<_> = told(&wire.report).iter().map(|told| told.message.code).collect();
    assert_eq!(codes, [4, 129]);
}
