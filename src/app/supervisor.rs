//! Supervision: what ends with an error is reported and started again, with backoff.
//!
//! Panics are not handled here. They abort the process and systemd restarts it.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::record::Event;
use crate::record::Kind;
use crate::record::SourceId;

use super::backoff::Backoff;
use super::notices::Notices;

/// What happens to one supervised part when it fails.
#[derive(Debug)]
pub(super) struct Supervisor {
    /// What kind of part it is, as the operator knows it: `link`, `capture`.
    part: &'static str,
    source: SourceId,
    notices: Notices,
    backoff: Backoff,
    stop: CancellationToken,
}

impl Supervisor {
    pub(super) fn new(
        part: &'static str,
        source: SourceId,
        notices: Notices,
        stop: CancellationToken,
    ) -> Self {
        Self { part, source, notices, backoff: Backoff::default(), stop }
    }

    /// Keep a task running until it finishes well or is told to stop.
    pub(super) async fn keep<F, E>(mut self, mut task: impl FnMut() -> F)
    where
        F: Future<Output = Result<(), E>>,
        E: Error,
    {
        loop {
            let started = tokio::time::Instant::now();
            let Err(error) = task().await else { return };
            let delay = self.failed(&error, started.elapsed());
            if self.stopped_within(delay).await {
                return;
            }
        }
    }

    /// The same for the body of a thread; `runtime` has its timer, and nothing else runs there.
    pub(super) fn keep_thread<E: Error>(
        mut self,
        runtime: &Handle,
        mut body: impl FnMut() -> Result<(), E>,
    ) {
        loop {
            let started = Instant::now();
            let Err(error) = body() else { return };
            let delay = self.failed(&error, started.elapsed());
            if runtime.block_on(self.stopped_within(delay)) {
                return;
            }
        }
    }

    /// True if the stop came first.
    async fn stopped_within(&self, delay: Duration) -> bool {
        timeout(delay, self.stop.cancelled()).await.is_ok()
    }

    /// Report a failure; the delay until the next attempt.
    fn failed(&mut self, error: &dyn Error, ran_for: Duration) -> Duration {
        let delay = self.backoff.delay_after(ran_for);
        let Self { part, source, .. } = self;
        let text = format!("{part} {source} failed and starts again in {delay:?}: {error}");
        self.notices.raise(
            Event::new(Kind::TaskFailed, SystemTime::now(), self.source.clone(), text)
                .with("task", *part)
                .with("error", error.to_string())
                .with("restart_in_s", delay.as_secs_f64()),
        );
        delay
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use crate::pipeline::Notice;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failed_task_is_reported_and_started_again_until_it_ends_well() {
        let (notices, mut lane) = Notices::lane();
        let attempts = Cell::new(0);
        let started = tokio::time::Instant::now();
        let task = || {
            attempts.set(attempts.get() + 1);
            let attempt = attempts.get();
            async move { if attempt < 4 { Err(io::Error::other("down")) } else { Ok(()) } }
        };
        Supervisor::new("link", "a".into(), notices, CancellationToken::new()).keep(task).await;
        assert_eq!((attempts.get(), started.elapsed().as_secs()), (4, 1 + 2 + 4));
        let Notice::Event(first) = lane.recv().await.unwrap() else { unreachable!() };
        assert_eq!(first.kind, Kind::TaskFailed);
        assert_eq!(first.text, "link a failed and starts again in 1s: down");
        assert_eq!(lane.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_for_the_next_attempt() {
        let (notices, _lane) = Notices::lane();
        let stop = CancellationToken::new();
        stop.cancel();
        let started = tokio::time::Instant::now();
        let task = || async { Err::<(), _>(io::Error::other("down")) };
        Supervisor::new("link", "a".into(), notices, stop).keep(task).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[test]
    fn a_failed_thread_is_started_again() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let (notices, lane) = Notices::lane();
        let mut attempts = 0;
        let mut supervisor =
            Supervisor::new("capture", "eth1".into(), notices, CancellationToken::new());
        supervisor.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
        supervisor.keep_thread(runtime.handle(), || {
            attempts += 1;
            if attempts < 2 { Err(io::Error::other("down")) } else { Ok(()) }
        });
        assert_eq!((attempts, lane.len()), (2, 1));
    }
}
