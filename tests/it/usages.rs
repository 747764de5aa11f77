//! Who asks what of whom, from the frames of a capture file to the events that a replay tells.

use std::io::Write as _;

use infra_monitor::app::replay::{Observed, replay};
use infra_monitor::record::{Event, Kind};
use tempfile::NamedTempFile;

use crate::traffic::{Address, PSH_ACK, SYN, Standing, tcp};

const FIN_ACK: u8 = 0x11;
const SCADA: Address = [192, 0, 2, 5];
const STANDBY: Address = [192, 0, 2, 6];
const STRANGER: Address = [192, 0, 2, 66];
const PLC: Address = [192, 0, 2, 10];
const SPARE_PLC: Address = [192, 0, 2, 11];

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const MINUTE: u64 = 60 * SECOND;

/// Frames in the order of their time stamps, in nanoseconds.
#[derive(Default)]
struct Recording(Vec<(u64, Vec<u8>)>);

/// A connection to port 502, and where its two streams stand.
struct Connection {
    client: (Address, u16),
    server: (Address, u16),
    next: [u32; 2],
}

impl Connection {
    fn open(recording: &mut Recording, at_ns: u64, client: Address, server: Address) -> Self {
        let mut connection =
            Self { client: (client, 40_000), server: (server, 502), next: [99, 7] };
        connection.send(recording, at_ns, (0, SYN), &[]);
        connection.next[0] += 1;
        connection
    }

    /// A segment of the client (0) or the server (1).
    fn send(
        &mut self,
        recording: &mut Recording,
        at_ns: u64,
        (side, flags): (usize, u8),
        payload: &[u8],
    ) {
        let ends = [self.client, self.server];
        let (source, destination) = (ends[side], ends[1 - side]);
        let (sequence, acknowledgment) = (self.next[side], self.next[1 - side]);
        let at = Standing { source, destination, sequence, acknowledgment, flags };
        recording.0.push((at_ns, tcp(&at, payload)));
        self.next[side] += u32::try_from(payload.len()).unwrap();
    }

    /// Ask a unit for two registers.
    fn ask(&mut self, recording: &mut Recording, at_ns: u64, unit: u8) {
        self.send(recording, at_ns, (0, PSH_ACK), &[0, 1, 0, 0, 0, 6, unit, 3, 0, 100, 0, 2]);
    }

    /// Ask unit 1 once a second and be answered after so long.
    fn poll(&mut self, recording: &mut Recording, times_ns: std::ops::Range<u64>, latency_ns: u64) {
        let response = [0, 1, 0, 0, 0, 7, 1, 3, 4, 0, 1, 0, 2];
        for at_ns in times_ns.step_by(usize::try_from(SECOND).unwrap()) {
            self.ask(recording, at_ns, 1);
            self.send(recording, at_ns + latency_ns, (1, PSH_ACK), &response);
        }
    }
}

impl Recording {
    /// What a replay tells of it.
    fn events(mut self) -> Vec<Event> {
        self.0.sort_by_key(|(at_ns, _)| *at_ns);
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        let mut pcap = words(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 65535, 1]); // nanoseconds
        for (at_ns, frame) in &self.0 {
            let len = u32::try_from(frame.len()).unwrap();
            let [seconds, ns] = [at_ns / SECOND, at_ns % SECOND].map(|n| u32::try_from(n).unwrap());
            pcap.extend(words(&[1_700_000_000 + seconds, ns, len, len]));
            pcap.extend(frame);
        }
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&pcap).unwrap();
        let mut events = vec![];
        replay(&[file.path().to_owned()], |observed| {
            if let Observed::Event(event) = observed {
                events.push(event.clone());
            }
        })
        .unwrap();
        events
    }
}

fn field(event: &Event, name: &str) -> String {
    let found = event.fields.iter().find(|(field, _)| *field == name);
    found.unwrap_or_else(|| panic!("{name}: {event:?}")).1.to_string()
}

