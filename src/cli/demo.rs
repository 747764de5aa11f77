//! `demo`: a headline that says what to look at, the daemon's own lines, and what it came to.

use std::fmt::Write;
use std::io;
use std::io::Write as _;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::signal::raise;

use crate::app::Output;
use crate::app::demo::Demo;
use crate::app::demo::DemoError;
use crate::app::demo::Narrator;
use crate::app::demo::Outcome;
use crate::app::demo::Setting;
use crate::app::demo::Staged;
use crate::app::demo::Wire;
use crate::config::Color;
use crate::config::Level;

use super::args;
use super::args::Format;
use super::diagnostics;
use super::failure::Exit;
use super::failure::Failure;
use super::terminal::color_of;

pub(super) fn demo(args: &args::Demo) -> Result<(), Failure> {
    diagnostics::start(Level::Warn);
    match args.log {
        Format::Text => {
            let color = color_of(&io::stdout()) == Color::Ansi;
            let demo = Demo::set_up(Narrator::new(Box::new(Audience::new()), color))?;
            io::stdout().write_all(headline(demo.setting(), args.duration).as_bytes())?;
            let is_captured = demo.setting().wire.is_captured();
            let output = Output::Text { out: Box::new(Audience::new()), color };
            let outcome = demo.run(output, args.duration)?;
            io::stdout().write_all(closing(&outcome, is_captured).as_bytes())?;
        }
        Format::Json => {
            let demo = Demo::set_up(Narrator::silent())?;
            warn_unseen(demo.setting());
            demo.run(Output::Json(Box::new(Audience::new())), args.duration)?;
        }
    }
    Ok(())
}

/// Standard output of a show: once its reader has gone (`| head`), the show ends as at Ctrl-C.
struct Audience {
    out: io::Stdout,
    is_gone: bool,
}

impl Audience {
    fn new() -> Self {
        Self { out: io::stdout(), is_gone: false }
    }

    fn notice(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::BrokenPipe && !self.is_gone {
            self.is_gone = true;
            // Fails only for a signal that does not exist.
            let _ = raise(Signal::SIGINT);
        }
    }
}

impl io::Write for Audience {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).inspect_err(|error| self.notice(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().inspect_err(|error| self.notice(error))
    }
}

fn headline(setting: &Setting, duration: Option<Duration>) -> String {
    let Setting { controller: (address, unit), line: (terminal, slave), wire } = setting;
    let until = duration.map_or("until Ctrl-C".into(), |duration| {
        format!("for {}", humantime::format_duration(duration))
    });
    let wire = match wire {
        Wire::Host => "loopback interface, captured".into(),
        Wire::Namespace => "loopback interface of a namespace of its own, captured".into(),
        Wire::Unseen(error) => unseen(error),
    };
    format!(
        "A simulated pump station, watched by the real monitor {until}.\n\n  \
           controller   Modbus/TCP   {address}, unit {unit}\n  \
           motor relay  Modbus RTU   {}, unit {slave}\n  \
           wire         {wire}\n\n\
         ▸ says what is being done to the site → and what to look for. Every other line is the\n\
         monitor's own, about what it found.\n\n",
        terminal.display()
    )
}

fn unseen(error: &io::Error) -> String {
    format!(
        "not captured: no CAP_NET_RAW here, and no namespace of our own ({error});\n               \
         writes and corrupt packets stay unseen. Run as root, or allow user namespaces:\n               \
         sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns"
    )
}

/// A program reads standard output; a person may read this.
#[expect(clippy::print_stderr, reason = "standard output is for JSON")]
fn warn_unseen(setting: &Setting) {
    match &setting.wire {
        Wire::Host | Wire::Namespace => (),
        Wire::Unseen(error) => eprintln!("warning: wire {}", unseen(error)),
    }
}

/// The ledgers, and what was staged.
fn closing(outcome: &Outcome, is_captured: bool) -> String {
    let ledgers = &outcome.summary.ledgers;
    let width = ledgers.keys().map(String::len).max().unwrap_or_default();
    let mut text = String::from(
        "\nThe ledger: what came in went out, or was dropped for a stated reason.\n\n",
    );
    for (stage, ledger) in ledgers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {stage:width$}  {ledger}");
    }
    let n_open = ledgers.values().filter(|ledger| !ledger.balances()).count();
    let _ = match n_open {
        0 => writeln!(text, "\nAll {} balance, to the unit.", ledgers.len()),
        _ => writeln!(text, "\n{n_open} of {} DO NOT BALANCE: that is a bug.", ledgers.len()),
    };
    let Staged { writes, flipped_bits, delayed_replies, corrupt_frames } = outcome.staged;
    let on_the_wire = if is_captured { ", and the findings on the wire in notes" } else { "" };
    let _ = writeln!(
        text,
        "Staged: writes by somebody else: {writes}, flipped bits on the serial line: \
         {flipped_bits}, late replies: {delayed_replies}, corrupt packets: {corrupt_frames}.\n\
         Compare: bad_crc and late_reply of readings:line{on_the_wire}.\n\
         Next: infra_monitor --help"
    );
    text
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::App(error) => error.into(),
            DemoError::Site(_) => Self::new(Exit::Unavailable, format!("error: {error}")),
            DemoError::SiteStopped(_) | DemoError::Config(_) => {
                Self::new(Exit::Bug, format!("error: {error}"))
            }
        }
    }
}
