mod answers;
mod effect;
mod framed;
mod hostile;
mod order;
mod rtu;
mod shape;
mod telecontrol;
mod transcript;
mod trust;
mod watched;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use crate::record::{Gap, Note, Path, Services, SourceId, StreamTally, Transaction, WireReport};
use crate::wire::modbus::mbap::Mbap;
use crate::wire::packet::{Flags, Segment, Vlan};

use super::*;

/// A client and a server whose segments go past a table.
struct Wire {
    table: Table,
    report: WireReport,
    now_ns: u64,
    client_port: u16,
    server_port: u16,
    vlan: Vlan,
    evidence: Evidence,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

fn report() -> WireReport {
    WireReport::new(SourceId::from("test"), SystemTime::UNIX_EPOCH)
}

impl Wire {
    fn new() -> Self {
        Self::with_capacity(64)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self {
            table: Table::new(capacity, &Services::default(), 7),
            report: report(),
            now_ns: 0,
            client_port: 40_000,
            server_port: 502,
            vlan: Vlan::default(),
            evidence: Evidence::Intact,
            next: [u32::MAX - 20, 9000], // the client's wraps around soon
        }
    }

    /// A segment at an offset to where its sender's stream stands.
    fn segment(&mut self, side: usize, offset: i32, flags: u8, payload: &[u8]) {
        self.now_ns += 1_000_000;
        let host = |side: usize| IpAddr::V4(Ipv4Addr::new(192, 0, 2, [1, 2][side]));
        let ports = [self.client_port, self.server_port];
        let segment = Segment {
            source_port: ports[side],
            destination_port: ports[1 - side],
            sequence: self.next[side].wrapping_add_signed(offset),
            acknowledgment: self.next[1 - side],
            flags: Flags(flags),
            len: 20 + payload.len(),
            payload,
        };
        let (source, destination) = (&host(side), &host(1 - side));
        let (at_ns, vlan) = (self.now_ns, self.vlan);
        let evidence = self.evidence;
        let sighting = Sighting { at_ns, vlan, evidence, source, destination, segment: &segment };
        self.table.observe(&sighting, &mut self.report);
    }

    /// The next segment of a side.
    fn send(&mut self, side: usize, payload: &[u8]) {
        self.segment(side, 0, Flags::ACK, payload);
        self.skip(side, payload.len());
    }

    /// Bytes that the capture missed.
    fn skip(&mut self, side: usize, len: usize) {
        self.next[side] = self.next[side].wrapping_add(u32::try_from(len).unwrap());
    }

    /// Requests, responses, transactions.
    fn counts(&self) -> (u64, u64, u64) {
        let modbus = &self.report.modbus;
        (modbus.requests, modbus.responses, modbus.transactions)
    }

    fn transactions(&self) -> Vec<Transaction> {
        let modbus = |note: &Note| {
            if let Note::Modbus(transaction) = note { Some(*transaction) } else { None }
        };
        self.report.notes.iter().filter_map(modbus).collect()
    }

    fn next_block(&mut self) {
        self.table.start_block(Gap::None);
        self.report = report();
    }
}

fn adu(transaction: u16, pdu: &[u8]) -> Vec<u8> {
    let mbap = Mbap::new(transaction, 1, u8::try_from(pdu.len()).unwrap());
    [&mbap.to_bytes()[..], pdu].concat()
}

fn read(transaction: u16) -> Vec<u8> {
    adu(transaction, &[3, 0, 100, 0, 2])
}

fn values(transaction: u16) -> Vec<u8> {
    adu(transaction, &[3, 4, 0, 1, 0, 2])
}

const WRITE: [u8; 5] = [6, 0, 8, 0x12, 0x34];

#[test]
fn a_request_and_its_response_are_one_transaction_with_a_latency() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    wire.send(SERVER, &values(1));
    assert_eq!(wire.counts(), (1, 1, 1));
    let modbus = &wire.report.modbus;
    assert_eq!((modbus.functions[3], modbus.latency), (2, Duration::from_millis(1)));
    assert_eq!((wire.transactions().len(), modbus.unread), (0, 0));
}

#[test]
fn pdus_glued_in_one_segment_are_told_apart() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &[read(1), read(2), read(3)].concat());
    wire.send(SERVER, &[values(3), values(1), values(2)].concat());
    assert_eq!(wire.counts(), (3, 3, 3));
}

#[test]
fn a_pdu_split_anywhere_is_put_together() {
    let stream = [values(1), values(2), adu(3, &[0x83, 2])].concat();
    for first in 8..stream.len() {
        for second in first..=stream.len() {
            let mut wire = Wire::new();
            for part in [&stream[..first], &stream[first..second], &stream[second..]] {
                wire.send(SERVER, part);
            }
            assert_eq!(wire.counts(), (0, 3, 0), "{first} {second}");
            assert_eq!(wire.report.modbus.exceptions, 1);
        }
    }
}

