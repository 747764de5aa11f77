//! What an entry says besides its event, and how long a text in it may be.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::record::{Event, Severity};

/// Longest text of an entry, in bytes. A longer one is cut: an entry must fit a datagram.
pub(super) const MAX_TEXT: usize = 8 * 1024;

/// One event on its way out.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) event: &'a Event,
    pub(super) identity: &'a Identity,
    /// Counts entries written in this run, from 0.
    pub(super) seq: u64,
}

/// What all entries of a run have in common.
pub(super) struct Identity {
    pub(super) site: Option<Arc<str>>,
    /// 128 random bits in hexadecimal: `seq` is unique within it.
    pub(super) run_id: String,
}

impl Identity {
    pub(super) fn new(site: Option<Arc<str>>) -> Self {
        // The standard library seeds its hashers from the kernel's random numbers; no file to open.
        let random = || RandomState::new().build_hasher().finish();
        Self { site, run_id: format!("{:016x}{:016x}", random(), random()) }
    }
}

/// Fields every entry has; an event's own fields have other names.
pub(super) fn is_reserved(name: &str) -> bool {
    matches!(name, "event" | "severity" | "at" | "source" | "site" | "text" | "seq" | "run_id")
}

pub(super) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
        Severity::Info => "info",
    }
}

/// As much of `text` as an entry holds, and what to add if that is not all.
pub(super) fn clip(text: &str) -> (&str, &'static str) {
    if text.len() <= MAX_TEXT {
        return (text, "");
    }
    // A character has at most four bytes; its boundary is near.
    let head = (0..=MAX_TEXT).rev().find_map(|end| text.get(..end));
    (head.unwrap_or_default(), " [cut]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let text = "ü".repeat(MAX_TEXT);
        let (head, tail) = clip(&text);
        assert_eq!((head.len(), tail), (MAX_TEXT, " [cut]"));
        let text = format!("a{text}");
        assert_eq!(clip(&text).0.len(), MAX_TEXT - 1);
        assert_eq!(clip("short"), ("short", ""));
    }

    #[test]
    fn each_run_has_an_id_of_its_own() {
        let (a, b) = (Identity::new(None), Identity::new(None));
        assert_ne!(a.run_id, b.run_id);
        assert_eq!(a.run_id.len(), 32);
    }
}
