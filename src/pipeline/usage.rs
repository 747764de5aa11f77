//! Who asks what of whom, as events: clients and devices that are new, a second master, scans, polls
//! that stop, and stations that become slow.
//!
//! For the first ten minutes of a capture, or of a capture file in its own time, nothing is told as
//! new: it is learned. Strangers choose who asks, so every table here is bounded and says what it
//! forgets, and of each kind eight events are told in five minutes; the rest is told as one number.

mod known;
mod learning;
mod polls;
mod scan;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::config::Baseline;
use crate::record::{
    AddressKey, Change, Doubts, Kind, Ledger, News, Note, Protocol, SourceId, Usage, UsageChange,
    WireReport,
};
use crate::wire::packet::Vlan;

use super::outbox::Outbox;
use known::{Known, Quota};
use learning::Learning;
use polls::Polls;
use scan::{Ended, Scans};

/// Clients and their servers that are known. One that nobody answers makes room first.
const MAX_MASTERS: usize = 1024;
const MAX_DEVICES: usize = 4096;
/// Clients and the stations they asked while the capture learned; of further ones all is news.
const MAX_LEARNED: usize = 4096;
/// After usages made room where they are followed: so long may pass until one of them is asked again.
const CROWDED: Duration = Duration::from_secs(60);
/// Pairs of masters that were told.
const MAX_SECONDS: usize = 256;

/// Every source of reports; the configuration bounds them.
#[derive(Debug)]
pub(super) struct Usages {
    by_source: BTreeMap<SourceId, Watched>,
    window: Duration,
    deferred: u64,
    evicted: u64,
}

/// One capture.
#[derive(Debug)]
struct Watched {
    learning: Learning,
    /// What spoke against findings when the last report came.
    doubts: Doubts,
    masters: Known<Pair, Master>,
    devices: Known<Device, SystemTime>,
    /// Who asked which stations while the capture learned.
    learned: BTreeSet<(IpAddr, Device)>,
    /// When usages last made room where they are followed.
    crowded_at: Option<SystemTime>,
    seconds: Known<(Pair, IpAddr), SystemTime>,
    scans: Scans,
    polls: Polls,
    /// By kind of event.
    quotas: BTreeMap<Kind, Quota>,
}

/// A client and a server, whatever it asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    vlan: (u16, u16),
    client: AddressKey<IpAddr>,
    server: AddressKey<SocketAddr>,
}

/// A station behind a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Device {
    vlan: (u16, u16),
    server: AddressKey<SocketAddr>,
    protocol: Protocol,
    station: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Master {
    is_answered: bool,
    /// When the latest news of it came.
    last: SystemTime,
}

impl Usages {
    pub(super) fn new(window: Duration) -> Self {
        Self { by_source: BTreeMap::new(), window, deferred: 0, evicted: 0 }
    }

    /// With a baseline, another part tells of clients that are not expected.
    pub(super) fn on_report(
        &mut self,
        (report, doubts): (&WireReport, Doubts),
        baseline: Option<&Baseline>,
        outbox: &mut Outbox,
    ) {
        self.deferred += report.usages_deferred;
        self.evicted += report.usages_evicted;
        let source = &report.source;
        let watched =
            self.by_source.entry(source.clone()).or_insert_with(|| Watched::new(self.window));
        watched.doubts = doubts;
        watched.learning.on_origin(report);
        if report.frames == 0 && report.usages.is_empty() && report.usage_changes.is_empty() {
            return; // a file that was read to its end, or the state of an interface
        }
        watched.learning.on_report(report);
        if report.usages_evicted > 0 {
            watched.crowded_at = Some(report.at);
        }
        for usage in &report.usages {
            watched.on_usage(source, (usage, baseline), outbox);
        }
        for change in &report.usage_changes {
            watched.on_change(source, change, outbox);
        }
        for note in &report.notes {
            match note {
                Note::Modbus(seen) => watched.scans.on_transaction(seen),
                Note::Corrupt(_)
                | Note::Message(_)
                | Note::Conflict(_)
                | Note::Jump(_)
                | Note::Ineffective(_)
                | Note::Detected(_)
                | Note::Layer2(_)
                | Note::Repaired(_)
                | Note::Unverifiable(_) => (),
            }
        }
    }

