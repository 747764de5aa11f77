//! Modbus on ports of no service.

use proptest::prelude::*;

use crate::record::{Detected, Protocol};

use super::rtu::framed;
use super::*;

fn wire() -> Wire {
    Wire { server_port: 15_020, ..Wire::new() }
}

fn detected(wire: &Wire) -> Vec<Detected> {
    let detected =
        |note: &Note| if let Note::Detected(detected) = note { Some(*detected) } else { None };
    wire.report.notes.iter().filter_map(detected).collect()
}

/// A read and its answer.
fn exchange(wire: &mut Wire, transaction: u16) {
    wire.send(CLIENT, &read(transaction));
    wire.send(SERVER, &values(transaction));
}

#[test]
fn three_pairs_make_a_server_and_none_of_them_is_lost() {
    let mut wire = wire();
    exchange(&mut wire, 1);
    exchange(&mut wire, 2);
    wire.send(CLIENT, &read(3));
    assert_eq!((wire.counts(), detected(&wire).len()), ((0, 0, 0), 0));
    wire.send(SERVER, &values(3));
    assert_eq!(wire.counts(), (3, 3, 3));
    let told = detected(&wire);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].protocol, told[0].n_pairs), (Protocol::Modbus, 3));
    assert_eq!(told[0].server, "192.0.2.2:15020".parse().unwrap());
    assert_eq!(told[0].client, "192.0.2.1:40000".parse().unwrap());
    assert_eq!(wire.report.modbus.latency, Duration::from_millis(3), "as it was seen");
    exchange(&mut wire, 4);
    wire.client_port = 40_001;
    exchange(&mut wire, 1);
    assert_eq!((wire.counts(), detected(&wire).len()), ((5, 5, 5), 1));
    assert_eq!((wire.report.streams.holes, wire.report.modbus.unread), (0, 0));
}

#[test]
fn a_client_that_connects_anew_for_each_request_shows_the_server_too() {
    let mut wire = wire();
    for client_port in 40_000..40_005 {
        wire.client_port = client_port;
        exchange(&mut wire, client_port);
    }
    assert_eq!((wire.counts(), detected(&wire).len()), ((5, 5, 5), 1));
}

#[test]
fn several_in_flight_and_an_answer_first_are_as_good() {
    let mut wire = wire();
    wire.send(SERVER, &values(9)); // its request was before the capture
    wire.send(CLIENT, &[read(10), read(11)].concat());
    wire.send(CLIENT, &read(12));
    wire.send(CLIENT, &read(13));
    wire.send(SERVER, &values(12));
    wire.send(SERVER, &[values(10), values(11)].concat());
    assert_eq!((wire.counts(), detected(&wire).len()), ((4, 4, 3), 1));
    wire.send(SERVER, &values(13));
    assert_eq!(wire.counts(), (4, 5, 4));
}

#[test]
fn whoever_asks_is_the_client_whoever_connected() {
    let mut wire = Wire { client_port: 502, server_port: 51_000, ..Wire::new() };
    // The device connects out, to the port that is configured for servers.
    wire.segment(SERVER, -1, Flags::SYN, &[]);
    wire.segment(CLIENT, -1, Flags::SYN | Flags::ACK, &[]);
    for transaction in 1..5 {
        exchange(&mut wire, transaction);
    }
    assert_eq!((wire.counts(), detected(&wire).len()), ((4, 4, 4), 1));
    assert_eq!(detected(&wire)[0].server, "192.0.2.2:51000".parse().unwrap());
    wire.send(CLIENT, &adu(5, &WRITE));
    wire.send(SERVER, &adu(5, &WRITE));
    let write = wire.transactions()[0];
    let (client, server) = ("192.0.2.1:502".parse().unwrap(), "192.0.2.2:51000".parse().unwrap());
    assert_eq!(write.path, Path::Network { vlan: Vlan::default(), client, server });
    assert_eq!(write.latency, Some(Duration::from_millis(1)));
}

#[test]
fn what_seems_to_go_the_other_way_and_does_not_is_read_all_the_same() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &adu(1, &[16, 0, 1, 0, 2])); // a write that lost its values: an answer?
    assert_eq!(wire.counts(), (0, 0, 0));
    wire.send(SERVER, &adu(1, &[0x90, 3]));
    assert_eq!(wire.counts(), (1, 1, 1));
    exchange(&mut wire, 2);
    assert_eq!((wire.counts(), detected(&wire).len()), ((2, 2, 2), 0));
    assert_eq!((wire.report.modbus.writes, wire.transactions().len()), (1, 1));
}

