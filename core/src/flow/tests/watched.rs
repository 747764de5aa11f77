//! Reads of watched servers: kept when they are proven, counted when they are not.

use std::net::SocketAddr;

use crate::record::{Exchange, ReadAnswer};
use crate::wire::modbus::request::{ReadRequest, Span};

use super::*;

const SERVER_ADDRESS: &str = "192.0.2.2:502";

fn list(servers: &[&str]) -> WatchList {
    servers.iter().map(|server| server.parse::<SocketAddr>().unwrap()).collect()
}

fn watched() -> Wire {
    let mut wire = Wire::new();
    wire.table.watch(list(&["192.0.2.9:502", SERVER_ADDRESS]));
    wire
}

impl Wire {
    fn transact(&mut self, id: u16) {
        self.send(CLIENT, &read(id));
        self.send(SERVER, &values(id));
    }

    fn reads(&self) -> Vec<Exchange> {
        self.report.reads.iter().map(|read| (*read.exchange).clone()).collect()
    }

    /// Identifiers of reads kept, and how many were not proven.
    fn ids(&self) -> (Vec<u16>, u64) {
        let ids = self.reads().iter().map(|read| read.identity.transaction).collect();
        (ids, self.report.reads_unproven)
    }
}

#[test]
fn a_read_of_a_watched_server_is_kept_with_all_that_identifies_it() {
    let mut wire = watched();
    wire.vlan = Vlan { outer: 7, inner: 0 };
    wire.transact(5);
    let [read] = &wire.reads()[..] else { panic!("{:?}", wire.reads()) };
    let identity = read.identity;
    assert_eq!(identity.client, "192.0.2.1:40000".parse().unwrap());
    assert_eq!(identity.server, SERVER_ADDRESS.parse().unwrap());
    assert_eq!((identity.transaction, identity.unit), (5, 1));
    assert_eq!(identity.request, ReadRequest::Holding(Span { first: 100, count: 2 }));
    assert_eq!(read.answer, ReadAnswer::of_registers([1, 2].into_iter()));
    let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    assert_eq!((read.asked, read.answered), (at(1), at(2)));
    assert_eq!(wire.report.reads[0].vlan, wire.vlan);
}

#[test]
fn bits_and_refusals_are_kept_too() {
    let mut wire = watched();
    wire.send(CLIENT, &adu(1, &[1, 0, 3, 0, 10]));
    wire.send(SERVER, &adu(1, &[1, 2, 0b101, 0b1111_1110])); // six bits nobody asked for
    wire.send(CLIENT, &adu(2, &[2, 0, 3, 0, 1]));
    wire.send(SERVER, &adu(2, &[0x82, 2]));
    let answers: Vec<_> = wire.reads().into_iter().map(|read| read.answer).collect();
    let bits = ReadAnswer::Values([0b101, 0b10].into());
    assert_eq!(answers, [bits, ReadAnswer::Exception(2)]);
}

#[test]
fn what_is_not_on_the_list_is_not_kept() {
    let mut wire = Wire::new();
    wire.transact(1);
    wire.table.watch(list(&["192.0.2.2:503", "192.0.2.1:502", "192.0.2.1:40000"]));
    wire.transact(2);
    wire.client_port = 40_001;
    wire.transact(3);
    assert_eq!(wire.ids(), (vec![], 0));
    assert_eq!(wire.counts(), (3, 3, 3));
}

#[test]
fn a_list_that_changes_is_asked_again_about_every_connection() {
    let mut wire = Wire::new();
    wire.transact(1);
    wire.table.watch(list(&[SERVER_ADDRESS]));
    wire.transact(2);
    wire.table.watch(list(&[]));
    wire.transact(3);
    wire.table.watch(list(&[SERVER_ADDRESS]));
    wire.transact(4);
    assert_eq!(wire.ids(), (vec![2, 4], 0));
}

#[test]
fn a_place_that_another_connection_takes_is_watched_for_the_new_one() {
    let mut wire = Wire::with_capacity(1);
    wire.table.watch(list(&[SERVER_ADDRESS]));
    for port in 1..=100 {
        wire.client_port = port;
        wire.transact(port);
    }
    assert_eq!(wire.ids(), ((1..=100).collect(), 0));
}

