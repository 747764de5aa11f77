//! Polls that stopped, by client and server: whoever stops asks nothing any more, of any station.
//!
//! What stops in one window is one event. If the same two stop again within five minutes, that is
//! counted, and told when they are over if it is still so.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::record::{Ending, Kind, Poll, UsageChange};

use super::super::repeats::is_recent;
use super::Pair;
use super::known::Known;

/// Pairs that are remembered. The one told longest ago makes room.
const MAX_PAIRS: usize = 256;
/// Stations of one pair that are told apart.
const MAX_STATIONS: usize = 16;

#[derive(Debug)]
pub(super) struct Polls(Known<Pair, Silence>);

#[derive(Debug)]
struct Silence {
    told_at: Option<SystemTime>,
    /// The operator was told that it is silent, and not yet that it is back.
    is_told: bool,
    /// Periodic requests that do not come.
    n_silent: u64,
    /// Of those, the ones that the operator does not know of.
    stopped: Stopped,
    /// Requests that came back in this window, when the first of them was seen, and the last one
    /// before that.
    n_resumed: u64,
    resumed_at: Option<SystemTime>,
    last: Option<SystemTime>,
}

/// What stopped and is still to be told.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped {
    pub(super) n: u64,
    pub(super) stations: BTreeSet<Option<u32>>,
    /// Of the one asked most often.
    pub(super) interval: Option<Duration>,
    /// The latest request of all.
    pub(super) last: Option<SystemTime>,
    pub(super) ending: Option<Ending>,
}

/// What is told of a pair.
#[derive(Debug)]
pub(super) enum Told {
    Stopped {
        pair: Pair,
        stopped: Stopped,
        /// Pairs that stopped in the same window.
        n_pairs: usize,
    },
    Resumed {
        pair: Pair,
        at: SystemTime,
        n: u64,
        /// Requests that still do not come.
        n_silent: u64,
        last: Option<SystemTime>,
    },
}

impl Told {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Stopped { .. } => Kind::PollStopped,
            Self::Resumed { .. } => Kind::PollResumed,
        }
    }
}

impl Default for Polls {
    fn default() -> Self {
        Self(Known::new(MAX_PAIRS))
    }
}

impl Polls {
    pub(super) fn on_stop(&mut self, pair: Pair, change: &UsageChange, poll: Poll, ending: Ending) {
        if self.0.get_mut(&pair).is_none() {
            // What was never told stays before what was.
            let rank = |silence: &Silence| (silence.told_at.is_none(), silence.told_at);
            self.0.insert(pair, Silence::new(), rank);
        }
        if let Some(silence) = self.0.get_mut(&pair) {
            silence.n_silent += 1;
            silence.stopped.add(change.station, poll, ending);
        }
    }

    pub(super) fn on_resume(&mut self, pair: Pair, at: SystemTime, poll: Poll) {
        if let Some(silence) = self.0.get_mut(&pair) {
            silence.n_silent = silence.n_silent.saturating_sub(1);
            silence.n_resumed += 1;
            silence.resumed_at = Some(silence.resumed_at.map_or(at, |first| first.min(at)));
            silence.last = silence.last.max(Some(poll.last));
        }
    }

    /// Tell what stopped and what came back; `tell` says whether it did.
    pub(super) fn on_window_end(&mut self, now: SystemTime, mut tell: impl FnMut(Told) -> bool) {
        let is_due = |silence: &Silence| {
            silence.stopped.n > 0 && silence.told_at.is_none_or(|told_at| !is_recent(told_at, now))
        };
        let n_pairs = self.0.iter_mut().filter(|(_, silence)| is_due(silence)).count();
        for (pair, silence) in self.0.iter_mut() {
            if is_due(silence) {
                let stopped = silence.stopped.clone();
                silence.stopped.n = 0; // the rest is needed if only some of them come back
                silence.told_at = Some(now);
                silence.is_told = tell(Told::Stopped { pair: *pair, stopped, n_pairs });
            }
            let n = std::mem::take(&mut silence.n_resumed);
            let last = silence.last.take();
            let Some(at) = silence.resumed_at.take() else { continue };
            let n_silent = silence.n_silent;
            // What stopped and is back before it was told is nothing any more.
            silence.stopped.n = silence.stopped.n.min(n_silent);
            if n_silent == 0 {
                silence.stopped = Stopped::default();
            }
            if std::mem::take(&mut silence.is_told) {
                tell(Told::Resumed { pair: *pair, at, n, n_silent, last });
                silence.stopped.n = n_silent;
            }
        }
        self.0.retain(|_, silence| {
            silence.n_silent > 0 || silence.told_at.is_some_and(|told_at| is_recent(told_at, now))
        });
    }

    pub(super) fn n_forgotten(&self) -> u64 {
        self.0.n_forgotten
    }
}

impl Silence {
    fn new() -> Self {
        Self {
            told_at: None,
            is_told: false,
            n_silent: 0,
            stopped: Stopped::default(),
            n_resumed: 0,
            resumed_at: None,
            last: None,
        }
    }
}

impl Stopped {
    fn add(&mut self, station: Option<u32>, poll: Poll, ending: Ending) {
        self.n += 1;
        if self.stations.len() < MAX_STATIONS {
            self.stations.insert(station);
        }
        self.interval = Some(self.interval.map_or(poll.interval, |least| least.min(poll.interval)));
        self.last = self.last.max(Some(poll.last));
        self.ending = Some(ending);
    }
}
