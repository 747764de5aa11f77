//! Polled exchanges wait here for their like on the wire, and the other way round. Pure.
//!
//! Either may come first: a block is handed over some time after its frames, and a reading waits
//! its turn. Each polled exchange leaves with one verdict, after [`WAIT`] or when there is no room,
//! so that a second sight of it (another interface, another VLAN) counts too.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::record::{Doubts, Exchange, Identity, Overheard, Reading, SourceId, Trust};
use crate::tag::Tag;
use crate::wire::packet::Vlan;

/// How long after its answer an exchange may still be seen or asked for; longer than the longest
/// block time-out. Half of what the busiest connection takes to use an identifier again.
pub(super) const WAIT: Duration = Duration::from_secs(2);
/// Exchanges that wait to be seen; the oldest is judged at once by what there is.
pub(super) const MAX_ASKED: usize = 8192;
/// Reads that nobody asked for so far. Strangers make them: the oldest is forgotten, and if it was
/// ours, then ours is not seen.
pub(super) const MAX_EARLY: usize = 2048;
/// Sights of one exchange: on so many interfaces and VLANs it may pass. Further ones are ignored.
const MAX_SIGHTS: usize = 4;

/// A polled exchange.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) source: SourceId,
    pub(super) device: Arc<str>,
    pub(super) tags: Vec<Arc<Tag>>,
    pub(super) exchange: Arc<Exchange>,
}

impl Asked {
    pub(super) fn of(reading: &Reading) -> Option<Self> {
        Some(Self {
            source: reading.source.clone(),
            device: Arc::clone(&reading.device),
            tags: reading.samples.iter().map(|sample| Arc::clone(&sample.tag)).collect(),
            exchange: reading.exchange.clone()?,
        })
    }
}

/// An exchange on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) exchange: Arc<Exchange>,
    pub(super) trust: Trust,
    pub(super) doubts: Doubts,
}

/// Where it was seen. Addresses may repeat from one to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) capture: SourceId,
    pub(super) vlan: Vlan,
}

impl Seen {
    pub(super) fn new(capture: &SourceId, (read, doubts): (&Overheard, Doubts)) -> Self {
        let place = Place { capture: capture.clone(), vlan: read.vlan };
        Self { place, exchange: Arc::clone(&read.exchange), trust: read.trust, doubts }
    }
}

/// What became of a polled exchange.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) asked: Asked,
    /// Readings of this identity: more than one only if it is ambiguous.
    pub(super) n_asked: u64,
    pub(super) verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// However often it was seen, at least once.
    Equal(Vec<Seen>),
    Different(Seen),
    /// Seen both equal and different, or asked twice under one identity.
    Ambiguous,
    NotSeen,
    /// Not seen by the time that its place was needed.
    CrowdedOut,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    asked: HashMap<Identity, Entry>,
    /// The identities in `asked`, oldest first.
    order: VecDeque<Identity>,
    early: HashMap<Identity, Vec<Seen>>,
    /// Those in `early`, oldest first, and some that were asked for meanwhile.
    early_order: VecDeque<(SystemTime, Identity)>,
}

#[derive(Debug)]
struct Entry {
    asked: Asked,
    n_asked: u64,
    equal: Vec<Seen>,
    /// The first that was.
    different: Option<Seen>,
}

impl Table {
    /// Take a polled exchange; if it needs the place of the oldest, that is settled.
    pub(super) fn ask(&mut self, asked: Asked) -> Option<Settled> {
        let identity = asked.exchange.identity;
        if let Some(entry) = self.asked.get_mut(&identity) {
            entry.n_asked += 1;
            return None;
        }
        let mut entry = Entry { asked, n_asked: 1, equal: vec![], different: None };
        for seen in self.early.remove(&identity).unwrap_or_default() {
            entry.on_sight(seen);
        }
        let crowded_out =
            if self.order.len() < MAX_ASKED { None } else { self.take(Verdict::CrowdedOut) };
        self.order.push_back(identity);
        self.asked.insert(identity, entry);
        crowded_out
    }

    /// Take an exchange that was seen.
    pub(super) fn see(&mut self, seen: Seen) {
        let identity = seen.exchange.identity;
        if let Some(entry) = self.asked.get_mut(&identity) {
            entry.on_sight(seen);
            return;
        }
        if let Some(sights) = self.early.get_mut(&identity) {
            if sights.len() < MAX_SIGHTS {
                sights.push(seen);
            }
            return;
        }
        if self.early_order.len() == MAX_EARLY {
            self.forget_oldest_unasked();
        }
        self.early_order.push_back((seen.exchange.answered, identity));
        self.early.insert(identity, vec![seen]);
    }

    /// The oldest exchange, if it has had its time.
    pub(super) fn next_due(&mut self, now: SystemTime) -> Option<Settled> {
        let oldest = self.asked.get(self.order.front()?)?;
        is_over(oldest.asked.exchange.answered, now).then(|| self.take_oldest())?
    }

    /// The oldest exchange.
    pub(super) fn take_oldest(&mut self) -> Option<Settled> {
        self.take(Verdict::NotSeen)
    }

    /// Forget what was seen and not asked for in time.
    pub(super) fn forget_unasked(&mut self, now: SystemTime) {
        while self.early_order.front().is_some_and(|(answered, _)| is_over(*answered, now)) {
            self.forget_oldest_unasked();
        }
    }

    fn forget_oldest_unasked(&mut self) {
        if let Some((_, identity)) = self.early_order.pop_front() {
            self.early.remove(&identity);
        }
    }

    /// The oldest exchange, which is `unseen` if it was not seen.
    fn take(&mut self, unseen: Verdict) -> Option<Settled> {
        let Entry { asked, n_asked, equal, different } =
            self.asked.remove(&self.order.pop_front()?)?;
        let verdict = match (equal.is_empty(), different) {
            _ if n_asked > 1 => Verdict::Ambiguous,
            (false, None) => Verdict::Equal(equal),
            (true, Some(seen)) => Verdict::Different(seen),
            (false, Some(_)) => Verdict::Ambiguous,
            (true, None) => unseen,
        };
        Some(Settled { asked, n_asked, verdict })
    }
}

impl Entry {
    /// An identity of another time is another exchange.
    fn on_sight(&mut self, seen: Seen) {
        let (asked, found) = (&self.asked.exchange, &seen.exchange);
        let apart = match found.answered.duration_since(asked.answered) {
            Ok(later) => later,
            Err(earlier) => earlier.duration(),
        };
        if apart > WAIT {
            return;
        }
        if asked.answer != found.answer {
            self.different.get_or_insert(seen);
        } else if self.equal.len() < MAX_SIGHTS {
            self.equal.push(seen);
        }
    }
}

/// True if `now` is so late, or the clock was set back.
fn is_over(answered: SystemTime, now: SystemTime) -> bool {
    now.duration_since(answered).map_or(true, |age| age >= WAIT)
}
