//! What is told of GOOSE streams.

use std::time::Duration;

use crate::record::{GooseChange, GooseNumber};

use super::*;

impl Shown {
    /// A frame of the stream, which allows two seconds.
    fn goose(&mut self, second: f64, state: u8, sequence: u8) -> Vec<GooseChange> {
        let frame = fixture::goose(&[0x07, 0xd0], &[state], &[sequence], [0; 2]);
        changes(self.see(second, ethernet::GOOSE, &frame))
    }

    /// A stream in state 7 that is known: frames 0 to 4, one a second from second 1000 on.
    fn with_stream() -> Self {
        let mut shown = Self::settled();
        for n in 0..5 {
            assert_eq!(shown.goose(1000.0 + f64::from(n), 7, n), []);
        }
        shown
    }
}

fn changes(told: Vec<Layer2Change>) -> Vec<GooseChange> {
    let change = |change| {
        let Layer2Change::Goose { stream, change } = change else { panic!("{change:?}") };
        assert_eq!((stream.appid, &*stream.reference), (0x3001, "IED1LD0/LLN0$GO$gcb_A"));
        change
    };
    told.into_iter().map(change).collect()
}

fn number(state: u32, sequence: u32) -> GooseNumber {
    GooseNumber { state, sequence }
}

const ALLOWED: Duration = Duration::from_secs(2);

#[test]
fn another_state_is_told_and_then_counted_for_a_minute() {
    let mut shown = Shown::with_stream();
    let told = shown.goose(1005.0, 8, 0);
    let flags = crate::record::GooseFlags { test: false, needs_commissioning: false };
    let (before, now) = (number(7, 4), number(8, 0));
    assert_eq!(told, [GooseChange::State { before, now, missed: 0, flags }]);
    for n in 9..60 {
        assert_eq!(shown.goose(997.0 + f64::from(n), n, 0), []);
    }
    let (before, now) = (number(58, 0), number(59, 0));
    let last = GooseChange::State { before, now, missed: 0, flags };
    assert_eq!(shown.goose(1057.0, 59, 1), []);
    assert_eq!(shown.goose(1059.0, 59, 2), []);
    assert_eq!(changes(shown.end_block(1060.0)), []);
    assert_eq!(shown.goose(1064.0, 59, 3).len(), 1, "late");
    assert_eq!(changes(shown.end_block(1065.5)), [last], "the last word is true");
    assert_eq!(changes(shown.end_block(1065.9)), []);
}

#[test]
fn a_flag_is_told() {
    let mut shown = Shown::with_stream();
    let frame = fixture::goose(&[0x07, 0xd0], &[7], &[5], [1, 0]);
    let told = changes(shown.see(1005.0, ethernet::GOOSE, &frame));
    let flags = crate::record::GooseFlags { test: true, needs_commissioning: false };
    assert_eq!(told, [GooseChange::Flags { now: number(7, 5), flags }]);
}

#[test]
fn skipped_frames_are_told_unless_the_capture_missed_them() {
    let mut shown = Shown::with_stream();
    let (before, now) = (number(7, 4), number(7, 8));
    let told = shown.goose(1005.0, 7, 8);
    assert_eq!(told, [GooseChange::Skipped { before, now, missed: 3 }]);
    let mut shown = Shown::with_stream();
    shown.neighbourhood.start_block(Gap::Before);
    assert_eq!(shown.goose(1005.0, 7, 8), []);
    assert_eq!(shown.goose(1006.0, 7, 9), []);
    assert_eq!(shown.goose(1007.0, 7, 12).len(), 1, "after the gap");
}

#[test]
fn old_frames_are_told_and_so_is_a_new_start() {
    let mut shown = Shown::with_stream();
    let before = number(7, 4);
    let told = shown.goose(1005.0, 3, 9);
    assert_eq!(told, [GooseChange::Backwards { before, now: number(3, 9) }]);
    let mut shown = Shown::with_stream();
    let told = shown.goose(1005.0, 1, 0);
    assert_eq!(told, [GooseChange::Restarted { before, now: number(1, 0) }]);
}

#[test]
fn frames_by_two_paths_are_one_stream() {
    let mut shown = Shown::with_stream();
    for n in 5..100 {
        let second = 1000.0 + f64::from(n);
        assert_eq!(shown.goose(second, 7, n), []);
        assert_eq!(shown.goose(second + 0.001, 7, n), []);
        assert_eq!(shown.goose(second + 0.002, 7, n - 1), []);
    }
}

#[test]
fn a_silent_stream_is_lost_and_its_return_told() {
    let mut shown = Shown::with_stream();
    assert_eq!(shown.end_block(1005.9), []);
    assert_eq!(changes(shown.end_block(1006.5)), [GooseChange::Lost { allowed: ALLOWED }]);
    assert_eq!(shown.end_block(1010.0), [], "told once");
    let silent = Duration::from_secs(8);
    let back = GooseChange::Back { silent, allowed: ALLOWED, is_late: false };
    assert_eq!(shown.goose(1012.0, 7, 5), [back]);
    assert_eq!(shown.end_block(1020.0), [], "lost again within the minute");
    assert_eq!(shown.goose(1021.0, 7, 6), [], "and so its return is not told");
    assert_eq!(shown.goose(1080.0, 7, 7).len(), 1, "after the minute");
}

#[test]
fn a_frame_that_comes_too_late_shows_that_the_stream_was_lost() {
    let mut shown = Shown::with_stream();
    let silent = Duration::from_secs(3);
    let late = GooseChange::Back { silent, allowed: ALLOWED, is_late: true };
    assert_eq!(shown.goose(1007.0, 7, 5), [late]);
}

#[test]
fn with_a_gap_of_the_capture_no_loss_is_claimed() {
    let mut shown = Shown::with_stream();
    shown.neighbourhood.start_block(Gap::Before);
    assert_eq!(shown.end_block(1007.0), []);
    assert_eq!(shown.goose(1008.0, 7, 5), []);
    assert_eq!(changes(shown.end_block(1010.5)).len(), 1, "after the gap");
}

#[test]
fn one_frame_makes_no_stream() {
    let mut shown = Shown::settled();
    assert_eq!(shown.goose(1000.0, 7, 0), []);
    assert_eq!(shown.end_block(1100.0), []);
}
