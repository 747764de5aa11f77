//! `infra_monitor.toml(5)`, from the commented reference configuration.
//!
//! An explanation is `#` and a blank; what stands directly behind a `#` is an example, as the
//! reference itself says. An explanation belongs to the key or the header below it, if there is no
//! empty line between.

use super::roff::Page;

/// A line of the reference.
#[derive(Clone, Copy, Debug)]
enum Line<'a> {
    Empty,
    Section(&'a str),
    Header(&'a str),
    Explanation(&'a str),
    /// A key and its value, or a line of a value that has several.
    Code(&'a str),
}

impl<'a> Line<'a> {
    fn new(line: &'a str, in_value: bool) -> Self {
        let code = line.strip_prefix('#').unwrap_or(line);
        match line.strip_prefix("# ") {
            _ if line.is_empty() => Self::Empty,
            _ if in_value => Self::Code(code),
            Some(text) if text.starts_with("---") => Self::Section(text.trim_matches(['-', ' '])),
            Some(text) => Self::Explanation(text),
            None if line == "#" => Self::Explanation(""),
            None if code.starts_with('[') => Self::Header(code),
            None => Self::Code(code),
        }
    }
}

pub(super) fn page(reference: &str) -> String {
    let mut page = Page::new("infra_monitor.toml", 5, "configuration of infra_monitor(8)");
    page.section("DESCRIPTION");
    let (mut told, mut value) = (vec![], vec![]);
    for line in reference.lines() {
        let line = Line::new(line, !value.is_empty());
        if !matches!(line, Line::Explanation(_) | Line::Code(_) | Line::Header(_)) {
            explain(&mut page, &told, Page::paragraph);
            told.clear();
        }
        match line {
            Line::Empty => (),
            Line::Section(title) => page.section(title),
            Line::Explanation(text) => told.push(text),
            Line::Header(header) => {
                page.subsection(header);
                explain(&mut page, &told, Page::paragraph);
                told.clear();
            }
            Line::Code(code) => {
                value.push(code);
                if value.len() > 1 && code == "]" || value.len() == 1 && !code.ends_with('[') {
                    key(&mut page, &value, &told);
                    (value, told) = (vec![], vec![]);
                }
            }
        }
    }
    assert!(value.is_empty(), "a value without an end: {value:?}");
    explain(&mut page, &told, Page::paragraph);
    page.section("SEE ALSO");
    page.paragraph("infra_monitor(8)");
    page.finish()
}

/// What fits beside a term; a longer value stands below what it means.
const TERM_LEN: usize = 60;

fn key(page: &mut Page, value: &[&str], told: &[&str]) {
    match value {
        [line] => match line.split_once("  # ") {
            Some((code, remark)) => {
                page.term(code.trim_end());
                page.text(remark);
                explain(page, told, Page::further);
            }
            None if line.len() <= TERM_LEN => {
                page.term(line);
                explain_here(page, told);
            }
            None => example(page, value, told),
        },
        _ => example(page, value, told),
    }
}

fn example(page: &mut Page, value: &[&str], told: &[&str]) {
    let name = value.first().and_then(|line| line.split_once(" =")).unwrap().0;
    page.term(name);
    explain_here(page, told);
    page.verbatim(value);
}

/// What a term means, the first of it beside the term.
fn explain_here(page: &mut Page, told: &[&str]) {
    let is_text = |line: &&str| !line.is_empty() && !line.starts_with(' ');
    let n_first = told.iter().take_while(|line| is_text(line)).count();
    let (first, rest) = told.split_at(n_first);
    page.text(&first.join(" "));
    explain(page, rest, Page::further);
}

/// Paragraphs of text; indented lines stay as they are.
fn explain(page: &mut Page, told: &[&str], paragraph: fn(&mut Page, &str)) {
    let kind = |line: &str| (line.is_empty(), line.starts_with(' '));
    for lines in told.chunk_by(|a, b| kind(a) == kind(b)) {
        match kind(lines[0]) {
            (true, _) => (),
            (false, true) => page.verbatim(lines),
            (false, false) => paragraph(page, &lines.join(" ")),
        }
    }
}
