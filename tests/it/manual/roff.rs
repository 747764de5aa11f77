//! Text as `man(7)` macros, for both groff and mandoc.

use std::fmt::Write;

/// A manual page in the making.
#[derive(Debug)]
pub(super) struct Page(String);

impl Page {
    /// `name` and `section` as in `name(section)`.
    pub(super) fn new(name: &str, section: u8, summary: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let title = escaped(&name.to_uppercase());
        let mut page = Self(format!(
            ".\\\" Written by tests/it/manual.rs: change the help or the configuration instead.\n\
             .TH {title} {section} \"\" \"infra_monitor {version}\"\n"
        ));
        page.section("NAME");
        // Only a plain `\-` is found by mandb(8).
        page.raw(&format!("{} \\- {}", escaped(name), escaped(summary)));
        page
    }

    pub(super) fn section(&mut self, title: &str) {
        self.raw(&format!(".SH \"{}\"", escaped(&title.to_uppercase())));
    }

    pub(super) fn subsection(&mut self, title: &str) {
        self.raw(&format!(".SS \"{}\"", escaped(title)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        // A heading begins one by itself.
        let last = self.0.lines().next_back().unwrap_or_default();
        if !last.starts_with(".S") {
            self.raw(".PP");
        }
        self.text(text);
    }

    /// Another paragraph of what a term means.
    pub(super) fn further(&mut self, text: &str) {
        self.raw(".IP");
        self.text(text);
    }

    /// A term, whose meaning is said next.
    pub(super) fn term(&mut self, term: &str) {
        self.raw(".TP");
        self.raw(&format!("\\fB{}\\fR", escaped(term)));
    }

    /// Lines that stay as they are, further in than what stands around them.
    pub(super) fn verbatim(&mut self, lines: &[&str]) {
        let spaces = |line: &&str| line.len() - line.trim_start().len();
        let margin =
            lines.iter().filter(|line| !line.trim().is_empty()).map(spaces).min().unwrap_or(0);
        self.raw(".RS 4\n.PP\n.nf");
        for line in lines {
            self.text(line.get(margin..).unwrap_or_default());
        }
        self.raw(".fi\n.RE");
    }

    /// Text to be filled, where it stands.
    pub(super) fn text(&mut self, text: &str) {
        // A dot or a quote at the start of a line would be a macro.
        let guard = if text.starts_with(['.', '\'']) { "\\&" } else { "" };
        self.raw(&format!("{guard}{}", escaped(text)));
    }

    fn raw(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Characters that roff would take for its own, or print as typographers do: what is copied from a
/// manual into a shell must be what was typed.
const ESCAPES: [(char, &str); 8] = [
    ('\\', "\\e"),
    ('-', "\\-"),
    ('\'', "\\(aq"),
    ('"', "\\(dq"),
    ('`', "\\(ga"),
    ('^', "\\(ha"),
    ('~', "\\(ti"),
    ('\u{a0}', "\\ "),
];

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim_end().chars() {
        match ESCAPES.iter().find(|(plain, _)| *plain == c) {
            Some((_, escape)) => out += escape,
            None if c.is_ascii() => out.push(c),
            None => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\[u{:04X}]", u32::from(c));
            }
        }
    }
    out
}

/// What a reader of `page` sees, without its layout.
pub(super) fn plain(page: &str) -> String {
    let lines = page.lines().filter(|line| !line.starts_with(".\\\""));
    let mut text = lines.collect::<Vec<_>>().join("\n").replace("\\&", "");
    for (plain, escape) in ESCAPES.into_iter().rev() {
        text = text.replace(escape, &plain.to_string());
    }
    while let Some((before, rest)) = text.split_once("\\[u") {
        let (code, after) = rest.split_once(']').unwrap();
        let c = char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap();
        text = format!("{before}{c}{after}");
    }
    text.replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")
}

#[test]
fn the_manual_shows_what_was_typed() {
    let mut page = Page::new("x", 8, "a \\-test");
    page.text(".dot 'q' `b` ~ ^ \"d\" \\n – …");
    let page = page.finish();
    assert!(
        page.contains("\\&.dot \\(aqq\\(aq \\(gab\\(ga \\(ti \\(ha \\(dqd\\(dq \\en \\[u2013]")
    );
    assert!(plain(&page).contains(".dot 'q' `b` ~ ^ \"d\" \\n – …"), "{}", plain(&page));
}
