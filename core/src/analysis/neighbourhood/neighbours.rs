//! Neighbours: what is at the other end of the cable, as LLDP tells it.

use crate::record::{Layer2Change, Neighbour, NeighbourChange, WireReport};
use crate::wire::lldp::Lldp;
use crate::wire::mac::Mac;
use crate::wire::packet::Vlan;

use super::label::Label;
use super::places::{Met, Places};
use super::telling::Telling;
use super::{SECOND_NS, Seen, is_early};

/// Times four: neighbours known at a time. A port has one; a mirror of many ports has many.
const N_SETS: usize = 32;
/// One and the same neighbour is told of at most so often.
const AGAIN_NS: u64 = 60 * SECOND_NS;
/// How often it is looked for who is gone.
const SWEEP_NS: u64 = SECOND_NS;

#[derive(Debug)]
pub(super) struct Neighbours {
    places: Places<(Vlan, Mac), Known>,
    /// Nobody can have been heard of while the capture missed frames.
    deaf_until_ns: u64,
    next_sweep_ns: u64,
}

#[derive(Debug)]
struct Known {
    words: Words,
    /// How long they are worth, since when.
    ttl_ns: u64,
    heard_ns: u64,
    is_gone: bool,
    /// What the operator knows: whether it is gone, and its words.
    told: (bool, Words),
    telling: Telling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words {
    chassis: Label,
    port: Label,
    system: Label,
}

impl Neighbours {
    pub(super) fn new() -> Self {
        Self { places: Places::new(N_SETS), deaf_until_ns: 0, next_sweep_ns: 0 }
    }

    /// Frames may have been missed until now.
    pub(super) fn on_gap(&mut self, at_ns: u64) {
        self.deaf_until_ns = at_ns;
    }

    pub(super) fn on_lldp(&mut self, seen: &Seen, lldp: &Lldp<'_>, report: &mut WireReport) {
        let words = Words {
            chassis: Label::of(lldp.chassis),
            port: Label::of(lldp.port),
            system: Label::new(lldp.system_name.unwrap_or_default()),
        };
        let (key, at_ns) = ((seen.vlan, seen.source), seen.at_ns);
        let (met, known) = self.places.meet(key, at_ns, || Known::new(&words, lldp.ttl == 0));
        report.layer2.evicted += u64::from(met == Met::Instead);
        let was_gone = std::mem::replace(&mut known.is_gone, lldp.ttl == 0);
        let before = std::mem::replace(&mut known.words, words);
        known.heard_ns = at_ns;
        known.ttl_ns = u64::from(lldp.ttl) * SECOND_NS;
        let change = if lldp.ttl == 0 {
            (!was_gone && met == Met::Known).then_some(NeighbourChange::Gone)
        } else if before != words {
            Some(NeighbourChange::Replaced(before.told()))
        } else if met != Met::Known {
            (!seen.is_learning).then_some(NeighbourChange::Appeared)
        } else {
            was_gone.then_some(NeighbourChange::Appeared)
        };
        known.tell(seen, change, report);
    }

    /// Tell who has said nothing for longer than it wanted to be remembered.
    pub(super) fn sweep(&mut self, now_ns: u64, report: &mut WireReport) {
        if is_early(now_ns, self.next_sweep_ns, SWEEP_NS) {
            return;
        }
        self.next_sweep_ns = now_ns + SWEEP_NS;
        for (&(vlan, source), known) in self.places.iter_mut() {
            let since_ns = known.heard_ns.max(self.deaf_until_ns);
            if !known.is_gone && now_ns.saturating_sub(since_ns) > known.ttl_ns {
                known.is_gone = true;
                let seen =
                    Seen { at_ns: now_ns, vlan, source, destination: None, is_learning: false };
                known.tell(&seen, Some(NeighbourChange::Gone), report);
            } else {
                known.catch_up((now_ns, vlan, source), report);
            }
        }
    }
}

impl Known {
    fn new(words: &Words, is_gone: bool) -> Self {
        let (told, telling) = ((is_gone, *words), Telling::default());
        Self { words: *words, ttl_ns: 0, heard_ns: 0, is_gone, told, telling }
    }

    fn tell(&mut self, seen: &Seen, change: Option<NeighbourChange>, report: &mut WireReport) {
        let Some(change) = change else { return };
        if let Some(untold) = self.telling.is_due(seen.at_ns, AGAIN_NS) {
            self.say(seen, change, untold, report);
        }
    }

    /// Tell what came too soon after something else and still is so: the last word is true.
    fn catch_up(&mut self, (at_ns, vlan, source): (u64, Vlan, Mac), report: &mut WireReport) {
        let change = match self.told {
            told if told == (self.is_gone, self.words) => return,
            _ if self.is_gone => NeighbourChange::Gone,
            (true, _) => NeighbourChange::Appeared,
            (false, words) => NeighbourChange::Replaced(words.told()),
        };
        if let Some(untold) = self.telling.is_overdue(at_ns, AGAIN_NS) {
            let seen = Seen { at_ns, vlan, source, destination: None, is_learning: false };
            self.say(&seen, change, untold, report);
        }
    }

    fn say(&mut self, seen: &Seen, change: NeighbourChange, untold: u64, report: &mut WireReport) {
        self.told = (self.is_gone, self.words);
        let now = self.words.told();
        seen.tell(Layer2Change::Neighbour { change, now }, untold, report);
    }
}

impl Words {
    fn told(&self) -> Neighbour {
        let Self { chassis, port, system } = self;
        Neighbour { chassis: chassis.text(), port: port.text(), system: system.text() }
    }
}
