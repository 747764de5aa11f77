//! Sections: one table of the file, read key by key.
//!
//! Nothing stops at the first problem: a getter that finds none of what it asks for reports why
//! and returns nothing, and the reader of the table goes on. Asking for a key makes it known;
//! [`Section::finish`] reports the keys that nobody asked for. So the code that reads a key is
//! the only place that knows of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::Complaint;
use super::field::{self, Parsed, kind_of};
use super::spelling::{nearest, quoted};

/// What the sections of one file have found out together.
#[derive(Default)]
pub(super) struct Reader {
    complaints: RefCell<Vec<Complaint>>,
    known: RefCell<BTreeMap<&'static str, BTreeSet<&'static str>>>,
}

impl Reader {
    pub(super) fn report(&self, complaint: Complaint) {
        self.complaints.borrow_mut().push(complaint);
    }

    pub(super) fn into_complaints(self) -> Vec<Complaint> {
        self.complaints.into_inner()
    }

    /// The keys asked for so far, by title of their section.
    #[cfg(test)]
    pub(super) fn known(&self) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        self.known.borrow().clone()
    }
}

/// One table.
pub(super) struct Section<'a> {
    reader: &'a Reader,
    /// How its header is written, for messages.
    title: &'static str,
    /// What to point at when something is missing.
    header: Range<usize>,
    table: &'a DeTable<'a>,
    /// Not reported before it is known which keys are merely misspelt.
    missing: RefCell<Vec<Missing>>,
}

struct Missing {
    keys: Vec<&'static str>,
    complaint: Complaint,
}

impl<'a> Section<'a> {
    /// The file itself.
    pub(super) fn root(reader: &'a Reader, tree: &'a Spanned<DeTable<'a>>) -> Self {
        Self::new(reader, "the file", 0..0, tree.get_ref())
    }

    fn new(
        reader: &'a Reader,
        title: &'static str,
        header: Range<usize>,
        table: &'a DeTable<'a>,
    ) -> Self {
        Self { reader, title, header, table, missing: RefCell::default() }
    }

