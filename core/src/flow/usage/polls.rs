//! Polls that stop and come back.
//!
//! A client that shows another page asks its stations for something else. So a poll has stopped only
//! when its client does not ask the station anything else any more.

use super::super::key::Key;
use super::rhythm::Rhythm;
use super::{Asking, Change, Ending, Handle, Trust, Usages, WireReport, tell};

/// Usages that are looked at in a turn: all of a full table in 1.3 s.
const SWEEP: usize = 64;

/// How many times its patience a poll is waited for, if another one of its client may be due.
const LONGEST_WAIT: u64 = 4;

/// What a client asks the station besides a poll that does not come.
enum Otherwise {
    /// Something, since.
    Asks,
    /// Nothing since, but another poll is not overdue.
    MayAsk,
    Silent,
}

impl Usages {
    /// Look at some of the usages for polls that stopped. `ending` says what became of the
    /// connection in a slot, if it is one between these two.
    pub(in crate::flow) fn sweep(
        &mut self,
        at_ns: u64,
        ending: impl Fn(u32, &Key) -> Ending,
        report: &mut WireReport,
    ) {
        self.sweep_some(SWEEP, at_ns, ending, report);
    }

    /// Look at all of them: nothing more will come.
    pub(in crate::flow) fn sweep_all(
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

    #[cold]
    fn stop(&mut self, handle: Handle, at_ns: u64, ending: Ending, report: &mut WireReport) {
        let otherwise = self.otherwise(handle, at_ns);
        let Some((key, entry)) = self.entries.get_mut(handle) else { return };
        match otherwise {
            Otherwise::Asks => entry.rhythm = Rhythm::default(),
            Otherwise::MayAsk => (), // it is looked at again
            Otherwise::Silent => {
                let what = Change::Stopped { poll: entry.poll(key), ending };
                entry.rhythm.is_silent = tell(report, key, (at_ns, Trust::FULL), what);
            }
        }
    }

    /// What else the client of an overdue poll asks the station.
    fn otherwise(&self, handle: Handle, at_ns: u64) -> Otherwise {
        let Some((key, entry)) = self.entries.get(handle) else { return Otherwise::Silent };
        let due_ns = entry.last_ns.saturating_add(entry.rhythm.interval_ns.saturating_mul(2));
        let wait_ns = entry.rhythm.patience_ns().saturating_mul(LONGEST_WAIT);
        let is_waiting = at_ns.saturating_sub(entry.last_ns) <= wait_ns;
        let mut otherwise = Otherwise::Silent;
        for nth in 0..self.entries.len() {
            let Some((known, other)) = self.entries.get(self.entries.nth(nth)) else { continue };
            if !known.is_of_same_talk(key) || known == key {
                continue;
            }
            if other.last_ns > due_ns {
                return Otherwise::Asks;
            }
            let is_expected = other.rhythm.is_expected(at_ns, other.last_ns, self.n_gaps);
            if is_waiting && is_expected {
                otherwise = Otherwise::MayAsk;
            }
        }
        otherwise
    }

    /// A request after a long silence. If nobody has looked in between, it is told of both.
    #[cold]
    pub(super) fn resume(&mut self, handle: Handle, asking: &Asking<'_>, report: &mut WireReport) {
        let Some((_, entry)) = self.entries.get(handle) else { return };
        if !entry.rhythm.is_silent {
            let is_same = entry.connection == asking.connection && asking.connection != u32::MAX;
            let ending = if is_same { Ending::Open } else { Ending::Unknown };
            self.stop(handle, asking.at_ns, ending, report);
        }
        let Some((key, entry)) = self.entries.get_mut(handle) else { return };
        if entry.rhythm.is_silent {
            let what = Change::Resumed { poll: entry.poll(key) };
            entry.rhythm.is_silent = !tell(report, key, (asking.at_ns, Trust::FULL), what);
        }
    }
}
