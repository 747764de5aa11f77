//! Whether a client is the master of a station, or a second one beside it.

use std::net::IpAddr;
use std::time::SystemTime;

use super::super::watch::time;
use super::{Change, Handle, Operation, Trust, Usages, WireReport, tell};

/// A client that asks without a period is there for so long after its last request.
const PRESENT_NS: u64 = 60_000_000_000;
/// A client is the master that everybody knows after so long.
const ESTABLISHED_NS: u64 = 600_000_000_000;

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

impl Usages {
    /// Decide whether a client that polls or writes is the master of the station, or a second one
    /// beside a master that is still there. Until one of the two shows, it stays undecided.
    #[cold]
    pub(super) fn judge_master(
        &mut self,
        handle: Handle,
        (at_ns, trust): (u64, Trust),
        report: &mut WireReport,
    ) {
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
                tell(report, &key, (at_ns, trust), Change::SecondMaster { master, since })
            }
            Some(Presence::Undecided) => false,
        };
        if let Some((_, entry)) = self.entries.get_mut(handle) {
            entry.is_judged = is_judged;
        }
    }
}
