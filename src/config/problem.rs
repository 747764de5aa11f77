//! Problems: what is wrong with a file, where, and what to write instead.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::complaint::Complaint;
use super::lines::Lines;
use super::syntax::Syntax;

/// One mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What was expected, or the next step.
    pub help: String,
    /// Bytes of the file that the message is about.
    pub(super) span: Range<usize>,
    /// Another place that has to do with it, and how.
    pub(super) related: Option<(Range<usize>, &'static str)>,
}

impl Problem {
    fn of(complaint: Complaint, lines: &Lines<'_>) -> Self {
        let Complaint { message, help, span, related } = complaint;
        let span = span.unwrap_or_default();
        let line = lines.line(&span);
        Self {
            line: line.number,
            column: line.column(),
            message: printable(&message),
            help: printable(&help),
            span,
            related,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message, help, .. } = self;
        write!(f, "{line}:{column}: {message} ({help})")
    }
}

/// A file that is not a configuration, with every reason that could be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) problems: Vec<Problem>,
}

impl Rejected {
    /// Name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// At least one, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// Text that quotes the file, without what would steer the terminal it is shown on.
fn printable(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escaped).collect()
}

/// Problems in the order of the file, without those that only follow from others: a line whose
/// syntax is wrong says nothing reliable, nor does what stands behind the trusted part.
pub(super) fn sorted(text: &str, syntax: Syntax, complaints: Vec<Complaint>) -> Vec<Problem> {
    let lines = Lines::of(text);
    let Syntax { complaints: broken, trusted } = syntax;
    let mut broken: Vec<_> = broken.into_iter().map(|it| Problem::of(it, &lines)).collect();
    broken.sort_by_key(|problem| problem.span.start);
    broken.dedup_by_key(|problem| problem.line);
    let broken_lines: BTreeSet<_> = broken.iter().map(|problem| problem.line).collect();

    let mut problems: Vec<_> = complaints.into_iter().map(|it| Problem::of(it, &lines)).collect();
    problems
        .retain(|problem| problem.span.start <= trusted && !broken_lines.contains(&problem.line));
    problems.extend(broken);
    problems.sort_unstable_by(|a, b| (a.span.start, &a.message).cmp(&(b.span.start, &b.message)));
    // A template is read once for each addressing it is used with.
    problems.dedup_by(|a, b| (&a.span, &a.message) == (&b.span, &b.message));
    problems
}
