//! Who asks what of whom: a fixed table of usages, and one of stations that answer.
//!
//! What a request brings beyond what is known is told once, if the report has room and not too much
//! is new; if not, it stays unknown, and its next occurrence brings it again. A stranger who walks
//! through addresses widens one range; one who takes ever new addresses of his own takes the rows of
//! those whom nobody answers. A connection remembers the rows it used last, so that a poll is known
//! by a few compares.

mod allowance;
mod entry;
mod latency;
mod masters;
mod message;
mod polls;
mod rhythm;
mod slots;

pub(super) use entry::Asked;
pub(super) use slots::Handle;

use std::time::Duration;

use crate::record::{
    Change, Ending, Message, News, Operation, Pace, Protocol, Role, Trust, UsageChange, WireReport,
};

use super::key::Key;
use super::watch::time;
use allowance::Allowance;
use entry::{Entry, Station, UsageKey};
use latency::Turn;
use slots::Slots;

/// Usages and stations of one capture.
#[derive(Debug)]
pub struct Usages {
    seed: u64,
    entries: Slots<UsageKey, Entry>,
    stations: Slots<entry::StationKey, Station>,
    /// Holes of the capture so far: what is periodic is learned anew after each.
    n_gaps: u32,
    /// Where the search for polls that stopped goes on.
    swept: usize,
    allowance: Allowance,
}

/// Rows that one connection used last, by station and function.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    handles: [Handle; 4],
    /// Of the last request.
    last: Handle,
    /// The connection was seen from its start, and no byte of it was missed.
    pub(super) is_from_start: bool,
    /// They are of requests that its server sends.
    is_turned: bool,
}

/// Where and when something is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    pub(super) at_ns: u64,
    pub(super) key: &'a Key,
    /// The slot of the connection; `u32::MAX` if there is none.
    pub(super) connection: u32,
    /// The checksum was right of every segment that it came in.
    pub(super) is_verified: bool,
}

/// A response to what was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) at_ns: u64,
    pub(super) latency_ns: u64,
    pub(super) answer: Answer,
    pub(super) trust: Trust,
}

/// What a response shows of its station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Served,
    Refused,
    /// Another device answers that it cannot be reached.
    Unreachable,
}

/// Usages, and stations, that are known at a time.
const CAPACITY: usize = 4096;
/// Requests that make a client a master, unless it writes.
const MASTERLY: u32 = 8;

impl Usages {
    pub(super) fn new(seed: u64) -> Self {
        Self::with_capacity(CAPACITY, seed)
    }

    fn with_capacity(capacity: usize, seed: u64) -> Self {
        let (entries, stations) = (Slots::new(capacity), Slots::new(capacity));
        Self { seed, entries, stations, n_gaps: 0, swept: 0, allowance: Allowance::new() }
    }

    /// Frames were missed, by loss or because there was no interface.
    pub(super) fn on_gap(&mut self) {
        self.n_gaps = self.n_gaps.wrapping_add(1);
    }

    /// A request; its handle is for the response. It leads nowhere if there was no room to tell of
    /// a usage that is new.
    #[inline]
    pub(super) fn on_request(
        &mut self,
        asking: &Asking<'_>,
        recent: &mut Recent,
        asked: &Asked,
        report: &mut WireReport,
    ) -> Handle {
        let what = asked.what();
        let known = recent.get(what);
        let known = match self.entries.get_mut(known) {
            Some((key, entry)) if (key.what, key.protocol) == (what, asked.protocol) => {
                let is_news = entry.news(asked).is_some();
                let is_deferred = is_news && report.usages.len() >= WireReport::MAX_USAGES;
                if entry.is_routine(asking.at_ns, self.n_gaps)
                    && (!is_news || is_deferred && entry.is_judged)
                {
                    report.usages_deferred += u64::from(is_deferred);
                    entry.count(asking, asked, self.n_gaps);
                    recent.last = known;
                    return known;
                }
                Some(known)
            }
            Some(_) | None => None,
        };
        self.on_uncommon_request((asking, recent), known, asked, report)
    }

