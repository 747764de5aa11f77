//! Frames of a serial line in a connection.

use crate::record::{Checked, Protocol, Tally};
use crate::wire::checksum::crc16_modbus;

use super::*;

pub(super) fn framed(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut bytes = [&[unit], pdu].concat();
    bytes.extend(crc16_modbus(&bytes).to_le_bytes());
    bytes
}

const READ: [u8; 5] = [3, 0, 100, 0, 2];
const VALUES: [u8; 6] = [3, 4, 0, 1, 0, 2];

fn wire() -> Wire {
    let services = Services::default().with(Protocol::ModbusRtu, &[4001]);
    let table = Table::new(64, &services, 7);
    Wire { table, server_port: 4001, ..Wire::new() }
}

fn crcs(wire: &Wire) -> Tally {
    wire.report.checksums.modbus_rtu.clone()
}

#[test]
fn a_request_and_its_response_are_one_transaction() {
    let mut wire = wire();
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &VALUES));
    assert_eq!(wire.counts(), (1, 1, 1));
    let modbus = &wire.report.modbus;
    assert_eq!((modbus.functions[3], modbus.latency), (2, Duration::from_millis(1)));
    assert_eq!((modbus.unread, crcs(&wire)), (0, Tally { valid: 2, ..Tally::default() }));
}

#[test]
fn a_response_belongs_to_the_request_before_it_or_to_none() {
    let mut wire = wire();
    for response in [
        framed(18, &VALUES),             // of another unit
        framed(17, &[4, 4, 0, 1, 0, 2]), // of another function
        framed(17, &[3, 2, 0, 1]),       // as much as was not asked for
        framed(17, &[3, 6, 0, 1, 0, 2, 0, 3]),
    ] {
        wire.send(CLIENT, &framed(17, &READ));
        wire.send(SERVER, &response);
    }
    assert_eq!(wire.counts(), (4, 4, 0));
    // The one before was given up by its master.
    wire.send(CLIENT, &framed(17, &[3, 0, 0, 0, 1]));
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &[3, 2, 0, 1]));
    wire.send(SERVER, &framed(17, &VALUES));
    wire.send(SERVER, &framed(17, &VALUES));
    assert_eq!(wire.counts(), (6, 7, 1));
}

#[test]
fn a_damaged_frame_is_counted_told_and_never_read() {
    let mut wire = wire();
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &VALUES));
    wire.next_block();
    wire.send(CLIENT, &framed(17, &READ));
    let mut bad = framed(17, &VALUES);
    bad[4] ^= 1;
    wire.send(SERVER, &bad);
    assert_eq!(wire.counts(), (1, 0, 0));
    assert_eq!(crcs(&wire), Tally { valid: 1, invalid: 1, ..Tally::default() });
    match &wire.report.notes[..] {
        [Note::Corrupt(told)] => {
            assert_eq!(told.checked, Checked::ModbusRtu);
            assert_eq!(told.source, IpAddr::from([192, 0, 2, 2]));
            assert_eq!(told.destination, IpAddr::from([192, 0, 2, 1]));
            assert_ne!(told.mismatch.stored, told.mismatch.computed);
        }
        other => panic!("{other:?}"),
    }
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &VALUES));
    assert_eq!(wire.counts(), (2, 1, 1));
}

#[test]
fn a_write_and_a_refusal_are_noted_as_over_modbus_tcp() {
    let mut wire = wire();
    wire.send(CLIENT, &framed(17, &WRITE));
    wire.send(SERVER, &framed(17, &WRITE));
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &[0x83, 2]));
    let told = wire.transactions();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].unit, told[0].function, told[0].value), (17, 6, Some(0x1234)));
    assert_eq!(told[0].latency, Some(Duration::from_millis(1)));
    assert_eq!((told[1].function, told[1].address, told[1].exception), (3, Some(100), Some(2)));
}

#[test]
fn frames_cut_anywhere_are_put_together_and_a_transcript_has_no_identifier() {
    let (request, response) = (framed(17, &READ), framed(17, &VALUES));
    for cut in 1..response.len() {
        let mut wire = wire();
        wire.table.transcribe();
        wire.segment(CLIENT, -1, Flags::SYN, &[]);
        wire.send(CLIENT, &request);
        wire.segment(SERVER, -1, Flags::SYN | Flags::ACK, &[]);
        wire.send(SERVER, &response[..cut]);
        wire.send(SERVER, &response[cut..]);
        assert_eq!(wire.counts(), (1, 1, 1), "cut at {cut}");
        let turns = wire.table.take_turns();
        assert_eq!((turns.len(), turns[0].transaction, turns[0].unit), (1, None, 17));
        assert_eq!(*turns[0].response.as_ref().unwrap().pdu, VALUES);
    }
}

#[test]
fn what_was_asked_before_a_hole_is_not_paired_with_what_comes_after_it() {
    let mut wire = wire();
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &VALUES));
    wire.send(CLIENT, &framed(17, &READ));
    wire.skip(SERVER, 9); // its answer
    wire.skip(CLIENT, 8); // and another question
    wire.send(SERVER, &framed(17, &VALUES));
    wire.table.finish(&mut wire.report);
    assert_eq!(wire.counts(), (2, 2, 1));
    assert!(wire.report.streams.holes > 0);
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &VALUES));
    assert_eq!(wire.counts(), (3, 3, 2), "and then it goes on");
}

#[test]
fn a_broadcast_is_a_request_that_nobody_answers() {
    let mut wire = wire();
    wire.send(CLIENT, &framed(0, &WRITE));
    wire.send(CLIENT, &framed(17, &READ));
    wire.send(SERVER, &framed(17, &VALUES));
    assert_eq!(wire.counts(), (2, 1, 1));
    assert_eq!(wire.transactions()[0].latency, None);
}
