//! Reload: what a new configuration asks of a running daemon, and how it is told. Pure.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::config;
use crate::config::Baseline;
use crate::config::BaselineError;
use crate::config::Change;
use crate::config::Config;
use crate::config::Log;
use crate::config::Polled;
use crate::config::Rejected;
use crate::config::diff;
use crate::record::Event;
use crate::record::Kind;
use crate::record::SourceId;

use super::DAEMON;
use super::restrict::Reach;

/// What is read again.
#[derive(Debug)]
pub(super) struct File {
    /// `None`: the configuration is fixed.
    pub(super) path: Option<PathBuf>,
    /// Where it may name other files; `None`: everywhere.
    pub(super) reach: Option<Reach>,
}

/// What becomes of the links, servers among them, and what no reload can do.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    links: &'a [Change<'a, SourceId, Polled>],
    n_kept: usize,
    /// True if what is logged changes.
    changes_log: bool,
    /// Parts of the file whose change waits for a restart.
    waiting: Vec<String>,
}

impl<'a> Plan<'a> {
    /// `links` is the difference of what the two poll.
    pub(super) fn new(
        running: &Config,
        wanted: &Config,
        links: &'a [Change<'a, SourceId, Polled>],
    ) -> Self {
        let n_changed = links.iter().filter(|change| is_old(change)).count();
        let n_kept = running.polled().len() - n_changed;
        let changes_log = applied(running, wanted).log != running.log;
        Self { links, n_kept, changes_log, waiting: waiting(running, wanted) }
    }

    /// Name the folders as well that `wanted` needs files in and that a restart alone opens.
    pub(super) fn within(mut self, reach: Option<&Reach>, wanted: &Config) -> Self {
        let lacking = reach.map(|reach| reach.lacks(wanted)).unwrap_or_default();
        let name = |folder: &PathBuf| format!("files in {} (out of reach)", folder.display());
        self.waiting.extend(lacking.iter().map(name));
        self
    }

    /// `config.reloaded`, with counts.
    pub(super) fn event(&self, path: &Path, at: SystemTime) -> Event {
        let [started, restarted, stopped] = self.counts();
        let mut text = format!(
            "{} reloaded: links {} kept, {restarted} restarted, {started} added, {stopped} removed",
            path.display(),
            self.n_kept
        );
        if self.changes_log {
            text += "; [log] changed";
        }
        if !self.waiting.is_empty() {
            text += "; restart the service to apply: ";
            text += &self.waiting.join(", ");
        }
        Event::new(Kind::ConfigReloaded, at, DAEMON.into(), text)
            .with("file", path.display().to_string())
            .with("links_kept", self.n_kept as u64)
            .with("links_restarted", restarted)
            .with("links_started", started)
            .with("links_stopped", stopped)
            .with("log_changed", self.changes_log)
            .with("needs_restart", self.waiting.join(","))
    }

    fn counts(&self) -> [u64; 3] {
        let mut counts = [0; 3];
        let [started, restarted, stopped] = &mut counts;
        for change in self.links {
            *match change {
                Change::Start(..) => &mut *started,
                Change::Restart(..) => &mut *restarted,
                Change::Stop(_) => &mut *stopped,
            } += 1;
        }
        counts
    }
}

fn is_old<K, V>(change: &Change<'_, K, V>) -> bool {
    match change {
        Change::Restart(..) | Change::Stop(_) => true,
        Change::Start(..) => false,
    }
}

/// What is running once `wanted` was applied as far as a reload can.
pub(super) fn applied(running: &Config, wanted: &Config) -> Config {
    let log = Log { level: running.log.level, ..wanted.log.clone() };
    let Config { baseline, links, servers, taps, .. } = wanted.clone();
    Config { log, baseline, links, servers, taps, ..running.clone() }
}

/// A packet socket needs a permission that was given up at the start, and workers, filters, sinks
/// and diagnostics are made once: such changes are named, not made.
fn waiting(running: &Config, wanted: &Config) -> Vec<String> {
    let sections = [
        ("site", running.site != wanted.site),
        ("[runtime]", running.runtime != wanted.runtime),
        ("[log] level", running.log.level != wanted.log.level),
        ("[sandbox]", running.sandbox != wanted.sandbox),
    ];
    let sections = sections.into_iter().filter(|(_, changed)| *changed);
    let captures =
        diff(&running.captures, &wanted.captures).into_iter().map(|change| match change {
            Change::Start(id, _) => format!("[[capture]] {id} (added)"),
            Change::Restart(id, _) => format!("[[capture]] {id} (changed)"),
            Change::Stop(id) => format!("[[capture]] {id} (removed)"),
        });
    sections.map(|(name, _)| name.to_owned()).chain(captures).collect()
}

