//! The runtime's workers, each pinned to its processor.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Builder;
use tokio::runtime::Runtime;

use crate::config;
use crate::sys;

/// Without `[runtime] cpus`: links wait most of the time, and two workers keep one that computes
/// from delaying the others.
const UNPINNED_WORKERS: usize = 2;

pub(super) fn build(config: &config::Runtime) -> io::Result<Runtime> {
    let cpus: Arc<[usize]> = config.cpus.as_slice().into();
    let n_workers = if cpus.is_empty() { UNPINNED_WORKERS } else { cpus.len() };
    let started = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(n_workers)
        .thread_name("runtime")
        .on_thread_start(move || pin(&cpus, started.fetch_add(1, Ordering::Relaxed)))
        .enable_all()
        .build()
}

/// Round and round: threads for blocking calls come after the workers and share their processors.
fn pin(cpus: &[usize], n_started: usize) {
    let cpu = n_started.checked_rem(cpus.len()).and_then(|index| cpus.get(index));
    if let Some(cpu) = cpu
        && let Err(error) = sys::pin_current(*cpu)
    {
        tracing::warn!(cpu, %error, "a worker cannot be pinned; see [runtime] cpus");
    }
}
