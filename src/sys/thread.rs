//! Threads of our own: named, and pinned to a processor where the operator chose one.

use std::io;
use std::thread::{Builder, JoinHandle};

use core_affinity::CoreId;

/// Start a named thread, pinned to `cpu` if there is one.
///
/// A processor that cannot be had is not worth losing a capture for: the thread runs unpinned and
/// says so.
pub fn spawn_pinned<T: Send + 'static>(
    name: String,
    cpu: Option<usize>,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.clone()).spawn(move || {
        if let Some(Err(error)) = cpu.map(pin_current) {
            tracing::warn!(thread = name, %error, "thread runs unpinned");
        }
        body()
    })
}

/// Pin the calling thread to one processor. Threads it starts later inherit that.
pub fn pin_current(cpu: usize) -> io::Result<()> {
    // `CoreId` indexes a `cpu_set_t`, and panics beyond its end.
    let exists = cpu < libc::CPU_SETSIZE.unsigned_abs() as usize;
    if exists && core_affinity::set_for_current(CoreId { id: cpu }) {
        return Ok(());
    }
    let text = format!(
        "processor {cpu} does not exist, is not in this process's CPU set, or the service may not \
         pin: its drop-in 30-pinning.conf allows it"
    );
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_name_and_survives_a_processor_that_does_not_exist() {
        let name = || std::thread::current().name().map(str::to_owned);
        for cpu in [None, Some(0), Some(9_999_999)] {
            let thread = spawn_pinned("capture:eth0".to_owned(), cpu, name).unwrap();
            assert_eq!(thread.join().unwrap().as_deref(), Some("capture:eth0"));
        }
    }
}
