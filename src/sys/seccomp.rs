//! System call filters (`seccomp(2)`), written down as tables: a call, when, and why.
//!
//! A filter holds for the thread that installs it and for the threads it starts, for ever; a
//! second one can only take away more. The tables are data to be reviewed, in `tables.rs`. A call
//! that is in none of them ends the process, and `violation.rs` says which it was.

mod names;
mod numbers;
mod program;
mod tables;
mod violation;

pub use names::name;
pub use violation::{EXIT_CODE, Journal, explain_violations};

use std::ffi::c_long;
use std::io;

use nix::errno::Errno;

use tables::{ABSENT, COMMON, PROCESS, threads};

/// One line of a table: a system call, the cases of it that are meant, and why.
pub type Row = (c_long, When, &'static str);

/// Which uses of a system call a row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// All of this is so.
    Only(&'static [Is]),
}

/// What can be asked of arguments, which are counted from 0. What they point to no filter sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// The low 32 bits of this argument have this value.
    Equal(u8, u64),
    /// They do not.
    Not(u8, u64),
    /// Of the low 32 bits of this argument, those in the mask have this value.
    Masked(u8, u64, u64),
    /// All 64 bits of this argument have this value: for a length, and for an address, of which the
    /// low half alone says nothing.
    Whole(u8, u64),
    /// The first argument is a descriptor that no capture socket has.
    OffCaptures,
    /// This argument is the number of this process.
    OwnProcess(u8),
}

/// What happens to a call that is in none of a filter's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It ends the process, which says which call it was.
    Enforce,
    /// The kernel writes it to its log, and makes it.
    Audit,
}

/// A filter: what a thread may call, in several tables.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    tables: &'static [&'static [Row]],
}

/// What the daemon as a whole needs.
pub const fn process() -> Filter {
    Filter { tables: &[COMMON, PROCESS] }
}

/// What `learn` needs.
pub const fn learner() -> Filter {
    Filter { tables: &[COMMON, PROCESS, threads::LEARNER] }
}

/// All that a thread needs that reads blocks and sends reports.
pub const fn analysis() -> Filter {
    Filter { tables: &[COMMON] }
}

/// All that a thread needs that takes blocks from a ring.
pub const fn capture() -> Filter {
    Filter { tables: &[COMMON, threads::CAPTURE] }
}

/// All that a thread needs that counts what interfaces lost.
pub const fn counters() -> Filter {
    Filter { tables: &[COMMON, threads::COUNTERS] }
}

/// All that a thread needs that writes events.
pub const fn sink() -> Filter {
    Filter { tables: &[COMMON, threads::SINK] }
}

/// All that the watchdog's thread needs.
pub const fn watchdog() -> Filter {
    Filter { tables: &[COMMON, threads::SINK, threads::WATCHDOG] }
}

/// Put the calling thread, and those it will start, under `filter`. Sets `no_new_privs`.
///
/// [`io::ErrorKind::Unsupported`] where no filter can be written for this processor, or where the
/// kernel (or an emulator of one) knows of none.
pub fn install(filter: &Filter, mode: Mode) -> io::Result<()> {
    apply(&program::of(filter, mode)?)
}

/// Put the process under a filter of its own, while it has one thread.
///
/// In front of it goes one that answers calls with `ENOSYS` for which the C library knows another
/// way. It is a filter of its own, because the strictest of several answers counts.
pub fn install_for_process(filter: &Filter, mode: Mode) -> io::Result<()> {
    apply(&program::absent(ABSENT)?)?;
    install(filter, mode)
}

fn apply(program: &seccompiler::BpfProgram) -> io::Result<()> {
    seccompiler::apply_filter(program).map_err(|error| match error {
        seccompiler::Error::Seccomp(error) | seccompiler::Error::Prctl(error) => {
            match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::ENOSYS | Errno::EINVAL) => {
                    io::Error::new(io::ErrorKind::Unsupported, "the kernel has no seccomp filters")
                }
                _ => error,
            }
        }
        error @ (seccompiler::Error::Backend(_)
        | seccompiler::Error::EmptyFilter
        | seccompiler::Error::ThreadSync(_)) => io::Error::other(error),
    })
}

impl Filter {
    /// The tables, for those who have to explain a violation.
    pub fn rows(&self) -> impl Iterator<Item = &'static Row> {
        self.tables.iter().copied().flatten()
    }
}

#[cfg(test)]
mod tests;
