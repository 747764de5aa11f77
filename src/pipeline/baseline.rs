//! Deviations: what a capture saw asked that the baseline does not allow.
//!
//! Told once, then at most every five minutes with the count, for each kind of deviation by client,
//! server, station and function. Strangers choose these: the table holds [`MAX_DEVIATIONS`], and
//! the one told longest ago makes room. A usage is reported when it is new and when it grows, so
//! that a baseline that is replaced judges what is new from then on, and nothing again.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::config::{Aspect, Baseline, Deviation, Grant, Parties};
use crate::record::{Doubts, Event, Kind, Ledger, Protocol, SourceId, Usage, WireReport};

use super::message::{code_name, operation, title};
use super::outbox::Outbox;
use super::repeats::Repeats;
use super::words::function_name;

/// What is held against what, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Deviations {
    /// `None`: everything is allowed.
    baseline: Option<Arc<Baseline>>,
    told: Repeats<Key, MAX_DEVIATIONS>,
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

impl Deviations {
    pub(super) fn hold_to(&mut self, baseline: Option<Arc<Baseline>>) {
        self.baseline = baseline;
    }

    /// What the wire is held against.
    pub(super) fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_deref()
    }

    pub(super) fn on_report(
        &mut self,
        (report, doubts): (&WireReport, Doubts),
        outbox: &mut Outbox,
    ) {
        let Some(baseline) = self.baseline.clone() else { return };
        for usage in &report.usages {
            let Err(deviation) = baseline.covers(usage) else { continue };
            if let Some(untold) = self.told.untold(Key::of(usage, deviation.aspect), usage.at) {
                outbox.raise(Kind::BaselineDeviation, || {
                    let nearest = baseline.nearest(usage, deviation.aspect);
                    event(&report.source, (usage, doubts), &deviation, nearest, untold)
                });
            }
        }
    }

    /// Count what was not told into a ledger of notes.
    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        ledger.note("deviations_repeated", self.told.repeated);
        ledger.note("deviations_forgotten", self.told.forgotten);
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
    (usage, doubts): (&Usage, Doubts),
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
    let event = event.with("allow", remedy).with("count", untold + 1);
    event.with("trust", doubts.words(usage.trust))
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
