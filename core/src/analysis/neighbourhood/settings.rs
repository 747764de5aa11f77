//! Settings: who gives PROFINET devices their names and addresses, and which of them refuse.

use crate::record::{Layer2Change, WireReport};
use crate::wire::mac::Mac;
use crate::wire::packet::Vlan;
use crate::wire::profinet_dcp::{Block, Dcp, Kind, Service};

use super::label::Label;
use super::places::{Met, Places};
use super::telling::Telling;
use super::{SECOND_NS, Seen};

/// Times four: settings remembered, so that one that repeats is told once.
const N_SETS: usize = 16;
const AGAIN_NS: u64 = 300 * SECOND_NS;

/// Who sets what in whom, or refuses it to whom.
type Key = (Vlan, Mac, Option<Mac>, Label);

#[derive(Debug)]
pub(super) struct Settings {
    places: Places<Key, Telling>,
}

impl Settings {
    pub(super) fn new() -> Self {
        Self { places: Places::new(N_SETS) }
    }

    pub(super) fn on_dcp(&mut self, seen: &Seen, dcp: &Dcp<'_>, report: &mut WireReport) {
        let is_refused = match (dcp.service, dcp.kind) {
            (Service::Set, Kind::Request) => false,
            (Service::Set, Kind::NotSupported) => true,
            (Service::Set, Kind::Success) => {
                if !dcp.blocks().flatten().any(is_refusal) {
                    return;
                }
                true
            }
            (Service::Get | Service::Identify | Service::Hello, _) => return,
        };
        let what = summary(dcp);
        let key = (seen.vlan, seen.source, seen.destination, what);
        let (met, telling) = self.places.meet(key, seen.at_ns, Telling::default);
        report.layer2.evicted += u64::from(met == Met::Instead);
        if let Some(untold) = telling.is_due(seen.at_ns, AGAIN_NS) {
            let (station, what) = (seen.destination, what.text());
            seen.tell(Layer2Change::Set { station, what, is_refused }, untold, report);
        }
    }
}

fn is_refusal(block: Block<'_>) -> bool {
    matches!(block, Block::Response { error, .. } if error != 0)
}

/// What a frame sets, or what was refused.
fn summary(dcp: &Dcp<'_>) -> Label {
    use std::fmt::Write as _;
    let mut label = Label::EMPTY;
    for block in dcp.blocks().flatten() {
        if label != Label::EMPTY {
            let _ = label.write_str(", "); // this and what follows cannot fail
        }
        let _ = match block {
            Block::NameOfStation(name) => {
                let _ = label.write_str("name ");
                label.write_str(Label::new(name).text().as_ref())
            }
            Block::Ip { address, mask, gateway } => {
                write!(label, "address {address} mask {mask} gateway {gateway}")
            }
            Block::Response { option, suboption, error } => {
                write!(label, "{}: {}", Named(option, suboption), error_name(error))
            }
            Block::Signal => label.write_str("flash a lamp"),
            Block::Reset => label.write_str("reset to factory settings"),
            Block::Other { option, suboption } => write!(label, "{}", Named(option, suboption)),
        };
    }
    label
}

/// An option and its suboption in words (IEC 61158-6-10, table of DCP options).
struct Named(u8, u8);

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0, self.1) {
            (1, 2 | 3) => f.write_str("address"),
            (2, 2) => f.write_str("name"),
            (5, 1) => f.write_str("start of transaction"),
            (5, 2) => f.write_str("end of transaction"),
            (5, 3) => f.write_str("flash a lamp"),
            (5, 5 | 6) => f.write_str("reset to factory settings"),
            (option, suboption) => write!(f, "option {option}.{suboption}"),
        }
    }
}

/// Why a block was not taken (IEC 61158-6-10, `BlockError`).
fn error_name(code: u8) -> &'static str {
    match code {
        0 => "done",
        1 => "option not supported",
        2 => "suboption not supported or not there",
        3 => "suboption not set",
        4 => "resource error",
        5 => "not possible for local reasons",
        6 => "not possible while in operation",
        _ => "unknown error",
    }
}
