//! `replay`: capture files judged, summed up for a person or for a program.

use std::fmt::Display;
use std::fmt::Write;
use std::io;
use std::io::IsTerminal;
use std::io::Write as _;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use crate::app::printer::Printer;
use crate::app::replay;
use crate::app::replay::Observed;
use crate::app::replay::Replayed;
use crate::app::replay::Summary;
use crate::config::Level;
use crate::config::read_baseline;

use super::args;
use super::args::Format;
use super::args::Log;
use super::diagnostics;
use super::failure::Exit;
use super::failure::Failure;
use super::run::output_to;
use super::transactions::Transactions;

pub(super) fn replay(args: &args::Replay) -> Result<(), Failure> {
    diagnostics::start(Level::Warn);
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    let log = match args.format {
        Format::Text => Log::Text,
        Format::Json => Log::Json,
    };
    let printer = args.events.then(|| Printer::start(output_to(log))).transpose()?;
    let mut transactions = Transactions::to_stdout(args.format);
    let mut progress = Progress::new(args.events || args.transactions);
    let observe = |observed: Observed<'_>| match observed {
        Observed::Event(event) => {
            if let Some(printer) = &printer {
                printer.print(event.clone());
            }
        }
        Observed::Transaction { source, turn } => transactions.print(source, turn),
        Observed::Usage(_) | Observed::Deferred(_) => (),
        Observed::Progress { read, total } => progress.show(read, total),
    };
    let replayed = match baseline {
        Some(baseline) => replay::replay_against(baseline, &args.files, observe),
        None if args.transactions => replay::transcribe(&args.files, observe),
        None => replay::replay(&args.files, observe),
    };
    progress.finish();
    printer.map(Printer::finish).transpose()?;
    transactions.finish()?;
    let Replayed { summary, broken } = replayed.map_err(|error| failure(&[error]))?;
    let text = match args.format {
        Format::Text => readable(&summary),
        Format::Json => serde_json::to_string(&summary).map_err(io::Error::from)? + "\n",
    };
    io::stdout().write_all(text.as_bytes())?;
    if broken.is_empty() { Ok(()) } else { Err(failure(&broken)) }
}

pub(super) fn failure(errors: &[impl Display]) -> Failure {
    let lines: Vec<_> = errors.iter().map(|error| format!("error: {error}")).collect();
    Failure::new(Exit::File, lines.join("\n"))
}

/// How far a long replay has come, where somebody sees it.
pub(super) struct Progress {
    wanted: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shorter files are done before a bar would help.
    const WORTH_A_BAR: u64 = 16 << 20;
    const STYLE: &str = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go";

    /// Lines on the same terminal would tear a bar apart.
    pub(super) fn new(prints_lines: bool) -> Self {
        let alone = !(prints_lines && io::stdout().is_terminal());
        Self { wanted: alone && io::stderr().is_terminal(), bar: None }
    }

    pub(super) fn show(&mut self, read: u64, total: u64) {
        if !self.wanted || total < Self::WORTH_A_BAR {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template(Self::STYLE);
            ProgressBar::new(total)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_position(read);
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn readable(summary: &Summary) -> String {
    let Summary {
        packets,
        bytes,
        seconds,
        checksums,
        malformed,
        modbus,
        messages,
        detection,
        deviations,
        layer2,
        ledger,
    } = summary;
    let mut text = format!(
        "{packets} packets, {bytes} bytes, {seconds:.3} s of traffic; {malformed} malformed\n\n\
         {:<10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}   verified\n",
        "checksum", "valid", "invalid", "offloaded", "absent", "truncated", "fragment"
    );
    // Writing to a String cannot fail.
    for (protocol, tally) in
        checksums.by_protocol().into_iter().filter(|(_, tally)| tally.seen() > 0)
    {
        let _ = writeln!(
            text,
            "{protocol:<10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}   {}",
            tally.valid,
            tally.invalid,
            tally.offloaded,
            tally.absent,
            tally.truncated,
            tally.fragment,
            share(tally.verified(), tally.seen()),
        );
    }
    let _ = writeln!(
        text,
        "\nModbus: {} requests, {} responses, {} transactions, {} exceptions, {} writes",
        modbus.requests, modbus.responses, modbus.transactions, modbus.exceptions, modbus.writes
    );
    for (function, count) in &modbus.functions {
        let _ = writeln!(text, "  function {function:>3}: {count}");
    }
    if detection.servers > 0 {
        let _ = writeln!(text, "  servers on ports of no service: {}", detection.servers);
    }
    for (protocol, tally) in messages {
        let _ = writeln!(
            text,
            "{protocol}: {} requests, {} responses, {} reports, {} errors, {} writes, {} commands, \
             {} unread",
            tally.requests,
            tally.responses,
            tally.reports,
            tally.errors,
            tally.writes,
            tally.commands,
            tally.unread
        );
    }
    if let Some(n) = deviations {
        let more = if *n > 0 { "; --events shows them" } else { "" };
        let _ = writeln!(text, "Deviations from the baseline: {n}{more}");
    }
    if !layer2.is_empty() {
        let counts: Vec<_> = layer2.iter().map(|(name, n)| format!("{name} {n}")).collect();
        let _ = writeln!(text, "Not IP: {}", counts.join(", "));
    }
    let _ = writeln!(text, "Ledger: {ledger}");
    text
}

/// Per cent, cut and not rounded: 100 means all.
fn share(part: u64, whole: u64) -> String {
    let per_mille = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_one_is_not_all() {
        assert_eq!(share(1_999_999, 2_000_000), "99.9 %");
        assert_eq!(share(7, 7), "100.0 %");
        assert_eq!(share(0, 0), "0.0 %");
    }
}
