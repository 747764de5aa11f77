//! Frames of the most common shape are judged on a shorter way than all others: to the same end.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::block::{FileBlock, FileFrame};
use crate::wire::packet::Link;

use super::*;

/// Without its header, a frame is not of that shape.
const ETHERNET: usize = 14;

/// The report on a block of these frames, from their byte `start` on.
fn report_on(frames: &[Vec<u8>], link: Link, start: usize) -> WireReport {
    let mut bytes = vec![];
    let mut places = vec![];
    for (at_ns, frame) in (1..).zip(frames) {
        let frame = &frame[start..];
        let len = u32::try_from(frame.len()).unwrap();
        let (offset, link) = (bytes.len(), Some(link));
        places.push(FileFrame { offset, len, wire_len: len, at_ns, link });
        bytes.extend(frame);
    }
    let block = Block::File(FileBlock::new(Arc::new(bytes), places));
    analyser().judge(delivery(Content::Block(block)))
}

/// The same with and without a link header; returned is the one with it.
fn report_of_both(frames: &[Vec<u8>]) -> WireReport {
    let mut report = report_on(frames, Link::Ethernet, 0);
    let mut other = report_on(frames, Link::Raw, ETHERNET);
    other.bytes += (ETHERNET * frames.len()) as u64;
    for report in [&mut report, &mut other] {
        // Which senders take each other's place, and in which order they are told, is random.
        report.intact.clear();
        report.suspects_evicted = 0;
    }
    assert_eq!(format!("{report:?}"), format!("{other:?}"));
    report
}

#[test]
fn intact_segments_are_judged_alike_on_both_ways() {
    let report = report_of_both(&(0..100).flat_map(transaction).collect::<Vec<_>>());
    assert_eq!((report.modbus.transactions, report.checksums.tcp.valid), (100, 200));
}

proptest! {
    #[test]
    fn whatever_is_damaged_is_judged_alike_on_both_ways(
        damage in vec((any::<Index>(), any::<Index>(), any::<u8>()), 0..6),
        order in vec(any::<Index>(), 0..4),
    ) {
        let mut frames: Vec<_> = (0..20).flat_map(transaction).collect();
        for (frame, at, value) in damage {
            let frame = frame.index(frames.len());
            // The version tells without a link header what its EtherType tells with it.
            let at = ETHERNET + 1 + at.index(frames[frame].len() - ETHERNET - 1);
            frames[frame][at] = value;
        }
        for at in order {
            let at = at.index(frames.len() - 1);
            frames.swap(at, at + 1);
        }
        report_of_both(&frames);
    }
}