/// Why the running configuration was kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0}; make it readable to the service's user, then reload again")]
    Unreadable(#[from] io::Error),
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error("{0}")]
    Baseline(#[from] BaselineError),
    #[error(
        "the baseline lies in {}, which the process gave up when it started (Landlock): restart \
         the service, or put it into /etc/infra_monitor",
        .0.display()
    )]
    OutOfReach(PathBuf),
}

/// Read the file and the baseline that it names, and parse both; `None` reaches everything.
pub(super) fn read(
    path: &Path,
    reach: Option<&Reach>,
) -> Result<(Config, Option<Arc<Baseline>>), Refused> {
    let config = config::parse(&path.display().to_string(), config::read(path)?)?;
    let folder = config.baseline.as_deref().and_then(Path::parent);
    if let Some(folder) =
        folder.filter(|folder| reach.is_some_and(|reach| reach.ends_before(folder)))
    {
        return Err(Refused::OutOfReach(folder.to_owned()));
    }
    let baseline = config.baseline.as_deref().map(config::read_baseline).transpose()?;
    Ok((config, baseline))
}

/// Say with `config.reloaded` what became of the baseline, from the one before to the one from now
/// on; nothing where there never was one.
pub(super) fn holding_to(
    mut event: Event,
    baselines: (Option<&Baseline>, Option<&Baseline>),
) -> Event {
    let (name, sentence) = match baselines {
        (None, None) => return event,
        (Some(_), None) => {
            ("removed", "no baseline any more: baseline.deviation is not raised".to_owned())
        }
        (None, Some(now)) => (
            "added",
            format!("held to a baseline from now on, entries allowed: {}", now.n_grants()),
        ),
        (Some(before), Some(now)) if before == now => {
            ("unchanged", format!("baseline unchanged, entries allowed: {}", now.n_grants()))
        }
        (Some(before), Some(now)) => {
            let (n_before, n) = (before.n_grants(), now.n_grants());
            ("changed", format!("baseline changed, entries allowed: {n}, before: {n_before}"))
        }
    };
    event.text += "; ";
    event.text += &sentence;
    let event = event.with("baseline", name);
    let (_, now) = baselines;
    now.into_iter().fold(event, |event, now| event.with("baseline_grants", now.n_grants() as u64))
}

