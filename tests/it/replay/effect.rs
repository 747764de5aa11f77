//! A generated capture in which a controller does not keep what it confirms.

use std::path::Path;
use std::time::Duration;

use infra_monitor::app::replay::{Observed, replay};
use infra_monitor::record::{Event, Kind, Scalar};

use crate::traffic::{self, PSH_ACK, SYN, Standing};

/// A capture file of frames with their times.
#[derive(Default)]
struct Recording {
    bytes: Vec<u8>,
    now: Duration,
}

const SERVER: ([u8; 4], u16) = ([203, 0, 113, 1], 502);

/// A client's connection, as far as it has come.
struct Connection {
    client: ([u8; 4], u16),
    next: [u32; 2],
    id: u16,
}

impl Recording {
    fn frame(&mut self, frame: &[u8]) {
        if self.bytes.is_empty() {
            let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1];
            self.bytes.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        }
        self.now += Duration::from_millis(1);
        let len = u32::try_from(frame.len()).unwrap();
        let seconds = u32::try_from(self.now.as_secs()).unwrap();
        for word in [seconds, self.now.subsec_micros(), len, len] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(frame);
    }

    fn exchange(&mut self, connection: &mut Connection, pdus: [&[u8]; 2]) {
        connection.id += 1;
        for (side, pdu) in pdus.into_iter().enumerate() {
            let adu = [
                &connection.id.to_be_bytes()[..],
                &[0, 0, 0],
                &[u8::try_from(pdu.len()).unwrap() + 1, 1],
                pdu,
            ];
            let adu = adu.concat();
            self.segment(connection, side, PSH_ACK, &adu);
            connection.next[side] += u32::try_from(adu.len()).unwrap();
        }
    }

    fn segment(&mut self, connection: &Connection, side: usize, flags: u8, payload: &[u8]) {
        let ends = [connection.client, SERVER];
        let at = Standing {
            source: ends[side],
            destination: ends[1 - side],
            sequence: connection.next[side],
            acknowledgment: connection.next[1 - side],
            flags,
        };
        self.frame(&traffic::tcp(&at, payload));
    }

    /// One that says hello first: what the first request of a connection met under way is answered
    /// with proves nothing.
    fn connect(&mut self, port: u16) -> Connection {
        let mut connection =
            Connection { client: ([198, 51, 100, 7], port), next: [99, 899], id: 0 };
        self.segment(&connection, 0, SYN, &[]);
        connection.next = [100, 900];
        self.exchange(&mut connection, [&[8, 0, 0, 0, 0], &[8, 0, 0, 0, 0]]);
        connection
    }

    fn replay(&self, folder: &Path) -> Vec<Event> {
        let path = folder.join("effect.pcap");
        std::fs::write(&path, &self.bytes).unwrap();
        let mut events = vec![];
        let replayed = replay(&[path], |observed| match observed {
            Observed::Event(event) => events.push(event.clone()),
            Observed::Progress { .. } | Observed::Usage(_) | Observed::Deferred(_) => (),
            Observed::Transaction { turn, .. } => panic!("nobody asked for {turn:?}"),
        });
        assert!(replayed.unwrap().broken.is_empty());
        events.retain(|event| event.kind == Kind::WriteIneffective);
        events
    }
}

fn number(event: &Event, name: &str) -> u64 {
    let found = event.fields.iter().find(|(field, _)| *field == name);
    match found {
        Some((_, Scalar::Unsigned(number))) => *number,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_value_that_is_limited_by_the_controller_is_told_and_one_that_is_kept_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::default();
    let mut engineer = recording.connect(40_001);
    let mut panel = recording.connect(40_002);
    let setpoints = [16, 0, 10, 0, 2, 4, 0x03, 0xe8, 0, 7];
    recording.exchange(&mut engineer, [&setpoints, &[16, 0, 10, 0, 2]]);
    // The first is limited to 500.
    recording.exchange(&mut panel, [&[3, 0, 8, 0, 4], &[3, 8, 0, 0, 0, 0, 0x01, 0xf4, 0, 7]]);
    recording.exchange(&mut engineer, [&[5, 0, 3, 0xff, 0], &[5, 0, 3, 0xff, 0]]);
    recording.exchange(&mut panel, [&[1, 0, 0, 0, 8], &[1, 1, 0b1000]]);
    let events = recording.replay(folder.path());
    let [event] = &events[..] else { panic!("{events:?}") };
    let fields = ["unit", "address", "written", "read"].map(|name| number(event, name));
    assert_eq!(fields, [1, 10, 1000, 500]);
    assert!(event.text.contains("198.51.100.7:40001 wrote 1000"), "{}", event.text);
    assert!(event.text.contains("198.51.100.7:40002 read 2ms after"), "{}", event.text);
}

#[test]
fn frames_that_were_not_captured_are_no_proof_against_a_controller() {
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::default();
    let mut engineer = recording.connect(40_001);
    let mut panel = recording.connect(40_002);
    recording.exchange(&mut engineer, [&[6, 0, 10, 0, 1], &[6, 0, 10, 0, 1]]);
    engineer.next = engineer.next.map(|next| next + 12); // another write, and its answer
    recording.exchange(&mut panel, [&[3, 0, 10, 0, 1], &[3, 2, 0, 2]]);
    recording.exchange(&mut engineer, [&[8, 0, 0, 0, 0], &[8, 0, 0, 0, 0]]);
    assert_eq!(recording.replay(folder.path()), []);
}
