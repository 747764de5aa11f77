//! Writes of which it is never known whether they took effect: each is counted.

use super::*;

/// What was counted since, when nothing more will come.
fn unjudged(wire: &mut Wire) -> u64 {
    wire.ineffective();
    wire.table.finish(&mut wire.report);
    std::mem::take(&mut wire.report.writes_unjudged)
}

#[test]
fn a_write_that_is_read_back_is_judged_whatever_was_read() {
    for eight in [0x1234, 7] {
        let (mut wire, mut writer, mut reader) = acquainted();
        wire.exchange(&mut writer, &WRITE, &WRITE);
        wire.exchange(&mut reader, &READ, &shows(eight, 5));
        assert_eq!(unjudged(&mut wire), 0);
    }
}

#[test]
fn a_write_that_nobody_reads_back_is_counted_when_it_expires_or_at_the_end() {
    let (mut wire, mut writer, _) = acquainted();
    wire.exchange(&mut writer, &WRITE, &WRITE);
    assert_eq!(wire.report.writes_unjudged, 0, "it may still be read");
    wire.now_ns += 60_000_000_000;
    wire.ineffective();
    assert_eq!(wire.report.writes_unjudged, 1);
    assert_eq!(unjudged(&mut wire), 1, "once");
    wire.exchange(&mut writer, &WRITE, &WRITE);
    assert_eq!(unjudged(&mut wire), 1);
}

#[test]
fn a_write_that_is_written_again_before_it_is_read_is_counted() {
    let (mut wire, mut writer, mut reader) = acquainted();
    for _ in 0..5 {
        wire.exchange(&mut writer, &WRITE, &WRITE);
    }
    wire.exchange(&mut reader, &READ, &shows(0x1234, 5));
    assert_eq!(unjudged(&mut wire), 4);
}

#[test]
fn a_write_that_was_refused_or_not_answered_left_nothing_to_judge() {
    let (mut wire, mut writer, mut reader) = acquainted();
    wire.exchange(&mut writer, &WRITE, &[0x86, 2]);
    wire.ask(&mut reader, &WRITE);
    assert_eq!(unjudged(&mut wire), 0);
}

#[test]
fn values_of_a_long_write_that_are_not_remembered_are_counted_as_not_tracked() {
    let (mut wire, mut writer, _) = acquainted();
    let write = [&[16, 0, 0, 0, 20, 40][..], &[7; 40]].concat();
    wire.exchange(&mut writer, &write, &[16, 0, 0, 0, 20]);
    assert_eq!((unjudged(&mut wire), wire.report.writes_untracked), (16, 4));
}
