//! `learn`: a baseline from the wire or from capture files, and what came of it.

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use crate::app::learn;
use crate::app::learn::{Learned, Live, Observed, Output, OutputError, Session, Written};
use crate::app::replay::Replayed;
use crate::config::{Baseline, Config, Level, merged};
use crate::record::InterfaceState;

use super::args;
use super::configuration::load;
use super::diagnostics;
use super::failure::{Exit, Failure};
use super::replay;

pub(super) fn learn(args: &args::Learn) -> Result<(), Failure> {
    if args.files.is_empty() { from_wire(args) } else { from_files(args) }
}

fn from_files(args: &args::Learn) -> Result<(), Failure> {
    diagnostics::start(Level::Warn);
    let (output, known) = prepared(&args.output)?;
    let mut learned = Learned::beside(known);
    let mut progress = replay::Progress::new(false);
    let show = |read, total| progress.show(read, total);
    let replayed = learn::from_files(&args.files, &mut learned, show);
    progress.finish();
    let Replayed { summary, broken } = replayed.map_err(|error| replay::failure(&[error]))?;
    let heard = format!("{} frames within {:.3} s", summary.packets, summary.seconds);
    let from = format!("{}: {heard}", names(&args.files));
    write(&learned, output, &from)?;
    if broken.is_empty() { Ok(()) } else { Err(replay::failure(&broken)) }
}

fn from_wire(args: &args::Learn) -> Result<(), Failure> {
    let config = load(&args.config)?;
    diagnostics::start(config.log.level);
    let captures = captures_of(&config, &args.config)?;
    let session = Session::start(config)?;
    // By now the permissions are gone: what can be prepared can be written later.
    let (output, known) = prepared(&args.output)?;
    let mut learned = Learned::beside(known);
    let mut progress = Progress::new(args.duration);
    let live = session.learn(args.duration, &mut learned, |observed| progress.on(&observed))?;
    progress.finish();
    write(&learned, output, &format!("{captures}: {}", heard(&live)))
}

/// Where it will go, and what is allowed there already. `None`: standard output.
fn prepared(path: &Path) -> Result<(Option<Output>, Arc<Baseline>), Failure> {
    if path == Path::new("-") {
        return Ok((None, Arc::default()));
    }
    let (output, known) = Output::prepare(path)?;
    Ok((Some(output), known))
}