#[test]
fn between_two_ports_of_servers_what_is_said_tells_who_says_it() {
    for first in [CLIENT, SERVER] {
        let mut wire = Wire { client_port: 502, ..Wire::new() };
        if first == SERVER {
            wire.send(SERVER, &values(1)); // met under way
        }
        exchange(&mut wire, 2);
        exchange(&mut wire, 3);
        let strays = u64::from(first == SERVER);
        assert_eq!(wire.counts(), (2, 2 + strays, 2));
        assert_eq!(detected(&wire).len(), 0);
    }
}

#[test]
fn what_is_always_the_same_or_goes_both_ways_proves_nothing() {
    let mut wire = wire();
    for _ in 0..100 {
        exchange(&mut wire, 0); // an identifier that never changes may be any constant
    }
    assert_eq!((wire.counts(), detected(&wire).len()), ((0, 0, 0), 0));
    // A service that repeats what it is sent.
    wire.server_port = 7;
    for transaction in 0..100 {
        wire.send(CLIENT, &adu(transaction, &WRITE));
        wire.send(SERVER, &adu(transaction, &WRITE));
    }
    assert_eq!((wire.counts(), detected(&wire).len()), ((0, 0, 0), 0));
    // One answer that only a server gives, and it is one.
    wire.send(CLIENT, &read(100));
    wire.send(SERVER, &values(100));
    assert_eq!(detected(&wire).len(), 1);
}

#[test]
fn answers_that_do_not_fit_are_no_evidence() {
    let wrong: [(&str, Vec<u8>); 5] = [
        ("identifier", values(8)),
        ("function", adu(7, &[4, 4, 0, 1, 0, 2])),
        ("quantity", adu(7, &[3, 2, 0, 1])),
        ("unit", [&[0, 7, 0, 0, 0, 7, 2][..], &[3, 4, 0, 1, 0, 2]].concat()),
        ("exception", adu(7, &[0x84, 2])),
    ];
    for (what, response) in wrong {
        let mut wire = wire();
        for transaction in 0..3 {
            wire.send(CLIENT, &read(7 + 256 * transaction));
            let [_, rest @ ..] = &response[..] else { panic!() };
            wire.send(SERVER, &[&[u8::try_from(transaction).unwrap()], rest].concat());
        }
        assert_eq!(detected(&wire).len(), 0, "{what}");
    }
}

#[test]
fn frames_with_a_crc_are_found_by_pairs_that_differ() {
    let mut wire = wire();
    let request = framed(17, &[3, 0, 0, 0, 2]); // as an MBAP header it is plausible, too
    let mut exchange = |value: u8| {
        wire.send(CLIENT, &request);
        wire.send(SERVER, &framed(17, &[3, 4, 0, value, 0, 2]));
        (wire.counts(), detected(&wire).len())
    };
    for _ in 0..5 {
        assert_eq!(exchange(1), ((0, 0, 0), 0), "the same again and again");
    }
    assert_eq!(exchange(2), ((6, 6, 6), 1));
    assert_eq!(exchange(2), ((7, 7, 7), 1));
    assert_eq!(detected(&wire)[0].protocol, Protocol::ModbusRtu);
    assert_eq!(wire.report.checksums.modbus_rtu.valid, 14);
}

#[test]
fn a_converter_that_connects_to_its_master_is_found_on_a_configured_port_too() {
    let services = Services::default().with(Protocol::ModbusRtu, &[4001]);
    let table = Table::new(64, &services, 7);
    let mut wire = Wire { table, client_port: 4001, server_port: 51_000, ..Wire::new() };
    for value in 0..4 {
        wire.send(CLIENT, &framed(17, &[3, 0, 0, 0, 2]));
        wire.send(SERVER, &framed(17, &[3, 4, 0, value, 0, 2]));
    }
    assert_eq!((wire.counts(), detected(&wire).len()), ((4, 4, 4), 1));
}

