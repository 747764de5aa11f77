//! Syntax errors of TOML, in an operator's words.
//!
//! The parser recovers and goes on. What it finds behind a bracket that is never closed is mostly
//! the echo of that: it is left out, and everything behind with it.

use toml::de::Error;

use super::complaint::Complaint;

/// What the parser found wrong.
pub(super) struct Syntax {
    pub(super) complaints: Vec<Complaint>,
    /// Byte behind which the parser may have taken one thing for another.
    pub(super) trusted: usize,
}

impl Syntax {
    /// Of bytes that stop being text at `place`. One mistake, however often it shows: the editor
    /// that wrote the file used another encoding.
    pub(super) fn not_text(place: usize) -> Self {
        let complaint = Complaint::new(
            "this is not UTF-8",
            "save the file as UTF-8; if it is no text at all, it is another file",
        );
        let span = place..place + char::REPLACEMENT_CHARACTER.len_utf8();
        Self { complaints: vec![complaint.at(span)], trusted: place }
    }

    pub(super) fn of(text: &str, errors: &[Error]) -> Self {
        let start = |error: &Error| error.span().map_or(text.len(), |span| span.start);
        let unclosed = errors.iter().any(|error| error.message().starts_with("unclosed"));
        let astray = errors.iter().filter(|error| unclosed && is_astray(error)).map(start).min();
        let Some(astray) = astray else {
            let complaints = errors.iter().map(|error| complaint(text, error)).collect();
            return Self { complaints, trusted: usize::MAX };
        };
        let before = text.get(..astray).unwrap_or_default();
        let trusted = before.rfind('\n').unwrap_or_default();
        let sound = errors.iter().filter(|error| start(error) < trusted);
        let open = Complaint::new(
            "a bracket before this is not closed",
            "close it; what follows is checked when it is closed",
        );
        let complaints =
            sound.map(|error| complaint(text, error)).chain([open.at(astray..astray)]).collect();
        Self { complaints, trusted }
    }
}

/// True for what an open bracket makes of the lines behind it.
fn is_astray(error: &Error) -> bool {
    let echoes = ["unclosed", "missing comma", "unexpected `=`"];
    echoes.iter().any(|echo| error.message().starts_with(echo))
}

fn complaint(text: &str, error: &Error) -> Complaint {
    let span = error.span().unwrap_or(text.len()..text.len());
    let message = error.message();
    let bare = text.get(span.clone()).unwrap_or_default();
    // `info` begins like infinity.
    let is_word = message.contains("must be quoted")
        || message.starts_with("invalid boolean")
        || message.starts_with("invalid float") && bare.starts_with(char::is_alphabetic);
    let complaint = if is_word && bare.is_empty() {
        Complaint::new("a value is missing", "write key = value, or remove the line")
    } else if is_word {
        Complaint::new("text must stand in double quotes", format!("write \"{bare}\""))
    } else if message.starts_with("missing comma") {
        Complaint::new("a comma is missing before this", "separate values with commas")
    } else if message.starts_with("duplicate key") {
        Complaint::new("this was set before", "a key stands once in a table: remove one of them")
    } else {
        Complaint::new(message, "write key = value; text stands in double quotes, numbers do not")
    };
    complaint.at(span)
}
