//! Reading again and again: the daemon's own poller, for values named on a command line.
//!
//! It asks at fixed times, so a slow reply does not shift the next; a link that is lost is opened
//! again with every reading.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::signals::Signals;
use crate::config::Device;
use crate::config::Link;
use crate::poller;
use crate::record::SourceId;

use super::Answer;
use super::Question;
use super::answers_of;

/// Readings that wait to be printed. A full queue is waited for, so a reader that is slow makes
/// the reading slow and loses nothing.
const QUEUE: usize = 16;

/// Ask `every` so often and hand on each answer, until a signal or until `take` has enough.
pub fn watch(
    question: &Question,
    every: Duration,
    take: impl FnMut(Answer) -> ControlFlow<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::install()?;
        let (readings, readings_out) = mpsc::channel(QUEUE);
        let id = SourceId::from(question.endpoint.to_string().as_str());
        let link = Arc::new(link(question, every));
        let polling = poller::run(id, link, readings, CancellationToken::new());
        // Cancel safe: whichever ends first ends the command; a question under way is nobody's.
        tokio::select! {
            () = polling => (),
            () = hand_on(readings_out, take) => (),
            _ = signals.next() => (),
        }
        Ok(())
    })
}

fn link(question: &Question, every: Duration) -> Link {
    let Question { endpoint, unit, tags, timeout } = question;
    let tags = tags.iter().cloned().map(Arc::new).collect();
    let device = Device { every, tags, ..Device::new(&format!("unit {unit}"), *unit) };
    Link {
        timeout: *timeout,
        backoff_max: every,
        devices: vec![Arc::new(device)],
        ..Link::new(endpoint.clone())
    }
}

async fn hand_on(
    mut readings: mpsc::Receiver<crate::record::Reading>,
    mut take: impl FnMut(Answer) -> ControlFlow<()>,
) {
    while let Some(reading) = readings.recv().await {
        for answer in answers_of(reading) {
            if take(answer).is_break() {
                return;
            }
        }
    }
}
