//! The command line: one definition per argument, from which parsing and help both come.

mod learn;
mod probe;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

use crate::config::Endpoint;
use crate::config::Link;
use crate::tag::Addressing;
use crate::tag::Order;
use crate::tag::Type;

pub(super) use learn::Learn;
pub(super) use probe::Probe;

pub(super) const DEFAULT_CONFIG: &str = "/etc/infra_monitor.toml";

const FIRST_STEPS: &str = "\
First steps:
  infra_monitor demo                     see everything work: no hardware, no privilege
  infra_monitor read tcp://192.0.2.10:502 --unit 1 %MW100 --type REAL
                                         one value from one of your controllers
  infra_monitor probe tcp://192.0.2.10:502
                                         what a new device is, and what can be read of it
  infra_monitor check my.toml            write a configuration; every mistake is shown
  infra_monitor run --config my.toml     watch the plant; of permissions, see run --help

As a service:
  systemctl enable --now infra_monitor   configured by /etc/infra_monitor.toml
  journalctl -fu infra_monitor           its log; add -x for causes and remedies

Environment:
  RUST_LOG   diagnostics on standard error: error, warn, info, debug,
             or by module: RUST_LOG=infra_monitor::poller=debug
  NO_COLOR   if set, no colours

Exit codes:
  0 done      64 usage                       66 a file cannot be read or written
  70 bug      69 no answer (read, probe)     77 no permission   78 bad configuration
  99 a system call that the sandbox does not allow";

const RUN_EXAMPLES: &str = "\
Examples:
  infra_monitor run
  infra_monitor run --config ./my.toml --log text
  infra_monitor run --log json | jq 'select(.event == \"limit.exceeded\")'

Signals:
  SIGHUP    read the configuration again; unchanged sources keep their connections
  SIGTERM   stop the sources, write what is under way, exit 0 (Ctrl-C does the same)

Permission:
  A [[capture]] needs packet sockets. The systemd unit opens them beforehand (open-sockets); else,
  as a plain user: setcap cap_net_raw+ep /path/to/infra_monitor. Polling alone needs nothing.
  Root needs --allow-root: what goes wrong with root's process goes wrong with the machine.";

const OPEN_SOCKETS_NOTES: &str = "\
Run by the systemd unit as root, before the daemon (ExecStartPre=+-). The sockets receive nothing
yet. They are handed to the service manager, which passes them to the daemon, so that the daemon
never has a capability; and again if it dies, with what they received meanwhile: no frame is lost
until the ring is full, which takes blocks x block_timeout at least. A stop gives them up.

The unit needs:
  NotifyAccess=exec
  FileDescriptorStoreMax=128             twice the number of rings, at least

Exit codes: 64 no service manager, 69 it does not answer, 71 no packet sockets to be had,
77 no permission, 78 bad configuration";

const CHECK_EXAMPLES: &str = "\
Nothing is opened, connected or captured. Exit code 0 if the file is good, 78 if not.

Examples:
  infra_monitor check                    the installed /etc/infra_monitor.toml
  infra_monitor check ./my.toml && systemctl reload infra_monitor";

const DEMO_EXAMPLES: &str = "\
What you will see, within 15 seconds and then again with variations:
  poll.sample        level, pressure, flow and motor of a pump station moving
  modbus.write       somebody else changes a set point: seen on the wire
  limit.exceeded     the level alarm that follows, and limit.returned
  reply.corrupt      a serial reply with a flipped bit, found by its CRC and survived
  reply.late         a serial reply that is too late, kept from being taken for an answer
  checksum.invalid   a packet with a flipped bit, found by its TCP checksum
  ledger.report      at the end: everything that came in went out or was counted

The frames on the wire need CAP_NET_RAW. Without it the demo enters a user and network
namespace of its own; where those are switched off it says so and goes on without them.

Examples:
  infra_monitor demo
  infra_monitor demo --for 15s --log json | jq -c '[.event, .text]'";

const REPLAY_EXAMPLES: &str = "\
Reads pcap (microseconds or nanoseconds, both byte orders) and pcapng. The same code judges
the frames as on a live wire: every checksum, each protocol at its assigned port, Modbus at any.

Examples:
  infra_monitor replay plant.pcap
  infra_monitor replay --format json monday.pcapng tuesday.pcapng | jq .checksums.tcp
  infra_monitor replay --events --format json plant.pcap | grep modbus.write
  infra_monitor replay --transactions --format json plant.pcap | jq 'select(.function_code == 23)'
  infra_monitor replay --events --baseline baseline.toml plant.pcap

A transaction is its request and its response: `values` are those written or read; of function
23, those written, and `read_values` those read. What is not understood stands there as the
bytes it is: `request_pdu`, `response_pdu`.";

const READ_EXAMPLES: &str = "\
Endpoints:
  tcp://192.0.2.10:502
  rtu+tcp://192.0.2.10:4001                            (RTU frames in a connection)
  rtu:///dev/ttyUSB0?baud=19200&parity=even&stop=1     (these are the defaults)

Addresses:
  IEC 61131-3   %MW100  %IW3  %QX0.3  %IX1.0  %MX12.5 (bit 5 of word 12)  %MD50
  tables        holding:100  input:3  coil:0  discrete:5            (counted from 0)
  Modicon       40101 is holding:100, 30004 is input:3              (counted from 1)

Types:
  BOOL BYTE WORD DWORD LWORD SINT USINT INT UINT DINT UDINT LINT ULINT REAL LREAL STRING[n]