fn kinds(events: &[Event]) -> Vec<Kind> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_poll_that_stops_is_told_with_who_closed_the_connection_and_one_that_ends_with_the_file_is_not()
{
    let mut recording = Recording::default();
    let mut scada = Connection::open(&mut recording, 0, SCADA, PLC);
    scada.poll(&mut recording, 0..MINUTE, 5 * MS);
    scada.send(&mut recording, MINUTE, (0, FIN_ACK), &[]);
    let mut standby = Connection::open(&mut recording, 0, STANDBY, PLC);
    standby.poll(&mut recording, 0..3 * MINUTE, 5 * MS);
    let events = recording.events();
    assert_eq!(kinds(&events), [Kind::PollStopped], "{events:?}");
    let named = ["client", "server", "station", "closed_by"].map(|name| field(&events[0], name));
    assert_eq!(named, ["192.0.2.5", "192.0.2.10:502", "1", "client"]);
}

#[test]
fn a_poll_that_is_interrupted_is_told_of_twice() {
    let mut recording = Recording::default();
    let mut scada = Connection::open(&mut recording, 0, SCADA, PLC);
    scada.poll(&mut recording, 0..MINUTE, 5 * MS);
    scada.poll(&mut recording, 2 * MINUTE..3 * MINUTE, 5 * MS);
    let events = recording.events();
    assert_eq!(kinds(&events), [Kind::PollStopped, Kind::PollResumed], "{events:?}");
    assert_eq!(field(&events[0], "closed_by"), "nobody");
}

#[test]
fn a_search_for_units_is_told_from_the_start_of_a_file() {
    let mut recording = Recording::default();
    Connection::open(&mut recording, 0, SCADA, PLC).poll(&mut recording, 0..MINUTE, 5 * MS);
    let mut stranger = Connection::open(&mut recording, 20 * SECOND, STRANGER, PLC);
    (2..=200_u8).for_each(|unit| {
        let at_ns = 20 * SECOND + u64::from(unit) * 50 * MS;
        stranger.ask(&mut recording, at_ns, unit);
    });
    let events = recording.events();
    assert_eq!(kinds(&events), [Kind::DeviceScanned], "{events:?}");
    assert_eq!(field(&events[0], "client"), "192.0.2.66");
}

#[test]
fn after_ten_minutes_a_second_master_a_new_client_and_a_new_device_are_told_and_a_slow_one() {
    let mut recording = Recording::default();
    let mut scada = Connection::open(&mut recording, 0, SCADA, PLC);
    scada.poll(&mut recording, 0..15 * MINUTE, 5 * MS);
    let mut standby = Connection::open(&mut recording, 11 * MINUTE, STANDBY, PLC);
    standby.poll(&mut recording, 11 * MINUTE + 300 * MS..15 * MINUTE, 5 * MS);
    let mut spare = Connection::open(&mut recording, 12 * MINUTE, SCADA, SPARE_PLC);
    spare.poll(&mut recording, 12 * MINUTE + 600 * MS..15 * MINUTE, 5 * MS);
    scada.poll(&mut recording, 15 * MINUTE..16 * MINUTE, 90 * MS);
    spare.poll(&mut recording, 15 * MINUTE..16 * MINUTE, 5 * MS);
    let events = recording.events();
    let told: Vec<_> =
        events.iter().map(|event| (event.kind.name(), field(event, "client"))).collect();
    let expected = [
        ("master.new", "192.0.2.6"),
        ("master.second", "192.0.2.6"),
        ("master.new", "192.0.2.5"),
        ("device.new", "192.0.2.5"),
        ("poll.stopped", "192.0.2.6"),
        ("latency.raised", "192.0.2.5"),
    ];
    let mut told: Vec<_> = told.iter().map(|(kind, client)| (*kind, &**client)).collect();
    told.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(told, expected, "{events:#?}");
    assert_eq!(field(&events[0], "trust"), "full");
}
