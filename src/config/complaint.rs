//! Complaints: what is wrong with a value, before its place is counted out in lines.

use std::ops::Range;

/// A problem whose place is not yet counted out in lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) help: String,
    pub(super) span: Option<Range<usize>>,
    pub(super) related: Option<(Range<usize>, &'static str)>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), span: None, related: None }
    }

    /// From an error that names the remedy behind its last semicolon, if at all.
    pub(super) fn explained(error: &impl ToString, otherwise: &str) -> Self {
        let text = error.to_string();
        match text.rsplit_once("; ") {
            Some((message, help)) => Self::new(message, help),
            None => Self::new(text, otherwise),
        }
    }

    /// Replace the help by one that knows more.
    pub(super) fn help(mut self, help: &str) -> Self {
        help.clone_into(&mut self.help);
        self
    }

    /// Place it, unless whoever complained already knew better.
    pub(super) fn at(mut self, span: Range<usize>) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// Point at a second place.
    pub(super) fn related(mut self, span: Range<usize>, label: &'static str) -> Self {
        self.related = Some((span, label));
        self
    }
}
