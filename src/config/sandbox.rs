//! `[sandbox]`: what the process denies itself.

use super::field;
use super::section::Section;

/// What the process denies itself. A change needs a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sandbox {
    pub seccomp: Seccomp,
    pub missing: Missing,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { seccomp: Seccomp::Enforce, missing: Missing::Warn }
    }
}

/// What to do where this machine does not give every layer of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Do not run.
    Refuse,
    /// Say so, and run.
    Warn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seccomp {
    /// A call that no table allows ends the process, which says which it was.
    Enforce,
    /// The kernel logs it and makes it.
    Audit,
    Off,
}

pub(super) fn read(section: &Section<'_>) -> Sandbox {
    let default = Sandbox::default();
    let seccomp = section.or("seccomp", default.seccomp, field::choice(SECCOMP));
    let missing = section.or("missing", default.missing, field::choice(MISSING));
    section.finish();
    Sandbox { seccomp, missing }
}

const SECCOMP: &[(&str, Seccomp)] =
    &[("enforce", Seccomp::Enforce), ("audit", Seccomp::Audit), ("off", Seccomp::Off)];

const MISSING: &[(&str, Missing)] = &[("refuse", Missing::Refuse), ("warn", Missing::Warn)];
