//! Stations: which IPv4 address speaks from which MAC address, as ARP tells it.
//!
//! A probe claims nothing (RFC 5227, section 1.1). A claim by another station than before is a
//! conflict if the former one claimed the address a short time ago; else the device was replaced.

use std::net::Ipv4Addr;

use crate::record::{Layer2Change, WireReport};
use crate::wire::arp::Arp;
use crate::wire::mac::Mac;
use crate::wire::packet::Vlan;

use super::places::{Met, Places};
use super::telling::Telling;
use super::{SECOND_NS, Seen};

/// Times four: stations known at a time, at about a hundred bytes.
const N_SETS: usize = 1024;
/// Hosts ask for each other again within a minute or so while they talk.
const CLAIM_NS: u64 = 120 * SECOND_NS;
/// A conflict that goes on is told again so often, and one with further stations so often.
const AGAIN_NS: u64 = 3600 * SECOND_NS;
const THIRD_NS: u64 = 600 * SECOND_NS;

#[derive(Debug)]
pub(super) struct Stations {
    places: Places<(Vlan, Ipv4Addr), Station>,
}

#[derive(Debug)]
struct Station {
    mac: Mac,
    claimed_ns: u64,
    /// Between whom a conflict was told last, the lower address first.
    rivals: Option<(Mac, Mac)>,
    conflict: Telling,
    third: Telling,
}

impl Stations {
    pub(super) fn new() -> Self {
        Self { places: Places::new(N_SETS) }
    }

    pub(super) fn on_arp(&mut self, seen: &Seen, arp: Arp<'_>, report: &mut WireReport) {
        /// Request and reply (RFC 826).
        const OPERATIONS: std::ops::RangeInclusive<u16> = 1..=2;
        let (mac, address) = (arp.sender_mac(), arp.sender());
        let is_host = !address.is_multicast() && !address.is_broadcast();
        let is_claim = OPERATIONS.contains(&arp.operation()) && !arp.is_probe();
        if !(is_claim && is_host && mac.is_station()) {
            return;
        }
        let (met, station) =
            self.places.meet((seen.vlan, address), seen.at_ns, || Station::new(mac, seen.at_ns));
        report.layer2.stations_met += u64::from(met != Met::Known);
        report.layer2.stations_forgotten += u64::from(met == Met::Instead);
        let quiet_ns = seen.at_ns.saturating_sub(station.claimed_ns);
        station.claimed_ns = seen.at_ns;
        let before = std::mem::replace(&mut station.mac, mac);
        let is_replaced = before != mac;
        if is_replaced && quiet_ns <= CLAIM_NS {
            let is_announced = arp.is_announcement();
            let change = Layer2Change::Conflict { address, rival: before, is_announced };
            if let Some(untold) = station.contest(seen.at_ns, (before, mac)) {
                seen.by(mac).tell(change, untold, report);
            }
        } else if (is_replaced || met != Met::Known) && !seen.is_learning {
            let before = is_replaced.then_some(before);
            seen.by(mac).tell(Layer2Change::Station { address, before }, 0, report);
        }
    }
}

impl Station {
    fn new(mac: Mac, at_ns: u64) -> Self {
        let (conflict, third) = (Telling::default(), Telling::default());
        Self { mac, claimed_ns: at_ns, rivals: None, conflict, third }
    }

    /// Whether to tell a conflict, and how many were not told. Two that take turns, as routers do
    /// that stand in for each other, are told once; a third is not hidden behind them.
    fn contest(&mut self, at_ns: u64, (a, b): (Mac, Mac)) -> Option<u64> {
        let rivals = Some((a.min(b), a.max(b)));
        let is_third = self.rivals.is_some() && self.rivals != rivals;
        let due = match self.conflict.is_due(at_ns, AGAIN_NS) {
            None if is_third => self.third.is_due(at_ns, THIRD_NS),
            due => due,
        };
        if due.is_some() {
            self.rivals = rivals;
        }
        due
    }
}
