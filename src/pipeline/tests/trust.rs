//! Whatever could be wrong because frames were missed says how far it can be trusted.

use crate::config::parse_baseline;
use crate::record::{
    Change, Detected, GooseChange, GooseFlags, GooseNumber, Jump, Layer2Change, Layer2Finding,
    Losses, Message, News, Note, Operation, Pace, Protocol, Role, Spoken, Stream, Usage,
    UsageChange, WireReport,
};
use crate::wire::mac::Mac;

use super::*;

const SETTLED: u64 = 10 * 60;

fn client() -> SocketAddr {
    SocketAddr::new(host(5), 40_112)
}

fn server() -> SocketAddr {
    SocketAddr::new(host(10), 502)
}

fn usage(seconds: u64, trust: Trust) -> Usage {
    Usage {
        at: at(seconds),
        vlan: Vlan::default(),
        client: client().ip(),
        server: server(),
        protocol: Protocol::Modbus,
        station: Some(1),
        function: 3,
        operation: Operation::Read,
        addresses: None,
        values: None,
        news: News::First,
        trust,
    }
}

fn change(what: Change, trust: Trust) -> UsageChange {
    let Usage { at, vlan, client, server, protocol, station, .. } = usage(SETTLED, trust);
    UsageChange { at, vlan, client, server, protocol, station, what, trust }
}

fn goose(change: GooseChange) -> Note {
    let stream = Stream { appid: 3, reference: "IED1LD0/LLN0$GO$A".into() };
    let (at, vlan, mac) = (at(SETTLED), Vlan::default(), Mac([0, 0x11, 0x22, 0x33, 0x44, 5]));
    let change = Layer2Change::Goose { stream, change };
    Note::Layer2(Box::new(Layer2Finding { at, vlan, mac, change, untold: 0 }))
}

fn notes(trust: Trust) -> Vec<Note> {
    let (at, vlan) = (at(SETTLED), Vlan::default());
    let (client, server, protocol) = (client(), server(), Protocol::Iec104);
    let spoken = |role, error| {
        let message =
            Message { role, operation: Operation::Command, code: 45, station: None, error };
        Note::Message(Spoken { at, vlan, protocol, client, server, message, trust })
    };
    let number = GooseNumber { state: 7, sequence: 4 };
    vec![
        spoken(Role::Request, None),
        spoken(Role::Response, Some(7)),
        Note::Jump(Jump {
            at,
            vlan,
            protocol,
            source: server,
            destination: client,
            due: 1,
            found: 2,
            trust,
        }),
        Note::Detected(Detected { at, vlan, protocol, client, server, n_pairs: 3, trust }),
        Note::Ineffective(Ineffective { trust, ..ineffective(SETTLED, 8) }),
        goose(GooseChange::Lost { allowed: Duration::from_secs(1) }),
        goose(GooseChange::State {
            before: number,
            now: GooseNumber { state: 9, sequence: 0 },
            missed: 1,
            flags: GooseFlags { test: false, needs_commissioning: false },
        }),
    ]
}

/// Kind, and field `trust`, of what is told of them after a capture has settled.
fn told(trust: Trust, losses: Losses) -> Vec<(&'static str, String)> {
    let mut pipeline = quiet();
    let report = |seconds| WireReport {
        frames: 1,
        losses,
        ..WireReport::new(SourceId::from("eth1"), at(seconds))
    };
    (0..SETTLED).step_by(60).for_each(|seconds| pipeline.on_report(&report(seconds)));
    let mut late = report(SETTLED);
    for note in notes(trust) {
        late.note(note);
    }
    let since = at(0);
    let pace = Pace { usual: Duration::from_millis(5), recent: Duration::from_millis(90) };
    late.usages = vec![usage(SETTLED, trust)];
    late.usage_changes =
        [Change::Answers, Change::SecondMaster { master: host(6), since }, Change::Slower(pace)]
            .map(|what| change(what, trust))
            .into();
    pipeline.on_report(&late);
    pipeline.on_window_end(at(SETTLED + 1));
    let mut events = drain(&mut pipeline);
    let nothing = Some(Arc::new(parse_baseline("baseline.toml", "").unwrap()));
    let mut held = quiet().holding_to(nothing);
    held.on_report(&WireReport { usages: vec![usage(0, trust)], ..report(0) });
    events.extend(drain(&mut held));
    events.retain(|event| event.kind != Kind::InterfaceErrors);
    let word = |event: &Event| field(event, "trust").map_or("-".to_owned(), ToString::to_string);
    events.iter().map(|event| (event.kind.name(), word(event))).collect()
}

const KINDS: [&str; 12] = [
    "protocol.write",
    "protocol.error",
    "protocol.detected",
    "write.ineffective",
    "goose.lost",
    "goose.changed",
    "master.new",
    "device.new",
    "master.second",
    "latency.raised",
    "protocol.sequence",
    "baseline.deviation",
];

#[test]
fn every_finding_that_missed_frames_could_cause_is_trusted_in_the_same_words() {
    let full = told(Trust::FULL, Losses::default());
    assert_eq!(full, KINDS.map(|kind| (kind, "full".to_owned())));
    let lossy = Losses { rx_crc: 1, ..Losses::default() };
    let doubted = |kind: &'static str| {
        // GOOSE is no connection, and has no checksum that could be compared.
        let words = if kind.starts_with("goose") { "loss" } else { "loss,unverified,midstream" };
        (kind, words.to_owned())
    };
    assert_eq!(told(Trust::default(), lossy), KINDS.map(doubted));
}
