//! Answers of S7comm and EtherNet/IP that do not repeat what was asked.

use crate::flow::usage::Usages;
use std::net::IpAddr;

use crate::record::{Operation, Protocol, Spoken};
use crate::wire::enip;

use super::super::datagram::{Datagram, Datagrams};
use super::framed::told;
use super::*;

const S7: u16 = 102;
const ENIP: u16 = 44_818;

fn wire(server_port: u16) -> Wire {
    let mut wire = Wire::new();
    wire.server_port = server_port;
    wire
}

/// A transport packet.
fn packet(tpdu: &[u8]) -> Vec<u8> {
    let len = u8::try_from(4 + tpdu.len()).unwrap();
    [&[3, 0, 0, len], tpdu].concat()
}

/// A job of this function.
fn job(reference: u8, function: u8) -> Vec<u8> {
    packet(&[2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, reference, 0, 1, 0, 0, function])
}

/// An answer that says no more than that a job is refused.
fn refusal(reference: u8) -> Vec<u8> {
    packet(&[2, 0xf0, 0x80, 0x32, 2, 0, 0, 0, reference, 0, 0, 0, 0, 0xd2, 0x41])
}

const CONNECT: [u8; 15] = [14, 0xe0, 0, 0, 0, 1, 0, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2];

#[test]
fn a_bare_refusal_is_told_with_the_job_and_the_module_it_is_about() {
    let mut wire = wire(S7);
    wire.send(CLIENT, &packet(&CONNECT));
    wire.send(CLIENT, &[job(1, 0x1d), job(2, 0x04)].concat());
    wire.send(SERVER, &refusal(2));
    wire.send(SERVER, &refusal(1));
    wire.send(SERVER, &refusal(3)); // of a job that was not seen
    let told = told(&wire).into_iter().map(|Spoken { message, .. }| message);
    let told: Vec<_> = told.map(|said| (said.code, said.station, said.error)).collect();
    let why = Some(0xd241);
    assert_eq!(told, [(0x04, Some(2), why), (0x1d, Some(2), why), (0xff, Some(2), why)]);
}

#[test]
fn after_a_hole_a_bare_refusal_is_of_no_job_that_is_known() {
    let mut wire = wire(S7);
    wire.send(CLIENT, &job(1, 0x1d));
    wire.send(SERVER, &job(9, 0x04));
    wire.skip(SERVER, 1 << 21);
    wire.send(SERVER, &refusal(1));
    let codes: Vec<_> = told(&wire).iter().map(|told| told.message.code).collect();
    assert_eq!(codes, [0xff]);
}

#[test]
fn a_whole_in_two_packets_is_one_message() {
    let mut wire = wire(S7);
    let [mut first, second] = [job(1, 0x05), packet(&[2, 0xf0, 0x80, 1, 2, 3])];
    first[6] = 0; // more follows
    wire.send(CLIENT, &[first, second, job(2, 0x04)].concat());
    let tally = *wire.report.messages.of(Protocol::S7comm);
    assert_eq!((tally.requests, tally.writes, tally.reads, tally.unread), (2, 1, 1, 0));
}

#[test]
fn a_client_that_disconnects_refuses_nothing() {
    let leave = packet(&[6, 0x80, 0, 1, 0, 1, 0]);
    let mut wire = wire(S7);
    wire.send(CLIENT, &leave);
    wire.send(SERVER, &packet(&[5, 0xc0, 0, 1, 0, 1]));
    assert_eq!(told(&wire), []);
    wire.send(SERVER, &leave);
    let [refused] = told(&wire)[..] else { panic!("{:?}", wire.report.notes) };
    assert_eq!((refused.message.code, refused.message.error), (0x80, Some(0xe000)));
}

