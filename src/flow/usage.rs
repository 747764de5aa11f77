//! Who asks what of whom: a fixed table of usages, and one of stations that answer.
//!
//! What a request brings beyond what is known is told once, if the report has room; if not, it stays
//! unknown, and its next occurrence brings it again. A stranger who walks through addresses widens
//! one range; one who takes ever new addresses of his own takes the rows of those whom nobody
//! answers. A connection remembers the rows it used last, so that a poll is known by a few compares.

mod entry;
mod latency;
mod message;
mod rhythm;
mod slots;

pub(super) use entry::Asked;
pub(super) use slots::Handle;

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::record::{
    Change, Ending, Message, News, Operation, Pace, Protocol, Role, UsageChange, WireReport,
};

use super::key::Key;
use super::watch::time;
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
}

/// Rows that one connection used last, by station and function.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    handles: [Handle; 4],
    /// Of the last request.
    last: Handle,
    /// The connection was seen from its start, and no byte of it was missed.
    pub(super) is_from_start: bool,
}

/// Where and when something is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    pub(super) at_ns: u64,
    pub(super) key: &'a Key,
    /// The slot of the connection; `u32::MAX` if there is none.
    pub(super) connection: u32,
}

/// A response to what was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) at_ns: u64,
    pub(super) latency_ns: u64,
    pub(super) answer: Answer,
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
/// Usages that are looked at after a block: all of a full table in 1.3 s, of 20 ms a block.
const SWEEP: usize = 64;
/// Requests that make a client a master, unless it writes.
const MASTERLY: u32 = 8;
/// A client that asks without a period is there for so long after its last request.
const PRESENT_NS: u64 = 60_000_000_000;
/// A client is the master that everybody knows after so long.
const ESTABLISHED_NS: u64 = 600_000_000_000;

impl Usages {
    pub(super) fn new(seed: u64) -> Self {
        Self::with_capacity(CAPACITY, seed)
    }

