//! The end: every part finishes in the order of the data, or is named for not doing so.
//!
//! Runs on the first thread and needs nothing of the runtime, so that no task and no thread that
//! hangs can keep the deadline from being kept. `std` cannot join a thread with a time limit;
//! looking at it every few milliseconds can.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::record::Ledger;
use crate::record::SourceId;

/// Name of the sink, for the operator and among the ledgers.
pub(super) const SINK: &str = "sink";

/// A thread and what it does, for the operator.
#[derive(Debug)]
pub(super) struct Thread<T> {
    pub(super) name: String,
    pub(super) handle: JoinHandle<T>,
}

/// The parts that were told to end.
#[derive(Debug)]
pub(super) struct Drain {
    pub(super) link_tasks: JoinSet<SourceId>,
    pub(super) links: BTreeSet<SourceId>,
    pub(super) threads: Vec<Thread<()>>,
    pub(super) pipeline: JoinSet<BTreeMap<String, Ledger>>,
    pub(super) sink: JoinHandle<Ledger>,
}

impl Drain {
    const LOOK_EVERY: Duration = Duration::from_millis(2);

    /// The ledgers of every stage; or, after `grace`, the names of the parts that still run.
    pub(super) fn finish(
        mut self,
        grace: Duration,
    ) -> Result<BTreeMap<String, Ledger>, Vec<String>> {
        let deadline = Instant::now() + grace;
        let mut ledgers = None;
        loop {
            ledgers = ledgers.or_else(|| self.pipeline.try_join_next()?.ok());
            while let Some(Ok(id)) = self.link_tasks.try_join_next() {
                self.links.remove(&id);
            }
            let running = self.running();
            if running.is_empty() {
                return Ok(self.with_sink(ledgers.unwrap_or_default()));
            }
            if Instant::now() >= deadline {
                return Err(running);
            }
            thread::sleep(Self::LOOK_EVERY);
        }
    }

    /// What has not ended, in the order of the data: the first one is the one to look at.
    fn running(&self) -> Vec<String> {
        let links = self.links.iter().map(|id| format!("link {id}"));
        let threads = self.threads.iter().filter(|thread| !thread.handle.is_finished());
        let threads = threads.map(|thread| thread.name.clone());
        let pipeline = (!self.pipeline.is_empty()).then(|| "pipeline".to_owned());
        let sink = (!self.sink.is_finished()).then(|| SINK.to_owned());
        links.chain(threads).chain(pipeline).chain(sink).collect()
    }

    /// The thread has ended, so that joining it does not wait.
    fn with_sink(self, mut ledgers: BTreeMap<String, Ledger>) -> BTreeMap<String, Ledger> {
        if let Ok(ledger) = self.sink.join() {
            ledgers.insert(SINK.to_owned(), ledger);
        }
        ledgers
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use crate::sys;

    use super::*;

    fn sink_of(ledger: Ledger) -> JoinHandle<Ledger> {
        sys::spawn_pinned("sink".to_owned(), None, move || ledger).unwrap()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
    }

    #[test]
    fn what_hangs_is_named_in_the_order_of_the_data_when_the_deadline_comes() {
        let runtime = runtime();
        let (release, hang) = mpsc::sync_channel::<()>(0);
        let mut link_tasks = JoinSet::new();
        let capture = move || hang.recv().unwrap_or_default();
        let capture = sys::spawn_pinned("capture eth1".to_owned(), None, capture).unwrap();
        link_tasks.spawn_on(std::future::pending(), runtime.handle());
        let drain = Drain {
            link_tasks,
            links: BTreeSet::from(["line-a".into()]),
            threads: vec![Thread { name: "capture eth1".to_owned(), handle: capture }],
            pipeline: JoinSet::new(),
            sink: sink_of(Ledger::default()),
        };
        let left = drain.finish(Duration::from_millis(50)).unwrap_err();
        assert_eq!(left, ["link line-a", "capture eth1"]);
        drop(release);
    }

    #[test]
    fn the_ledgers_of_the_pipeline_and_the_sink_are_the_summary() {
        let runtime = runtime();
        let (mut link_tasks, mut pipeline) = (JoinSet::new(), JoinSet::new());
        link_tasks.spawn_on(async { "line-a".into() }, runtime.handle());
        let events = BTreeMap::from([("events".to_owned(), Ledger::default())]);
        pipeline.spawn_on(async { events }, runtime.handle());
        let drain = Drain {
            link_tasks,
            links: BTreeSet::from(["line-a".into()]),
            threads: vec![],
            pipeline,
            sink: sink_of(Ledger { entered: 1, left: 1, ..Ledger::default() }),
        };
        let ledgers = drain.finish(Duration::from_secs(5)).unwrap();
        assert_eq!(ledgers.keys().collect::<Vec<_>>(), ["events", "sink"]);
        assert_eq!(ledgers["sink"].entered, 1);
    }
}
