//! Conversations of frames that say how long they are, by the example of OPC UA.

use crate::record::{MessageTally, Protocol, Spoken};

use super::order::{parts, permutations, say};
use super::*;

const PORT: u16 = 4840;
/// Identifiers of requests (OPC 10000-6, annex A.3).
const READ: u16 = 631;
const WRITE: u16 = 673;

fn wire() -> Wire {
    let mut wire = Wire::new();
    wire.server_port = PORT;
    wire
}

/// A service of channel 1, as long as told.
fn service(code: u16, len: u32) -> Vec<u8> {
    let [low, high] = code.to_le_bytes();
    let mut chunk = [b"MSGF", &len.to_le_bytes()[..]].concat();
    chunk.extend([1, 0, 0, 0, 1, 0, 0, 0, 51, 0, 0, 0, 1, 0, 0, 0, 1, 0, low, high]);
    chunk.resize(len.try_into().unwrap(), 0);
    chunk
}

fn tally(wire: &mut Wire) -> MessageTally {
    *wire.report.messages.of(Protocol::OpcUa)
}

pub(super) fn told(wire: &Wire) -> Vec<Spoken> {
    let message = |note: &Note| if let Note::Message(spoken) = note { Some(*spoken) } else { None };
    wire.report.notes.iter().filter_map(message).collect()
}

#[test]
fn reads_are_counted_and_a_write_is_told_with_who_and_whom() {
    let mut wire = wire();
    wire.send(CLIENT, &service(READ, 100));
    wire.send(SERVER, &service(READ + 3, 100));
    assert_eq!(told(&wire), []);
    wire.send(CLIENT, &service(WRITE, 100));
    let [spoken] = told(&wire)[..] else { panic!("{:?}", wire.report.notes) };
    assert_eq!(spoken.client, "192.0.2.1:40000".parse().unwrap());
    assert_eq!(spoken.server, "192.0.2.2:4840".parse().unwrap());
    assert_eq!((spoken.protocol, spoken.message.code), (Protocol::OpcUa, WRITE));
    let tally = tally(&mut wire);
    assert_eq!((tally.requests, tally.responses, tally.reads, tally.writes), (2, 1, 1, 1));
}

#[test]
fn five_segments_in_any_order_are_the_same_messages() {
    let asked = [service(READ, 40), service(WRITE, 700), service(READ, 33)].concat();
    for order in permutations(5) {
        let mut wire = wire();
        wire.send(CLIENT, &service(READ, 50));
        say(&mut wire, CLIENT, &parts(&asked, asked.len().div_ceil(5)), &order);
        let tally = tally(&mut wire);
        assert_eq!((tally.requests, tally.writes, tally.unread), (4, 1, 0), "{order:?}");
        assert_eq!(told(&wire).len(), 1, "{order:?}");
    }
}

#[test]
fn segments_of_two_bytes_are_the_same_messages() {
    let mut wire = wire();
    wire.send(CLIENT, &service(READ, 60));
    let asked = [service(READ, 40), service(WRITE, 700), service(READ, 33)].concat();
    let parts = parts(&asked, 2);
    say(&mut wire, CLIENT, &parts, &(0..parts.len()).collect::<Vec<_>>());
    let tally = tally(&mut wire);
    assert_eq!((tally.requests, tally.writes, tally.unread), (4, 1, 0));
}

#[test]
fn after_a_hole_the_next_segment_that_begins_a_message_is_read() {
    let mut wire = wire();
    wire.send(CLIENT, &service(READ, 60)[..40]);
    wire.skip(CLIENT, 1 << 21);
    wire.send(CLIENT, &[0; 30]);
    wire.send(CLIENT, &service(WRITE, 60));
    let tally = tally(&mut wire);
    assert_eq!((tally.requests, tally.writes, tally.unread), (1, 1, 1));
    assert_eq!(wire.report.streams.holes, 1);
}

#[test]
fn a_connection_that_makes_room_for_one_of_another_protocol_leaves_nothing_behind() {
    let mut wire = Wire::with_capacity(1);
    for n in 0..200 {
        wire.client_port = 40_000 + n;
        wire.server_port = if n % 2 == 0 { PORT } else { 502 };
        let bytes = if n % 2 == 0 { service(READ, 60) } else { read(n) };
        wire.segment(CLIENT, 0, Flags::ACK, &bytes[..bytes.len() - 1]);
        wire.segment(
            CLIENT,
            -1 + i32::try_from(bytes.len()).unwrap(),
            Flags::ACK,
            &bytes[bytes.len() - 1..],
        );
    }
    assert_eq!((wire.report.modbus.requests, wire.report.modbus.unread), (100, 0));
    let tally = tally(&mut wire);
    assert_eq!((tally.requests, tally.unread), (100, 0));
}

/// A job or the answer to one in an S7 connection.
fn s7(rosctr: u8, reference: u8, parameters: &[u8]) -> Vec<u8> {
    let errors: &[u8] = if rosctr == 3 { &[0, 0] } else { &[] };
    let n = u8::try_from(parameters.len()).unwrap();
    let head = [0x32, rosctr, 0, 0, 0, reference, 0, n, 0, 0];
    let tpdu = [&[2, 0xf0, 0x80][..], &head, errors, parameters].concat();
    let len = u8::try_from(4 + tpdu.len()).unwrap();
    [&[3, 0, 0, len][..], &tpdu].concat()
}

#[test]
fn a_controller_that_fetches_what_is_loaded_into_it_is_nobodys_client() {
    let mut wire = wire();
    wire.server_port = 102;
    wire.send(CLIENT, &s7(1, 1, &[0x1a]));
    wire.send(SERVER, &s7(3, 1, &[0x1a]));
    for reference in 7..20 {
        wire.send(SERVER, &s7(1, reference, &[0x1b]));
        wire.send(CLIENT, &s7(3, reference, &[0x1b]));
    }
    let [spoken] = told(&wire)[..] else { panic!("{:?}", wire.report.notes) };
    assert_eq!((spoken.client.port(), spoken.server.port()), (40_000, 102));
    assert_eq!((wire.report.usages.len(), wire.report.usage_changes.len()), (1, 1));
    wire.send(SERVER, &s7(1, 30, &[0x05])); // but a write is its own
    let [_, spoken] = told(&wire)[..] else { panic!("{:?}", wire.report.notes) };
    assert_eq!((spoken.client.port(), spoken.server.port()), (102, 40_000));
    let usage = wire.report.usages.last().unwrap();
    assert_eq!((usage.client.to_string(), usage.server.port()), ("192.0.2.2".to_owned(), 102));
}
