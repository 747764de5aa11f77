//! Where packets are damaged, as far as what was seen of their senders tells.
//!
//! Remembered from window to window, because a repetition may come later than the damage, and
//! forgotten a while after the last damage. Strangers choose addresses: both tables are bounded,
//! and what finds no room is told without a place.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::record::{Corruption, Intact, Losses, Repaired};

use super::words::{elapsed, latency_ms};

/// Senders of damaged packets, of one source.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    by_host: BTreeMap<IpAddr, Suspect>,
    /// Right checksums, of everybody, since the start.
    n_valid: u64,
}

const MAX_HOSTS: usize = 64;
pub(super) const MAX_PEERS: usize = 64;
/// A sender is forgotten so long after its last damaged packet; as the analyser does.
const MEMORY: Duration = Duration::from_secs(60);
/// Damaged packets without an intact one, before a sender is believed to damage all of them; and
/// how long, if they all went to one host.
const ALL_BAD: u64 = 8;
const ALL_BAD_FOR: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Suspect {
    failed: u64,
    intact: u64,
    first_at: SystemTime,
    last_at: SystemTime,
    /// Of everybody, when it was first seen to fail.
    valid_before: u64,
    /// By destination.
    peers: BTreeMap<IpAddr, Peer>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    rewritten: bool,
    /// Until a repetition was intact, the last time.
    repaired_after: Option<Duration>,
}

/// Where it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Locator {
    /// Nowhere: addresses were rewritten.
    Rewritten,
    /// In the sender.
    Sender {
        failed: u64,
        /// Hosts that it sends to, as far as they are told apart.
        n_peers: usize,
    },
    /// At the interface that is captured from.
    Port(Losses),
    /// Between the sender and the capture.
    Link {
        repaired_after: Duration,
    },
    /// In what the ways of several hosts share.
    Path {
        n_hosts: usize,
    },
    /// On the serial line behind the sender: what carried the frames is intact.
    Line,
    Unknown,
}

impl Suspects {
    pub(super) fn on_corruption(&mut self, seen: &Corruption) {
        if self.by_host.len() >= MAX_HOSTS && !self.by_host.contains_key(&seen.source) {
            return;
        }
        let valid_before = self.n_valid;
        let suspect = self.by_host.entry(seen.source).or_insert_with(|| Suspect {
            failed: 0,
            intact: 0,
            first_at: seen.at,
            last_at: seen.at,
            valid_before,
            peers: BTreeMap::new(),
        });
        suspect.failed += 1;
        suspect.last_at = suspect.last_at.max(seen.at);
        if let Some(peer) = suspect.peer(seen.destination) {
            peer.rewritten |= seen.is_rewritten;
        }
    }

    pub(super) fn on_repaired(&mut self, seen: &Repaired) {
        let suspect = self.by_host.get_mut(&seen.source);
        if let Some(peer) = suspect.and_then(|suspect| suspect.peer(seen.destination)) {
            peer.repaired_after = Some(seen.after);
        }
    }

    /// Right checksums: of those who sent wrong ones, and of everybody.
    pub(super) fn on_intact(&mut self, intact: &[Intact], n_valid: u64) {
        self.n_valid += n_valid;
        for Intact { host, packets } in intact {
            if let Some(suspect) = self.by_host.get_mut(host) {
                suspect.intact += packets;
            }
        }
    }

    /// Where what went from one host to another was damaged. `losses`: of the interface, lately.
    pub(super) fn locate(&self, source: IpAddr, destination: IpAddr, losses: &Losses) -> Locator {
        let Some(suspect) = self.by_host.get(&source) else { return Locator::Unknown };
        let peer = suspect.peers.get(&destination).copied().unwrap_or_default();
        let n_hosts = self.by_host.values().filter(|host| !self.is_to_blame(host)).count();
        match peer.repaired_after {
            _ if peer.rewritten => Locator::Rewritten,
            _ if suspect.is_always_bad(self.n_valid) => {
                Locator::Sender { failed: suspect.failed, n_peers: suspect.peers.len() }
            }
            _ if losses.is_damage() => Locator::Port(*losses),
            Some(repaired_after) => Locator::Link { repaired_after },
            None if n_hosts > 1 => Locator::Path { n_hosts },
            None => Locator::Unknown,
        }
    }

    /// True if what of a sender is wrong needs no other cause: it says nothing of a way that it
    /// shares with others.
    fn is_to_blame(&self, suspect: &Suspect) -> bool {
        suspect.is_always_bad(self.n_valid) || suspect.peers.values().any(|peer| peer.rewritten)
    }

    pub(super) fn on_window_end(&mut self, now: SystemTime) {
        self.by_host.retain(|_, suspect| elapsed(suspect.last_at, now) < MEMORY);
    }
}

impl Suspect {
    fn peer(&mut self, host: IpAddr) -> Option<&mut Peer> {
        let has_room = self.peers.len() < MAX_PEERS || self.peers.contains_key(&host);
        has_room.then(|| self.peers.entry(host).or_default())
    }

    /// Nothing of it was intact, while something of others was.
    fn is_always_bad(&self, n_valid: u64) -> bool {
        let is_steady = self.peers.len() > 1 || elapsed(self.first_at, self.last_at) >= ALL_BAD_FOR;
        self.failed >= ALL_BAD && self.intact == 0 && is_steady && n_valid > self.valid_before
    }
}

impl Locator {
    /// True if it goes on until somebody mends it.
    pub(super) fn is_lasting(self) -> bool {
        match self {
            Self::Rewritten | Self::Sender { .. } | Self::Line => true,
            Self::Port(_) | Self::Link { .. } | Self::Path { .. } | Self::Unknown => false,
        }
    }

    /// As a field.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rewritten => "rewritten",
            Self::Sender { .. } => "sender",
            Self::Port(_) => "port",
            Self::Link { .. } => "link",
            Self::Path { .. } => "path",
            Self::Line => "line",
            Self::Unknown => "unknown",
        }
    }

    /// As the end of a sentence about packets of `host`.
    pub(super) fn words(self, host: IpAddr) -> String {
        match self {
            Self::Rewritten => {
                "all between the two are wrong by the same amount: a box on the way \
                                rewrites addresses and leaves checksums as they are"
                    .to_owned()
            }
            Self::Sender { failed, .. } => format!(
                "none of the last {failed} from {host} was right, while those of others are: its \
                 network card, its driver or a broken offload; try `ethtool -K` with `tx off` there"
            ),
            Self::Port(Losses { rx_crc, rx_frame, .. }) => format!(
                "frames arrived damaged here at the same time (rx_crc_errors {rx_crc}, \
                 rx_frame_errors {rx_frame}): the cable, connector or port of this interface"
            ),
            Self::Link { repaired_after } => format!(
                "repeated intact {} ms later, so {host} sends it right: the link from there to \
                 this tap, its cable, connectors and ports",
                latency_ms(repaired_after)
            ),
            Self::Path { n_hosts } => format!(
                "packets of {n_hosts} hosts arrive damaged: what their ways share, a switch, an \
                 uplink, the mirror port or its cable"
            ),
            Self::Line => format!(
                "what carries them is not corrupt: look at termination, shield and baud rate of the \
                 serial line behind {host}, and at its gateway"
            ),
            Self::Unknown => "where is not known yet; look at cable, connector and port counters \
                              between the two and this tap"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