Examples:
  infra_monitor read tcp://127.0.0.1:1502 --unit 1 %MW100 %MW102 --type REAL
  infra_monitor read tcp://192.0.2.10:502 --unit 1 40101 40102 --format json
  infra_monitor read 'rtu:///dev/ttyS0?baud=9600&parity=none' --unit 17 input:0 --type INT
  infra_monitor read tcp://192.0.2.10:502 --unit 1 %MW100 --watch 500ms

A value is printed as Good only if the reply is proven to be the answer. Exit code 0 if all
are Good (with --watch, the last ones), 69 if not. Text rounds fractions to six digits or two
decimals, JSON keeps them. The serial line must be free: stop the daemon that polls it.";

/// Watches the path of operational data beside a plant, from copper to log.
///
/// Captures frames and checks every checksum that can be checked, polls Modbus controllers and
/// proves every reply, and tells what is wrong, where, and what to do. It only ever reads.
#[derive(Debug, Parser)]
#[command(name = "infra_monitor", version, after_help = FIRST_STEPS, verbatim_doc_comment)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 92)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the monitor: capture, poll, check, log
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Check a configuration file; show every mistake with line and column
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// See everything at work on a simulated pump station
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(Demo),
    /// Judge capture files as if they were live
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(Replay),
    /// Write down who asks what of whom, as a baseline to review
    #[command(after_help = learn::EXAMPLES)]
    Learn(Learn),
    /// Read values from one controller, once or again and again
    #[command(after_help = READ_EXAMPLES)]
    Read(Read),
    /// Find out what a new device is and what can be read of it
    #[command(after_help = probe::EXAMPLES)]
    Probe(Probe),
    /// Open packet sockets for a daemon without privilege (for the systemd unit)
    #[command(after_help = OPEN_SOCKETS_NOTES)]
    OpenSockets(OpenSockets),
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Configuration to run with
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    /// Where events go, and how [default: text on a terminal; journald where there is a
    /// journal; else json]
    #[arg(long, value_enum, verbatim_doc_comment)]
    pub(super) log: Option<Log>,
    /// Run as root, which is refused otherwise
    #[arg(long)]
    pub(super) allow_root: bool,
}

/// Where events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Log {
    /// The systemd journal, with searchable fields
    Journald,
    /// Standard output, one JSON object a line
    Json,
    /// Standard output, for reading
    Text,
}

#[derive(Debug, Args)]
pub(super) struct OpenSockets {
    /// Configuration that says how many
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Configuration to check
    #[arg(value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Stop after this time, such as 30s or 2m [default: at Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) duration: Option<Duration>,
    /// How events are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) log: Format,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For reading
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Capture files, replayed in this order
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// How the summary, the events and the transactions are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print each event too, before the summary
    #[arg(long)]
    pub(super) events: bool,
    /// Print each Modbus transaction with all its values, before the summary
    #[arg(long, conflicts_with = "events")]
    pub(super) transactions: bool,
    /// Tell what this baseline does not allow, as event baseline.deviation
    #[arg(long, value_name = "FILE", conflicts_with = "transactions")]
    pub(super) baseline: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Read {
    #[arg(value_name = "ENDPOINT")]
    #[arg(
        help = "Where the controller is: tcp://IP:PORT or rtu:///dev/TTY?baud=…&parity=…&stop=…"
    )]
    pub(super) endpoint: Endpoint,
    /// What to read: %MW100, holding:100, 40101, …
    #[arg(value_name = "ADDRESS", required = true)]
    pub(super) addresses: Vec<String>,
    /// Modbus unit identifier; 1 to 247 on a serial line
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) unit: u8,
    /// IEC 61131-3 type of the values [default: BOOL for bits, UINT for registers]
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    pub(super) kind: Option<Type>,
    /// Order of bytes in values of several registers: ABCD, CDAB, BADC or DCBA
    #[arg(long, value_name = "ORDER", default_value = "ABCD")]
    pub(super) order: Order,
    /// What %M and %Q addresses mean
    #[arg(long, value_enum, default_value_t = Mapping::Direct)]
    pub(super) addressing: Mapping,
    /// How long to wait for each reply; a silent serial line is asked five times
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = timeout)]
    pub(super) timeout: Duration,
    /// How values are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Read again and again until Ctrl-C, each time this long after the last [default: 1s]
    #[arg(long, value_name = "INTERVAL", value_parser = interval)]
    #[arg(num_args = 0..=1, default_missing_value = "1s")]
    pub(super) watch: Option<Duration>,
}

fn kind(text: &str) -> Result<Type, String> {
    let names = || Type::names().collect::<Vec<_>>().join(" ");
    text.parse().map_err(|error| format!("{error}; known are {}", names()))
}

fn interval(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_millis(10);
    const MOST: Duration = Duration::from_secs(86_400);
    match humantime::parse_duration(text) {
        Ok(time) if (LEAST..=MOST).contains(&time) => Ok(time),
        Ok(_) => Err("expected a time from 10ms to 1day".to_owned()),
        Err(_) => Err("expected a time such as 2s; addresses stand before --watch".to_owned()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let [least, most] =
        [Link::TIMEOUT.start(), Link::TIMEOUT.end()].map(|end| humantime::format_duration(*end));
    if Link::TIMEOUT.contains(&time) {
        Ok(time)
    } else {
        Err(format!("expected a time from {least} to {most}"))
    }
}

/// [`Addressing`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mapping {
    #[value(help = "%MWn is holding n, %MDn holding 2n")]
    Direct,
    #[value(help = "%QWn is holding n, %MWn 1024+n, %MDn 2048+2n, %MLn 4096+4n")]
    Openplc,
}

impl From<Mapping> for Addressing {
    fn from(mapping: Mapping) -> Self {
        match mapping {
            Mapping::Direct => Self::Direct,
            Mapping::Openplc => Self::OpenPlc,
        }
    }
}
