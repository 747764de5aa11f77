//! Readable text: one line for each event, whatever its texts contain.
//!
//! Names come from files and texts from controllers; neither can end a line, start a new one,
//! or steer the terminal.

use std::fmt;
use std::fmt::Write as _;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};

use crate::record::Severity;

use super::entry::{Entry, clip, severity_name};

impl Entry<'_> {
    /// Append one line.
    pub(super) fn encode_text(&self, color: bool, line: &mut Vec<u8>) {
        let event = self.event;
        let severity = event.severity;
        let (paint, dim) =
            if color { (paint(severity), Style::new().dimmed()) } else { Default::default() };
        let (text, tail) = clip(&event.text);
        // A `Vec` takes every byte.
        let _ = writeln!(
            line,
            "{dim}{}{dim:#} {paint}{:<7} {:<16}{paint:#} {}: {}{tail}",
            humantime::format_rfc3339_millis(event.at),
            severity_name(severity),
            event.kind.name(),
            Printable(event.source.as_str()),
            Printable(text),
        );
    }
}

fn paint(severity: Severity) -> Style {
    let color = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Notice => AnsiColor::Cyan,
        Severity::Info => return Style::new(),
    };
    Style::new().fg_color(Some(color.into())).bold()
}

/// Text with everything escaped that a terminal would act on.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if is_printable(c) { f.write_char(c) } else { write!(f, "{}", c.escape_default()) }
        })
    }
}

fn is_printable(c: char) -> bool {
    // Line and paragraph separators, and the bidirectional controls that reorder a line.
    let reorders =
        matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !reorders
}
