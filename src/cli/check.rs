//! `check`: every mistake in a configuration, or one line that says what it configures.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;

use crate::app::load;
use crate::app::load::Strain;
use crate::app::rehearse_sandbox;
use crate::config::Capture;
use crate::config::Config;
use crate::config::Endpoint;
use crate::config::Missing;
use crate::config::read_baseline;
use crate::record::SourceId;

use super::args;
use super::configuration::load;
use super::failure::{Exit, Failure};

pub(super) fn check(args: &args::Check) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let baseline = config.baseline.as_deref().map(read_baseline).transpose()?;
    let unreadable: Vec<_> = files(&config).filter_map(unreadable).collect();
    if !unreadable.is_empty() {
        return Err(Failure::new(Exit::Config, unreadable.join("\n")));
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "{}: good; {}", args.config.display(), contents(&config))?;
    for capture in config.captures.values().filter(|capture| capture.rings > 1) {
        writeln!(stdout, "{}", memory(capture))?;
    }
    if let (Some(path), Some(baseline)) = (&config.baseline, baseline) {
        let talks = counted(baseline.talks().len(), "talk");
        let lines = counted(baseline.n_grants(), "line");
        writeln!(stdout, "{}: good; {talks}, {lines}", path.display())?;
    }
    for (id, load) in load::loads(&config.links) {
        match load.strain() {
            Strain::Fits | Strain::Tight => writeln!(stdout, "{id} {load}")?,
            Strain::Overloaded => writeln!(io::stderr(), "warning: {id} {load}")?,
        }
    }
    sandbox(&config, &args.config)?;
    Ok(())
}

/// What a run would deny itself on this machine.
fn sandbox(config: &Config, path: &Path) -> io::Result<()> {
    let (held, missing) = match rehearse_sandbox(config, path) {
        Ok(layers) => layers,
        Err(error) => return writeln!(io::stderr(), "warning: no sandbox can be tried: {error}"),
    };
    writeln!(io::stdout(), "sandbox on this machine: {held}")?;
    let missing = missing.join("; ");
    match config.sandbox.missing {
        _ if missing.is_empty() => Ok(()),
        Missing::Warn => writeln!(io::stderr(), "warning: the sandbox lacks {missing}"),
        Missing::Refuse => {
            writeln!(io::stderr(), "warning: run will refuse: the sandbox lacks {missing}")
        }
    }
}

/// The certificates and keys that links need, with the names of links and keys.
fn files(config: &Config) -> impl Iterator<Item = (&SourceId, &'static str, &Path)> {
    config.links.iter().flat_map(|(id, link)| {
        let files = match &link.endpoint {
            Endpoint::Tls(tls) => Some(tls.files()),
            Endpoint::Tcp(_) | Endpoint::RtuOverTcp(_) | Endpoint::Serial(_) => None,
        };
        files.into_iter().flatten().map(move |(key, path)| (id, key, path))
    })
}

fn unreadable((id, key, path): (&SourceId, &str, &Path)) -> Option<String> {
    let error = File::open(path).err()?;
    let path = path.display();
    Some(format!("error: link {id}: `{key}`: cannot read {path}: {error}"))
}

/// What a configuration asks for, in one line.
fn contents(config: &Config) -> String {
    let devices = || config.links.values().flat_map(|link| &link.devices);
    let served = config.servers.values().map(|server| server.tags.len()).sum::<usize>();
    let n_tags = devices().map(|device| device.tags.len()).sum::<usize>() + served;
    format!(
        "{}, {}, {}, {}, {}, {}",
        counted(config.captures.len(), "capture"),
        counted(config.links.len(), "link"),
        counted(devices().count(), "device"),
        counted(config.servers.len(), "OPC UA server"),
        counted(config.taps.len(), "tapped line"),
        counted(n_tags, "tag"),
    )
}

/// What rings that share an interface take; one alone is as its section says.
fn memory(capture: &Capture) -> String {
    let Capture { interface, rings, blocks, .. } = capture;
    let (each, all) = (capture.block_size >> 10, capture.ring_memory() >> 20);
    format!("{interface} takes {all} MiB of memory: {rings} rings of {blocks} blocks of {each} KiB")
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[cfg(feature = "tls")]
    #[test]
    fn a_file_that_a_link_needs_and_cannot_have_is_named() {
        let text = "[[modbus]]\nname = \"a\"\ntcp = \"192.0.2.10\"\n\
            tls = { ca = \"/dev/null\", certificate = \"/no/such.pem\", key = \"/dev/null\" }\n\
            [[modbus.device]]\nname = \"d\"\nunit = 1\ntags = []\n";
        let config = crate::config::parse("test.toml", text).unwrap();
        let named: Vec<_> = files(&config).filter_map(unreadable).collect();
        let [named] = &named[..] else { panic!("{named:?}") };
        assert!(
            named.starts_with("error: link a: `certificate`: cannot read /no/such.pem: No such")
        );
    }

    #[test]
    fn a_configuration_is_counted_in_its_own_nouns() {
        let mut config = Config::default();
        config.captures.insert("eth1".into(), Arc::new(Capture::new("eth1")));
        assert_eq!(
            contents(&config),
            "1 capture, 0 links, 0 devices, 0 OPC UA servers, 0 tapped lines, 0 tags"
        );
    }

    #[test]
    fn the_memory_of_several_rings_is_their_sum() {
        let capture = Capture { rings: 3, ..Capture::new("eth1") };
        assert_eq!(
            memory(&capture),
            "eth1 takes 96 MiB of memory: 3 rings of 128 blocks of 256 KiB"
        );
    }
}