    /// One that its connection did not make lately, so that its row is not known, or one that may
    /// bring news or change something.
    #[cold]
    fn on_uncommon_request(
        &mut self,
        (asking, recent): (&Asking<'_>, &mut Recent),
        known: Option<Handle>,
        asked: &Asked,
        report: &mut WireReport,
    ) -> Handle {
        let handle = known.unwrap_or_else(|| self.look_up(asking, asked, report));
        recent.set(asked.what(), handle);
        recent.last = handle;
        let (at_ns, n_gaps) = (asking.at_ns, self.n_gaps);
        let Some((_, entry)) = self.entries.get(handle) else { return handle };
        let trust = Trust { verified: asking.is_verified, from_start: recent.is_from_start };
        let is_news = entry.n == 0 || entry.news(asked).is_some();
        if entry.is_back(at_ns, n_gaps) {
            self.resume(handle, asking, report);
        }
        if is_news {
            self.tell_news(handle, at_ns, asked, (trust, &mut *report));
        }
        let Some((_, entry)) = self.entries.get_mut(handle) else { return handle };
        entry.count(asking, asked, n_gaps);
        if !entry.is_judged && (entry.n >= MASTERLY || entry.operation == Operation::Write) {
            self.judge_master(handle, (at_ns, trust), report);
        }
        handle
    }

    /// A response to the request that `handle` was given for.
    #[inline]
    pub(super) fn on_response(
        &mut self,
        handle: Handle,
        answered: &Answered,
        report: &mut WireReport,
    ) {
        let Some((_, entry)) = self.entries.get_mut(handle) else { return };
        entry.is_answered = true;
        let station = entry.station;
        let Some((_, station)) = self.stations.get_mut(station) else {
            self.find_station(handle, answered.at_ns, report);
            return;
        };
        station.last_ns = answered.at_ns;
        let turn = match answered.answer {
            Answer::Served => station.latency.on_response(answered.latency_ns),
            Answer::Refused | Answer::Unreachable => None,
        };
        if turn.is_some() || (!station.is_known && answered.answer != Answer::Unreachable) {
            self.tell_station(handle, (answered, turn), report);
        }
    }

    /// The row of a usage that the connection did not use lately, made if there is none.
    fn look_up(&mut self, asking: &Asking<'_>, asked: &Asked, report: &mut WireReport) -> Handle {
        let key = UsageKey::of(asking.key, asked);
        let hash = key.hash(self.seed);
        if let Some(known) = self.entries.find(&key, hash) {
            return known;
        }
        if !self.may_come(asking, asked, report) {
            report.usages_deferred += 1;
            return Handle::default();
        }
        let station = self.station(&key, asking.at_ns, report);
        let entry = Entry::new(asked.operation, asking.at_ns, station);
        let Some((handle, has_evicted)) = self.entries.insert(key, hash, entry, Entry::worth)
        else {
            return Handle::default();
        };
        report.usages_evicted += u64::from(has_evicted);
        handle
    }

    /// Whoever changes something is looked at as long as it can be told.
    fn may_come(&mut self, asking: &Asking<'_>, asked: &Asked, report: &WireReport) -> bool {
        let is_change = matches!(asked.operation, Operation::Write | Operation::Command);
        report.usages.len() < WireReport::MAX_USAGES
            && (is_change || self.allowance.take(asking.at_ns))
    }

    /// The row of the station that a usage is of, made if there is none.
    fn station(&mut self, usage: &UsageKey, at_ns: u64, report: &mut WireReport) -> Handle {
        let key = usage.station_key();
        let hash = key.hash(self.seed);
        if let Some(known) = self.stations.find(&key, hash) {
            return known;
        }
        let made = self.stations.insert(key, hash, Station::new(at_ns), Station::worth);
        let Some((handle, has_evicted)) = made else { return Handle::default() };
        report.usages_evicted += u64::from(has_evicted);
        handle
    }

    /// The station made room for another, and answers nevertheless.
    #[cold]
    fn find_station(&mut self, handle: Handle, at_ns: u64, report: &mut WireReport) {
        let Some((key, _)) = self.entries.get(handle) else { return };
        let key = *key;
        let station = self.station(&key, at_ns, report);
        if let Some((_, entry)) = self.entries.get_mut(handle) {
            entry.station = station;
        }
    }

    fn tell_news(
        &mut self,
        handle: Handle,
        at_ns: u64,
        asked: &Asked,
        (trust, report): (Trust, &mut WireReport),
    ) {
        if report.usages.len() >= WireReport::MAX_USAGES {
            report.usages_deferred += 1;
            return;
        }
        let Some((key, entry)) = self.entries.get_mut(handle) else { return };
        let news = if entry.n == 0 { Some(News::First) } else { entry.news(asked) };
        entry.widen(asked);
        if let Some(news) = news {
            report.usages.push(entry.usage(key, (at_ns, news, trust)));
        }
    }

    /// The station answered for the first time, or takes another time for it.
    #[cold]
    fn tell_station(
        &mut self,
        handle: Handle,
        (answered, turn): (&Answered, Option<Turn>),
        report: &mut WireReport,
    ) {
        let Some((key, entry)) = self.entries.get(handle) else { return };
        let seen = (answered.at_ns, answered.trust);
        let Some((_, station)) = self.stations.get_mut(entry.station) else { return };
        if !station.is_known {
            station.is_known = tell(report, key, seen, Change::Answers);
        }
        let Some(turn) = turn else { return };
        let us = |us: u32| Duration::from_micros(us.into());
        let pace = Pace { usual: us(turn.usual_us), recent: us(turn.recent_us) };
        let what = if turn.is_slow { Change::Slower(pace) } else { Change::AsUsual(pace) };
        if tell(report, key, seen, what) {
            station.latency.turn(turn);
        }
    }
}

/// True if there was room.
fn tell(
    report: &mut WireReport,
    key: &UsageKey,
    (at_ns, trust): (u64, Trust),
    what: Change,
) -> bool {
    if report.usage_changes.len() >= WireReport::MAX_USAGES {
        report.usages_deferred += 1;
        return false;
    }
    report.usage_changes.push(UsageChange {
        at: time(at_ns),
        vlan: key.vlan(),
        client: key.client(),
        server: key.server(),
        protocol: key.protocol,
        station: key.station(),
        what,
        trust,
    });
    true
}

impl Recent {
    pub(super) fn new(is_from_start: bool) -> Self {
        Self { is_from_start, ..Self::default() }
    }

    /// Show what is remembered of messages that go this way: requests of the other side have rows of
    /// their own, and push these out.
    pub(super) fn turn(&mut self, is_turned: bool, role: Role, visit: impl FnOnce(&mut Self)) {
        let mut other = Self { is_turned, ..Self::new(self.is_from_start) };
        match role {
            _ if self.is_turned == is_turned => visit(self),
            Role::Request => {
                *self = other;
                visit(self);
            }
            Role::Response | Role::Report => visit(&mut other),
        }
    }

    #[inline]
    fn get(&self, what: u64) -> Handle {
        self.handles.get(Self::place(what)).copied().unwrap_or_default()
    }

    fn set(&mut self, what: u64, handle: Handle) {
        if let Some(place) = self.handles.get_mut(Self::place(what)) {
            *place = handle;
        }
    }

    /// Where the handle of a usage is remembered.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "two bits are kept")]
    fn place(what: u64) -> usize {
        (what ^ what >> 48) as usize & 3
    }
}

#[cfg(test)]
mod tests;
