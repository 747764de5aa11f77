//! The file as a whole: syntax, then the sections, then every problem in one answer.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeTable;

use super::build::Build;
use super::field;
use super::problem::sorted;
use super::section::{Names, Reader, Section};
use super::syntax::Syntax;
use super::{
    Config, Level, Log, Rejected, Runtime, Samples, capture, modbus, opcua, sandbox, serial,
};

/// Parse a configuration. `file` is only its name, for messages.
///
/// The whole text is always read: [`Rejected`] holds every problem that does not merely follow
/// from another one.
pub fn parse(file: &str, bytes: impl AsRef<[u8]>) -> Result<Config, Rejected> {
    parse_for(Build::THIS, file, bytes.as_ref())
}

/// The same for a program that may have another part left out.
fn parse_for(build: Build, file: &str, bytes: &[u8]) -> Result<Config, Rejected> {
    parse_by(|root| read(root, build), file, bytes)
}

/// What `read` makes of the file, unless anything in it is wrong.
pub(super) fn parse_by<T>(
    read: impl FnOnce(&Section<'_>) -> T,
    file: &str,
    bytes: &[u8],
) -> Result<T, Rejected> {
    let rejected =
        |text: &str, problems| Rejected { file: file.into(), text: text.into(), problems };
    let text = str::from_utf8(bytes).map_err(|error| {
        let text = String::from_utf8_lossy(bytes);
        let problems = sorted(&text, Syntax::not_text(error.valid_up_to()), vec![]);
        rejected(&text, problems)
    })?;
    let (tree, errors) = DeTable::parse_recoverable(text);
    let reader = Reader::default();
    let found = read(&Section::root(&reader, &tree));
    let problems = sorted(text, Syntax::of(text, &errors), reader.into_complaints());
    if problems.is_empty() { Ok(found) } else { Err(rejected(text, problems)) }
}

fn read(root: &Section<'_>, build: Build) -> Config {
    // A capture, a link and a server are all sources: an event names its source without saying which kind.
    let mut sources = Names::of("another source is called");
    // Two readers of one line take each other's bytes, whether they poll or listen.
    let mut lines = Names::of("another link uses");
    let config = Config {
        site: root.optional("site", field::name("pump-station-7")),
        runtime: root.section("runtime", "[runtime]").as_ref().map(runtime).unwrap_or_default(),
        log: root.section("log", "[log]").as_ref().map(log).unwrap_or_default(),
        sandbox: root
            .section("sandbox", "[sandbox]")
            .as_ref()
            .map(sandbox::read)
            .unwrap_or_default(),
        baseline: root.section("baseline", "[baseline]").as_ref().and_then(baseline),
        captures: capture::read(root, &mut sources),
        links: modbus::read(root, &mut sources, &mut lines, build),
        servers: opcua::read(root, &mut sources, build),
        taps: serial::read(root, &mut sources, &mut lines),
    };
    root.finish();
    config
}

fn runtime(section: &Section<'_>) -> Runtime {
    let default = Runtime::default();
    let grace = Duration::from_millis(100)..=Duration::from_secs(60);
    let window = Duration::from_millis(100)..=Duration::from_secs(3600);
    let runtime = Runtime {
        cpus: section.list("cpus", 64, field::integer(0..=1023)).unwrap_or(default.cpus),
        nice: section.or("nice", default.nice, field::integer(-20..=19)),
        realtime: section.or("realtime", default.realtime, field::flag),
        shutdown_grace: section.or(
            "shutdown_grace",
            default.shutdown_grace,
            field::duration(grace),
        ),
        window: section.or("window", default.window, field::duration(window)),
    };
    section.finish();
    runtime
}

fn log(section: &Section<'_>) -> Log {
    let default = Log::default();
    let log = Log {
        samples: section.or("samples", default.samples, field::choice(SAMPLES)),
        rate: section.or("rate", default.rate, field::integer(1..=100_000)),
        burst: section.or("burst", default.burst, field::integer(1..=1_000_000)),
        level: section.or("level", default.level, field::choice(LEVELS)),
    };
    section.finish();
    log
}

fn baseline(section: &Section<'_>) -> Option<PathBuf> {
    let example = "file = \"/etc/infra_monitor/baseline.toml\"";
    let file = section.required("file", example, field::path("/etc/infra_monitor/baseline.toml"));
    section.finish();
    file
}

const SAMPLES: &[(&str, Samples)] =
    &[("none", Samples::None), ("changes", Samples::Changes), ("all", Samples::All)];

const LEVELS: &[(&str, Level)] = &[
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
];

#[cfg(test)]
mod tests;