    fn with_capacity(capacity: usize, seed: u64) -> Self {
        let (entries, stations) = (Slots::new(capacity), Slots::new(capacity));
        Self { seed, entries, stations, n_gaps: 0, swept: 0 }
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
        let handle = match self.entries.get(known) {
            Some((key, _)) if key.what == what && key.protocol == asked.protocol => known,
            Some(_) | None => {
                let found = self.look_up(asking, asked, report);
                recent.set(what, found);
                found
            }
        };
        let Some((_, entry)) = self.entries.get_mut(handle) else { return handle };
        let is_first = entry.n == 0;
        if is_first || entry.news(asked).is_some() {
            self.tell_news(handle, asking.at_ns, asked, (recent.is_from_start, &mut *report));
        }
        self.count(handle, asking, asked, report);
        recent.last = handle;
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
            self.tell_station(handle, (answered.at_ns, turn), report);
        }
    }

    /// Look at some of the usages for polls that stopped. `ending` says what became of the
    /// connection in a slot, if it is one between these two.
    pub(super) fn sweep(
        &mut self,
        at_ns: u64,
        ending: impl Fn(u32, &Key) -> Ending,
        report: &mut WireReport,
    ) {
        self.sweep_some(SWEEP, at_ns, ending, report);
    }

    /// Look at all of them: nothing more will come.
    pub(super) fn sweep_all(
        &mut self,
        at_ns: u64,
        ending: impl Fn(u32, &Key) -> Ending,
        report: &mut WireReport,
    ) {
        self.sweep_some(self.entries.len(), at_ns, ending, report);
    }

    fn sweep_some(
        &mut self,
        n: usize,
        at_ns: u64,
        ending: impl Fn(u32, &Key) -> Ending,
        report: &mut WireReport,
    ) {
        for _ in 0..n.min(self.entries.len()) {
            self.swept = (self.swept + 1) % self.entries.len();
            let handle = self.entries.nth(self.swept);
            let Some((key, entry)) = self.entries.get(handle) else { continue };
            if entry.rhythm.is_overdue(at_ns, entry.last_ns, self.n_gaps) {
                let ending = ending(entry.connection, &key.parties);
                self.stop(handle, at_ns, ending, report);
            }
        }
    }

    /// The row of a usage that the connection did not use lately, made if there is none.
    #[cold]
    fn look_up(&mut self, asking: &Asking<'_>, asked: &Asked, report: &mut WireReport) -> Handle {
        let key = UsageKey::of(asking.key, asked);
        let hash = key.hash(self.seed);
        if let Some(known) = self.entries.find(&key, hash) {
            return known;
        }
        if report.usages.len() >= WireReport::MAX_USAGES {
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

    #[cold]
    fn tell_news(
        &mut self,
        handle: Handle,
        at_ns: u64,
        asked: &Asked,
        (is_from_start, report): (bool, &mut WireReport),
    ) {
        if report.usages.len() >= WireReport::MAX_USAGES {
            report.usages_deferred += 1;
            return;
        }
        let Some((key, entry)) = self.entries.get_mut(handle) else { return };
        let news = if entry.n == 0 { Some(News::First) } else { entry.news(asked) };
        entry.widen(asked);
        if let Some(news) = news {
            report.usages.push(entry.usage(key, (at_ns, news, is_from_start)));
        }
    }

    #[inline]
    fn count(
        &mut self,
        handle: Handle,
        asking: &Asking<'_>,
        asked: &Asked,
        report: &mut WireReport,
    ) {
        let (at_ns, n_gaps) = (asking.at_ns, self.n_gaps);
        let Some((_, entry)) = self.entries.get_mut(handle) else { return };
        if entry.rhythm.is_silent || entry.rhythm.is_overdue(at_ns, entry.last_ns, n_gaps) {
            self.resume(handle, asking, report);
        }
        let Some((_, entry)) = self.entries.get_mut(handle) else { return };
        let address = asked.addresses.map_or(0, |(first, _)| first);
        entry.rhythm.on_request(at_ns, address, n_gaps);
        entry.n = entry.n.saturating_add(1);
        entry.last_ns = at_ns;
        entry.connection = asking.connection;
        if !entry.is_judged && (entry.n >= MASTERLY || entry.operation == Operation::Write) {
            self.judge_master(handle, at_ns, report);
        }
    }

    #[cold]
    fn stop(&mut self, handle: Handle, at_ns: u64, ending: Ending, report: &mut WireReport) {
        let Some((key, entry)) = self.entries.get_mut(handle) else { return };
        let what = Change::Stopped { poll: entry.poll(key), ending };
        entry.rhythm.is_silent = tell(report, key, at_ns, what);
    }

    /// A request after a long silence. If nobody has looked in between, it is told of both.
    #[cold]
    fn resume(&mut self, handle: Handle, asking: &Asking<'_>, report: &mut WireReport) {
        let Some((_, entry)) = self.entries.get(handle) else { return };
        if !entry.rhythm.is_silent {
            let is_same = entry.connection == asking.connection && asking.connection != u32::MAX;
            let ending = if is_same { Ending::Open } else { Ending::Unknown };
            self.stop(handle, asking.at_ns, ending, report);
        }
        let Some((key, entry)) = self.entries.get_mut(handle) else { return };
        if entry.rhythm.is_silent {
            let what = Change::Resumed { poll: entry.poll(key) };
            entry.rhythm.is_silent = !tell(report, key, asking.at_ns, what);
        }
    }

    /// Decide whether a client that polls or writes is the master of the station, or a second one
    /// beside a master that is still there. Until one of the two shows, it stays undecided.
    #[cold]
    fn judge_master(&mut self, handle: Handle, at_ns: u64, report: &mut WireReport) {
        let Some((key, entry)) = self.entries.get(handle) else { return };
        let (key, entry) = (*key, *entry);
        let master = self.stations.get(entry.station).map(|(_, station)| station.master);
        let master = master.and_then(|master| self.entries.get(master));
        let presence = master.map(|(known, master)| {
            if known.client() == key.client() {
                return Presence::Same;
            }
            let patience =
                if master.rhythm.is_steady() { master.rhythm.patience_ns() } else { PRESENT_NS };
            let is_gone = at_ns.saturating_sub(master.last_ns) > patience;
            // Who takes over from another asks while the other was there; who asks beside it is
            // asked beside, too.
            let half = entry.first_ns + (at_ns.saturating_sub(entry.first_ns)) / 2;
            let is_beside = master.last_ns > half || entry.operation == Operation::Write;
            let is_long = entry.first_ns.saturating_sub(master.first_ns) >= ESTABLISHED_NS;
            match (is_gone, is_beside) {
                (true, _) => Presence::Gone,
                (false, true) if is_long => {
                    Presence::Beside { master: known.client(), since: time(master.first_ns) }
                }
                (false, true) => Presence::Same, // both are of old: two masters by design
                (false, false) => Presence::Undecided,
            }
        });
        let is_judged = match presence {
            None | Some(Presence::Gone) => {
                if let Some((_, station)) = self.stations.get_mut(entry.station) {
                    station.master = handle;
                }
                true
            }
            Some(Presence::Same) => true,
            Some(Presence::Beside { master, since }) => {
                tell(report, &key, at_ns, Change::SecondMaster { master, since })
            }
            Some(Presence::Undecided) => false,
        };
        if let Some((_, entry)) = self.entries.get_mut(handle) {
            entry.is_judged = is_judged;
        }
    }

    /// The station answered for the first time, or takes another time for it.
    #[cold]
    fn tell_station(
        &mut self,
        handle: Handle,
        (at_ns, turn): (u64, Option<Turn>),
        report: &mut WireReport,
    ) {
        let Some((key, entry)) = self.entries.get(handle) else { return };
        let Some((_, station)) = self.stations.get_mut(entry.station) else { return };
        if !station.is_known {
            station.is_known = tell(report, key, at_ns, Change::Answers);
        }
        let Some(turn) = turn else { return };
        let us = |us: u32| Duration::from_micros(us.into());
        let pace = Pace { usual: us(turn.usual_us), recent: us(turn.recent_us) };
        let what = if turn.is_slow { Change::Slower(pace) } else { Change::AsUsual(pace) };
        if tell(report, key, at_ns, what) {
            station.latency.turn(turn);
        }
    }
}

/// What is known of a station's master when another client asks it.
enum Presence {
    /// It is the same client, or they were always two.
    Same,
    Gone,
    Beside {
        master: IpAddr,
        since: SystemTime,
    },
    Undecided,
}

/// True if there was room.
fn tell(report: &mut WireReport, key: &UsageKey, at_ns: u64, what: Change) -> bool {
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
    });
    true
}

impl Recent {
    pub(super) fn new(is_from_start: bool) -> Self {
        Self { is_from_start, ..Self::default() }
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