/// What CIP says, with what an answer repeats.
fn unconnected(context: u8, status: u8, cip: &[u8]) -> Vec<u8> {
    let len = u8::try_from(cip.len()).unwrap();
    let head = [0x6f, 0, 16 + len, 0, 1, 0, 0, 0, status, 0, 0, 0, context, 0, 0, 0, 0, 0, 0, 0];
    let elements = [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0, len, 0];
    [&head[..], &[0; 4], &elements, cip].concat()
}

/// For the tag `pump` of the controller in slot 3.
fn routed(service: u8) -> Vec<u8> {
    let inner = [service, 3, 0x91, 4, b'p', b'u', b'm', b'p', 0xc4, 0, 1, 0];
    let head = [0x52, 2, 0x20, 6, 0x24, 1, 10, 14, 12, 0];
    [&head[..], &inner, &[1, 0, 1, 3]].concat()
}

#[test]
fn an_answer_of_cip_is_told_with_the_slot_and_the_service_that_were_asked() {
    let mut wire = wire(ENIP);
    for (context, service) in [(1, 0x4d), (2, 0x4e), (3, 0x4c), (4, 0x4c)] {
        wire.send(CLIENT, &unconnected(context, 0, &routed(service)));
    }
    wire.send(SERVER, &unconnected(2, 0, &[0xce, 0, 5, 0]));
    wire.send(SERVER, &unconnected(1, 0, &[0xcd, 0, 8, 0]));
    wire.send(SERVER, &unconnected(3, 0, &[0xd2, 0, 1, 0])); // the router speaks
    wire.send(SERVER, &unconnected(4, 8, &[])); // and here not even that
    wire.send(SERVER, &unconnected(9, 0, &[0xce, 0, 5, 0])); // was not asked
    let refused = told(&wire).into_iter().filter(|told| told.message.error.is_some());
    let refused: Vec<_> = refused
        .map(|told| (told.message.operation, told.message.code, told.message.station))
        .collect();
    let expected = [
        (Operation::Write, 0x4e, Some(3)),
        (Operation::Write, 0x4d, Some(3)),
        (Operation::Session, 0x0652, Some(3)),
        (Operation::Read, 0x4c, Some(3)),
        (Operation::Session, 0x064e, None),
    ];
    assert_eq!(refused, expected);
}

#[test]
fn requests_that_nobody_answers_are_forgotten_one_by_one() {
    let mut wire = wire(ENIP);
    for context in 0..9 {
        wire.send(CLIENT, &unconnected(context, 0, &routed(0x4c)));
    }
    wire.send(SERVER, &unconnected(0, 0, &[0xcc, 0, 8, 0]));
    wire.send(SERVER, &unconnected(1, 0, &[0xcc, 0, 8, 0]));
    let stations: Vec<_> = told(&wire).iter().map(|told| told.message.station).collect();
    assert_eq!(stations, [None, Some(3)]);
}

#[test]
fn inputs_and_outputs_are_heard_where_ethernet_ip_is() {
    let [source, destination] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
    let payload = [2, 0, 2, 0x80, 8, 0, 1, 2, 3, 4, 9, 0, 0, 0, 0xb1, 0, 2, 0, 1, 0];
    let reports = |services: &Services, payload: &[u8]| {
        let mut report = report();
        let datagram = Datagram {
            at_ns: 0,
            vlan: Vlan::default(),
            evidence: Evidence::Verified,
            source: &source,
            destination: &destination,
            source_port: 40_000,
            destination_port: enip::IO_PORT,
            payload,
        };
        Datagrams::new(services).observe(&datagram, &mut Usages::new(7), &mut report);
        let tally = report.messages.of(Protocol::EtherNetIp);
        (tally.reports, tally.unread)
    };
    assert_eq!(reports(&Services::default(), &payload), (1, 0));
    assert_eq!(reports(&Services::default(), &payload[..9]), (0, 1));
    let without = Services::default().with(Protocol::EtherNetIp, &[]);
    assert_eq!(reports(&without, &payload), (0, 0));
}
