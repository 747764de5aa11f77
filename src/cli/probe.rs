//! `probe`: what an engineer with a new device wants to know, as a text, as JSON, or as a section
//! of the configuration.

mod answers;
mod json;
mod section;
mod text;

use std::fmt::Write;
use std::io;
use std::io::IsTerminal;
use std::io::Write as _;
use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use crate::app::probe;
use crate::app::probe::End;
use crate::app::probe::Findings;
use crate::app::probe::Plan;
use crate::app::probe::ProbeError;
use crate::app::probe::Stage;
use crate::config::Endpoint;
use crate::config::Units;
use crate::tag::Address;

use super::args;
use super::args::Format;
use super::diagnostics;
use super::failure::Exit;
use super::failure::Failure;

/// How long to wait for a reply, and for each of many units of a line, most of which do not exist.
const TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_millis(200);
/// A search for units that may take longer is announced.
const WORTH_A_WORD: Duration = Duration::from_secs(5);

pub(super) fn probe(args: &args::Probe) -> Result<(), Failure> {
    diagnostics::start(crate::config::Level::Warn);
    let plan = plan(args)?;
    announce(&plan);
    let progress = progress_bar();
    let probed = probe::probe(&plan, |step| {
        progress.set_length(step.n_total.into());
        progress.set_position(step.n_done.into());
        progress.set_message(doing(step.stage));
    });
    progress.finish_and_clear();
    let findings = probed.map_err(|error| failed(&error))?;
    let text = match (args.write_config, args.format) {
        _ if findings.units.is_empty() && args.format == Format::Text => String::new(),
        (true, _) => section::section(&plan, &findings),
        (false, Format::Text) => text::report(&plan, &findings),
        (false, Format::Json) => json::report(&plan, &findings).map_err(io::Error::from)?,
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    if findings.units.is_empty() {
        return Err(Failure::new(Exit::Unavailable, nobody(&plan, &findings)));
    }
    Ok(())
}

fn plan(args: &args::Probe) -> Result<Plan, Failure> {
    let mut text = String::new();
    let endpoint = args.endpoint.clone();
    let (units, is_search) = match (args.unit, &args.units) {
        (Some(unit), _) => (vec![unit], false),
        (None, Some(list)) => (list.0.clone(), true),
        (None, None) => (Plan::default_units(&endpoint), true),
    };
    // Writing to a String cannot fail.
    for error in units.iter().filter_map(|unit| endpoint.units().check(*unit).err()) {
        let _ = writeln!(text, "error: {error}");
    }
    let at = args.at.as_deref().and_then(|at| match registers(at, args.addressing) {
        Ok(address) => Some(address),
        Err(error) => {
            let _ = writeln!(text, "error: --at: {error}");
            None
        }
    });
    if !text.is_empty() {
        text.push_str("For units and addresses: infra_monitor probe --help");
        return Err(Failure::new(Exit::Usage, text));
    }
    let is_line = endpoint.units() == Units::Serial;
    let call_timeout = if is_search && is_line { CALL_TIMEOUT } else { TIMEOUT };
    Ok(Plan {
        endpoint,
        units,
        call_timeout: args.timeout.unwrap_or(call_timeout),
        timeout: args.timeout.unwrap_or(TIMEOUT),
        pause: args.pause,
        at,
    })
}

fn registers(text: &str, addressing: args::Mapping) -> Result<Address, String> {
    let address = Address::parse(text, addressing.into()).map_err(|error| error.to_string())?;
    if address.is_bit() {
        return Err(format!("{text} is one bit: nothing to put in order; name a register"));
    }
    Ok(address)
}

/// How long it may take is told before, not after.
#[expect(clippy::print_stderr, reason = "standard output is for what was found")]
fn announce(plan: &Plan) {
    let longest = plan.longest_call();
    if longest > WORTH_A_WORD {
        let (n_units, each) = (plan.units.len(), humantime::format_duration(plan.call_timeout));
        let longest = humantime::format_duration(Duration::from_secs(longest.as_secs() + 1));
        eprintln!(
            "calling {n_units} units, waiting up to {each} for each: {longest} at most; Ctrl-C \
             stops with what was found"
        );
    }
}

/// Drawn on standard error, where that is a terminal.
fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len}: {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1).with_style(style)
}

fn doing(stage: Stage) -> String {
    match stage {
        Stage::Units => "calling units".to_owned(),
        Stage::Identification(unit) => format!("asking unit {unit} what it is"),
        Stage::Table(unit, table) => format!("unit {unit}, {table}: what can be read"),
    }
}

fn failed(error: &ProbeError) -> Failure {
    let exit = match error {
        ProbeError::Link(_) => Exit::Unavailable,
        ProbeError::Runtime(_) => Exit::Bug,
    };
    Failure::new(exit, format!("error: {error}"))
}

/// Nobody answers: the likely causes, the likeliest first.
fn nobody(plan: &Plan, findings: &Findings) -> String {
    let (endpoint, n_called) = (&plan.endpoint, findings.n_called);
    let mut text = format!("error: no answer on {endpoint} from any unit of {n_called} called");
    text.push_str(match findings.end {
        End::Done => "\n",
        End::Stopped => "; stopped before the end\n",
        End::LinkLost => "; the link was lost before the end\n",
    });
    if findings.n_behind_gateway > 0 {
        let _ = writeln!(
            text,
            "A gateway answers, and reaches none of them: check that the devices are on, the line \
             behind the gateway (baud rate, parity, A and B), its routes, and other --units."
        );
    } else {
        text.push_str(match endpoint {
            Endpoint::Tcp(_) | Endpoint::Tls(_) => {
                "The connection opens and no reply comes. Check that this port is Modbus/TCP and \
                 not RTU in TCP (rtu+tcp://…), the unit (--units 1-247), that the device serves \
                 this address and has a connection free, and --timeout."
            }
            Endpoint::RtuOverTcp(_) => {
                "The connection opens and no reply comes. Check that the converter passes RTU \
                 frames on and is no gateway (tcp://…), its baud rate and parity, the line behind \
                 it (A and B, power), the unit, and --timeout."
            }
            Endpoint::Serial(_) => {
                "Check power, wires A and B (swap them), baud rate and parity \
                 (rtu:///dev/…?baud=9600&parity=none), stop bits, termination, the unit, and \
                 --timeout for a slow device."
            }
        });
        text.push('\n');
    }
    for trouble in &findings.trouble {
        let _ = writeln!(text, "{trouble}");
    }
    text
}