    /// The value of `key`, if it is there and good.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        parse(value.get_ref())
            .map_err(|complaint| self.report_key(key, complaint.at(value.span())))
            .ok()
    }

    /// The value of `key`, or its default.
    pub(super) fn or<T>(
        &self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&DeValue<'_>) -> Parsed<T>,
    ) -> T {
        self.optional(key, parse).unwrap_or(default)
    }

    /// The value of `key`; `example` shows how to write it where it is missing.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<T> {
        if self.value(key).is_none() {
            self.report_missing(&[key], example);
        }
        self.optional(key, parse)
    }

    /// The good values of the array `key`; each other one is reported.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        most: usize,
        element: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<Vec<T>> {
        let elements = self.optional(key, field::list(most, element))?;
        let good =
            |element: Parsed<T>| element.map_err(|complaint| self.report_key(key, complaint)).ok();
        Some(elements.into_iter().filter_map(good).collect())
    }

    /// A table within this one, such as `[log]` or `limits = { … }`.
    pub(super) fn section(&self, key: &'static str, title: &'static str) -> Option<Self> {
        self.value(key).and_then(|value| self.inner(key, title, value))
    }

    /// Every table of an array, such as `[[modbus]]` or `tags = [{ … }, …]`.
    pub(super) fn sections(&self, key: &'static str, title: &'static str) -> Vec<Self> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(tables) = value.get_ref() else {
            self.report_kind(key, value, &format!("an array of tables, written {title}"));
            return Vec::new();
        };
        tables.iter().filter_map(|table| self.inner(key, title, table)).collect()
    }

    /// Every table in a table that the operator names, such as `[template.acme-pump]`.
    pub(super) fn named(&self, key: &'static str, title: &'static str) -> Vec<(&'a str, Self)> {
        let Some(parent) = self.section(key, title) else { return Vec::new() };
        let tables = parent.table.iter();
        tables
            .filter_map(|(name, table)| {
                Some((name.get_ref().as_ref(), parent.inner(key, title, table)?))
            })
            .collect()
    }

    /// Where the value of `key` stands, if there is one.
    pub(super) fn span(&self, key: &'static str) -> Option<Range<usize>> {
        self.value(key).map(Spanned::span)
    }

    /// How much was reported so far in the whole file. What is judged by other values says nothing
    /// reliable where those have mistakes.
    pub(super) fn n_complaints(&self) -> usize {
        self.reader.complaints.borrow().len()
    }

    /// Report that one of `keys` ought to be there, unless one is there in another spelling.
    pub(super) fn report_missing(&self, keys: &[&'static str], example: &str) {
        let names: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        let message = format!("{} has no {}", self.title, names.join(" or "));
        let complaint = Complaint::new(message, format!("add {example}"));
        let complaint = complaint.at(self.header.clone());
        self.missing.borrow_mut().push(Missing { keys: keys.to_vec(), complaint });
    }

    /// Report something about the value of `key`.
    pub(super) fn report_key(&self, key: &'static str, mut complaint: Complaint) {
        complaint.message.insert_str(0, &format!("`{key}`: "));
        let span = self.span(key).unwrap_or(self.header.clone());
        self.reader.report(complaint.at(span));
    }

    /// Report something about the section as a whole.
    pub(super) fn report(&self, complaint: Complaint) {
        self.reader.report(complaint.at(self.header.clone()));
    }

    /// Report every key that was not asked for, and what is missing. Call it last.
    pub(super) fn finish(&self) {
        let known = self.reader.known.borrow().get(self.title).cloned().unwrap_or_default();
        let keys = self.table.keys();
        let unknown: Vec<_> = keys.filter(|key| !known.contains(key.get_ref().as_ref())).collect();
        for Missing { keys, complaint } in self.missing.take() {
            let misspelt = |key: &str| nearest(key, keys.iter().copied()).is_some();
            if !unknown.iter().any(|key| misspelt(key.get_ref())) {
                self.reader.report(complaint);
            }
        }
        for key in unknown {
            let help = match nearest(key.get_ref(), known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", quoted(known.iter().copied())),
            };
            let message = format!("{} has no key `{}`", self.title, key.get_ref());
            self.reader.report(Complaint::new(message, help).at(key.span()));
        }
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.reader.known.borrow_mut().entry(self.title).or_default().insert(key);
        self.table.get(key)
    }

    fn inner(
        &self,
        key: &'static str,
        title: &'static str,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            self.report_kind(key, value, &format!("a table, written {title}"));
            return None;
        };
        Some(Self::new(self.reader, title, value.span(), table))
    }

    fn report_kind(&self, key: &'static str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!("found {}", kind_of(value.get_ref()));
        self.report_key(
            key,
            Complaint::new(message, format!("expected {expected}")).at(value.span()),
        );
    }
}

/// Names that may be given once, with the place where each was given.
pub(super) struct Names {
    /// What to say of the first holder, before its name.
    another: &'static str,
    taken: BTreeMap<String, Range<usize>>,
}

impl Names {
    pub(super) fn of(another: &'static str) -> Self {
        Self { another, taken: BTreeMap::new() }
    }

    /// Take `name`, the value of `key`, or report who has it.
    pub(super) fn take(&mut self, section: &Section<'_>, key: &'static str, name: &str) {
        self.take_or(section, key, name, "give each one of its own, or merge the two");
    }

    /// The same, with what to do about it.
    pub(super) fn take_or(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        name: &str,
        help: &str,
    ) {
        let Some(span) = section.span(key) else { return };
        if let Some(first) = self.taken.get(name) {
            let message = format!("{} \"{name}\"", self.another);
            let complaint = Complaint::new(message, help);
            section.report_key(key, complaint.related(first.clone(), "the first is here"));
        } else {
            self.taken.insert(name.to_owned(), span);
        }
    }
}
