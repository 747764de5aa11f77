//! What wire reports become.

use crate::record::{Gap, InterfaceState, Note, RingCount, Tally, WireReport};

use super::*;

fn report() -> WireReport {
    WireReport::new(SourceId::from("eth1"), at(0))
}

/// As an analyser reports them: each in the tally, the first ones as notes.
fn corrupt(corruptions: impl IntoIterator<Item = Corruption>) -> WireReport {
    let mut report = report();
    report.checksums.tcp = Tally { valid: 50, offloaded: 30, ..Tally::default() };
    for corruption in corruptions {
        report.frames += 1;
        report.checksums.tcp.invalid += 1;
        report.note(Note::Corrupt(corruption));
    }
    report
}

fn failed(events: &[Event]) -> u64 {
    let failed = events.iter().map(|event| match field(event, "failed") {
        Some(Scalar::Unsigned(failed)) => *failed,
        other => panic!("{other:?}"),
    });
    failed.sum()
}

#[test]
fn corruption_is_told_once_a_window_and_host_pair_with_its_coverage() {
    let mut pipeline = quiet();
    pipeline.on_report(&corrupt([corruption(1, 2), corruption(1, 2), corruption(2, 1)]));
    pipeline.on_report(&corrupt([corruption(1, 2)]));
    assert_eq!(kinds(&mut pipeline), [], "not before the window ends");
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    assert_eq!((events.len(), failed(&events)), (2, 4));
    insta::assert_snapshot!(show(&events[0]), @r#"
    checksum.invalid: corrupt tcp packets from 192.0.2.1 to 192.0.2.2: 3; checksums that could be verified: 104 of 164; packets of 2 hosts arrive damaged: what their ways share, a switch, an uplink, the mirror port or its cable
      layer = Text("tcp")
      source_host = Text("192.0.2.1")
      destination_host = Text("192.0.2.2")
      failed = Unsigned(3)
      per_million = Unsigned(28846)
      locator = Text("path")
      trust = Text("full")
      stored = Text("0x0bad")
      computed = Text("0x600d")
      verified = Unsigned(104)
      seen = Unsigned(164)
    "#);
    pipeline.on_window_end(at(2));
    assert_eq!(kinds(&mut pipeline), [], "a window is told once");
}

#[test]
fn what_is_told_of_corruption_adds_up_however_many_hosts_there_are() {
    let mut pipeline = quiet();
    pipeline.on_report(&corrupt((0..200).map(|from| corruption(from, 250))));
    pipeline.on_report(&corrupt((0..200).map(|from| corruption(250, from))));
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    assert_eq!((events.len(), failed(&events)), (17, 400));
    insta::assert_snapshot!(show(&events[16]), @r#"
    checksum.invalid: corrupt tcp packets not told by host: 384
      layer = Text("tcp")
      failed = Unsigned(384)
    "#);
}

#[test]
fn a_write_on_the_wire_says_who_wrote_what_where() {
    let mut pipeline = quiet();
    let mut report = report();
    report.note(Note::Modbus(write()));
    pipeline.on_report(&report);
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    modbus.write: 192.0.2.5:40112 to 192.0.2.10:502 unit 1: write single register, 17 to address 100; done
      client = Text("192.0.2.5:40112")
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      function = Text("write single register")
      function_code = Unsigned(6)
      address = Unsigned(100)
      value = Unsigned(17)
      latency_ms = Real(3.15)
      trust = Text("full")
    "#);
}

#[test]
fn a_refused_write_is_an_exception_in_words() {
    let mut pipeline = quiet();
    let mut report = report();
    report.note(Note::Modbus(Transaction {
        function: 16,
        quantity: Some(4),
        exception: Some(2),
        path: between_hosts(7),
        ..write()
    }));
    report.note(Note::Modbus(Transaction {
        function: 99,
        address: None,
        latency: None,
        ..write()
    }));
    pipeline.on_report(&report);
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    modbus.exception: 192.0.2.5:40112 to 192.0.2.10:502 unit 1: write multiple registers, 4 from address 100; refused: illegal data address
      client = Text("192.0.2.5:40112")
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      function = Text("write multiple registers")
      function_code = Unsigned(16)
      address = Unsigned(100)
      quantity = Unsigned(4)
      value = Unsigned(17)
      vlan = Unsigned(7)
      exception = Text("illegal data address")
      exception_code = Unsigned(2)
      latency_ms = Real(3.15)
      trust = Text("full")
      count = Unsigned(1)
    modbus.write: 192.0.2.5:40112 to 192.0.2.10:502 unit 1: function 99; no answer seen yet
      client = Text("192.0.2.5:40112")
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      function = Text("function 99")
      function_code = Unsigned(99)
      value = Unsigned(17)
      trust = Text("full")
    "#);
}

#[test]
fn a_flood_of_writes_costs_the_budget_and_one_line() {
    let mut pipeline = quiet();
    for _ in 0..100 {
        let mut report = report();
        let value = |last| Some(Written::of(&[6, 0, 100, 0, last]));
        let write = |last| Transaction { written: value(last), ..write() };
        (0..64).for_each(|last| report.note(Note::Modbus(write(last))));
        pipeline.on_report(&report);
    }
    pipeline.on_window_end(at(1));
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 101);
    assert_eq!(field(&events[100], "count"), Some(&Scalar::Unsigned(6300)));
    assert_eq!(field(&events[100], "kind"), Some(&Scalar::from("modbus.write")));
}

#[test]
fn loss_is_told_with_the_ledger_of_the_ring() {
    let mut pipeline = quiet();
    for drops in [0, 40] {
        let ring = RingCount { packets: 100 + drops, drops };
        let gap = if drops > 0 { Gap::Before } else { Gap::None };
        pipeline.on_report(&WireReport { frames: 100, ring, gap, ..report() });
        pipeline.on_window_end(at(1));
    }
    let events = drain(&mut pipeline);
    assert_eq!(events.len(), 1);
    insta::assert_snapshot!(show(&events[0]), @r#"
    capture.loss: eth1: 40 of 140 frames were lost because the ring was full; give it more `blocks`, or its threads a processor of their own (`cpu`)
      place = Text("ring")
      drops = Unsigned(40)
      packets = Unsigned(140)
      frames = Unsigned(100)
      gaps = Unsigned(1)
      total_drops = Unsigned(40)
      total_packets = Unsigned(240)
      total_frames = Unsigned(200)
    "#);
    assert_eq!(pipeline.ledgers()["capture:eth1"].to_string(), "in 240 = out 200 + 40 ring_full");
}

#[test]
fn an_interface_is_told_of_when_it_goes_and_when_it_returns() {
    let mut pipeline = quiet();
    let states = [
        InterfaceState::Up,
        InterfaceState::Down,
        InterfaceState::Down,
        InterfaceState::Absent,
        InterfaceState::Up,
    ];
    for (seconds, state) in (0..).zip(states) {
        pipeline.on_report(&WireReport { at: at(seconds), interface: Some(state), ..report() });
        let n_down = u8::from(state != InterfaceState::Up);
        let line = pipeline.status();
        assert!(line.contains(&format!("captures 1, down {n_down};")), "{line}");
    }
    let events: Vec<_> = drain(&mut pipeline).iter().map(show).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    capture.down: eth1 is down: nothing is seen until it is up; see `ip link`
      state = Text("down")
    capture.down: eth1 does not exist: nothing is seen until it does; see `ip link`
      state = Text("absent")
    capture.up: eth1 is captured again; nothing was captured for 3s
      state = Text("up")
      down_ms = Real(3000.0)
    "#);
}