#[test]
fn a_device_that_calls_its_master_is_one_station_whatever_port_it_calls_from() {
    for (client_port, server) in [(502, "192.0.2.2:502"), (5000, "192.0.2.2:5000")] {
        let mut wire = Wire { client_port, ..Wire::new() };
        for server_port in 51_000..51_004 {
            wire.server_port = server_port;
            (0..5).for_each(|transaction| exchange(&mut wire, transaction));
        }
        assert_eq!((wire.counts(), detected(&wire).len()), ((20, 20, 20), 4));
        let servers: Vec<_> = wire.report.usages.iter().map(|usage| usage.server).collect();
        assert_eq!(servers, [server.parse().unwrap()]);
        assert_eq!(wire.report.usage_changes.len(), 1, "it answers, once");
    }
}

#[test]
fn tables_are_fixed_and_what_they_forget_is_counted() {
    let mut wire = Wire::with_capacity(4096);
    for server_port in 10_000..10_600 {
        wire.server_port = server_port;
        exchange(&mut wire, 1);
    }
    let evicted = wire.report.detection.candidates_evicted;
    assert!((600 - 256..600).contains(&evicted), "{evicted}");
    for server_port in 21_000..21_100 {
        wire.server_port = server_port;
        (0..3).for_each(|transaction| exchange(&mut wire, transaction));
        wire.next_block();
        exchange(&mut wire, 9);
        assert_eq!(wire.counts(), (1, 1, 1), "each is followed at least for a while");
    }
    // The first was given up for the others, and is found again.
    wire.server_port = 21_000;
    wire.next_block();
    exchange(&mut wire, 10);
    assert_eq!(wire.counts(), (0, 0, 0));
    (11..13).for_each(|transaction| exchange(&mut wire, transaction));
    assert_eq!((wire.counts(), detected(&wire).len()), ((3, 3, 3), 1));
    assert_eq!(wire.report.detection.servers_evicted, 1);
}

#[test]
fn a_watched_server_that_is_found_again_to_speak_otherwise_is_still_watched() {
    let mut wire = Wire { server_port: 15_020, ..Wire::with_capacity(4096) };
    wire.table.watch(["192.0.2.2:15020".parse().unwrap()].into_iter().collect());
    for value in 0..4 {
        wire.send(CLIENT, &framed(17, &[3, 0, 0, 0, 2]));
        wire.send(SERVER, &framed(17, &[3, 4, 0, value, 0, 2]));
    }
    for server_port in 21_000..21_100 {
        wire.server_port = server_port;
        (0..3).for_each(|transaction| exchange(&mut wire, transaction));
    }
    wire.server_port = 15_020;
    wire.next_block();
    (1..6).for_each(|transaction| exchange(&mut wire, transaction));
    assert_eq!(detected(&wire)[0].protocol, Protocol::Modbus);
    assert_eq!((wire.counts(), wire.report.reads.len()), ((5, 5, 5), 5));
    assert!(!wire.report.reads[0].trust.from_start);
}

#[test]
fn what_does_not_look_alike_between_is_neither_missing_nor_in_the_way() {
    let mut wire = wire();
    exchange(&mut wire, 1);
    wire.send(CLIENT, &read(2)[..7]); // in two segments: not seen as a request
    wire.send(CLIENT, &read(2)[7..]);
    wire.send(SERVER, &values(2));
    exchange(&mut wire, 3);
    exchange(&mut wire, 4);
    assert_eq!((wire.counts(), detected(&wire).len()), ((3, 4, 3), 1));
    assert_eq!((wire.report.streams.holes, wire.report.streams.missing_bytes), (0, 0));
    exchange(&mut wire, 5);
    assert_eq!(wire.counts(), (4, 5, 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_are_never_taken_for_modbus(
        segments in proptest::collection::vec(
            (0_usize..2, proptest::collection::vec(any::<u8>(), 0..300)), 1..40,
        ),
    ) {
        let mut wire = wire();
        for (side, payload) in segments {
            wire.send(side, &payload);
        }
        prop_assert_eq!((wire.counts(), detected(&wire).len()), ((0, 0, 0), 0));
    }

    /// Headers that fit, and bytes of chance behind them.
    #[test]
    fn what_is_framed_like_modbus_and_random_otherwise_is_not_taken_for_it(
        segments in proptest::collection::vec(
            (0_usize..2, 0_u16..4, proptest::collection::vec(any::<u8>(), 1..12), any::<bool>()),
            1..200,
        ),
    ) {
        let mut wire = wire();
        for (side, transaction, pdu, is_framed) in segments {
            let payload = if is_framed { framed(1, &pdu) } else { adu(transaction, &pdu) };
            wire.send(side, &payload);
        }
        prop_assert_eq!(detected(&wire).len(), 0);
    }
}
