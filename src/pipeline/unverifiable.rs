//! Checksums that nobody finished: told once for each host with the line that would change it, and
//! at most once an hour for each interface.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::record::{Event, Kind, SourceId, Unfinished, Unverifiable};

use super::outbox::Outbox;

/// Between two lines about one source.
const QUIET: Duration = Duration::from_secs(3600);
/// Hosts that are known, told or not. Further ones are counted.
const MAX_HOSTS: usize = 64;

/// Of one source.
#[derive(Debug, Default)]
pub(super) struct Hints {
    known: BTreeSet<IpAddr>,
    /// Not told yet; each is known.
    waiting: VecDeque<Unverifiable>,
    /// For which there was no room.
    n_unknown: u64,
    told_at: Option<SystemTime>,
}

/// Where the packets were captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Interface,
    File,
}

impl Hints {
    pub(super) fn on_note(&mut self, hint: &Unverifiable) {
        if self.known.contains(&hint.host) {
            return;
        }
        if self.known.len() < MAX_HOSTS {
            self.known.insert(hint.host);
            self.waiting.push_back(*hint);
        } else {
            self.n_unknown += 1;
        }
    }

    pub(super) fn n_unknown(&self) -> u64 {
        self.n_unknown
    }

    pub(super) fn on_window_end(
        &mut self,
        (source, origin): (&SourceId, Origin),
        now: SystemTime,
        outbox: &mut Outbox,
    ) {
        // A clock that was set back does not silence it for years.
        let is_due = |told_at| now.duration_since(told_at).map_or(true, |ago| ago >= QUIET);
        if !self.told_at.is_none_or(is_due) {
            return;
        }
        if let Some(hint) = self.waiting.pop_front() {
            self.told_at = Some(now);
            let n_further = self.waiting.len() as u64;
            outbox.raise(Kind::ChecksumUnverifiable, || told((source, origin), &hint, n_further));
        }
    }
}

fn told((source, origin): (&SourceId, Origin), hint: &Unverifiable, n_further: u64) -> Event {
    let Unverifiable { at, host, cause, packets, verified, mtu } = hint;
    let (name, why, remedy) = match (cause, origin) {
        (Unfinished::Merged, Origin::Interface) => (
            "merged",
            "this machine merges packets before they are captured (longer than the MTU), and \
             their checksums are lost",
            format!("ethtool -K {source} gro off lro off"),
        ),
        (Unfinished::Merged, Origin::File) => (
            "merged",
            "the machine that captured them merged packets before (longer than any network \
             carries), and their checksums are lost",
            "ethtool -K INTERFACE gro off lro off".to_owned(),
        ),
        (Unfinished::Local, _) => (
            "local",
            "it is this machine or a guest of it, whose checksums are filled in later, if at all; \
             on that host, with its own interface's name",
            format!("ethtool -K {source} tx off"),
        ),
        (Unfinished::Copied, _) => (
            "copied",
            "they were copied before its network card filled them in, by itself or by the virtual \
             switch it is on; on that host",
            "ethtool -K INTERFACE tx off".to_owned(),
        ),
    };
    let further = match n_further {
        0 => String::new(),
        n => format!(" (further hosts: {n})"),
    };
    let text = format!(
        "checksums of {host} cannot be verified, {packets} packets against {verified}: {why}: \
         `{remedy}` would change that{further}"
    );
    let event = Event::new(Kind::ChecksumUnverifiable, *at, source.clone(), text)
        .with("host", host.to_string())
        .with("cause", name)
        .with("packets", *packets)
        .with("verified", *verified)
        .with("remedy", remedy)
        .with("further_hosts", n_further);
    match mtu {
        Some(mtu) => event.with("mtu", *mtu),
        None => event,
    }
}

#[cfg(test)]
mod tests;