impl Refused {
    /// `config.rejected`: every problem in the text, the first one in the fields.
    pub(super) fn event(&self, path: &Path, at: SystemTime) -> Event {
        // The file that is at fault, which may be the baseline.
        let (file, problems) = match self {
            Self::Unreadable(_) | Self::OutOfReach(_) => (path.display().to_string(), &[][..]),
            Self::Baseline(BaselineError::Unreadable { path, .. }) => {
                (path.display().to_string(), &[][..])
            }
            Self::Rejected(rejected) | Self::Baseline(BaselineError::Rejected(rejected)) => {
                (rejected.file().to_owned(), rejected.problems())
            }
        };
        let why = match problems {
            [] => format!("{file}: {self}"),
            problems => problems
                .iter()
                .map(|problem| format!("{file}:{problem}"))
                .collect::<Vec<_>>()
                .join("; "),
        };
        let text = format!("reload refused, the running configuration is kept: {why}");
        let event = Event::new(Kind::ConfigRejected, at, DAEMON.into(), text)
            .with("file", file)
            .with("problems", problems.len() as u64);
        match problems.first() {
            Some(first) => event
                .with("line", first.line as u64)
                .with("column", first.column as u64)
                .with("problem", first.message.as_str())
                .with("help", first.help.as_str()),
            None => event.with("problem", self.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::config::Capture;
    use crate::config::Device;
    use crate::config::Endpoint;
    use crate::config::Level;
    use crate::config::Link;
    use crate::config::Server;

    use super::*;

    fn link(port: u16) -> Arc<Link> {
        Arc::new(Link {
            timeout: Duration::from_millis(500),
            backoff_max: Duration::from_secs(60),
            devices: vec![Arc::new(Device::new("pump-1", 1))],
            ..Link::new(Endpoint::Tcp(([127, 0, 0, 1], port).into()))
        })
    }

    fn config(links: &[(&str, u16)], captures: &[&str]) -> Config {
        Config {
            links: links.iter().map(|(id, port)| ((*id).into(), link(*port))).collect(),
            captures: captures
                .iter()
                .map(|id| ((*id).into(), Arc::new(Capture::new(id))))
                .collect(),
            ..Config::default()
        }
    }

    #[test]
    fn a_reload_counts_what_it_did_and_names_what_needs_a_restart() {
        let running = config(&[("a", 1), ("b", 2), ("c", 3)], &["eth0"]);
        let mut wanted = config(&[("b", 2), ("c", 9), ("d", 4), ("e", 5)], &["eth1"]);
        wanted.runtime.cpus = vec![1];
        wanted.site = Some("pump-station-7".into());
        wanted.log = Log { rate: 1, level: Level::Debug, ..Log::default() };
        let server = Server::new(([127, 0, 0, 1], 4840).into());
        wanted.servers.insert("f".into(), Arc::new(server));
        let (before, after) = (running.polled(), wanted.polled());
        let changes = diff(&before, &after);
        let event = Plan::new(&running, &wanted, &changes)
            .event(Path::new("/etc/im.toml"), SystemTime::UNIX_EPOCH);
        assert_eq!(
            event.text,
            "/etc/im.toml reloaded: links 1 kept, 1 restarted, 3 added, 1 removed; [log] changed; \
             restart the service to apply: site, [runtime], [log] level, [[capture]] eth0 (removed), \
             [[capture]] eth1 (added)"
        );
    }

    #[test]
    fn what_became_of_the_baseline_is_told_and_nothing_if_there_never_was_one() {
        let talk = |last: u8| {
            format!(
                "[[talk]]\nclient = \"192.0.2.{last}\"\nserver = \"192.0.2.10:502\"\nprotocol = \
                 \"modbus\"\nallow = [{{ station = 1, function = 3 }}]\n"
            )
        };
        let baseline = |text: &str| config::parse_baseline("b.toml", text).unwrap();
        let (one, two) = (baseline(&talk(1)), baseline(&(talk(1) + &talk(2))));
        let (running, wanted) = (config(&[], &[]), config(&[], &[]));
        let plan = Plan::new(&running, &wanted, &[]);
        let event = || plan.event(Path::new("/etc/im.toml"), SystemTime::UNIX_EPOCH);
        let said = |before, now| {
            let event = holding_to(event(), (before, now));
            event.text.split_once("removed").unwrap().1.to_owned()
        };
        let said = [
            said(None, None),
            said(None, Some(&one)),
            said(Some(&one), Some(&one)),
            said(Some(&one), Some(&two)),
            said(Some(&two), None),
        ];
        assert_eq!(
            said,
            [
                "",
                "; held to a baseline from now on, entries allowed: 1",
                "; baseline unchanged, entries allowed: 1",
                "; baseline changed, entries allowed: 2, before: 1",
                "; no baseline any more: baseline.deviation is not raised",
            ]
        );
    }

    #[test]
    fn what_a_reload_cannot_change_stays_as_it_runs_and_is_named_again() {
        let running = config(&[("a", 1)], &[]);
        let mut wanted = config(&[("a", 2)], &["eth1"]);
        wanted.log = Log { rate: 1, level: Level::Debug, ..Log::default() };
        let applied = applied(&running, &wanted);
        assert_eq!((&applied.links, &applied.captures), (&wanted.links, &running.captures));
        assert_eq!((applied.log.rate, applied.log.level), (1, Level::Info));
        let again = Plan::new(&applied, &wanted, &[]);
        assert_eq!(again.waiting, ["[log] level", "[[capture]] eth1 (added)"]);
        assert!(!again.changes_log);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused_with_the_reason() {
        let path = Path::new("/nonexistent/im.toml");
        let event = read(path, None).unwrap_err().event(path, SystemTime::UNIX_EPOCH);
        assert_eq!(event.kind, Kind::ConfigRejected);
        assert!(event.text.contains("/nonexistent/im.toml: No such file"), "{}", event.text);
    }
}
