//! System call filters (`seccomp(2)`), written down as tables: a call, when, and why.
//!
//! A filter holds for the thread that installs it and for the threads it starts, for ever; a
//! second one can only take away more. The tables are data to be reviewed, in `tables.rs`.

mod tables;

use std::collections::BTreeMap;
use std::ffi::c_long;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// One line of a table: a system call, the cases of it that are meant, and why.
pub type Row = (c_long, When, &'static str);

/// Which uses of a system call a row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// The argument at this place does not contain `PROT_EXEC`.
    NotExecutable(u8),
    /// The argument at this place has this value.
    Equals(u8, u64),
    /// To a file descriptor below the capture sockets, this many bytes.
    SmallTransfer(u64),
}

/// A filter: a table, and what happens to calls in and outside it.
#[derive(Debug)]
pub struct Filter {
    rows: &'static [Row],
    policy: Policy,
}

#[derive(Clone, Copy, Debug)]
enum Policy {
    /// Calls in the table fail with `EPERM`; all others are made.
    DenyListed,
    /// Calls in the table are made; any other kills the process.
    AllowListed,
}

/// What no thread of the daemon needs, whatever it does.
pub fn process() -> Filter {
    Filter { rows: tables::PROCESS, policy: Policy::DenyListed }
}

/// All that a thread needs that reads blocks and sends reports.
pub fn analysis() -> Filter {
    Filter { rows: tables::ANALYSIS, policy: Policy::AllowListed }
}

/// Put the calling thread, and those it will start, under `filter`. Sets `no_new_privs`.
///
/// [`io::ErrorKind::Unsupported`] where no filter can be written for this processor (32-bit ARM).
pub fn install(filter: &Filter) -> io::Result<()> {
    seccompiler::apply_filter(&filter.program()?).map_err(io::Error::other)
}

impl Filter {
    /// The table, for those who have to explain a violation.
    pub fn rows(&self) -> &'static [Row] {
        self.rows
    }

    fn program(&self) -> io::Result<BpfProgram> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)
            .map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error))?;
        let (listed, otherwise) = match self.policy {
            Policy::DenyListed => {
                (SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow)
            }
            Policy::AllowListed => (SeccompAction::Allow, SeccompAction::KillProcess),
        };
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        for (call, when, _) in self.rows {
            #[allow(
                clippy::useless_conversion,
                reason = "c_long is narrower on 32-bit processors"
            )]
            rules.entry(i64::from(*call)).or_default().extend(when.rule()?);
        }
        let filter =
            SeccompFilter::new(rules, otherwise, listed, arch).map_err(io::Error::other)?;
        filter.try_into().map_err(io::Error::other)
    }
}

impl When {
    /// `None` stands for no condition, which is how seccompiler says "always".
    fn rule(self) -> io::Result<Option<SeccompRule>> {
        use SeccompCmpArgLen::{Dword, Qword};
        use SeccompCmpOp::{Eq, Lt, MaskedEq};
        let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
        let capture_fds = u64::from(super::packet_socket::CAPTURE_FDS.start().unsigned_abs());
        let conditions = match self {
            Self::Always => return Ok(None),
            Self::NotExecutable(at) => {
                vec![SeccompCondition::new(at, Dword, MaskedEq(executable), 0)]
            }
            Self::Equals(at, value) => vec![SeccompCondition::new(at, Dword, Eq, value)],
            Self::SmallTransfer(len) => vec![
                SeccompCondition::new(0, Dword, Lt, capture_fds),
                SeccompCondition::new(2, Qword, Eq, len),
            ],
        };
        let conditions = conditions.into_iter().collect::<Result<_, _>>();
        SeccompRule::new(conditions.map_err(io::Error::other)?).map(Some).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_row_has_a_reason_and_no_call_is_both_always_and_sometimes_meant() {
        for filter in [process(), analysis()] {
            let mut by_call: BTreeMap<c_long, Vec<When>> = BTreeMap::new();
            for (call, when, reason) in filter.rows() {
                assert!(!reason.is_empty(), "{call}");
                by_call.entry(*call).or_default().push(*when);
            }
            for (call, whens) in by_call {
                assert!(whens.len() == 1 || !whens.contains(&When::Always), "{call}: {whens:?}");
            }
        }
    }

    #[test]
    fn the_tables_compile_where_a_filter_can_be_written_at_all() {
        for filter in [process(), analysis()] {
            match filter.program() {
                Ok(program) => assert!(program.len() < 4096, "BPF_MAXINSNS"),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::Unsupported),
            }
        }
    }
}
