//! Frames that are not IP, one after the other: they are watched without a panic, and what is told
//! of them is bounded.
//!
//! Each frame has two bytes before it: its length, and how long after the last one it came, in
//! quarters of a second; an odd time ends the block.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use infra_monitor::analysis::Analyser;
use infra_monitor::block::{Block, Content, Delivery, FileBlock, FileFrame};
use infra_monitor::config::Log;
use infra_monitor::pipeline::{Pipeline, Settings, Sources};
use infra_monitor::record::{RingCount, Services, SourceId, WireReport};
use infra_monitor::wire::packet::Link;

const QUARTER_NS: u64 = 250_000_000;
/// Longest texts are those of two neighbours with three names each.
const MAX_TEXT: usize = 2000;

pub(crate) fn run(bytes: &[u8]) {
    let mut analyser = Analyser::new(SourceId::from("eth1"), &Services::default());
    let window = Duration::from_secs(1);
    let settings = Settings { log: Log::default(), window, sources: Sources::default() };
    let mut pipeline = Pipeline::new(settings);
    let mut rest = bytes;
    let mut at_ns = 0;
    let (mut content, mut frames) = (vec![], vec![]);
    while let [len, time, after @ ..] = rest {
        let (frame, after) = after.split_at(after.len().min(usize::from(*len)));
        rest = after;
        at_ns += u64::from(*time) * QUARTER_NS;
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let link = Some(Link::Ethernet);
        frames.push(FileFrame { offset: content.len(), len, wire_len: len, at_ns, link });
        content.extend(frame);
        if time % 2 == 1 || rest.len() < 2 {
            let bytes = Arc::new(std::mem::take(&mut content));
            let block = Block::File(FileBlock::new(bytes, std::mem::take(&mut frames)));
            let at = SystemTime::UNIX_EPOCH;
            let content = Content::Block(block);
            tell(
                &mut pipeline,
                &analyser.judge(Delivery {
                    at,
                    ring: RingCount::default(),
                    interface: None,
                    content,
                }),
            );
        }
    }
}

fn tell(pipeline: &mut Pipeline, report: &WireReport) {
    let counts = &report.layer2;
    let n_read = counts.arp + counts.lldp + counts.stp + counts.dcp + counts.goose;
    assert!(n_read <= report.frames && counts.malformed <= report.frames);
    assert!(report.notes.len() <= WireReport::MAX_NOTES);
    pipeline.on_report(report);
    pipeline.on_window_end(report.at);
    pipeline.hand_on(|event| {
        assert!(event.text.len() < MAX_TEXT, "{}", event.text.len());
        Ok(())
    });
}
