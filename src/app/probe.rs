//! Probing a device that nobody has configured yet: which units answer, what they say of
//! themselves, what can be read of the first, and how fast.
//!
//! Only questions that read, identify or diagnose, one at a time, and a bounded number of them.
//! What was found is kept as it is found, so a probe that is stopped has something to show.

mod close;
pub mod identity;
pub mod search;

use std::io;
use std::time::Duration;

use crate::config::Endpoint;
use crate::config::Link;
use crate::config::TransactionId;
use crate::config::Units;
use crate::poller::Heard;
use crate::poller::Inquiry;
use crate::poller::LinkError;
use crate::poller::Question;
use crate::poller::Unheard;
use crate::poller::Values;
use crate::poller::Why;
use crate::tag::Address;
use crate::tag::Table;
use crate::wire::modbus::request::Span;
use crate::wire::modbus::rtu::Timing;

use super::signals::Signals;
use identity::Function;
use identity::Identification;
use identity::Support;
use search::Search;

/// Exception codes of a gateway that does not reach the unit.
const GATEWAY: [u8; 2] = [10, 11];
/// Questions in a row over which the link is lost, after which there is no point in more.
const MAX_LOST: u32 = 20;
/// Different complaints that are kept to be shown.
const MAX_TROUBLE: usize = 5;
/// Longest that a serial frame and the silence around it take beside the time-out.
const SERIAL_FRAME_LEN: usize = 8;
const SERIAL_REST: Duration = Duration::from_millis(25);

/// What to probe, and how gently.
#[derive(Clone, Debug)]
pub struct Plan {
    pub endpoint: Endpoint,
    /// In this order; the first that answers is looked at closely.
    pub units: Vec<u8>,
    /// How long to wait for each unit while looking who is there.
    pub call_timeout: Duration,
    /// And for each reply of one that is.
    pub timeout: Duration,
    /// Least silence before each request.
    pub pause: Duration,
    /// Registers to decode.
    pub at: Option<Address>,
}

impl Plan {
    /// Units to look for if none are named. Devices on TCP mostly answer 1, or 255 (the device
    /// itself), or ignore the unit; behind a gateway the low ones are the usual.
    pub fn default_units(endpoint: &Endpoint) -> Vec<u8> {
        match endpoint.units() {
            Units::Tcp => [1, 255, 0].into_iter().chain(2..=10).collect(),
            Units::Serial => (1..=247).collect(),
        }
    }

    /// How long it takes to look for the units if none of them answers.
    pub fn longest_call(&self) -> Duration {
        let each = match &self.endpoint {
            Endpoint::Tcp(_) | Endpoint::Tls(_) => self.call_timeout,
            Endpoint::RtuOverTcp(_) => self.call_timeout + SERIAL_REST,
            Endpoint::Serial(serial) => {
                let sending = Timing::at(serial.baud).transmission(SERIAL_FRAME_LEN);
                self.call_timeout + SERIAL_REST + sending
            }
        };
        let n_units = u32::try_from(self.units.len()).unwrap_or(u32::MAX);
        each.max(self.pause).saturating_mul(n_units)
    }

    fn link(&self, timeout: Duration, transaction_id: TransactionId) -> Link {
        Link { timeout, transaction_id, pause: self.pause, ..Link::new(self.endpoint.clone()) }
    }
}

/// What came of a probe.
#[derive(Debug)]
pub struct Findings {
    pub units: Vec<Answering>,
    pub n_called: usize,
    /// Units of which a gateway said that they cannot be reached.
    pub n_behind_gateway: usize,
    /// How the device numbers its replies.
    pub transaction_id: TransactionId,
    /// What was found of the first unit: its functions that identify or diagnose,
    pub functions: Vec<(Function, Support)>,
    /// the registers that were to be decoded,
    pub decode: Option<Decode>,
    /// and its tables, as far as they were searched.
    pub tables: Vec<Search>,
    /// Of every reply.
    pub times: Vec<Duration>,
    pub n_requests: u32,
    pub end: End,
    /// The first few things that went wrong, with cause and next step.
    pub trouble: Vec<String>,
}

/// A unit that answers.
#[derive(Debug)]
pub struct Answering {
    pub unit: u8,
    pub latency: Duration,
    pub identification: Identification,
}

/// Registers to be read in several ways.
#[derive(Debug)]
pub struct Decode {
    pub at: Address,
    /// As many as can be read, up to four.
    pub registers: Vec<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// By a signal.
    Stopped,
    LinkLost,
}

/// How far a probe has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub stage: Stage,
    pub n_done: u32,
    pub n_total: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Units,
    Identification(u8),
    Table(u8, Table),
}

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] io::Error),
}

/// Probe until done or told to stop, and say of each step how far it is.
pub fn probe(plan: &Plan, observe: impl FnMut(Progress)) -> Result<Findings, ProbeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::install()?;
        let inquiry = Inquiry::open(plan.link(plan.call_timeout, TransactionId::Strict));
        // Cancel safe: an opening that is cut short has found nothing, and `next` says so itself.
        let inquiry = tokio::select! {
            inquiry = inquiry => inquiry?,
            _ = signals.next() => return Ok(Findings::new(End::Stopped)),
        };
        let mut probe =
            Probe { plan, inquiry, n_lost: 0, findings: Findings::new(End::Done), observe };
        // Cancel safe: findings are kept in the probe, and a question under way is nobody's.
        let end = tokio::select! {
            ended = probe.run() => ended.map_or(End::LinkLost, |()| End::Done),
            _ = signals.next() => End::Stopped,
        };
        Ok(Findings { end, ..probe.findings })
    })
}

