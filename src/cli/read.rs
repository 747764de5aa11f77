//! `read`: values from one controller, once, or line by line until Ctrl-C.

mod watch;

use std::fmt::Write;
use std::io;
use std::io::Write as _;

use crate::app::read;
use crate::app::read::Answer;
use crate::app::read::Question;
use crate::app::read::ReadError;
use crate::record::Kind;
use crate::record::Scalar;
use crate::tag::Tag;
use crate::tag::Value;
use crate::tag::readable;

use super::args;
use super::args::Format;
use super::diagnostics;
use super::failure::Exit;
use super::failure::Failure;

pub(super) fn read(args: args::Read) -> Result<(), Failure> {
    diagnostics::start(crate::config::Level::Warn);
    let tags = tags_of(&args)?;
    let (format, unit, timeout) = (args.format, args.unit, args.timeout);
    let question = Question { endpoint: args.endpoint, unit, tags, timeout };
    if let Some(every) = args.watch {
        return watch::watch(&question, every, format);
    }
    let answers = read::read(&question).map_err(|error| failed(&error))?;
    match format {
        Format::Text => print_text(&answers)?,
        Format::Json => print_json(&question, &answers)?,
    }
    verdict(&answers)
}

/// The addresses as tags. Whatever is wrong with the question is told at once.
fn tags_of(args: &args::Read) -> Result<Vec<Tag>, Failure> {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if let Err(error) = args.endpoint.units().check(args.unit) {
        let _ = writeln!(text, "error: --unit: {error}");
    }
    let mut tags = vec![];
    for address in &args.addresses {
        match read::tag(address, args.addressing.into(), args.kind, args.order) {
            Ok(tag) => tags.push(tag),
            Err(error) => {
                let _ = writeln!(text, "error: {error}");
            }
        }
    }
    if text.is_empty() {
        return Ok(tags);
    }
    text.push_str("For addresses and types: infra_monitor read --help");
    Err(Failure::new(Exit::Usage, text))
}

fn failed(error: &ReadError) -> Failure {
    let exit = match error {
        ReadError::Link(_) => Exit::Unavailable,
        ReadError::Runtime(_) => Exit::Bug,
    };
    Failure::new(exit, format!("error: {error}"))
}

fn print_text(answers: &[Answer]) -> io::Result<()> {
    let lines: Vec<_> = answers
        .iter()
        .map(|answer| {
            let value = answer.value.as_ref().map_or("-".into(), Value::to_string);
            (answer.tag.name.as_ref(), value, kind_of(&answer.tag), answer.quality)
        })
        .collect();
    let name_width = lines.iter().map(|line| line.0.len()).max().unwrap_or_default();
    let value_width = lines.iter().map(|line| line.1.chars().count()).max().unwrap_or_default();
    let mut out = io::stdout().lock();
    for (name, value, kind, quality) in lines {
        writeln!(out, "{name:name_width$}  {value:>value_width$}  {kind:<5}  {quality}")?;
    }
    out.flush()
}

fn kind_of(tag: &Tag) -> String {
    tag.registers().map_or_else(String::new, |registers| registers.kind.to_string())
}

/// One value as a program reads it, under the names the daemon's own samples have.
#[derive(serde::Serialize)]
struct Line<'a> {
    event: &'static str,
    at: String,
    source: &'a str,
    device: &'a str,
    unit: u8,
    tag: &'a str,
    #[serde(rename = "type")]
    kind: String,
    value: Option<Scalar>,
    quality: String,
    latency_ms: f64,
}

fn print_json(question: &Question, answers: &[Answer]) -> io::Result<()> {
    let source = question.endpoint.to_string();
    let mut out = io::stdout().lock();
    for answer in answers {
        let line = Line {
            event: Kind::PollSample.name(),
            at: humantime::format_rfc3339_micros(answer.at).to_string(),
            source: &source,
            device: &answer.device,
            unit: question.unit,
            tag: &answer.tag.name,
            kind: kind_of(&answer.tag),
            value: answer.value.as_ref().map(scalar),
            quality: answer.quality.to_string(),
            latency_ms: (answer.latency.as_secs_f64() * 1e6).round() / 1e3,
        };
        serde_json::to_writer(&mut out, &line)?;
        writeln!(out)?;
    }
    out.flush()
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Signed(value) => (*value).into(),
        Value::Unsigned(value) => (*value).into(),
        Value::Real(value) => readable(*value).into(),
        Value::Text(value) => value.clone().into(),
    }
}

/// Fails unless every answer is proven; says once for each cause why it is not.
fn verdict(answers: &[Answer]) -> Result<(), Failure> {
    let n_bad = answers.iter().filter(|answer| !answer.quality.is_good()).count();
    if n_bad == 0 && !answers.is_empty() {
        return Ok(());
    }
    let mut lines = vec![format!("error: {n_bad} of {} values not Good", answers.len())];
    lines.extend(answers.iter().filter_map(|answer| answer.detail.as_deref().map(str::to_owned)));
    lines.dedup();
    Err(Failure::new(Exit::Unavailable, lines.join("\n")))
}
