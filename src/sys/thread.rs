//! Threads of our own: named, placed where the operator chose, and served as he asked.

use std::io;
use std::thread::{Builder, JoinHandle};

use core_affinity::CoreId;
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Which processors a thread may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Anywhere,
    One(usize),
    /// Where the process may run, without the first processor if there is another.
    ButFirst,
}

impl From<Option<usize>> for Place {
    fn from(cpu: Option<usize>) -> Self {
        cpu.map_or(Self::Anywhere, Self::One)
    }
}

/// Start a named thread, pinned to its place.
///
/// A processor that cannot be had is not worth losing a capture for: the thread runs unpinned and
/// says so.
pub fn spawn_pinned<T: Send + 'static>(
    name: String,
    place: impl Into<Place>,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let place = place.into();
    Builder::new().name(name.clone()).spawn(move || {
        let pinned = match place {
            Place::Anywhere => Ok(()),
            Place::One(cpu) => pin_current(cpu),
            Place::ButFirst => leave_first(),
        };
        if let Err(error) = pinned {
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

/// Keep the calling thread off the first processor, unless it is the only one.
fn leave_first() -> io::Result<()> {
    let this_thread = Pid::from_raw(0);
    let mut allowed = sched_getaffinity(this_thread)?;
    allowed.unset(0)?;
    if (0..CpuSet::count()).any(|cpu| allowed.is_set(cpu) == Ok(true)) {
        sched_setaffinity(this_thread, &allowed)?;
    }
    Ok(())
}

/// How the calling thread, and those it makes, are served: -20 first, 19 last.
pub fn set_nice(nice: i32) -> io::Result<()> {
    // SAFETY: setpriority takes three numbers and touches no memory; 0 is the calling thread.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) })?;
    Ok(())
}

/// Serve the calling thread before all that are not real-time, at the lowest such priority. What it
/// starts later is served as usual.
pub fn serve_first() -> io::Result<()> {
    let lowest = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the kernel reads one sched_param, which lives until the call returns; 0 is the calling
    // thread.
    Errno::result(unsafe { libc::sched_setscheduler(0, policy, &raw const lowest) })?;
    Ok(())
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

    #[test]
    fn a_thread_stays_off_the_first_processor_where_there_is_another() {
        let allowed = || {
            let set = sched_getaffinity(Pid::from_raw(0)).unwrap();
            (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap()).collect::<Vec<_>>()
        };
        let mut expected = allowed();
        if expected.len() > 1 {
            expected.retain(|cpu| *cpu != 0);
        } else {
            eprintln!("skipped: more than one processor");
        }
        let there = spawn_pinned("capture".to_owned(), Place::ButFirst, allowed).unwrap();
        assert_eq!(there.join().unwrap(), expected);
        let alone = spawn_pinned("capture".to_owned(), Some(0), move || {
            leave_first().unwrap();
            allowed()
        });
        assert_eq!(alone.unwrap().join().unwrap(), [0]);
    }

    #[test]
    fn what_is_not_permitted_is_an_error_and_no_more() {
        let tried = spawn_pinned("capture".to_owned(), None, || {
            let nicer = set_nice(5);
            (nicer.is_ok(), serve_first())
        });
        let (is_nicer, first) = tried.unwrap().join().unwrap();
        assert!(is_nicer, "to be served later is allowed to anyone");
        match first {
            Ok(()) => (),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }
}
