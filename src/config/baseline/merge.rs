//! Merging: what was learnt, added to a file that people keep.
//!
//! Not a byte of what is there changes. A grant goes to the end of the `allow` of its own parties,
//! parties that have no `[[talk]]` go to the end of the file; so a comparison of the two versions
//! shows lines that were added, each in the place where it is judged.

use std::fmt::Write as _;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::Rejected;
use super::{Aspect, Baseline, Deviation, Grant, Parties, parse_baseline};

/// What one client was seen to ask of one server, in the order in which it is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    pub parties: Parties,
    /// Each with what its numbers mean, for a comment.
    pub grants: Vec<(Grant, String)>,
}

impl Deviation {
    /// What would make it allowed, as it has to stand in the file: a line for the `allow` of
    /// `parties`, or a `[[talk]]` where they have none.
    pub fn remedy(&self, parties: &Parties) -> String {
        match self.aspect {
            Aspect::Talk => format!("{parties}allow = [{}]", self.missing),
            Aspect::Station | Aspect::Function | Aspect::Address(_) | Aspect::Value(_) => {
                format!("{},", self.missing)
            }
        }
    }
}

/// Why nothing can be added to a file.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error("{0}: `talk` is an array in brackets, to which no table can be added; write [[talk]]")]
    Inline(String),
}

/// The baseline `text` with more allowed. `file` is only its name, for messages.
pub fn merged(file: &str, text: &str, additions: &[Addition]) -> Result<String, MergeError> {
    let before = parse_baseline(file, text)?;
    let allows = allows(text);
    let (mut inserts, mut tail) = (vec![], String::new());
    for Addition { parties, grants } in additions.iter().filter(|it| !it.grants.is_empty()) {
        match place(&before, parties).and_then(|place| allows.get(place)) {
            Some(allow) => inserts.push(allow.insert(text, grants)),
            None => tail += &talk(parties, grants),
        }
    }
    let mut merged = text.to_owned();
    // From the last: what stands before a place does not move.
    inserts.sort_by_key(|insert| std::cmp::Reverse(insert.at));
    for Insert { at, text, comma_at } in inserts {
        merged.insert_str(at, &text);
        if let Some(at) = comma_at {
            merged.insert(at, ',');
        }
    }
    if !(merged.is_empty() || merged.ends_with('\n') || tail.is_empty()) {
        merged.push('\n');
    }
    merged += &tail;
    match parse_baseline(file, &merged) {
        Ok(_) => Ok(merged),
        Err(_) => Err(MergeError::Inline(file.to_owned())),
    }
}

/// A table of its own, with a blank line before it.
fn talk(parties: &Parties, grants: &[(Grant, String)]) -> String {
    let lines: String = grants.iter().map(|grant| line(INDENT, grant)).collect();
    format!("\n{parties}allow = [\n{lines}]\n")
}

const INDENT: &str = "  ";

fn line(indent: &str, (grant, meaning): &(Grant, String)) -> String {
    let mut line = format!("{indent}{grant},");
    if !meaning.is_empty() {
        let _ = write!(line, "   # {meaning}"); // cannot fail
    }
    line + "\n"
}

/// The table that is about exactly these.
fn place(baseline: &Baseline, parties: &Parties) -> Option<usize> {
    baseline.talks().iter().position(|talk| talk.parties == *parties)
}

/// Where an `allow` stands.
struct Allow {
    /// Its brackets included.
    array: Range<usize>,
    last_element: Option<Range<usize>>,
}

/// Text to insert, and a comma that is missing before it.
struct Insert {
    at: usize,
    text: String,
    comma_at: Option<usize>,
}

/// Of every `[[talk]]`, in their order. The text is a good baseline.
fn allows(text: &str) -> Vec<Allow> {
    let (tree, _) = DeTable::parse_recoverable(text);
    let Some(talks) = tree.get_ref().get("talk").and_then(|talks| talks.get_ref().as_array())
    else {
        return vec![];
    };
    let allow = |talk: &Spanned<DeValue<'_>>| {
        let allow = talk.get_ref().as_table()?.get("allow")?;
        let last_element = allow.get_ref().as_array()?.last().map(Spanned::span);
        Some(Allow { array: allow.span(), last_element })
    };
    talks.iter().filter_map(allow).collect()
}

impl Allow {
    fn insert(&self, text: &str, grants: &[(Grant, String)]) -> Insert {
        let part = |range: Range<usize>| text.get(range).unwrap_or_default();
        let close = self.array.end.saturating_sub(1);
        let open = self.array.start + 1;
        let end = self.last_element.as_ref().map_or(open, |last| last.end);
        let rest = part(end..close);
        let comma_at = (self.last_element.is_some() && !has_comma(rest)).then_some(end);
        let own_line = rest.rfind('\n').map(|at| end + at + 1);
        let own_line = own_line.filter(|at| part(*at..close).trim().is_empty());
        let indent = self.last_element.as_ref().map_or(INDENT, |last| {
            let before = part(0..last.start);
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let before = before.get(start..).unwrap_or_default();
            if before.trim().is_empty() { before } else { INDENT }
        });
        let lines: String = grants.iter().map(|grant| line(indent, grant)).collect();
        match own_line {
            Some(at) => Insert { at, text: lines, comma_at },
            None => Insert { at: close, text: format!("\n{lines}"), comma_at },
        }
    }
}

/// Whether a comma stands between the last element of an array and its bracket.
fn has_comma(rest: &str) -> bool {
    rest.lines().any(|line| line.split('#').next().is_some_and(|line| line.contains(',')))
}
