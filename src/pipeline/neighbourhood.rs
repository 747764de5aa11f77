//! The neighbourhood of a capture, as events: stations, neighbours, bridges, devices, GOOSE.
//!
//! What repeats is left out before it comes here. What differs each time, as strangers can make it,
//! is told so often in a minute for each kind of event, and the rest as one number.

mod goose;
mod words;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::record::{
    Doubts, GooseChange, Kind, Layer2Change, Layer2Finding, Layer2Tally, Ledger, SourceId,
    WireReport,
};

use super::outbox::Outbox;

const PERIOD: Duration = Duration::from_secs(60);
/// Told of one kind in one period. A fault in a substation makes many devices speak at once.
const MAX_TOLD: u64 = 8;
const MAX_GOOSE: u64 = 32;

/// Of one source.
#[derive(Debug, Default)]
pub(super) struct Neighbourhood {
    tally: Layer2Tally,
    by_kind: BTreeMap<Kind, Told>,
    /// Findings that were only counted.
    untold: u64,
}

/// Of one kind of event in the present period.
#[derive(Debug)]
struct Told {
    since: SystemTime,
    singly: u64,
    counted: u64,
}

impl Neighbourhood {
    pub(super) fn add(&mut self, report: &WireReport) {
        self.tally.merge(&report.layer2);
    }

    pub(super) fn on_finding(
        &mut self,
        source: &SourceId,
        (finding, doubts): (&Layer2Finding, Doubts),
        outbox: &mut Outbox,
    ) {
        let kind = kind_of(&finding.change);
        let is_goose = matches!(finding.change, Layer2Change::Goose { .. });
        let limit = if is_goose { MAX_GOOSE } else { MAX_TOLD };
        let told = self.by_kind.entry(kind).or_insert_with(|| Told::new(finding.at));
        if told.is_over(finding.at) {
            told.close(kind, source, finding.at, outbox);
        }
        if told.singly < limit {
            told.singly += 1;
            outbox.raise(kind, || words::event(kind, source, (finding, doubts)));
        } else {
            told.counted += 1;
            self.untold += 1;
        }
    }

    /// Tell what a period came to that is over.
    pub(super) fn on_window_end(
        &mut self,
        source: &SourceId,
        now: SystemTime,
        outbox: &mut Outbox,
    ) {
        for (kind, told) in &mut self.by_kind {
            if told.counted > 0 && told.is_over(now) {
                told.close(*kind, source, now, outbox);
            }
        }
    }

    pub(super) fn n_stations(&self) -> u64 {
        self.tally.n_stations()
    }

    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        for (name, n) in [
            ("arp", self.tally.arp),
            ("lldp", self.tally.lldp),
            ("stp", self.tally.stp),
            ("dcp", self.tally.dcp),
            ("goose", self.tally.goose),
            ("layer2_malformed", self.tally.malformed),
            ("layer2_evicted", self.tally.evicted),
            ("layer2_untold", self.untold),
            ("stations", self.tally.n_stations()),
            ("stations_forgotten", self.tally.stations_forgotten),
        ] {
            ledger.note(name, n);
        }
    }
}

impl Told {
    fn new(since: SystemTime) -> Self {
        Self { since, singly: 0, counted: 0 }
    }

    /// A clock that was set back begins another one.
    fn is_over(&self, now: SystemTime) -> bool {
        now.duration_since(self.since).map_or(true, |passed| passed >= PERIOD)
    }

    fn close(&mut self, kind: Kind, source: &SourceId, now: SystemTime, outbox: &mut Outbox) {
        let Self { counted, .. } = std::mem::replace(self, Self::new(now));
        if counted > 0 {
            outbox.raise(kind, || words::others(kind, source, now, counted));
        }
    }
}

fn kind_of(change: &Layer2Change) -> Kind {
    match change {
        Layer2Change::Station { .. } => Kind::StationNew,
        Layer2Change::Conflict { .. } => Kind::StationConflict,
        Layer2Change::Neighbour { .. } => Kind::NeighbourChanged,
        Layer2Change::Root { .. } | Layer2Change::Topology { .. } => Kind::TopologyChanged,
        Layer2Change::Set { .. } => Kind::ProfinetSet,
        Layer2Change::Goose { change, .. } => match change {
            GooseChange::State { .. }
            | GooseChange::Flags { .. }
            | GooseChange::Restarted { .. }
            | GooseChange::Backwards { .. } => Kind::GooseChanged,
            GooseChange::Skipped { .. } | GooseChange::Lost { .. } | GooseChange::Back { .. } => {
                Kind::GooseLost
            }
        },
    }
}
