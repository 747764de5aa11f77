//! Arguments of `learn`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::DEFAULT_CONFIG;

pub(super) const EXAMPLES: &str = "\
Without a FILE it listens at every [[capture]] of the configuration, for which it needs what `run`
needs, and polls nobody. A baseline that is there already is added to: what stands in it stays as
it is, to the byte, and what it does not allow yet is added. Then review it in an editor, name it
under [baseline] in the configuration, and reload: what goes beyond it is baseline.deviation.

Examples:
  infra_monitor learn plant.pcap                          see what a capture file would allow
  sudo infra_monitor learn --for 24h --output /etc/infra_monitor/baseline.toml
  infra_monitor learn --output baseline.toml monday.pcapng tuesday.pcapng && git diff
  infra_monitor replay --events --baseline baseline.toml wednesday.pcapng

Ctrl-C ends it early: what was learnt until then is written.";

#[derive(Debug, Args)]
pub(in crate::cli) struct Learn {
    /// Capture files to learn from, instead of the wire
    #[arg(value_name = "FILE", conflicts_with_all = ["config", "duration"])]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Configuration that names the captures
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(in crate::cli) config: PathBuf,
    /// Stop after this time, such as 30m or 24h [default: at Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(in crate::cli) duration: Option<Duration>,
    /// Baseline to write or to add to; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(in crate::cli) output: PathBuf,
}
