//! Writes that do not take effect, and all that must not be taken for one.

mod device;
mod unjudged;

use crate::record::{Bank, Ineffective, Protocol};

use super::*;

impl Wire {
    /// Say something on the connection of the client with this port, in both directions.
    fn exchange(&mut self, client: &mut Client, pdu: &[u8], answer: &[u8]) {
        self.ask(client, pdu);
        self.answer(client, answer);
    }

    fn ask(&mut self, client: &mut Client, pdu: &[u8]) {
        client.id += 1;
        let id = client.id;
        self.as_client(client, |wire| wire.send(CLIENT, &adu(id, pdu)));
    }

    fn answer(&mut self, client: &mut Client, pdu: &[u8]) {
        let id = client.id;
        self.as_client(client, |wire| wire.send(SERVER, &adu(id, pdu)));
    }

    fn as_client(&mut self, client: &mut Client, act: impl FnOnce(&mut Self)) {
        self.client_port = client.port;
        std::mem::swap(&mut self.next, &mut client.next);
        act(self);
        std::mem::swap(&mut self.next, &mut client.next);
    }

    /// What was found, after it had its time.
    fn ineffective(&mut self) -> Vec<Ineffective> {
        self.now_ns += 1_000_000_000;
        self.table.end_block(self.now_ns, &mut self.report);
        let notes = std::mem::take(&mut self.report.notes);
        let found =
            |note: Note| if let Note::Ineffective(found) = note { Some(found) } else { None };
        notes.into_iter().filter_map(found).collect()
    }

    fn spots(&mut self) -> Vec<(u16, u16, u16)> {
        self.ineffective().iter().map(|it| (it.address, it.written, it.read)).collect()
    }
}

/// One connection.
struct Client {
    port: u16,
    id: u16,
    next: [u32; 2],
}

fn client(wire: &mut Wire, port: u16) -> Client {
    let mut client = Client { port, id: 0, next: [7000, 9000] };
    // A port scan opens no connection, so that a SYN is seen only behind a first exchange.
    wire.exchange(&mut client, &[8, 0, 0, 0, 0], &[8, 0, 0, 0, 0]);
    client
}

/// A wire with two clients.
fn acquainted() -> (Wire, Client, Client) {
    let mut wire = Wire::new();
    let (writer, reader) = (client(&mut wire, 40_001), client(&mut wire, 40_002));
    (wire, writer, reader)
}

/// Registers 8 and 9.
const READ: [u8; 5] = [3, 0, 8, 0, 2];

fn shows(eight: u16, nine: u16) -> Vec<u8> {
    [&[3, 4][..], &eight.to_be_bytes(), &nine.to_be_bytes()].concat()
}

#[test]
fn a_register_that_is_not_what_was_written_is_found_with_who_wrote_and_who_read() {
    let (mut wire, mut writer, mut reader) = acquainted();
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut reader, &READ, &shows(0x1200, 5));
    assert_eq!(wire.report.notes.len(), 1, "the write; the rest has to wait: {:?}", wire.report);
    let found = wire.ineffective();
    let [found] = found[..] else { panic!("{found:?}") };
    assert_eq!((found.bank, found.address, found.unit), (Bank::HoldingRegisters, 8, 1));
    assert_eq!((found.written, found.read, found.function), (0x1234, 0x1200, 6));
    assert_eq!((found.writer.port(), found.reader.port()), (40_001, 40_002));
    assert_eq!(found.server.to_string(), "192.0.2.2:502");
    assert_eq!(found.after, Duration::from_millis(2));
    wire.exchange(&mut reader, &READ, &shows(0x1200, 5));
    assert_eq!(wire.spots(), [], "once");
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut writer, &READ, &shows(0x1200, 5));
    assert_eq!(wire.spots(), [(8, 0x1234, 0x1200)], "of the next write again, by anybody");
}

/// A write and its answer, a read and its answer, and the addresses that are found.
type Case<'a> = (Vec<u8>, Vec<u8>, &'a [u8], &'a [u8], Vec<u16>);