#[test]
fn a_pdu_that_arrives_byte_by_byte_is_read_after_a_syn() {
    let mut wire = Wire::new();
    wire.send(SERVER, &values(0)); // known, so that the SYN is not taken for a scan
    wire.segment(CLIENT, -1, Flags::SYN, &[]);
    for byte in [read(1), read(2)].concat() {
        wire.send(CLIENT, &[byte]);
    }
    assert_eq!(wire.counts(), (2, 1, 0));
}

#[test]
fn a_header_in_a_segment_of_its_own_starts_a_stream() {
    let mut wire = Wire::new();
    let request = read(1);
    wire.send(CLIENT, &request[..7]);
    wire.send(CLIENT, &request[7..]);
    assert_eq!(wire.counts(), (1, 0, 0));
}

#[test]
fn retransmissions_and_keep_alives_count_once() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    wire.segment(CLIENT, -12, Flags::ACK, &read(1));
    wire.segment(CLIENT, -1, Flags::ACK, &[0]);
    assert_eq!(wire.counts(), (1, 0, 0));
    // Sent again together with what is new.
    wire.segment(CLIENT, -12, Flags::ACK, &[read(1), read(2)].concat());
    wire.skip(CLIENT, 12);
    wire.send(CLIENT, &read(3));
    assert_eq!((wire.counts(), wire.report.modbus.unread), ((3, 0, 0), 0));
}

#[test]
fn after_a_hole_reading_resumes_at_the_next_segment_that_starts_an_adu() {
    let mut wire = Wire::new();
    let response = adu(2, &[[3, 200].as_slice(), &[0; 200]].concat());
    wire.send(SERVER, &response[..50]);
    wire.skip(SERVER, 60);
    wire.send(SERVER, &response[110..]);
    assert_eq!((wire.counts(), wire.report.modbus.unread), ((0, 0, 0), 0));
    wire.segment(CLIENT, 0, Flags::ACK, &[]); // the client has it all
    assert_eq!((wire.counts(), wire.report.modbus.unread), ((0, 0, 0), 1));
    assert_eq!((wire.report.streams.holes, wire.report.streams.missing_bytes), (1, 60));
    wire.send(SERVER, &values(3));
    assert_eq!((wire.counts(), wire.report.modbus.unread), ((0, 1, 0), 1));
}

#[test]
fn a_stream_that_starts_over_without_a_syn_is_picked_up() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    wire.next[CLIENT] = wire.next[CLIENT].wrapping_sub(1_000_000);
    wire.send(CLIENT, &read(2));
    assert_eq!(wire.counts(), (2, 0, 0));
}

#[test]
fn another_protocol_on_the_port_is_counted_and_costs_nothing_else() {
    let mut wire = Wire::new();
    wire.send(CLIENT, b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n");
    assert_eq!((wire.counts(), wire.report.modbus.unread), ((0, 0, 0), 1));
    wire.send(CLIENT, &[&read(1), b"\x05\x00\x0b\x03 not Modbus".as_slice()].concat());
    wire.send(CLIENT, &read(2));
    assert_eq!((wire.counts(), wire.report.modbus.unread), ((2, 0, 0), 2));
}

#[test]
fn a_wrong_length_costs_no_pdu_but_its_own() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    let mut short = read(2);
    short[5] = 4; // two bytes less than there are
    wire.send(CLIENT, &short);
    wire.send(CLIENT, &read(3));
    assert_eq!((wire.counts(), wire.report.modbus.unread), ((3, 0, 0), 1));
}

#[test]
fn a_write_is_noted_once_with_what_it_wrote_and_how_it_was_answered() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &adu(1, &WRITE));
    wire.send(SERVER, &adu(1, &WRITE));
    let [noted] = wire.transactions()[..] else { panic!("{:?}", wire.transactions()) };
    assert_eq!((noted.function, noted.address, noted.value), (6, Some(8), Some(0x1234)));
    assert_eq!((noted.latency, noted.exception), (Some(Duration::from_millis(1)), None));
    let Path::Network { client, server, .. } = noted.path else { panic!("{noted:?}") };
    assert_eq!([client, server].map(|h| h.to_string()), ["192.0.2.1:40000", "192.0.2.2:502"]);
    assert_eq!(noted.at, SystemTime::UNIX_EPOCH + Duration::from_millis(1));
    assert_eq!(wire.report.modbus.writes, 1);
}

#[test]
fn a_write_is_noted_before_anyone_answers_it() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &adu(1, &WRITE));
    assert_eq!(wire.transactions()[0].latency, None);
    wire.next_block();
    wire.send(SERVER, &adu(1, &WRITE));
    assert_eq!((wire.counts(), wire.transactions().len()), ((0, 1, 1), 0));
}

