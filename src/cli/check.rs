//! `check`: every mistake in a configuration, or one line that says what it configures.

use std::io;
use std::io::Write;

use crate::config::Config;

use super::args;
use super::configuration::load;
use super::failure::Failure;

pub(super) fn check(args: &args::Check) -> Result<(), Failure> {
    let config = load(&args.config)?;
    writeln!(io::stdout(), "{}: good; {}", args.config.display(), contents(&config))?;
    Ok(())
}

/// What a configuration asks for, in one line.
fn contents(config: &Config) -> String {
    let devices = || config.links.values().flat_map(|link| &link.devices);
    let n_tags = devices().map(|device| device.tags.len()).sum();
    format!(
        "{}, {}, {}, {}",
        counted(config.captures.len(), "capture"),
        counted(config.links.len(), "link"),
        counted(devices().count(), "device"),
        counted(n_tags, "tag"),
    )
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Capture;

    #[test]
    fn a_configuration_is_counted_in_its_own_nouns() {
        let mut config = Config::default();
        config.captures.insert("eth1".into(), Arc::new(Capture::new("eth1")));
        assert_eq!(contents(&config), "1 capture, 0 links, 0 devices, 0 tags");
    }
}
