//! Problems: what is wrong with a file, where, and what to write instead.

use std::fmt;
use std::ops::Range;

use super::Color;

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

    /// Every problem with its place, line, caret and help, and their number at the end.
    pub fn render(&self, color: Color) -> String {
        super::render::render(self, color)
    }
}

impl std::error::Error for Rejected {}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Color::Plain))
    }
}
