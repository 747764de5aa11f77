//! The layers of the sandbox: which of them this machine gave, and why not the others.

use std::fmt;
use std::io;
use std::time::SystemTime;

use crate::record::Event;
use crate::record::Kind;
use crate::sys::landlock::Enforced;
use crate::sys::seccomp::Mode;

use super::DAEMON;
use super::reach::Reach;

/// What holds of a process that was restricted. That it has no capabilities and can never gain any
/// is not among it: a process that cannot give them up does not run.
#[derive(Debug)]
pub(in super::super) struct Layers {
    pub(super) landlock: io::Result<Enforced>,
    /// What Landlock leaves, where there is any.
    pub(super) reach: Reach,
    /// Or why not.
    pub(super) seccomp: Result<Mode, String>,
}

impl Layers {
    /// Each layer that is not there, and why; empty if all are.
    pub(in super::super) fn missing(&self) -> Vec<String> {
        let landlock = self.landlock.as_ref().err().map(|error| format!("landlock ({error})"));
        let seccomp = match &self.seccomp {
            Ok(Mode::Enforce) => None,
            Ok(Mode::Audit) => Some("seccomp (only logs: \"audit\" in [sandbox])".to_owned()),
            Err(error) => Some(format!("seccomp ({error})")),
        };
        landlock.into_iter().chain(seccomp).collect()
    }

    /// What a reload can still have; `None`: everything that the service's user may.
    pub(in super::super) fn reach(&self) -> Option<Reach> {
        self.landlock.is_ok().then(|| self.reach.clone())
    }

    /// `sandbox.weak`, if anything is missing.
    pub(in super::super) fn weakness(&self) -> Option<Event> {
        let missing = self.missing().join("; ");
        (!missing.is_empty()).then(|| {
            let text = format!(
                "the sandbox is incomplete: {missing}; the rest holds: {self}; with \
                 missing = \"refuse\" in [sandbox] the daemon would not run like this"
            );
            Event::new(Kind::SandboxWeak, SystemTime::now(), DAEMON.into(), text)
                .with("missing", missing)
        })
    }
}

/// The layers that hold.
impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no capabilities, no_new_privs")?;
        if let Ok(Enforced { abi }) = self.landlock {
            write!(f, ", landlock (version {abi})")?;
        }
        match self.seccomp {
            Ok(Mode::Enforce) => f.write_str(", seccomp"),
            Ok(Mode::Audit) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(landlock: io::Result<Enforced>, seccomp: Result<Mode, String>) -> Layers {
        Layers { landlock, reach: Reach::default(), seccomp }
    }

    fn unsupported<T>(text: &str) -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    #[test]
    fn a_whole_sandbox_is_no_event() {
        let whole = layers(Ok(Enforced { abi: 7 }), Ok(Mode::Enforce));
        assert!(whole.weakness().is_none());
        let held = "no capabilities, no_new_privs, landlock (version 7), seccomp";
        assert_eq!(whole.to_string(), held);
    }

    #[test]
    fn each_layer_that_is_missing_is_named_with_its_reason() {
        let audited = layers(unsupported("too old"), Ok(Mode::Audit));
        let event = audited.weakness().unwrap();
        assert_eq!(event.kind, Kind::SandboxWeak);
        assert_eq!(
            event.text,
            "the sandbox is incomplete: landlock (too old); seccomp (only logs: \"audit\" in \
             [sandbox]); the rest holds: no capabilities, no_new_privs; with missing = \"refuse\" \
             in [sandbox] the daemon would not run like this"
        );
        let bare = layers(unsupported("too old"), Err("none".to_owned()));
        assert_eq!(bare.missing(), ["landlock (too old)", "seccomp (none)"]);
    }
}
