//! Scans: one client asks for much that nobody asked for before, or that nobody answers.
//!
//! A client that starts asks for much that is new too. So while a capture is still learning, news
//! are a scan only if at least half of them were for nothing: stations that do not answer, each
//! counted once, and different requests refused because there is no such function or address. What
//! looks like a scan is judged when answers had time to come, by those that came until then. Of a
//! server that a capture never saw answer anybody, silence says nothing: the port that it is
//! connected to may be mirrored in one direction.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::record::{AddressKey, News, Path, Transaction, Usage};
use crate::wire::packet::Vlan;

use super::super::repeats::is_recent;
use super::known::Known;
use super::{Device, Pair, Protocol};

/// News in [`PERIOD`], or attempts for nothing in a row, that are a scan.
const MANY: usize = 16;
const PERIOD: Duration = Duration::from_secs(10);
/// How long answers may take, of a gateway that asks one dead station after the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// Attempts of one client that are remembered.
const MAX_ATTEMPTS: usize = 64;
/// Clients that are looked at; the one that tried nothing for longest makes room.
const MAX_CLIENTS: usize = 64;
/// Servers that were heard; the one heard first makes room.
const MAX_SERVERS: usize = 1024;

#[derive(Debug)]
pub(super) struct Scans {
    by_client: Known<Client, Attempts>,
    /// Attempts of clients that were told recently.
    repeated: u64,
    /// Servers that were seen to answer anything, and since when.
    heard: Known<Server, SystemTime>,
}

/// When a window ends, and what was seen until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended<'a> {
    pub(super) now: SystemTime,
    /// Nothing will come any more.
    pub(super) is_last: bool,
    pub(super) answering: &'a Known<Device, SystemTime>,
}

type Client = ((u16, u16), IpAddr);
type Server = ((u16, u16), AddressKey<SocketAddr>);

/// What a client tried lately.
#[derive(Debug, Default)]
struct Attempts {
    recent: VecDeque<Attempt>,
    /// Something came since this was last judged.
    is_new: bool,
    /// What looked like a scan when the last of it came, before answers had time to.
    suspected: Option<(SystemTime, VecDeque<Attempt>)>,
    told_at: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    at: SystemTime,
    device: Device,
    function: u16,
    what: What,
    is_settled: bool,
}

/// Who was seen to answer.
#[derive(Clone, Copy, Debug)]
struct Answering<'a> {
    servers: &'a Known<Server, SystemTime>,
    devices: &'a Known<Device, SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    News(News),
    /// No such function, or no such address (exceptions 1 and 2).
    Refused {
        address: Option<u16>,
    },
}

/// A scan, as it is told.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) at: SystemTime,
    pub(super) vlan: (u16, u16),
    pub(super) client: IpAddr,
    /// One that was scanned.
    pub(super) device: Device,
    pub(super) n_servers: usize,
    pub(super) n_stations: usize,
    pub(super) n_functions: usize,
    /// What was new.
    pub(super) n_news: usize,
    /// Of the attempts: for nothing.
    pub(super) n_fruitless: usize,
    pub(super) span: Duration,
}

impl Default for Scans {
    fn default() -> Self {
        let (by_client, heard) = (Known::new(MAX_CLIENTS), Known::new(MAX_SERVERS));
        Self { by_client, repeated: 0, heard }
    }
}

impl Scans {
    pub(super) fn on_news(&mut self, pair: Pair, device: Device, usage: &Usage, is_settled: bool) {
        let what = What::News(usage.news);
        let Usage { at, function, .. } = *usage;
        self.on_attempt(pair.client.0, Attempt { at, device, function, what, is_settled });
    }

    /// A refusal may show a scan, if it is one of the two that a wrong guess gets.
    pub(super) fn on_transaction(&mut self, seen: &Transaction) {
        let Path::Network { vlan, client, server } = seen.path else { return };
        let device = Device::new(vlan, server, Protocol::Modbus, Some(seen.unit.into()));
        if seen.exception.is_some() || seen.latency.is_some() {
            self.on_answer(&device, seen.at);
        }
        let Some(1 | 2) = seen.exception else { return };
        let what = What::Refused { address: seen.address };
        let attempt = Attempt {
            at: seen.at,
            device,
            function: seen.function.into(),
            what,
            is_settled: false,
        };
        self.on_attempt(client.ip(), attempt);
    }

    /// The server of this station answers, whatever it says.
    pub(super) fn on_answer(&mut self, device: &Device, at: SystemTime) {
        self.heard.insert((device.vlan, device.server), at, |at| *at);
    }

    /// True if the server of this station is seen to answer.
    pub(super) fn hears(&self, device: &Device) -> bool {
        self.heard.contains(&(device.vlan, device.server))
    }

    /// Tell of each client that scans.
    pub(super) fn on_window_end(&mut self, ended: Ended<'_>, mut tell: impl FnMut(Scan)) {
        let answering = Answering { servers: &self.heard, devices: ended.answering };
        for (client, attempts) in self.by_client.iter_mut() {
            let Some(scan) = attempts.verdict(*client, ended, answering) else { continue };
            let n = attempts.recent.len() as u64;
            attempts.recent.clear();
            if attempts.told_at.is_some_and(|told_at| is_recent(told_at, scan.at)) {
                self.repeated += n;
                continue;
            }
            attempts.told_at = Some(scan.at);
            tell(scan);
        }
    }

    pub(super) fn n_repeated(&self) -> u64 {
        self.repeated
    }