fn captures_of(config: &Config, path: &Path) -> Result<String, Failure> {
    if config.captures.is_empty() {
        let path = path.display();
        let text = format!(
            "error: {path} has no [[capture]] to learn from\n\
             Add one, or name capture files: infra_monitor learn FILE.pcap"
        );
        return Err(Failure::new(Exit::Config, text));
    }
    Ok(config.captures.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// Files are known by their names, which may contain what would end a comment.
fn names(files: &[PathBuf]) -> String {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<_> = files.iter().map(name).collect();
    let escaped = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    names.join(", ").chars().map(escaped).collect()
}

fn heard(live: &Live) -> String {
    let elapsed = humantime::format_duration(Duration::from_secs(live.elapsed.as_secs()));
    let until = humantime::format_rfc3339_seconds(SystemTime::now());
    let lost = match live.lost {
        0 => "none lost".to_owned(),
        n => format!("{n} lost, and what they asked with them"),
    };
    format!("{elapsed} until {until}, {} frames, {lost}", live.frames)
}

fn write(learned: &Learned, output: Option<Output>, from: &str) -> Result<(), Failure> {
    let header = header(from, learned);
    let Some(output) = output else {
        let text = merged("baseline", &header, &learned.additions()).map_err(OutputError::from)?;
        io::stdout().write_all(text.as_bytes())?;
        return Ok(());
    };
    let path = output.path().display().to_string();
    let written = output.write(learned, &header)?;
    let (n_lines, n_new) = (learned.n_lines(), learned.n_new());
    let what = match &written {
        Written::New => format!("written to {path}"),
        Written::Added => format!("{n_new} of them new and added to {path}"),
        Written::Nothing => format!("all of them allowed by {path}, which stays as it is"),
        Written::Beside(beside, _) => format!("{n_new} of them new, in {}", beside.display()),
    };
    let mut stderr = io::stderr();
    writeln!(stderr, "learnt from {from}\nlines: {n_lines}, {what}")?;
    for why in incomplete(learned) {
        writeln!(stderr, "warning: {why}")?;
    }
    match written {
        Written::New | Written::Added | Written::Nothing => Ok(()),
        Written::Beside(_, why) => {
            Err(Failure::new(Exit::Config, format!("error: nothing was added to {path}: {why}")))
        }
    }
}

/// What may be missing, and why.
fn incomplete(learned: &Learned) -> Vec<String> {
    let (untold, deferred) = (learned.n_untold(), learned.n_deferred());
    let no_room = format!(
        "more than {} lines; news without room: {untold}; is there a scan, or a flood of forged \
         addresses?",
        Learned::CAPACITY
    );
    let too_fast = format!(
        "so much was new at once that {deferred} requests could not be kept when they were seen; \
         what did not come again is missing"
    );
    let reasons = [(untold, no_room), (deferred, too_fast)];
    reasons.into_iter().filter(|(n, _)| *n > 0).map(|(_, why)| why).collect()
}

fn header(from: &str, learned: &Learned) -> String {
    let mut header = format!(
        "# Who may ask what of whom; whatever else a capture sees is told as baseline.deviation.\n\
         # Written by `infra_monitor learn` from {from}.\n\
         #\n\
         # Read it as you would the rules of a firewall: remove what should not be, widen what may.\n\
         # client and server are addresses or networks (10.1.0.0/16), a server with or without port.\n\
         # Numbers are 8, \"8..12\" (both ends belong to it) or [8, \"10..12\"]; a key that is left\n\
         # out allows any. `infra_monitor learn --output` with this file adds what it does not allow.\n"
    );
    for why in incomplete(learned) {
        header.extend(["# INCOMPLETE: ", &why, "\n"]);
    }
    header
}

/// How far a run has come, where somebody sees it; what happens to its captures in any case.
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    const STYLE: &str = "{bar:40} {msg}, {eta} to go";
    const OPEN_STYLE: &str = "{spinner} {msg}; Ctrl-C writes what was learnt";

    fn new(duration: Option<Duration>) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let (template, bar) = match duration {
                Some(duration) => (Self::STYLE, ProgressBar::new(duration.as_secs())),
                None => (Self::OPEN_STYLE, ProgressBar::new_spinner()),
            };
            let style = ProgressStyle::with_template(template);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar }
    }

    fn on(&mut self, observed: &Observed<'_>) {
        match observed {
            Observed::Progress { elapsed, n_lines } => {
                let Some(bar) = &self.bar else { return };
                let elapsed = Duration::from_secs(elapsed.as_secs());
                bar.set_message(format!(
                    "{}: {n_lines} lines learnt",
                    humantime::format_duration(elapsed)
                ));
                bar.set_position(elapsed.as_secs());
            }
            Observed::Interface { source, state } => self.say(&match state {
                InterfaceState::Up => format!("{source}: listening"),
                InterfaceState::Down => {
                    format!("{source} is down; nothing is learnt there until it is up")
                }
                InterfaceState::Absent => {
                    format!("{source} does not exist; nothing is learnt there until it does")
                }
            }),
            Observed::Event(event) => self.say(&event.text),
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(line)),
            None => tell(line),
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// On standard error; whoever closed it does not want to know.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Io { .. } => Self::new(Exit::File, format!("error: {error}")),
            OutputError::Rejected(rejected) => crate::config::BaselineError::from(rejected).into(),
            OutputError::Merge(_) => Self::new(Exit::Config, format!("error: {error}")),
        }
    }
}
