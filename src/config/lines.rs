//! Lines of a text: which one a span of bytes begins on, and at which column.

use std::ops::Range;

/// A text with the places where its lines begin.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// The line on which a span begins. Only that line is shown, however long the span is, so that
/// the cost of a problem does not grow with the file.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// From 1.
    pub(super) number: usize,
    /// The part of the span that lies on the line, from the start of the line.
    pub(super) span: Range<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let after = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Spans outside the text, or within a character, are moved to the nearest place that exists.
    pub(super) fn line(&self, span: &Range<usize>) -> Line<'a> {
        let number = self.starts.partition_point(|start| *start <= span.start);
        let start = number.checked_sub(1).and_then(|index| self.starts.get(index)).copied();
        let rest = self.text.get(start.unwrap_or_default()..).unwrap_or_default();
        let text = rest.lines().next().unwrap_or_default();
        let within = |at: usize| {
            let at = at.saturating_sub(start.unwrap_or_default()).min(text.len());
            (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
        };
        Line { text, number, span: within(span.start)..within(span.end).max(within(span.start)) }
    }
}

impl Line<'_> {
    /// In characters, from 1.
    pub(super) fn column(&self) -> usize {
        self.text.get(..self.span.start).unwrap_or_default().chars().count() + 1
    }
}
