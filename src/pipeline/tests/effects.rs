//! Writes that a later read does not show: told once, then counted.

use crate::record::{Note, WireReport};

use super::*;

/// As a capture reports it.
fn see(pipeline: &mut Pipeline, found: Ineffective) -> Vec<Event> {
    let mut report = WireReport::new(SourceId::from("eth1"), found.at);
    report.note(Note::Ineffective(found));
    pipeline.on_report(&report);
    drain(pipeline)
}

#[test]
fn a_write_that_did_not_take_effect_is_told_with_its_likely_causes() {
    let events = see(&mut quiet(), ineffective(0, 8));
    insta::assert_snapshot!(show(&events[0]), @r#"
    write.ineffective: 192.0.2.10:502 unit 1: holding register 8 is 450, though 192.0.2.5:40112 wrote 500 and the device confirmed it, as 192.0.2.5:40112 read 1s 234ms after; the controller's program overwrites or limits it, it is a command that resets itself, a gateway answers from a cache, or a box on the way or a writer not seen here changes it: read it at the device itself
      server = Text("192.0.2.10:502")
      unit = Unsigned(1)
      table = Text("holding registers")
      address = Unsigned(8)
      written = Unsigned(500)
      read = Unsigned(450)
      writer = Text("192.0.2.5:40112")
      reader = Text("192.0.2.5:40112")
      function = Text("write single register")
      function_code = Unsigned(6)
      after_ms = Real(1234.567)
      count = Unsigned(1)
      trust = Text("full")
      evidence = Text("no byte missed on any connection to the server since the write")
    "#);
    let coil = Ineffective { bank: Bank::Coils, written: 1, mask: 1, read: 0, ..ineffective(0, 8) };
    let [event] = &see(&mut quiet(), coil)[..] else { panic!() };
    assert!(event.text.contains("coil 8 is 0, though 192.0.2.5:40112 wrote 1 "), "{}", event.text);
    assert_eq!(field(event, "mask"), None);
    let masked = Ineffective { written: 4, mask: 5, ..ineffective(0, 8) };
    let [event] = &see(&mut quiet(), masked)[..] else { panic!() };
    assert!(event.text.contains("wrote 0x0004 under mask 0x0005"), "{}", event.text);
    assert_eq!(field(event, "mask"), Some(&Scalar::Text("0x0005".into())));
}

#[test]
fn a_command_that_resets_itself_is_told_once_then_counted_and_told_again_after_five_minutes() {
    let mut pipeline = quiet();
    assert_eq!(see(&mut pipeline, ineffective(0, 8)).len(), 1);
    for seconds in 1..300 {
        assert_eq!(see(&mut pipeline, ineffective(seconds, 8)), [], "{seconds} s");
    }
    assert_eq!(see(&mut pipeline, ineffective(1, 9)).len(), 1, "another register");
    let events = see(&mut pipeline, ineffective(300, 8));
    assert!(events[0].text.ends_with("(299 more since this was last told)"), "{}", events[0].text);
    assert_eq!(field(&events[0], "count"), Some(&Scalar::Unsigned(300)));
    assert_eq!(pipeline.ledgers()["notes"].noted["ineffective_repeated"], 299);
}

#[test]
fn registers_beyond_number_cost_a_bounded_table_that_counts_what_it_forgets() {
    let mut pipeline = quiet();
    for address in 0..1000 {
        see(&mut pipeline, ineffective(u64::from(address) / 10, address));
        see(&mut pipeline, ineffective(u64::from(address) / 10, address));
    }
    let noted = &pipeline.ledgers()["notes"].noted;
    assert_eq!((noted["ineffective_repeated"], noted["ineffective_forgotten"]), (1000, 744));
}