#[test]
fn an_exception_is_noted_with_the_request_it_refuses() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    wire.send(SERVER, &adu(1, &[0x83, 2]));
    wire.send(CLIENT, &adu(2, &WRITE));
    wire.send(SERVER, &adu(2, &[0x86, 4]));
    wire.send(SERVER, &adu(9, &[0x84, 1])); // of a request from before the capture
    let fields = |noted: &Transaction| (noted.function, noted.address, noted.exception);
    let noted: Vec<_> = wire.transactions().iter().map(fields).collect();
    assert_eq!(noted, [(3, Some(100), Some(2)), (6, Some(8), Some(4)), (4, None, Some(1))]);
    assert_eq!(wire.transactions()[2].path, wire.transactions()[0].path);
    wire.send(CLIENT, &adu(3, &WRITE));
    wire.next_block();
    wire.send(SERVER, &adu(3, &[0x86, 4]));
    assert_eq!(wire.transactions()[0].exception, Some(4));
}

#[test]
fn a_response_answers_only_its_own_request() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    wire.send(SERVER, &values(2)); // another id
    wire.send(SERVER, &adu(1, &[4, 2, 0, 0])); // another function
    let mut other_unit = values(1);
    other_unit[6] = 2;
    wire.send(SERVER, &other_unit);
    assert_eq!(wire.counts(), (1, 3, 0));
    wire.send(SERVER, &values(1));
    assert_eq!(wire.counts(), (1, 4, 1));
}

#[test]
fn open_requests_are_bounded_and_the_oldest_is_given_up() {
    let mut wire = Wire::new();
    (0..17).for_each(|id| wire.send(CLIENT, &read(id)));
    (0..17).for_each(|id| wire.send(SERVER, &values(id)));
    assert_eq!(wire.counts(), (17, 17, 16));
}

#[test]
fn a_new_connection_between_the_same_ports_starts_with_nothing_open() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    wire.next = [77, 78];
    wire.segment(CLIENT, -1, Flags::SYN, &[]);
    wire.segment(SERVER, -1, Flags::SYN | Flags::ACK, &[]);
    wire.send(SERVER, &values(1));
    assert_eq!(wire.counts(), (1, 1, 0));
}

#[test]
fn equal_addresses_on_two_vlans_are_two_connections() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &read(1));
    wire.vlan = Vlan { outer: 5, inner: 0 };
    wire.send(SERVER, &values(1));
    assert_eq!(wire.counts(), (1, 1, 0));
}

#[test]
fn a_full_table_forgets_the_longest_silent_and_counts_it() {
    let mut wire = Wire::with_capacity(16);
    let connect = |wire: &mut Wire, port| {
        wire.client_port = port;
        wire.send(CLIENT, &read(1));
    };
    (1..=1000).for_each(|port| connect(&mut wire, port));
    let evicted = wire.report.flows_evicted;
    assert!((1000 - 47..1000).contains(&evicted), "{evicted}"); // 47 slots behind 16 homes
    wire.send(SERVER, &values(1));
    assert_eq!(wire.counts(), (1000, 1, 1)); // the newest is known
}

#[test]
fn closed_connections_make_room_without_being_missed() {
    let mut wire = Wire::with_capacity(16);
    for port in 1..=1000 {
        wire.client_port = port;
        wire.send(CLIENT, &read(1));
        wire.segment(CLIENT, 0, Flags::FIN | Flags::ACK, &[]);
    }
    assert_eq!((wire.counts(), wire.report.flows_evicted), ((1000, 0, 0), 0));
}

#[test]
fn connections_that_are_closed_or_long_silent_are_forgotten_and_give_their_memory_back() {
    let mut wire = Wire::with_capacity(16);
    wire.send(CLIENT, &read(1)[..9]); // the start of a request
    wire.client_port = 1;
    wire.send(CLIENT, &read(1));
    wire.segment(CLIENT, 0, Flags::FIN | Flags::ACK, &[]);
    let expired = |wire: &mut Wire, seconds: u64| {
        wire.table.end_block(wire.now_ns + seconds * 1_000_000_000, &mut wire.report);
        wire.report.flows_expired
    };
    assert_eq!([expired(&mut wire, 240), expired(&mut wire, 241)], [0, 1]);
    assert_eq!([expired(&mut wire, 3599), expired(&mut wire, 3601)], [1, 2]);
    assert_eq!(expired(&mut wire, 100_000), 2, "each once");
    wire.send(CLIENT, &read(2));
    wire.send(SERVER, &values(2));
    assert_eq!(wire.counts(), (2, 1, 1), "what comes back is met under way");
    assert_eq!(wire.report.flows_evicted, 0);
}

#[test]
fn segments_without_payload_open_no_connection() {
    let mut wire = Wire::with_capacity(16);
    wire.send(CLIENT, &read(1));
    for port in 1..=1000 {
        wire.client_port = port;
        wire.segment(CLIENT, 0, Flags::SYN, &[]);
    }
    wire.client_port = 40_000;
    wire.send(SERVER, &values(1));
    assert_eq!((wire.counts(), wire.report.flows_evicted), ((1, 1, 1), 0));
}

#[test]
fn of_two_modbus_ports_the_one_that_spoke_first_is_the_client() {
    let mut wire = Wire::new();
    wire.client_port = 502;
    wire.send(CLIENT, &read(1));
    wire.send(SERVER, &values(1));
    assert_eq!(wire.counts(), (1, 1, 1));
}