    pub(super) fn n_forgotten(&self) -> u64 {
        self.by_client.n_forgotten
    }

    fn on_attempt(&mut self, client: IpAddr, attempt: Attempt) {
        let key = (attempt.device.vlan, client);
        if self.by_client.get_mut(&key).is_none() {
            let last = |attempts: &Attempts| attempts.recent.back().map(|attempt| attempt.at);
            self.by_client.insert(key, Attempts::default(), last);
        }
        if let Some(attempts) = self.by_client.get_mut(&key) {
            attempts.push(attempt);
        }
    }
}

impl Attempts {
    fn push(&mut self, attempt: Attempt) {
        let is_same = |known: &Attempt| {
            (known.device, known.function, known.what)
                == (attempt.device, attempt.function, attempt.what)
        };
        match attempt.what {
            // The same request is refused at each poll.
            What::Refused { .. } if self.recent.iter().any(is_same) => return,
            What::Refused { .. } | What::News(_) => (),
        }
        if self.recent.len() == MAX_ATTEMPTS {
            self.recent.pop_front();
        }
        self.recent.push_back(attempt);
        self.is_new = true;
    }

    /// A scan, if it is one by all that was answered.
    fn verdict(
        &mut self,
        client: Client,
        Ended { now, is_last, .. }: Ended<'_>,
        answering: Answering<'_>,
    ) -> Option<Scan> {
        let is_due = |at: SystemTime| match now.duration_since(at) {
            Ok(waited) => waited >= PATIENCE,
            Err(ahead) => ahead.duration() >= PATIENCE, // the clock was set
        };
        if let Some((_, attempts)) = self.suspected.take_if(|(at, _)| is_last || is_due(*at)) {
            let scan = judge(client, &attempts, answering);
            if scan.is_some() {
                return scan;
            }
        }
        if self.suspected.is_some() || !std::mem::take(&mut self.is_new) {
            return None;
        }
        let scan = judge(client, &self.recent, answering)?;
        if is_last || is_due(scan.at) {
            return Some(scan);
        }
        self.suspected = Some((scan.at, self.recent.clone()));
        None
    }
}

fn judge(client: Client, attempts: &VecDeque<Attempt>, answering: Answering<'_>) -> Option<Scan> {
    let last = attempts.iter().map(|attempt| attempt.at).max()?;
    let is_in_period =
        |attempt: &&Attempt| last.duration_since(attempt.at).is_ok_and(|age| age <= PERIOD);
    let lately: Vec<_> = attempts.iter().filter(is_in_period).collect();
    let n_news = lately.iter().filter(|attempt| attempt.is_news()).count();
    let n_fruitless = fruitless(&lately, answering);
    let is_settled = lately.iter().any(|attempt| attempt.is_settled);
    if n_news >= MANY && (is_settled || n_fruitless * 2 >= n_news) {
        return Scan::of(client, &lately, n_fruitless);
    }
    // Each of them waits for its time-out, so these may take long.
    let is_for_nothing = |attempt: &&Attempt| attempt.is_for_nothing(answering);
    let in_a_row: Vec<_> = attempts.iter().rev().take_while(is_for_nothing).collect();
    let n_fruitless = fruitless(&in_a_row, answering);
    (n_fruitless >= MANY).then(|| Scan::of(client, &in_a_row, n_fruitless)).flatten()
}

impl Attempt {
    fn is_news(&self) -> bool {
        match self.what {
            What::News(_) => true,
            What::Refused { .. } => false,
        }
    }

    fn is_for_nothing(&self, answering: Answering<'_>) -> bool {
        !self.is_news() || self.is_silent(answering)
    }

    /// Nobody answers there, and it would be seen.
    fn is_silent(&self, answering: Answering<'_>) -> bool {
        let Answering { servers, devices } = answering;
        let Device { vlan, server, .. } = self.device;
        servers.contains(&(vlan, server)) && !devices.contains(&self.device)
    }
}

/// Stations that do not answer, and refusals.
fn fruitless(attempts: &[&Attempt], answering: Answering<'_>) -> usize {
    let silent = attempts.iter().filter(|attempt| attempt.is_silent(answering));
    let silent: BTreeSet<_> = silent.map(|attempt| attempt.device).collect();
    silent.len() + attempts.iter().filter(|attempt| !attempt.is_news()).count()
}

impl Scan {
    fn of((vlan, client): Client, attempts: &[&Attempt], n_fruitless: usize) -> Option<Self> {
        let times = || attempts.iter().map(|attempt| attempt.at);
        let (first, at) = (times().min()?, times().max()?);
        let distinct = |of: fn(&Attempt) -> Device| {
            attempts.iter().map(|attempt| of(attempt)).collect::<BTreeSet<_>>().len()
        };
        let functions: BTreeSet<_> = attempts.iter().map(|attempt| attempt.function).collect();
        let servers: BTreeSet<_> = attempts.iter().map(|attempt| attempt.device.server).collect();
        Some(Self {
            at,
            vlan,
            client,
            device: attempts.first()?.device,
            n_servers: servers.len(),
            n_stations: distinct(|attempt| attempt.device),
            n_functions: functions.len(),
            n_news: attempts.iter().filter(|attempt| attempt.is_news()).count(),
            n_fruitless,
            span: at.duration_since(first).unwrap_or_default(),
        })
    }

    pub(super) fn vlan(&self) -> Vlan {
        Vlan { outer: self.vlan.0, inner: self.vlan.1 }
    }
}
