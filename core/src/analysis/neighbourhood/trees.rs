//! Spanning trees: which bridge is the root, and whether ports went up or down below it.
//!
//! While a tree is rebuilt, bridges contradict each other. So one of them is believed for each tree:
//! another one only if it knows a better root, or if the first is not heard any more.

use crate::record::{Layer2Change, WireReport};
use crate::wire::mac::Mac;
use crate::wire::packet::Vlan;
use crate::wire::stp::{Bpdu, BridgeId, Configuration};

use super::places::{Met, Places};
use super::telling::Telling;
use super::{SECOND_NS, Seen};

/// Times four: trees known at a time. There may be one for each VLAN.
const N_SETS: usize = 64;
/// What a bridge says is worth this long (IEEE 802.1D, clause 17.14: max age of 20 s).
const BELIEVED_NS: u64 = 20 * SECOND_NS;
/// A bridge speaks of one change for max age and forward delay together.
const CHANGE_NS: u64 = 35 * SECOND_NS;
/// The root of one tree is told at most so often.
const AGAIN_NS: u64 = 60 * SECOND_NS;
/// No instance has this number: a change without a tree's name.
const NO_INSTANCE: u16 = u16::MAX;

#[derive(Debug)]
pub(super) struct Trees {
    places: Places<(Vlan, u16), Tree>,
}

#[derive(Debug, Default)]
struct Tree {
    /// The root, who said so, and when.
    root: Option<(BridgeId, Mac, u64)>,
    /// When a change was last spoken of.
    changed_ns: Option<u64>,
    /// The root that the operator knows.
    told: Option<BridgeId>,
    telling: Telling,
}

impl Trees {
    pub(super) fn new() -> Self {
        Self { places: Places::new(N_SETS) }
    }

    pub(super) fn on_bpdu(&mut self, seen: &Seen, bpdu: &Bpdu, report: &mut WireReport) {
        let (instance, bridge, is_change) = match bpdu {
            Bpdu::Configuration(said) => {
                (said.bridge.instance(), Some(said.bridge), said.is_topology_change)
            }
            Bpdu::TopologyChange => (NO_INSTANCE, None, true),
        };
        let (met, tree) = self.places.meet((seen.vlan, instance), seen.at_ns, Tree::default);
        report.layer2.evicted += u64::from(met == Met::Instead);
        if let Bpdu::Configuration(said) = bpdu {
            tree.on_configuration(seen, said, report);
        }
        if is_change && tree.is_news(seen.at_ns) {
            seen.tell(Layer2Change::Topology { bridge }, 0, report);
        }
    }
}

impl Tree {
    fn on_configuration(&mut self, seen: &Seen, said: &Configuration, report: &mut WireReport) {
        let now = (said.root, seen.source, seen.at_ns);
        let Some((before, by, heard_ns)) = self.root else {
            (self.root, self.told) = (Some(now), Some(said.root));
            return;
        };
        let is_believed = by == seen.source
            || said.root <= before
            || seen.at_ns.saturating_sub(heard_ns) > BELIEVED_NS;
        if !is_believed {
            return;
        }
        self.root = Some(now);
        let known = self.told.filter(|told| *told != said.root);
        let untold = match known {
            _ if said.root != before => self.telling.is_due(seen.at_ns, AGAIN_NS),
            // It came back too soon after another one to be told, and has stayed.
            Some(_) => self.telling.is_overdue(seen.at_ns, AGAIN_NS),
            None => None,
        };
        if let Some(untold) = untold {
            let (before, root, bridge) = (known.unwrap_or(before), said.root, said.bridge);
            self.told = Some(root);
            seen.tell(Layer2Change::Root { before, root, bridge }, untold, report);
        }
    }

    /// True if no change was spoken of for a while.
    fn is_news(&mut self, at_ns: u64) -> bool {
        let last_ns = self.changed_ns.replace(at_ns);
        last_ns.is_none_or(|last_ns| at_ns.saturating_sub(last_ns) > CHANGE_NS)
    }
}
