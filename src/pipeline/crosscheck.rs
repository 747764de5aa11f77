//! Wire and poll agree: each polled answer is compared with what a capture saw of the same
//! exchange, and what other masters are told with what we are.
//!
//! Nothing is a mismatch that is not proven: what cannot be paired is counted as not compared, by
//! reason, and every finding carries its coverage. Costs nothing where readings name no exchange.

mod masters;
mod matching;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Polled;
use crate::record::{Doubts, Event, Kind, Ledger, Reading, SourceId, WireReport};

use super::outbox::Outbox;

use masters::Masters;
use matching::{Asked, Seen, Settled, Table, Verdict};
use words::Coverage;

/// How long repetitions are only counted.
const QUIET: Duration = Duration::from_secs(5 * 60);

#[derive(Debug, Default)]
pub(super) struct Crosscheck {
    table: Table,
    masters: Masters,
    links: BTreeMap<SourceId, Link>,
    /// Our ends of the connections that the links use now.
    ours: BTreeSet<SocketAddr>,
}

/// One link whose traffic a capture may see; the configuration bounds their number.
#[derive(Debug, Default)]
struct Link {
    /// In: exchanges polled. Out: compared and equal.
    ledger: Ledger,
    /// Our end of the connection that each device was last polled over: a link may have several.
    clients: BTreeMap<Arc<str>, SocketAddr>,
    told: BTreeMap<(Arc<str>, Cause), Told>,
}

/// What a mismatch is between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// What we received, and what the wire showed of the same exchange.
    Wire,
    /// What we are told, and what another master is told.
    OtherMaster,
}

#[derive(Debug)]
struct Told {
    at: SystemTime,
    /// Since then.
    untold: u64,
}

impl Crosscheck {
    /// Take what we were answered, if the wire may have shown it.
    pub(super) fn on_reading(&mut self, reading: &Reading, outbox: &mut Outbox) {
        let Some(asked) = Asked::of(reading) else { return };
        let link = self.links.entry(reading.source.clone()).or_default();
        link.ledger.entered += 1;
        let client = asked.exchange.identity.client;
        let before = link.clients.insert(Arc::clone(&asked.device), client);
        if let Some(before) = before
            && !link.clients.values().any(|used| *used == before)
        {
            self.ours.remove(&before);
        }
        self.ours.insert(client);
        if let Some(crowded_out) = self.table.ask(asked) {
            self.settle(crowded_out, outbox);
        }
    }

    /// Take what the wire showed.
    pub(super) fn on_report(&mut self, report: &WireReport, doubts: Doubts) {
        for read in &report.reads {
            let seen = Seen::new(&report.source, (read, doubts));
            if !self.ours.contains(&seen.exchange.identity.client) {
                self.masters.on_read(&seen);
            }
            self.table.see(seen);
        }
    }

    /// Judge what has had its time to be seen.
    pub(super) fn on_window_end(&mut self, now: SystemTime, outbox: &mut Outbox) {
        while let Some(settled) = self.table.next_due(now) {
            self.settle(settled, outbox);
        }
        self.table.forget_unasked(now);
    }

    /// Judge everything: nothing more will be seen.
    pub(super) fn close(&mut self, outbox: &mut Outbox) {
        while let Some(settled) = self.table.take_oldest() {
            self.settle(settled, outbox);
        }
    }

    /// Forget what left the configuration; ledgers stay.
    pub(super) fn on_reload(&mut self, configured: &BTreeMap<SourceId, Polled>) {
        self.masters = Masters::default();
        for (id, link) in &mut self.links {
            let polled = configured.get(id);
            let is_left = |device: &str| polled.is_some_and(|p| p.tags_of(id, device).is_some());
            link.told.retain(|(device, _), _| is_left(device));
            link.clients.retain(|device, _| is_left(device));
        }
        self.ours = self.links.values().flat_map(|link| link.clients.values()).copied().collect();
    }

    /// `crosscheck:<link>`: polled = compared and equal + each reason why not.
    pub(super) fn ledgers(&self) -> impl Iterator<Item = (String, Ledger)> {
        self.links.iter().map(|(id, link)| (format!("crosscheck:{id}"), link.ledger.clone()))
    }

    fn settle(&mut self, settled: Settled, outbox: &mut Outbox) {
        let Settled { asked, n_asked, verdict } = settled;
        let Some(link) = self.links.get_mut(&asked.source) else { return };
        match &verdict {
            Verdict::Equal(_) => link.ledger.left += n_asked,
            Verdict::Different(_) => link.ledger.drop(DIFFERENT, n_asked),
            Verdict::Ambiguous => link.ledger.drop("ambiguous", n_asked),
            Verdict::NotSeen => link.ledger.drop("not_seen", n_asked),
            Verdict::CrowdedOut => link.ledger.drop("table_full", n_asked),
        }
        match &verdict {
            Verdict::Equal(seen) => {
                let judged = self.masters.on_equal(&asked, seen, &self.ours);
                link.ledger.note("others_seen", judged.n_seen);
                link.ledger.note("others_compared", judged.n_compared);
                link.ledger.note("others_lost", judged.n_lost);
                for finding in &judged.findings {
                    link.tell(&asked, Cause::OtherMaster, outbox, |coverage| {
                        words::told_otherwise(&asked, finding, &coverage)
                    });
                }
            }
            Verdict::Different(seen) => {
                self.masters.on_unequal(&asked);
                link.tell(&asked, Cause::Wire, outbox, |coverage| {
                    words::differs(&asked, seen, &coverage)
                });
            }
            Verdict::Ambiguous | Verdict::NotSeen | Verdict::CrowdedOut => {
                self.masters.on_unequal(&asked);
            }
        }
    }
}

/// Name in the ledger, from which its count is told.
const DIFFERENT: &str = "different";

impl Link {
    /// Once for each device and cause, and then at most once in [`QUIET`].
    fn tell(
        &mut self,
        asked: &Asked,
        cause: Cause,
        outbox: &mut Outbox,
        event: impl FnOnce(Coverage) -> Event,
    ) {
        let now = asked.exchange.answered;
        let key = (Arc::clone(&asked.device), cause);
        let untold = match self.told.get_mut(&key) {
            Some(told) if told.is_recent(now) => {
                told.untold += 1;
                return;
            }
            Some(told) => told.untold,
            None => 0,
        };
        self.told.insert(key, Told { at: now, untold: 0 });
        let coverage = Coverage::of(&self.ledger, untold);
        outbox.raise(Kind::CrosscheckMismatch, || event(coverage));
    }
}

impl Told {
    /// False after the clock was set back, or it might be quiet for years.
    fn is_recent(&self, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|ago| ago < QUIET)
    }
}

#[cfg(test)]
mod tests;