#[test]
fn writes_and_other_functions_are_not_reads() {
    let mut wire = watched();
    for (id, pdu) in (1..).zip([&WRITE[..], &[8, 0, 0, 1, 2], &[23, 0, 0, 0, 1, 0, 9, 0, 0, 0]]) {
        wire.send(CLIENT, &adu(id, pdu));
        wire.send(SERVER, &adu(id, pdu));
    }
    assert_eq!(wire.ids(), (vec![], 0));
}

#[test]
fn a_retransmission_is_not_a_second_read() {
    let mut wire = watched();
    wire.send(CLIENT, &read(1));
    wire.segment(CLIENT, -12, Flags::ACK, &read(1));
    wire.send(SERVER, &values(1));
    wire.segment(SERVER, -13, Flags::ACK, &values(1));
    assert_eq!(wire.ids(), (vec![1], 0));
}

#[test]
fn a_segment_whose_checksum_says_nothing_proves_nothing() {
    for side in [CLIENT, SERVER] {
        let mut wire = watched();
        wire.evidence = Evidence::Unverified;
        wire.send(CLIENT, &read(1)[..12 * (1 - side)]);
        wire.evidence = Evidence::Intact;
        wire.send(CLIENT, &read(1)[12 * (1 - side)..]);
        wire.evidence = if side == SERVER { Evidence::Unverified } else { Evidence::Intact };
        wire.send(SERVER, &values(1)[..9]); // what goes on in the next segment is no better
        wire.evidence = Evidence::Intact;
        wire.send(SERVER, &values(1)[9..]);
        wire.transact(2);
        assert_eq!(wire.ids(), (vec![2], 1), "{side}");
    }
}

#[test]
fn a_response_after_missed_bytes_is_not_taken_for_that_of_an_older_request() {
    // The response to a request, and the next request, are missed; both have one identifier.
    let mut wire = watched();
    wire.transact(9);
    wire.send(CLIENT, &read(1));
    wire.skip(SERVER, values(1).len());
    wire.skip(CLIENT, read(1).len());
    wire.send(SERVER, &values(1));
    assert_eq!(wire.ids(), (vec![9], 0), "what was missed before it may yet come");
    wire.send(CLIENT, &read(2));
    assert_eq!(wire.ids(), (vec![9], 1), "its receiver had it");
    // So is the response alone; the next request acknowledges it.
    wire.skip(SERVER, values(2).len());
    wire.send(CLIENT, &read(3));
    wire.send(SERVER, &values(2));
    assert_eq!(wire.ids(), (vec![9], 2));
    wire.transact(4);
    assert_eq!(wire.ids(), (vec![9, 4], 2));
}

#[test]
fn a_client_that_does_not_number_its_requests_proves_nothing() {
    let mut wire = watched();
    wire.transact(0); // the first might be numbered
    wire.transact(0);
    wire.transact(0);
    assert_eq!(wire.ids(), (vec![0], 2));
}

#[test]
fn two_open_requests_with_one_identifier_prove_nothing() {
    let mut wire = watched();
    for id in [1, 2, 1] {
        wire.send(CLIENT, &read(id));
    }
    wire.send(SERVER, &values(1));
    wire.send(SERVER, &values(2));
    assert_eq!(wire.ids(), (vec![2], 1));
}

#[test]
fn an_answer_of_another_length_than_asked_for_is_not_kept() {
    let mut wire = watched();
    wire.send(CLIENT, &read(1));
    wire.send(SERVER, &adu(1, &[3, 2, 0, 1]));
    assert_eq!(wire.ids(), (vec![], 1));
}

#[test]
fn requests_under_way_together_are_each_kept() {
    let mut wire = watched();
    wire.send(CLIENT, &[read(1), read(2), read(3)].concat());
    wire.send(SERVER, &[values(3), values(1), values(2)].concat());
    assert_eq!(wire.ids(), (vec![3, 1, 2], 0));
}

#[test]
fn a_flood_of_reads_costs_a_bounded_report_that_counts_the_rest() {
    let mut wire = watched();
    (1..=300).for_each(|id| wire.transact(id));
    assert_eq!((wire.report.reads.len(), wire.report.reads_dropped), (256, 44));
}
