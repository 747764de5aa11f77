//! What becomes of findings in frames that are not IP.

use crate::record::{
    GooseChange, GooseFlags, GooseNumber, Layer2Change, Layer2Finding, Neighbour, NeighbourChange,
    Note, Severity, Stream, WireReport,
};
use crate::wire::mac::Mac;
use crate::wire::stp::BridgeId;

use super::*;

fn mac(last: u8) -> Mac {
    Mac([0, 0x11, 0x22, 0x33, 0x44, last])
}

/// A report of one change, seen so many seconds into the test.
fn report(seconds: u64, change: Layer2Change) -> WireReport {
    let mut report = WireReport::new(SourceId::from("eth1"), at(seconds));
    report.layer2.stations_met = 1;
    let vlan = Vlan { outer: 7, inner: 0 };
    let finding = Layer2Finding { at: at(seconds), vlan, mac: mac(0x55), change, untold: 2 };
    report.note(Note::Layer2(Box::new(finding)));
    report
}

/// The event of one change.
fn told(change: Layer2Change) -> Event {
    let mut pipeline = quiet();
    pipeline.on_report(&report(0, change));
    let mut events = drain(&mut pipeline);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn stream(change: GooseChange) -> Layer2Change {
    let stream = Stream { appid: 3, reference: "IED1LD0/LLN0$GO$A".into() };
    Layer2Change::Goose { stream, change }
}

const BEFORE: GooseNumber = GooseNumber { state: 7, sequence: 4 };
const NOW: GooseNumber = GooseNumber { state: 9, sequence: 0 };

#[test]
fn a_conflict_names_the_address_and_both_stations() {
    let address = [192, 0, 2, 7].into();
    let conflict = Layer2Change::Conflict { address, rival: mac(0x66), is_announced: false };
    insta::assert_snapshot!(show(&told(conflict)), @r#"
    station.conflict: 192.0.2.7 is claimed by 00:11:22:33:44:66 and by 00:11:22:33:44:55 on eth1: two devices are set to one address, or somebody diverts traffic; find both at the switch (2 more since this was last told)
      mac = Text("00:11:22:33:44:55")
      vlan = Unsigned(7)
      address = Text("192.0.2.7")
      mac_rival = Text("00:11:22:33:44:66")
      announced = Bool(false)
      count = Unsigned(3)
      trust = Text("full")
    "#);
}

#[test]
fn routers_that_stand_in_for_each_other_are_the_likely_cause_where_they_share_an_address() {
    let rival = Mac([0, 0, 0x5e, 0, 1, 9]);
    let address = [192, 0, 2, 7].into();
    let event = told(Layer2Change::Conflict { address, rival, is_announced: true });
    assert!(event.text.contains("VRRP"), "{}", event.text);
}

#[test]
fn a_stream_that_changed_tells_from_what_to_what() {
    let flags = GooseFlags { test: true, needs_commissioning: false };
    let change = GooseChange::State { before: BEFORE, now: NOW, missed: 1, flags };
    insta::assert_snapshot!(show(&told(stream(change))), @r#"
    goose.changed: GOOSE IED1LD0/LLN0$GO$A of 00:11:22:33:44:55 on eth1 has other values: state 9 after 7, marked as a test; frames not seen on the way: 1 at least, lost by the network or by the mirror (2 more since this was last told)
      mac = Text("00:11:22:33:44:55")
      vlan = Unsigned(7)
      appid = Unsigned(3)
      reference = Text("IED1LD0/LLN0$GO$A")
      change = Text("state")
      state = Unsigned(9)
      sequence = Unsigned(0)
      state_before = Unsigned(7)
      sequence_before = Unsigned(4)
      test = Bool(true)
      needs_commissioning = Bool(false)
      missed = Unsigned(1)
      evidence = Text("the mirror may have lost frames")
      count = Unsigned(3)
      trust = Text("full")
    "#);
}

#[test]
fn each_change_is_an_event_of_its_kind() {
    let address = [192, 0, 2, 7].into();
    let bridge = BridgeId { priority: 0x8000, mac: mac(1) };
    let now = Neighbour { chassis: "c".into(), port: "p".into(), system: "".into() };
    let flags = GooseFlags { test: false, needs_commissioning: false };
    let time = Duration::from_millis(2_500);
    let cases = [
        (Layer2Change::Station { address, before: None }, Kind::StationNew),
        (Layer2Change::Station { address, before: Some(mac(1)) }, Kind::StationNew),
        (
            Layer2Change::Neighbour { change: NeighbourChange::Appeared, now: now.clone() },
            Kind::NeighbourChanged,
        ),
        (
            Layer2Change::Neighbour { change: NeighbourChange::Gone, now: now.clone() },
            Kind::NeighbourChanged,
        ),
        (
            Layer2Change::Neighbour { change: NeighbourChange::Replaced(now.clone()), now },
            Kind::NeighbourChanged,
        ),
        (Layer2Change::Root { before: bridge, root: bridge, bridge }, Kind::TopologyChanged),
        (Layer2Change::Topology { bridge: Some(bridge) }, Kind::TopologyChanged),
        (Layer2Change::Topology { bridge: None }, Kind::TopologyChanged),
        (
            Layer2Change::Set { station: Some(mac(1)), what: "name a".into(), is_refused: false },
            Kind::ProfinetSet,
        ),
        (
            Layer2Change::Set { station: None, what: "name a".into(), is_refused: true },
            Kind::ProfinetSet,
        ),
        (stream(GooseChange::Flags { now: NOW, flags }), Kind::GooseChanged),
        (stream(GooseChange::Restarted { before: BEFORE, now: NOW }), Kind::GooseChanged),
        (stream(GooseChange::Backwards { before: BEFORE, now: NOW }), Kind::GooseChanged),
        (stream(GooseChange::Skipped { before: BEFORE, now: NOW, missed: 4 }), Kind::GooseLost),
        (stream(GooseChange::Lost { allowed: time }), Kind::GooseLost),
        (
            stream(GooseChange::Back { silent: time, allowed: time, is_late: false }),
            Kind::GooseLost,
        ),
        (stream(GooseChange::Back { silent: time, allowed: time, is_late: true }), Kind::GooseLost),
    ];
    for (change, kind) in cases {
        let event = told(change);
        assert_eq!(event.kind, kind);
        assert_eq!(field(&event, "mac"), Some(&Scalar::Text("00:11:22:33:44:55".into())));
        assert_eq!(field(&event, "vlan"), Some(&Scalar::Unsigned(7)));
        assert_eq!(field(&event, "count"), Some(&Scalar::Unsigned(3)));
        // What, where, and a likely cause or a question.
        let text = &event.text;
        assert!(text.contains("eth1") && text.ends_with("(2 more since this was last told)"));
        assert!(text.len() < 300, "{text}");
    }
}

#[test]
fn a_stream_that_is_back_is_good_news_and_one_that_was_late_is_none() {
    let time = Duration::from_millis(2_500);
    let back = |is_late| GooseChange::Back { silent: time, allowed: time, is_late };
    let changes = [GooseChange::Lost { allowed: time }, back(true), back(false)];
    let severities = changes.map(|change| told(stream(change)).severity);
    assert_eq!(severities, [Severity::Warning, Severity::Warning, Severity::Notice]);
}

#[test]
fn a_flood_of_changes_is_a_few_lines_a_minute_and_a_number() {
    let mut pipeline = quiet();
    for n in 0..1000u32 {
        let address = n.into();
        pipeline.on_report(&report(0, Layer2Change::Station { address, before: None }));
    }
    assert_eq!(drain(&mut pipeline).len(), 8);
    pipeline.on_window_end(at(59));
    assert_eq!(kinds(&mut pipeline), [], "the minute is not over");
    pipeline.on_window_end(at(60));
    let events = drain(&mut pipeline);
    assert_eq!((events.len(), events[0].kind), (1, Kind::StationNew));
    assert_eq!(field(&events[0], "count"), Some(&Scalar::Unsigned(992)));
    pipeline.on_window_end(at(200));
    assert_eq!(kinds(&mut pipeline), [], "told once");
    let ledger = &pipeline.ledgers()["capture:eth1"];
    assert_eq!((ledger.noted["stations"], ledger.noted["layer2_untold"]), (1000, 992));
    assert!(pipeline.status().contains("stations 1000"), "{}", pipeline.status());
}
