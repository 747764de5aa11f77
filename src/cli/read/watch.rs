//! `read --watch`: one line a value and time, until Ctrl-C.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::app::read::Answer;
use crate::app::read::Question;
use crate::app::read::watch;
use crate::record::Fault;
use crate::record::Quality;
use crate::tag::Value;

use super::Exit;
use super::Failure;
use super::Format;
use super::kind_of;
use super::print_json;

/// Values up to this width stand in line from the first on.
const VALUE_WIDTH: usize = 12;

/// What was said last, of each value and of what went wrong.
struct Told {
    last: BTreeMap<Arc<str>, bool>,
    trouble: Option<Arc<str>>,
    widths: [usize; 2],
}

pub(super) fn watch(question: &Question, every: Duration, format: Format) -> Result<(), Failure> {
    let name_width = question.tags.iter().map(|tag| tag.name.len()).max().unwrap_or_default();
    let mut told = Told { last: BTreeMap::new(), trouble: None, widths: [name_width, VALUE_WIDTH] };
    let mut printed = Ok(());
    let watched = watch::watch(question, every, |answer| {
        told.note(&answer);
        printed = match format {
            Format::Text => told.print(&answer),
            Format::Json => print_json(question, &[answer]),
        };
        if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    watched.map_err(|error| {
        Failure::new(Exit::Bug, format!("error: cannot start the runtime: {error}"))
    })?;
    printed?;
    let is_bad = |name: &Arc<str>| told.last.get(name) != Some(&true);
    let n_bad = question.tags.iter().filter(|tag| is_bad(&tag.name)).count();
    if n_bad == 0 {
        return Ok(());
    }
    let text = format!("error: at the end, {n_bad} of {} values not Good", question.tags.len());
    Err(Failure::new(Exit::Unavailable, text))
}

impl Told {
    /// Say what went wrong when it begins, not with every value that it costs.
    #[expect(clippy::print_stderr, reason = "standard output is for values")]
    fn note(&mut self, answer: &Answer) {
        self.last.insert(Arc::clone(&answer.tag.name), answer.quality.is_good());
        if let Some(trouble) = &answer.detail
            && self.trouble.as_ref() != Some(trouble)
            // That it is left alone follows from what was said, in other words each time.
            && answer.quality != Quality::Bad(Fault::BackedOff)
        {
            eprintln!("{trouble}");
            self.trouble = Some(Arc::clone(trouble));
        }
        if self.last.values().all(|is_good| *is_good) {
            self.trouble = None;
        }
    }

    fn print(&mut self, answer: &Answer) -> io::Result<()> {
        let at = humantime::format_rfc3339_millis(answer.at);
        let value = answer.value.as_ref().map_or("-".into(), Value::to_string);
        let [name_width, value_width] = &mut self.widths;
        *value_width = value.chars().count().max(*value_width);
        let (name, kind) = (&answer.tag.name, kind_of(&answer.tag));
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{at}  {name:name_width$}  {value:>value_width$}  {kind:<5}  {}",
            answer.quality
        )?;
        out.flush()
    }
}