    /// `is_last`: nothing will come any more.
    pub(super) fn on_window_end(
        &mut self,
        (now, is_last): (SystemTime, bool),
        outbox: &mut Outbox,
    ) {
        for (source, watched) in &mut self.by_source {
            watched.on_window_end(source, (now, is_last), outbox);
        }
    }

    /// Count what was forgotten or not told into a ledger of notes.
    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        let sum = |of: fn(&Watched) -> u64| self.by_source.values().map(of).sum();
        ledger.note("usages_deferred", self.deferred);
        ledger.note("usages_evicted", self.evicted);
        ledger.note("masters_forgotten", sum(|watched| watched.masters.n_forgotten));
        ledger.note("devices_forgotten", sum(|watched| watched.devices.n_forgotten));
        ledger.note("scans_repeated", sum(|watched| watched.scans.n_repeated()));
        ledger.note("scanners_forgotten", sum(|watched| watched.scans.n_forgotten()));
        ledger.note("polls_forgotten", sum(|watched| watched.polls.n_forgotten()));
        ledger.note("usage_events_counted", sum(Watched::n_untold));
    }
}

impl Watched {
    fn new(window: Duration) -> Self {
        Self {
            learning: Learning::new(window),
            doubts: Doubts::default(),
            masters: Known::new(MAX_MASTERS),
            devices: Known::new(MAX_DEVICES),
            learned: BTreeSet::new(),
            crowded_at: None,
            seconds: Known::new(MAX_SECONDS),
            scans: Scans::default(),
            polls: Polls::default(),
            quotas: BTreeMap::new(),
        }
    }

    fn on_usage(
        &mut self,
        source: &SourceId,
        (usage, baseline): (&Usage, Option<&Baseline>),
        outbox: &mut Outbox,
    ) {
        let pair = Pair::new(usage.vlan, usage.client, usage.server);
        let (settled, doubts) = (self.learning.settled(usage.at), self.doubts);
        let is_expected = baseline.is_some_and(|baseline| baseline.covers(usage).is_ok());
        if self.is_evidence(usage, settled.is_some()) && !is_expected {
            let device = Device::new(usage.vlan, usage.server, usage.protocol, usage.station);
            self.scans.on_news(pair, device, usage, settled.is_some());
        }
        if let Some(master) = self.masters.get_mut(&pair) {
            master.last = usage.at;
            return;
        }
        let master = Master { is_answered: false, last: usage.at };
        self.masters.insert(pair, master, |master| (master.is_answered, master.last));
        if let Some(learned) = settled
            && baseline.is_none()
            && self.may_tell(Kind::MasterNew, usage.at)
        {
            outbox.raise(Kind::MasterNew, || words::master_new(source, (usage, doubts), learned));
        }
    }

    /// True if news of this kind may be part of a scan. A client that starts again asks for what was
    /// forgotten where usages are followed, and learned here. So does one that never stopped, where
    /// there are more usages than can be followed: first, and then address by address.
    fn is_evidence(&mut self, usage: &Usage, is_settled: bool) -> bool {
        let device = Device::new(usage.vlan, usage.server, usage.protocol, usage.station);
        let asked = (usage.client, device);
        if !is_settled && self.learned.len() < MAX_LEARNED {
            self.learned.insert(asked);
        }
        let may_answer = self.devices.contains(&device) || !self.scans.hears(&device);
        let is_known = is_settled && self.learned.contains(&asked) && may_answer;
        match usage.news {
            News::First => !is_known,
            News::Address => !(is_known && self.is_crowded(usage.at)),
            News::Value => false,
        }
    }

    fn is_crowded(&self, at: SystemTime) -> bool {
        self.crowded_at.is_some_and(|crowded_at| match at.duration_since(crowded_at) {
            Ok(ago) => ago < CROWDED,
            Err(ahead) => ahead.duration() < CROWDED, // a report is dated by its last frame
        })
    }