#[test]
fn every_function_that_writes_is_held_against_the_table_that_it_writes() {
    let coils = [1, 0, 0, 0, 16];
    let zeroes: &[u8] = &[1, 2, 0, 0];
    let registers = [3, 0, 0, 0, 20];
    let [fives, ones] =
        [5u16, 1].map(|n| [&[3, 40][..], &[n; 20].map(u16::to_be_bytes).concat()].concat());
    let many = |function: u8, count: u8| {
        let values = [0u8, 5].repeat(usize::from(count));
        let write = [&[function, 0, 0, 0, count, 2 * count][..], &values].concat();
        (write, vec![function, 0, 0, 0, count])
    };
    let cases: Vec<Case<'_>> = vec![
        (vec![5, 0, 3, 255, 0], vec![5, 0, 3, 255, 0], &coils, zeroes, vec![3]),
        (vec![15, 0, 2, 0, 9, 2, 0b11, 1], vec![15, 0, 2, 0, 9], &coils, zeroes, vec![2, 3, 10]),
        (many(16, 2).0, many(16, 2).1, &registers, &ones, vec![0, 1]),
        (many(16, 20).0, many(16, 20).1, &registers, &ones, (0..16).collect()),
        (many(16, 20).0, many(16, 20).1, &registers, &fives, vec![]),
        // Sets bit 2 and clears bit 0; the others are as they were, whatever that was.
        (
            vec![22, 0, 4, 255, 0xfa, 0, 4],
            vec![22, 0, 4, 255, 0xfa, 0, 4],
            &registers,
            &ones,
            vec![4],
        ),
        (
            vec![22, 0, 4, 255, 0xfa, 0, 5],
            vec![22, 0, 4, 255, 0xfa, 0, 5],
            &registers,
            &fives,
            vec![],
        ),
        (vec![23, 0, 0, 0, 1, 0, 7, 0, 1, 2, 0, 9], vec![23, 2, 0, 0], &registers, &ones, vec![7]),
        // Function 23 shows what others wrote before.
        (
            vec![6, 0, 7, 0, 9],
            vec![6, 0, 7, 0, 9],
            &[23, 0, 7, 0, 1, 0, 9, 0, 1, 2, 0, 9],
            &[23, 2, 0, 1],
            vec![7],
        ),
        // Inputs are other tables.
        (vec![5, 0, 0, 255, 0], vec![5, 0, 0, 255, 0], &[2, 0, 0, 0, 1], &[2, 1, 0], vec![]),
        (vec![6, 0, 0, 0, 9], vec![6, 0, 0, 0, 9], &[4, 0, 0, 0, 1], &[4, 2, 0, 1], vec![]),
    ];
    for (write, confirmed, read, shown, expected) in cases {
        let (mut wire, mut writer, mut reader) = acquainted();
        wire.exchange(&mut writer, &write, &confirmed);
        wire.exchange(&mut reader, read, shown);
        let found: Vec<_> = wire.spots().iter().map(|(address, ..)| *address).collect();
        assert_eq!(found, expected, "{write:?} {read:?}");
    }
}

/// What happens between a write of 0x1234 to register 8 and a read that shows another value there.
type Between = fn(&mut Wire, &mut Client, &mut Client);

#[test]
fn what_explains_the_difference_is_no_finding() {
    let cases: [(&str, Between); 10] = [
        ("one that is refused", |wire, writer, _| wire.exchange(writer, &WRITE, &[0x86, 4])),
        ("a newer write", |wire, _, other| {
            wire.exchange(other, &[6, 0, 8, 0, 7], &[6, 0, 8, 0, 7]);
        }),
        ("one not answered", |wire, _, other| wire.ask(other, &[6, 0, 8, 0, 7])),
        ("one to all units", |wire, _, other| {
            let mut broadcast = adu(99, &[6, 0, 8, 0, 7]);
            broadcast[6] = 0;
            wire.as_client(other, |wire| wire.send(CLIENT, &broadcast));
        }),
        ("an unknown function", |wire, _, other| wire.exchange(other, &[90, 1], &[90, 1])),
        ("a file record", |wire, _, other| wire.ask(other, &[21, 0])),
        ("a gap of the capture", |wire, _, _| wire.table.start_block(Gap::Before)),
        ("bytes that were missed", |wire, _, other| {
            wire.as_client(other, |wire| {
                wire.skip(CLIENT, 12);
                wire.segment(SERVER, 0, Flags::ACK, &[]);
            });
        }),
        ("bytes that cannot be read", |wire, _, other| {
            wire.as_client(other, |wire| wire.send(CLIENT, b"GET / HTTP/1.1\r\n"));
        }),
        ("a minute", |wire, _, _| wire.now_ns += 60_000_000_000),
    ];
    for (what, between) in cases {
        let (mut wire, mut writer, mut other) = acquainted();
        let mut reader = client(&mut wire, 40_003);
        wire.exchange(&mut writer, &WRITE, &WRITE);
        between(&mut wire, &mut writer, &mut other);
        wire.exchange(&mut reader, &READ, &shows(0x7777, 5));
        let found = wire.spots();
        if what == "a newer write" {
            assert_eq!(found, [(8, 7, 0x7777)], "of that one");
        } else {
            assert_eq!(found, [], "{what}");
        }
    }
}

