//! The arguments of `probe`.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::config::Endpoint;

use super::Format;
use super::Mapping;
use super::timeout;

pub(in crate::cli) const EXAMPLES: &str = "\
Finds out which units answer and what they say of themselves; then, of the first that answers:
its tables, the largest request, reply times, and with --at what registers hold in each order.
It only asks what reads, identifies or diagnoses (functions 1 to 4, 7, 8/0, 11, 12, 17, 43/14),
one question at a time, at most 150 to a table. Ctrl-C stops it with what it has found.

Without --unit or --units it calls 1, 255, 0 and 2 to 10 over TCP, and 1 to 247 on a serial
line or behind rtu+tcp, there with 200ms for each; who answers too late is called again.
Endpoints are those of `read`. The serial line must be free: stop the daemon that polls it.

A range is `read whole` if every address in it was read, else so many of its places were. What
lies between two places that were refused was not asked for and may exist.

Examples:
  infra_monitor probe tcp://192.0.2.10:502
  infra_monitor probe tcp://192.0.2.10:502 --unit 1 --at %MW100
  infra_monitor probe 'rtu:///dev/ttyUSB0?baud=9600&parity=none' --units 1-32
  infra_monitor probe tcp://192.0.2.10:502 --write-config >> my.toml && infra_monitor check my.toml

Exit code 0 if something answered, 69 if nothing did.";

#[derive(Debug, Args)]
pub(in crate::cli) struct Probe {
    #[arg(value_name = "ENDPOINT")]
    #[arg(help = "Where to look: tcp://IP:PORT, rtu+tcp://IP:PORT or rtu:///dev/TTY?baud=…")]
    pub(in crate::cli) endpoint: Endpoint,
    /// Look at this unit alone
    #[arg(long, value_name = "N", conflicts_with = "units", allow_negative_numbers = true)]
    pub(in crate::cli) unit: Option<u8>,
    /// Call these units, such as 1-20 or 1,3,7-9
    #[arg(long, value_name = "LIST")]
    pub(in crate::cli) units: Option<UnitList>,
    /// Decode the registers from here on in every byte order: %MW100, holding:100, 40101, …
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) at: Option<String>,
    /// What %M and %Q addresses mean
    #[arg(long, value_enum, default_value_t = Mapping::Direct)]
    pub(in crate::cli) addressing: Mapping,
    /// How long to wait for each reply [default: 1s, and 200ms to call many serial units]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    pub(in crate::cli) timeout: Option<Duration>,
    /// Silence before each request, up to 10s
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = pause)]
    pub(in crate::cli) pause: Duration,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
    /// Print a [[modbus]] section for the configuration instead
    #[arg(long, conflicts_with = "format")]
    pub(in crate::cli) write_config: bool,
}

fn pause(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time <= Duration::from_secs(10) { Ok(time) } else { Err("expected at most 10s".to_owned()) }
}

/// Units in the order they were named, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct UnitList(pub(in crate::cli) Vec<u8>);

impl FromStr for UnitList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut units = vec![];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| {
                let wrong = |_| format!("`{part}` is no unit; write 1-20 or 1,3,7-9");
                text.trim().parse::<u8>().map_err(wrong)
            };
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(format!("`{part}` is empty; write the smaller unit first"));
            }
            units.extend((first..=last).filter(|unit| !units.contains(unit)).collect::<Vec<_>>());
        }
        Ok(Self(units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_listed_one_by_one_or_as_ranges_each_once() {
        assert_eq!("1-3,7, 2,255".parse(), Ok(UnitList(vec![1, 2, 3, 7, 255])));
        for wrong in ["", "a", "1-", "-3", "256", "5-2", "1;2"] {
            assert!(wrong.parse::<UnitList>().is_err(), "{wrong}");
        }
    }
}