impl Findings {
    fn new(end: End) -> Self {
        Self {
            units: vec![],
            n_called: 0,
            n_behind_gateway: 0,
            transaction_id: TransactionId::Strict,
            functions: vec![],
            decode: None,
            tables: vec![],
            times: vec![],
            n_requests: 0,
            end,
            trouble: vec![],
        }
    }

    /// The shortest, the middle and the longest time that a reply took.
    pub fn latencies(&self) -> Option<[Duration; 3]> {
        let mut times = self.times.clone();
        times.sort_unstable();
        Some([*times.first()?, *times.get(times.len() / 2)?, *times.last()?])
    }

    fn complain(&mut self, text: String) {
        if self.trouble.len() < MAX_TROUBLE && !self.trouble.contains(&text) {
            self.trouble.push(text);
        }
    }
}

/// There is no link any more.
struct Gone;

/// What came of calling a unit.
enum Called {
    Answers(Duration),
    /// This one was heard, too late or in another's place.
    Heard(u8),
    Silent,
}

struct Probe<'p, F> {
    plan: &'p Plan,
    inquiry: Inquiry,
    /// Questions in a row over which the link was lost.
    n_lost: u32,
    findings: Findings,
    observe: F,
}

impl<F: FnMut(Progress)> Probe<'_, F> {
    async fn run(&mut self) -> Result<(), Gone> {
        let plan = self.plan;
        let mut late = self.call_all(&plan.units).await?;
        let has_identifiers = matches!(plan.endpoint, Endpoint::Tcp(_) | Endpoint::Tls(_));
        if self.findings.units.is_empty() && self.findings.n_behind_gateway == 0 && has_identifiers
        {
            // Controllers that answer 0 to every identifier seem mute to those who insist on it.
            self.inquiry.retune(plan.link(plan.call_timeout, TransactionId::Lenient));
            late = self.call_all(&plan.units).await?;
            if !self.findings.units.is_empty() {
                self.findings.transaction_id = TransactionId::Lenient;
            }
        }
        self.inquiry.retune(plan.link(plan.timeout, self.findings.transaction_id));
        self.call_all(&late).await?;
        let units: Vec<_> = self.findings.units.iter().map(|found| found.unit).collect();
        for (nth, unit) in units.iter().enumerate() {
            self.progress(Stage::Identification(*unit), nth, units.len());
            self.identify(nth, *unit).await?;
        }
        match units.first() {
            Some(unit) => self.look_closely(*unit).await,
            None => Ok(()),
        }
    }

    /// Call each of `units`, and say which others were heard too late.
    async fn call_all(&mut self, units: &[u8]) -> Result<Vec<u8>, Gone> {
        let mut late = vec![];
        for (nth, unit) in units.iter().enumerate() {
            self.progress(Stage::Units, nth, units.len());
            // Some are called twice.
            self.findings.n_called = self.findings.n_called.max(nth + 1);
            match self.call(*unit).await? {
                Called::Answers(latency) => {
                    let identification = Identification::default();
                    self.findings.units.push(Answering { unit: *unit, latency, identification });
                }
                Called::Heard(unit) if !late.contains(&unit) => late.push(unit),
                Called::Heard(_) | Called::Silent => (),
            }
        }
        late.retain(|unit| self.findings.units.iter().all(|found| found.unit != *unit));
        Ok(late)
    }

    async fn call(&mut self, unit: u8) -> Result<Called, Gone> {
        let first = search::request(Table::Holding, Span { first: 0, count: 1 });
        self.findings.n_requests += 1;
        let reply = self.inquiry.call(unit, first.into()).await;
        Ok(match self.note(reply)? {
            Ok(Heard { values: Values::Exception(code), .. }) if GATEWAY.contains(&code) => {
                self.findings.n_behind_gateway += 1;
                Called::Silent
            }
            Ok(heard) => Called::Answers(heard.latency),
            Err(Why::Late(_)) => Called::Heard(unit),
            Err(Why::OtherUnit(other)) => Called::Heard(other),
            Err(Why::Silent | Why::Unproven | Why::Lost | Why::NoLink) => Called::Silent,
        })
    }

    async fn ask(&mut self, unit: u8, question: Question) -> Result<Result<Heard, Why>, Gone> {
        self.findings.n_requests += 1;
        let reply = self.inquiry.ask(unit, question).await;
        self.note(reply)
    }

    /// Keep what the reply says beside its values.
    fn note(&mut self, reply: Result<Heard, Unheard>) -> Result<Result<Heard, Why>, Gone> {
        match reply {
            Ok(heard) => {
                self.n_lost = 0;
                self.findings.times.push(heard.latency);
                Ok(Ok(heard))
            }
            Err(unheard) => {
                match unheard.why {
                    Why::Silent => self.n_lost = 0,
                    Why::Late(_) | Why::OtherUnit(_) | Why::Unproven => {
                        self.n_lost = 0;
                        self.findings.complain(unheard.to_string());
                    }
                    Why::Lost | Why::NoLink => {
                        self.n_lost += 1;
                        self.findings.complain(unheard.to_string());
                    }
                }
                let is_gone = unheard.why == Why::NoLink || self.n_lost >= MAX_LOST;
                if is_gone { Err(Gone) } else { Ok(Err(unheard.why)) }
            }
        }
    }

    fn progress(&mut self, stage: Stage, n_done: usize, n_total: usize) {
        let [n_done, n_total] = [n_done, n_total].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        (self.observe)(Progress { stage, n_done, n_total });
    }
}
