//! Deviations: what a capture saw asked that the baseline does not allow.
//!
//! Told once, then at most every five minutes with the count, for each kind of deviation by client,
//! server, station and function. Strangers choose these: the table holds [`MAX_DEVIATIONS`], and
//! the one told longest ago makes room. A usage is reported when it is new and when it grows, so
//! that a baseline that is replaced judges what is new from then on, and nothing again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use crate::config::{Aspect, Baseline, Deviation, Grant, Parties};
use crate::record::{Event, Kind, Ledger, Protocol, SourceId, Usage, WireReport};

use super::message::{code_name, operation, title};
use super::outbox::Outbox;
use super::reply::is_recent;
use super::words::function_name;

/// What is held against what, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Deviations {
    /// `None`: everything is allowed.
    baseline: Option<Arc<Baseline>>,
    told: BTreeMap<Key, Repeat>,
    /// Not told, but counted in what is told later.
    repeated: u64,
    /// Of those, the ones whose count was lost when they made room.
    forgotten: u64,
}

const MAX_DEVIATIONS: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    vlan: [u16; 2],
    client: IpAddr,
    server: SocketAddr,
    protocol: Protocol,
    station: Option<u32>,
    function: u16,
    aspect: &'static str,
}

#[derive(Debug)]
struct Repeat {
    told_at: SystemTime,
    /// Since it was told.
    untold: u64,
}

impl Deviations {
    pub(super) fn hold_to(&mut self, baseline: Option<Arc<Baseline>>) {
        self.baseline = baseline;
    }

    /// True if there is a baseline to hold the wire against.
    pub(super) fn are_told(&self) -> bool {
        self.baseline.is_some()
    }

    pub(super) fn on_report(&mut self, report: &WireReport, outbox: &mut Outbox) {
        let Some(baseline) = self.baseline.clone() else { return };
        for usage in &report.usages {
            let Err(deviation) = baseline.covers(usage) else { continue };
            if let Some(untold) = self.untold(Key::of(usage, deviation.aspect), usage.at) {
                outbox.raise(Kind::BaselineDeviation, || {
                    let nearest = baseline.nearest(usage, deviation.aspect);
                    event(&report.source, usage, &deviation, nearest, untold)
                });
            }
        }
    }

    /// Count what was not told into a ledger of notes.
    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        ledger.note("deviations_repeated", self.repeated);
        ledger.note("deviations_forgotten", self.forgotten);
    }

    /// How many were not told since the last one was; `None` if this is not to be told either.
    fn untold(&mut self, key: Key, at: SystemTime) -> Option<u64> {
        let untold = match self.told.get_mut(&key) {
            Some(repeat) if is_recent(repeat.told_at, at) => {
                repeat.untold += 1;
                self.repeated += 1;
                return None;
            }
            Some(repeat) => repeat.untold,
            None => {
                self.make_room();
                0
            }
        };
        self.told.insert(key, Repeat { told_at: at, untold: 0 });
        Some(untold)
    }

    fn make_room(&mut self) {
        if self.told.len() < MAX_DEVIATIONS {
            return;
        }
        let oldest = self.told.iter().min_by_key(|(_, repeat)| repeat.told_at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            let repeat = self.told.remove(&key);
            self.forgotten += repeat.map_or(0, |repeat| repeat.untold);
        }
    }
}

impl Key {
    fn of(usage: &Usage, aspect: Aspect) -> Self {
        Self {
            vlan: [usage.vlan.outer, usage.vlan.inner],
            client: usage.client,
            server: usage.server,
            protocol: usage.protocol,
            station: usage.station,
            function: usage.function,
            aspect: aspect.name(),
        }
    }
}

fn event(
    source: &SourceId,
    usage: &Usage,
    deviation: &Deviation,
    nearest: Option<String>,
    untold: u64,
) -> Event {
    let remedy = deviation.remedy(&Parties::of(usage));
    let mut text = sentence(usage, deviation, nearest.as_deref(), &remedy);
    if untold > 0 {
        let _ = write!(text, " ({untold} more since this was last told)"); // cannot fail
    }
    let mut event = Event::new(Kind::BaselineDeviation, usage.at, source.clone(), text)
        .with("deviation", deviation.aspect.name())
        .with("client", usage.client.to_string())
        .with("server", usage.server.to_string())
        .with("protocol", usage.protocol.name())
        .with("function", function_of(usage).into_owned())
        .with("function_code", usage.function)
        .with("operation", operation(usage.operation));
    let Grant { addresses, values, .. } = Grant::of(usage);
    for (name, ranges) in [("addresses", addresses), ("values", values)] {
        if let Some(ranges) = ranges {
            event = event.with(name, ranges.to_string());
        }
    }
    if let Some(station) = usage.station {
        event = event.with("station", station);
    }
    for (name, id) in [("vlan", usage.vlan.outer), ("vlan_inner", usage.vlan.inner)] {
        if id != 0 {
            event = event.with(name, id);
        }
    }
    if let Some(nearest) = nearest {
        event = event.with("allowed", nearest);
    }
    event.with("allow", remedy).with("count", untold + 1)
}

fn sentence(usage: &Usage, deviation: &Deviation, nearest: Option<&str>, remedy: &str) -> String {
    let Usage { client, server, protocol, station, .. } = usage;
    let station = station.map(|station| format!(" station {station}")).unwrap_or_default();
    let function = function_of(usage);
    let what = match deviation.aspect {
        Aspect::Talk | Aspect::Station | Aspect::Function => function.into_owned(),
        Aspect::Address(at) => format!("{function}, address {at}"),
        Aspect::Value(value) => format!("{function}, value {value}"),
    };
    let nothing = "nothing between the two";
    let allowed = nearest.map_or_else(
        || nothing.to_owned(),
        |nearest| match deviation.aspect {
            Aspect::Talk => format!("{nothing}, and nearest {nearest}"),
            Aspect::Station => format!("only stations {nearest}"),
            Aspect::Function => format!("only functions {nearest}"),
            Aspect::Address(_) | Aspect::Value(_) => format!("only {nearest}"),
        },
    );
    let next_step = match deviation.aspect {
        Aspect::Talk => "write a [[talk]] for it".to_owned(),
        Aspect::Station | Aspect::Function | Aspect::Address(_) | Aspect::Value(_) => {
            format!("add to `allow` there {remedy}").trim_end_matches(',').to_owned()
        }
    };
    format!(
        "{client} to {server}{station}: {} {what}; the baseline allows {allowed}; find out who \
         did it, and if it is meant, {next_step}",
        title(*protocol)
    )
}

/// The function of a usage in words, as far as its numbers are known.
pub fn function_of(usage: &Usage) -> Cow<'static, str> {
    match (usage.protocol, u8::try_from(usage.function)) {
        (Protocol::Modbus | Protocol::ModbusRtu, Ok(code)) => function_name(code),
        (protocol, _) => code_name(protocol, usage.function),
    }
}