#[test]
fn a_long_write_makes_what_it_does_not_remember_unknown() {
    let (mut wire, mut writer, mut other) = acquainted();
    wire.exchange(&mut writer, &[6, 0, 40, 0, 9], &[6, 0, 40, 0, 9]);
    let write = [&[16, 0, 0, 0, 123, 246][..], &[0; 246]].concat();
    wire.exchange(&mut other, &write, &[16, 0, 0, 0, 123]);
    wire.exchange(&mut other, &[3, 0, 40, 0, 1], &[3, 2, 0, 7]);
    assert_eq!(wire.spots(), []);
    let write = [&[16, 0xff, 0xf8, 0, 17, 34][..], &[0; 34]].concat();
    wire.exchange(&mut other, &write, &[0x90, 2]); // it would end behind the last register
    assert_eq!(wire.spots(), []);
}

#[test]
fn a_read_that_was_asked_for_before_the_write_was_confirmed_says_nothing() {
    let (mut wire, mut writer, mut reader) = acquainted();
    wire.ask(&mut writer, &WRITE);
    wire.ask(&mut reader, &READ);
    wire.answer(&mut writer, &WRITE);
    wire.answer(&mut reader, &shows(0, 0));
    assert_eq!(wire.spots(), []);
    wire.exchange(&mut reader, &READ, &shows(0, 0));
    assert_eq!(wire.spots(), [(8, 0x1234, 0)]);
}

#[test]
fn of_writes_that_are_open_together_none_is_known_to_be_the_last() {
    let (mut wire, mut writer, mut other) = acquainted();
    wire.ask(&mut writer, &WRITE);
    wire.ask(&mut other, &[6, 0, 8, 0, 7]);
    wire.answer(&mut writer, &WRITE);
    wire.answer(&mut other, &[6, 0, 8, 0, 7]);
    wire.exchange(&mut other, &READ, &shows(0x1234, 5));
    assert_eq!(wire.spots(), []);
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut other, &READ, &shows(7, 5));
    assert_eq!(wire.spots(), [(8, 0x1234, 7)], "once both are over, one alone is known again");
}

#[test]
fn a_device_that_is_slow_is_given_a_second_and_so_is_a_sign_of_missed_bytes() {
    let (mut wire, mut writer, mut reader) = acquainted();
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut reader, &READ, &shows(0, 5));
    wire.exchange(&mut reader, &READ, &shows(0x1234, 5));
    assert_eq!(wire.spots(), [], "slow");
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut reader, &READ, &shows(7, 5));
    wire.skip(CLIENT, 0);
    wire.as_client(&mut writer, |wire| {
        wire.skip(CLIENT, 12); // another write, of which nothing was seen
        wire.skip(SERVER, 12);
    });
    wire.exchange(&mut writer, &[8, 0, 0, 0, 0], &[8, 0, 0, 0, 0]);
    assert_eq!(wire.spots(), [], "missed");
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut reader, &READ, &shows(7, 5));
    wire.exchange(&mut writer, &[6, 0, 8, 0, 7], &[6, 0, 8, 0, 7]);
    assert_eq!(wire.spots(), [], "seen in the wrong order");
}

#[test]
fn what_is_not_proven_proves_no_finding() {
    let (mut wire, mut writer, mut reader) = acquainted();
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.evidence = Evidence::Unverified;
    wire.exchange(&mut reader, &READ, &shows(7, 5));
    wire.evidence = Evidence::Intact;
    reader.id -= 1; // the same identifier again
    wire.exchange(&mut reader, &READ, &shows(7, 5));
    wire.exchange(&mut reader, &READ, &[3, 2, 0, 7]);
    assert_eq!(wire.spots(), []);
    let mut stranger = Client { port: 40_009, id: 0, next: [1, 1] };
    wire.exchange(&mut stranger, &READ, &shows(7, 5)); // may be the answer to an earlier request
    assert_eq!(wire.spots(), []);
    // Nobody knows what it wrote before it was met.
    wire.exchange(&mut reader, &READ, &shows(7, 5));
    assert_eq!(wire.spots(), []);
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut reader, &READ, &shows(7, 5));
    assert_eq!(wire.spots(), [(8, 0x1234, 7)]);
}

