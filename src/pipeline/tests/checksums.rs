//! What comes of a controller's own checksum.

use crate::record::{BlockMismatch, Doubt, Fault};

use super::*;

fn matching(seconds: u64) -> Reading {
    Reading { checksum: BlockChecksum::Valid, ..bar(seconds, 4.0) }
}

fn mismatched(seconds: u64, n_bytes: usize) -> Reading {
    let mismatch = BlockMismatch {
        algorithm: "crc16-modbus",
        stored: 0x1a2b,
        computed: 0x0c,
        block: (0..=u8::MAX).cycle().take(n_bytes).collect(),
    };
    let quality = Quality::Bad(Fault::ChecksumMismatch);
    let bad = with_sample(&pressure(), None, reading(seconds, quality));
    Reading {
        detail: Some("unit 1: they differ; compare".into()),
        checksum: BlockChecksum::Invalid(Arc::new(mismatch)),
        ..bad
    }
}

#[test]
fn a_mismatch_is_told_with_both_sums_and_the_bytes_that_were_summed() {
    let mut pipeline = quiet();
    pipeline.on_reading(&mismatched(0, 4));
    insta::assert_snapshot!(show(&drain(&mut pipeline)[0]), @r#"
    checksum.mismatch: pump-1 (unit 1): unit 1: they differ; compare
      device = Text("pump-1")
      unit = Unsigned(1)
      quality = Text("Bad(ChecksumMismatch)")
      count = Unsigned(1)
      algorithm = Text("crc16-modbus")
      stored = Text("0x1a2b")
      computed = Text("0x000c")
      block = Text("00010203")
      block_len = Unsigned(4)
    "#);
    let long = &mut quiet();
    long.on_reading(&mismatched(0, 2000));
    let event = &drain(long)[0];
    assert_eq!(field(event, "block_len"), Some(&Scalar::Unsigned(2000)));
    let Some(Scalar::Text(block)) = field(event, "block") else { panic!("{event:?}") };
    assert_eq!(block.len(), 512);
}

#[test]
fn a_mismatch_is_told_once_and_its_end_says_how_long_it_took_without_any_sample() {
    let mut pipeline = quiet();
    for reading in [
        matching(0),
        mismatched(1, 4),
        mismatched(2, 4),
        reading(3, Quality::Uncertain(Doubt::Torn)),
        mismatched(4, 4),
        bar(5, 4.0),
        matching(6),
        matching(7),
    ] {
        pipeline.on_reading(&reading);
    }
    let events = drain(&mut pipeline);
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::ChecksumMismatch, Kind::ChecksumRestored]);
    insta::assert_snapshot!(show(&events[1]), @r#"
    checksum.restored: pump-1 (unit 1): the controller's checksum matches again after 5s; readings it spoke against: 3
      device = Text("pump-1")
      unit = Unsigned(1)
      quality = Text("Good")
      after_ms = Real(5000.0)
      count = Unsigned(3)
    "#);
}

#[test]
fn a_checksum_that_comes_and_goes_is_told_again_after_a_while_with_what_was_counted() {
    let mut pipeline = quiet();
    for seconds in (0..400).step_by(2) {
        pipeline.on_reading(&mismatched(seconds, 4));
        pipeline.on_reading(&matching(seconds + 1));
    }
    let events = drain(&mut pipeline);
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    let told = [Kind::ChecksumMismatch, Kind::ChecksumRestored];
    assert_eq!(kinds, [told, told].concat());
    assert_eq!(field(&events[2], "count"), Some(&Scalar::Unsigned(150)));
}

#[test]
fn a_device_whose_checksum_does_not_match_is_not_down() {
    let mut pipeline = quiet();
    (0..9).for_each(|seconds| pipeline.on_reading(&mismatched(seconds, 4)));
    assert_eq!(kinds(&mut pipeline), [Kind::ChecksumMismatch]);
    assert_eq!(
        pipeline.ledgers()["readings:line-a"].to_string(),
        "in 9 = out 0 + 9 checksum_mismatch"
    );
}
