//! Usages without connections: requests and responses go to the table directly.

mod bounds;
mod changes;

use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use crate::record::{Poll, Protocol, SourceId};
use crate::wire::modbus::pdu::Direction;
use crate::wire::packet::{Flags, Segment, Vlan};

use super::super::sighting::{Evidence, Sighting};
use super::*;

const SECOND: u64 = 1_000_000_000;
/// Hosts by their last byte.
const SCADA: u8 = 5;
const OTHER: u8 = 6;
const PLC: u8 = 10;

/// A table, and what the report of the block says so far.
struct Traffic {
    usages: Usages,
    recent: Recent,
    report: WireReport,
    now_ns: u64,
}

fn key(client: u8, server: u8) -> Key {
    let host = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
    let segment = Segment {
        source_port: 40_000,
        destination_port: 502,
        sequence: 0,
        acknowledgment: 0,
        flags: Flags(Flags::ACK),
        len: 20,
        payload: &[],
    };
    let sighting = Sighting {
        at_ns: 0,
        vlan: Vlan::default(),
        evidence: Evidence::Intact,
        source: &host(client),
        destination: &host(server),
        segment: &segment,
    };
    Key::of(&sighting, Direction::Request)
}

/// Reads two registers from an address of unit 1.
fn read(address: u32) -> Asked {
    Asked {
        protocol: Protocol::Modbus,
        station: Some(1),
        function: 3,
        operation: Operation::Read,
        addresses: Some((address, address + 1)),
        value: None,
    }
}

/// Writes a register of unit 1.
fn write(address: u32, value: u16) -> Asked {
    let (operation, addresses) = (Operation::Write, Some((address, address)));
    Asked { function: 6, operation, addresses, value: Some(value), ..read(0) }
}

impl Traffic {
    fn new() -> Self {
        Self::with_capacity(64)
    }

    fn with_capacity(capacity: usize) -> Self {
        let report = WireReport::new(SourceId::from("test"), SystemTime::UNIX_EPOCH);
        let usages = Usages::with_capacity(capacity, 7);
        Self { usages, recent: Recent::default(), report, now_ns: SECOND }
    }

    /// A request over a connection of its own.
    fn ask(&mut self, client: u8, asked: &Asked) -> Handle {
        self.recent = Recent { is_from_start: true, ..Recent::default() };
        self.ask_again(client, asked)
    }

    /// A request over the connection of the last one.
    fn ask_again(&mut self, client: u8, asked: &Asked) -> Handle {
        let key = key(client, PLC);
        let asking =
            Asking { at_ns: self.now_ns, key: &key, connection: client.into(), is_verified: true };
        self.usages.on_request(&asking, &mut self.recent, asked, &mut self.report)
    }

    fn answer(&mut self, handle: Handle, latency_ns: u64, answer: Answer) {
        let answered = Answered {
            at_ns: self.now_ns.saturating_add(latency_ns),
            latency_ns,
            answer,
            trust: Trust::FULL,
        };
        self.usages.on_response(handle, &answered, &mut self.report);
    }

    /// Requests once a second that are answered.
    fn poll(&mut self, client: u8, asked: &Asked, n: u64) {
        for _ in 0..n {
            let handle = self.ask(client, asked);
            self.answer(handle, 5_000_000, Answer::Served);
            self.now_ns += SECOND;
        }
    }

    /// A block ends so long after the last request, and its report is sent.
    fn end_block(&mut self, seconds: u64) {
        self.now_ns += seconds * SECOND;
        self.usages.sweep(self.now_ns, |_, _| Ending::ByClient, &mut self.report);
    }

    fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.report.usages).iter().map(|usage| usage.news).collect()
    }

    fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.report.usage_changes).iter().map(|change| change.what).collect()
    }
}

#[test]
fn a_usage_is_told_when_it_is_first_seen_and_when_a_range_grows() {
    let mut traffic = Traffic::new();
    traffic.ask(SCADA, &read(100));
    let [usage] = &traffic.report.usages[..] else { panic!("{:?}", traffic.report.usages) };
    assert_eq!((usage.client, usage.server), (key(5, 10).client().ip(), key(5, 10).server()));
    assert_eq!((usage.station, usage.function), (Some(1), 3));
    assert_eq!((&usage.addresses, &usage.values), (&Some(100..=101), &None));
    assert_eq!(usage.trust, Trust::FULL);
    assert_eq!(traffic.take_news(), [News::First]);
    for _ in 0..9 {
        traffic.ask(SCADA, &read(100));
    }
    assert_eq!(traffic.take_news(), []);
    for address in &[80, 90, 102, 101] {
        traffic.ask(SCADA, &read(*address));
    }
    assert_eq!(traffic.report.usages[1].addresses, Some(80..=103));
    assert_eq!(traffic.take_news(), [News::Address; 2]);
    let values = [7, 7, 9, 8, 0].map(|value| traffic.ask(SCADA, &write(3, value)));
    assert!(values.iter().all(|handle| *handle == values[0]));
    assert_eq!(traffic.report.usages[2].values, Some(0..=9));
    assert_eq!(traffic.take_news(), [News::First, News::Value, News::Value]);
}

#[test]
fn client_station_function_and_protocol_tell_usages_apart_and_connections_do_not() {
    let mut traffic = Traffic::new();
    let asked = read(100);
    let others = [
        asked,
        Asked { station: Some(0), ..asked },
        Asked { station: None, ..asked },
        Asked { function: 4, ..asked },
        Asked { protocol: Protocol::Dnp3, ..asked },
    ];
    for _ in 0..3 {
        for asked in &others {
            traffic.ask_again(SCADA, asked);
        }
        for asked in &others {
            traffic.ask(SCADA, asked);
        }
    }
    traffic.ask(OTHER, &asked);
    assert_eq!(traffic.take_news(), [News::First; 6]);
}

#[test]
fn a_station_is_told_once_it_answers_and_not_by_who_says_that_it_is_unreachable() {
    let mut traffic = Traffic::new();
    for answer in [Answer::Unreachable, Answer::Refused, Answer::Served] {
        let handle = traffic.ask(SCADA, &read(100));
        traffic.answer(handle, SECOND, answer);
    }
    assert_eq!(traffic.take_changes(), [Change::Answers]);
    let handle = traffic.ask(OTHER, &read(100));
    traffic.answer(handle, SECOND, Answer::Served);
    assert_eq!(traffic.take_changes(), [], "it is the same station");
    traffic.answer(Handle::default(), SECOND, Answer::Served);
    assert_eq!(traffic.take_changes(), [], "nobody knows what was asked");
}