    fn on_change(&mut self, source: &SourceId, change: &UsageChange, outbox: &mut Outbox) {
        let pair = Pair::new(change.vlan, change.client, change.server);
        let seen = (change, self.doubts);
        match change.what {
            Change::Answers => self.on_answer(source, pair, change, outbox),
            Change::SecondMaster { master, since } => {
                if self.seconds.get_mut(&(pair, master)).is_some() {
                    return;
                }
                self.seconds.insert((pair, master), change.at, |at| *at);
                if self.may_tell(Kind::MasterSecond, change.at) {
                    outbox.raise(Kind::MasterSecond, || {
                        words::master_second(source, seen, master, since)
                    });
                }
            }
            Change::Stopped { poll, ending } => self.polls.on_stop(pair, change, poll, ending),
            Change::Resumed { poll } => self.polls.on_resume(pair, change.at, poll),
            Change::Slower(pace) => {
                if self.may_tell(Kind::LatencyRaised, change.at) {
                    outbox.raise(Kind::LatencyRaised, || words::slower(source, seen, pace));
                }
            }
            Change::AsUsual(pace) => {
                if self.may_tell(Kind::LatencyReturned, change.at) {
                    outbox.raise(Kind::LatencyReturned, || words::as_usual(source, seen, pace));
                }
            }
        }
    }

    fn on_answer(
        &mut self,
        source: &SourceId,
        pair: Pair,
        change: &UsageChange,
        outbox: &mut Outbox,
    ) {
        if let Some(master) = self.masters.get_mut(&pair) {
            master.is_answered = true;
        }
        let device = Device::new(change.vlan, change.server, change.protocol, change.station);
        self.scans.on_answer(&device, change.at);
        if self.devices.get_mut(&device).is_some() {
            return;
        }
        self.devices.insert(device, change.at, |at| *at);
        if let Some(learned) = self.learning.settled(change.at)
            && self.may_tell(Kind::DeviceNew, change.at)
        {
            let seen = (change, self.doubts);
            outbox.raise(Kind::DeviceNew, || words::device_new(source, seen, learned));
        }
    }

    fn on_window_end(
        &mut self,
        source: &SourceId,
        (now, is_last): (SystemTime, bool),
        outbox: &mut Outbox,
    ) {
        self.learning.on_window_end(now);
        let Self { scans, polls, devices, quotas, doubts, .. } = self;
        let seen = (source, *doubts);
        let mut may_tell = |kind, at| quotas.entry(kind).or_default().take(at);
        scans.on_window_end(Ended { now, is_last, answering: devices }, |found| {
            if may_tell(Kind::DeviceScanned, found.at) {
                outbox.raise(Kind::DeviceScanned, || words::scanned(seen, &found));
            }
        });
        polls.on_window_end(now, |told| {
            let kind = told.kind();
            let is_told = may_tell(kind, now);
            if is_told {
                outbox.raise(kind, || words::poll(seen, now, &told));
            }
            is_told
        });
        for (kind, quota) in quotas {
            if let Some(untold) = quota.on_window_end(now) {
                outbox.raise(*kind, || words::further(source, now, *kind, untold));
            }
        }
    }

    fn may_tell(&mut self, kind: Kind, at: SystemTime) -> bool {
        self.quotas.entry(kind).or_default().take(at)
    }

    fn n_untold(&self) -> u64 {
        self.quotas.values().map(Quota::n_untold).sum()
    }
}

impl Pair {
    fn new(vlan: Vlan, client: IpAddr, server: SocketAddr) -> Self {
        Self {
            vlan: (vlan.outer, vlan.inner),
            client: AddressKey(client),
            server: AddressKey(server),
        }
    }
}

impl Device {
    fn new(vlan: Vlan, server: SocketAddr, protocol: Protocol, station: Option<u32>) -> Self {
        Self { vlan: (vlan.outer, vlan.inner), server: AddressKey(server), protocol, station }
    }
}