#[test]
fn another_unit_server_port_or_vlan_is_another_register() {
    let (mut wire, mut writer, mut reader) = acquainted();
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.vlan = Vlan { outer: 5, inner: 0 };
    let mut elsewhere = client(&mut wire, 40_003);
    wire.exchange(&mut elsewhere, &READ, &shows(7, 5));
    wire.vlan = Vlan::default();
    let other_unit = |id, pdu: &[u8]| {
        let mut adu = adu(id, pdu);
        adu[6] = 2;
        adu
    };
    wire.as_client(&mut reader, |wire| {
        wire.send(CLIENT, &other_unit(70, &READ));
        wire.send(SERVER, &other_unit(70, &shows(7, 5)));
    });
    assert_eq!(wire.spots(), []);
}

#[test]
fn a_flood_of_writes_costs_a_bounded_table_that_counts_what_it_forgets() {
    let (mut wire, mut writer, mut reader) = acquainted();
    for n in 0..3000u16 {
        let [high, low] = n.to_be_bytes();
        wire.exchange(&mut writer, &[6, high, low, 0, 9], &[6, high, low, 0, 9]);
    }
    assert_eq!(wire.report.writes_untracked, 3000 - 1024);
    for n in 0..24u8 {
        let read = [3, n / 2, 0x7d * (n % 2), 0, 125];
        wire.exchange(&mut reader, &read, &[&[3, 250][..], &[1; 250]].concat());
    }
    let n_held = wire.report.writes_untracked - (3000 - 1024);
    assert!(wire.ineffective().len() == 32 && n_held > 0, "{n_held}");
    // As many that nobody answers: then nothing is known for a minute.
    for n in 0..2000u16 {
        let [high, low] = n.to_be_bytes();
        wire.ask(&mut writer, &[6, 0x40 | high, low, 0, 9]);
    }
    wire.exchange(&mut reader, &[6, 0x70, 8, 0, 9], &[6, 0x70, 8, 0, 9]);
    wire.exchange(&mut reader, &[3, 0x70, 8, 0, 1], &[3, 2, 0, 1]);
    assert_eq!(wire.spots(), []);
}

#[test]
fn where_others_may_write_unseen_nothing_is_claimed() {
    let (mut wire, mut writer, mut reader) = acquainted();
    wire.table.ignore_effects();
    wire.exchange(&mut writer, &WRITE, &WRITE);
    wire.exchange(&mut reader, &READ, &shows(7, 5));
    assert_eq!(wire.spots(), []);
}

#[test]
fn a_write_to_the_same_register_at_another_port_of_the_server_explains_the_difference() {
    for (register, expected) in [(8, vec![]), (9, vec![(8, 0x1234, 0x7777)])] {
        let services = Services::default().with(Protocol::Modbus, &[502, 503]);
        let table = Table::new(64, &services, 7);
        let mut wire = Wire { table, ..Wire::new() };
        let mut writer = client(&mut wire, 40_001);
        wire.server_port = 503;
        let mut other = client(&mut wire, 40_002);
        wire.server_port = 502;
        wire.exchange(&mut writer, &WRITE, &WRITE);
        wire.server_port = 503;
        let write = [6, 0, register, 0x77, 0x77];
        wire.exchange(&mut other, &write, &write);
        wire.server_port = 502;
        wire.exchange(&mut writer, &READ, &shows(0x7777, 5));
        assert_eq!(wire.spots(), expected, "register {register}");
    }
}

#[test]
fn what_passed_unkept_before_a_server_was_found_explains_the_difference() {
    let mut wire = Wire { server_port: 15_020, ..Wire::new() };
    let mut first = client(&mut wire, 40_001);
    wire.exchange(&mut first, &WRITE, &WRITE);
    let mut second = Client { port: 40_002, id: 0, next: [70, 90] };
    wire.as_client(&mut second, |wire| {
        let write = adu(1, &[6, 0, 8, 0, 7]);
        wire.send(CLIENT, &write[..7]); // in two segments: not seen as a request
        wire.send(CLIENT, &write[7..]);
    });
    wire.exchange(&mut first, &READ, &shows(7, 0));
    assert_eq!(wire.report.detection.servers, 1);
    assert_eq!(wire.counts(), (3, 3, 3));
    assert_eq!(wire.spots(), []);
    // From then on nothing passes unseen.
    wire.exchange(&mut first, &WRITE, &WRITE);
    wire.exchange(&mut first, &READ, &shows(7, 0));
    assert_eq!(wire.spots(), [(8, 0x1234, 7)]);
}
