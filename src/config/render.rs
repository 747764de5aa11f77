//! Rendering of problems, as a compiler would show them.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::lines::Lines;
use super::problem::{Problem, Rejected};

/// Whether the reader is a terminal that understands colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Plain,
    Ansi,
}

impl Rejected {
    /// Every problem with its place, line, caret and help, and their number at the end.
    pub fn render(&self, color: Color) -> String {
        let renderer = match color {
            Color::Plain => Renderer::plain(),
            Color::Ansi => Renderer::styled(),
        };
        let lines = Lines::of(&self.text);
        let mut report = String::new();
        for problem in &self.problems {
            report.push_str(&render_one(&renderer, &self.file, &lines, problem));
            report.push_str("\n\n");
        }
        let n_problems = self.problems.len();
        let plural = if n_problems == 1 { "" } else { "s" };
        report + &format!("{}: {n_problems} problem{plural}\n", self.file)
    }
}

impl std::error::Error for Rejected {}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Color::Plain))
    }
}

fn render_one(renderer: &Renderer, file: &str, lines: &Lines<'_>, problem: &Problem) -> String {
    let snippet = |kind: AnnotationKind, span: &Range<usize>, label: Option<&'static str>| {
        let line = lines.line(span);
        Snippet::source(line.text)
            .path(file)
            .line_start(line.number)
            .annotation(kind.span(line.span).label(label))
    };
    let mut group = Level::ERROR.primary_title(problem.message.as_str()).element(snippet(
        AnnotationKind::Primary,
        &problem.span,
        None,
    ));
    if let Some((span, label)) = &problem.related {
        group = group.element(snippet(AnnotationKind::Context, span, Some(label)));
    }
    renderer.render(&[group.element(Level::HELP.message(problem.help.as_str()))])
}
