//! What was learnt: a table of usages, and which of them a baseline does not allow yet.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::config::{Addition, Baseline, Grant, Parties};
use crate::pipeline::function_of;
use crate::record::{News, Protocol, Usage};

/// Everything that was seen asked, up to [`Learned::CAPACITY`].
#[derive(Debug, Default)]
pub struct Learned {
    /// What is allowed already.
    known: Arc<Baseline>,
    lines: BTreeMap<Key, Line>,
    untold: u64,
    deferred: u64,
}

/// In the order in which lines are written: all of a server stand together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    server: SocketAddr,
    client: IpAddr,
    protocol: Protocol,
    vlan: [u16; 2],
    station: Option<u32>,
    function: u16,
}

#[derive(Debug)]
struct Line {
    /// With the ranges of all that was seen.
    usage: Usage,
    is_new: bool,
}

impl Learned {
    /// A stranger decides how many there are; nobody reviews more.
    pub const CAPACITY: usize = 16_384;

    /// With a baseline that will be added to.
    pub fn beside(known: Arc<Baseline>) -> Self {
        Self { known, ..Self::default() }
    }

    pub fn on_usage(&mut self, usage: &Usage) {
        let key = Key::of(usage);
        let n_lines = self.lines.len();
        let is_new = self.known.covers(usage).is_err();
        match self.lines.get_mut(&key) {
            Some(line) => {
                line.usage.addresses = hull(line.usage.addresses.take(), usage.addresses.clone());
                line.usage.values = hull(line.usage.values.take(), usage.values.clone());
                line.is_new |= is_new;
            }
            None if n_lines < Self::CAPACITY => {
                // As a range: it need not be one request.
                let usage = Usage { news: News::Address, ..usage.clone() };
                self.lines.insert(key, Line { usage, is_new });
            }
            None => self.untold += 1,
        }
    }

    /// Lines, whether they are new or not.
    pub fn n_lines(&self) -> usize {
        self.lines.len()
    }

    /// Lines that the baseline does not allow yet.
    pub fn n_new(&self) -> usize {
        self.lines.values().filter(|line| line.is_new).count()
    }

    /// News for which there was no room.
    pub fn n_untold(&self) -> u64 {
        self.untold
    }

    /// News that a capture had no room to tell when it met them; those that came again were learnt.
    pub fn on_deferred(&mut self, n: u64) {
        self.deferred += n;
    }

    /// Those, all together.
    pub fn n_deferred(&self) -> u64 {
        self.deferred
    }

    /// What has to be added to the baseline.
    pub fn additions(&self) -> Vec<Addition> {
        let mut additions: Vec<Addition> = vec![];
        for Line { usage, .. } in self.lines.values().filter(|line| line.is_new) {
            let parties = Parties::of(usage);
            let grant = (Grant::of(usage), function_of(usage).into_owned());
            match additions.last_mut() {
                Some(last) if last.parties == parties => last.grants.push(grant),
                Some(_) | None => additions.push(Addition { parties, grants: vec![grant] }),
            }
        }
        additions
    }
}

impl Key {
    fn of(usage: &Usage) -> Self {
        Self {
            server: usage.server,
            client: usage.client,
            protocol: usage.protocol,
            vlan: [usage.vlan.outer, usage.vlan.inner],
            station: usage.station,
            function: usage.function,
        }
    }
}

/// The least range that holds both.
fn hull<T: Ord + Copy>(
    a: Option<RangeInclusive<T>>,
    b: Option<RangeInclusive<T>>,
) -> Option<RangeInclusive<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(*a.start().min(b.start())..=*a.end().max(b.end())),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests;
