//! Sentences and fields of what happens in the neighbourhood.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::SystemTime;

use crate::record::{
    Doubts, Event, Kind, Layer2Change, Layer2Finding, Neighbour, NeighbourChange, SourceId, Trust,
};
use crate::wire::mac::Mac;

use super::goose;

pub(super) fn event(
    kind: Kind,
    source: &SourceId,
    (finding, doubts): (&Layer2Finding, Doubts),
) -> Event {
    let mut text = sentence(source, finding);
    if finding.untold > 0 {
        let _ = write!(text, " ({} more since this was last told)", finding.untold); // cannot fail
    }
    let mut event =
        Event::new(kind, finding.at, source.clone(), text).with("mac", finding.mac.to_string());
    for (name, id) in [("vlan", finding.vlan.outer), ("vlan_inner", finding.vlan.inner)] {
        if id != 0 {
            event = event.with(name, id);
        }
    }
    // The frames of this layer have no checksum of their own and belong to no connection.
    with_fields(event, &finding.change)
        .with("count", finding.untold + 1)
        .with("trust", doubts.words(Trust::FULL))
}

/// What the limit of a minute left out.
pub(super) fn others(kind: Kind, source: &SourceId, now: SystemTime, count: u64) -> Event {
    let text = format!(
        "further events of this kind on {source}, counted and not told: {count}; so many at once are \
         a fault of the network or a flood: see who sends them"
    );
    Event::new(kind, now, source.clone(), text).with("count", count)
}

fn sentence(source: &SourceId, finding: &Layer2Finding) -> String {
    let mac = finding.mac;
    match &finding.change {
        Layer2Change::Station { address, before: None } => {
            format!("{address} at {mac} was not seen on {source} before: is it a device of yours?")
        }
        Layer2Change::Station { address, before: Some(before) } => format!(
            "{address} is at {mac} now and was at {before} on {source}: was the device replaced?"
        ),
        Layer2Change::Conflict { address, rival, is_announced } => {
            conflict(source, mac, *rival, *address, *is_announced)
        }
        Layer2Change::Neighbour { change, now } => neighbour(source, mac, change, now),
        Layer2Change::Root { before, root, bridge } => format!(
            "the root of the spanning tree on {source} is bridge {root} and was {before}, says \
             bridge {bridge}: a switch was added, failed or set otherwise; see its log"
        ),
        Layer2Change::Topology { bridge: Some(bridge) } => format!(
            "bridge {bridge} says on {source} that the topology changes: a link between switches \
             went up or down; see their port states and cables"
        ),
        Layer2Change::Topology { bridge: None } => format!(
            "the bridge at {mac} says on {source} that the topology changes: a link below it went up \
             or down; see its port states and cables"
        ),
        Layer2Change::Set { station, what, is_refused } => {
            set(source, mac, *station, what, *is_refused)
        }
        Layer2Change::Goose { stream, change } => goose::sentence(source, mac, stream, change),
    }
}

fn conflict(
    source: &SourceId,
    mac: Mac,
    rival: Mac,
    address: Ipv4Addr,
    is_announced: bool,
) -> String {
    let cause = if mac.is_virtual_router() || rival.is_virtual_router() {
        "one of them is an address that routers share, so this may be a switch-over; if nobody \
         failed, see their VRRP or HSRP settings"
    } else if is_announced {
        "the second announced it, as a stand-in does that takes over; if none is meant to, two \
         devices are set to one address or somebody diverts traffic"
    } else {
        "two devices are set to one address, or somebody diverts traffic; find both at the switch"
    };
    format!("{address} is claimed by {rival} and by {mac} on {source}: {cause}")
}

fn neighbour(source: &SourceId, mac: Mac, change: &NeighbourChange, now: &Neighbour) -> String {
    let now = named(now);
    match change {
        NeighbourChange::Appeared => {
            format!("a neighbour is heard on {source}: {now} at {mac}; was something plugged in?")
        }
        NeighbourChange::Replaced(before) => format!(
            "the neighbour at {mac} on {source} is {now} and was {}: was a cable moved, or a device \
             replaced or renamed?",
            named(before)
        ),
        NeighbourChange::Gone => format!(
            "the neighbour {now} at {mac} is not heard on {source} any more: it is off, or its cable \
             is out, or its LLDP was switched off"
        ),
    }
}

fn named(neighbour: &Neighbour) -> String {
    let Neighbour { chassis, port, system } = neighbour;
    let system = if system.is_empty() { chassis } else { system };
    format!("port {port} of {system}")
}

fn set(source: &SourceId, mac: Mac, station: Option<Mac>, what: &str, is_refused: bool) -> String {
    let other = station.map_or_else(|| "a station".to_owned(), |station| station.to_string());
    if is_refused {
        format!("the PROFINET device at {mac} on {source} refused {other} a setting: {what}")
    } else {
        format!(
            "{mac} sets in the PROFINET device at {other} on {source}: {what}; was that you, \
             or the controller?"
        )
    }
}

fn with_fields(event: Event, change: &Layer2Change) -> Event {
    match change {
        Layer2Change::Station { address, before } => {
            let event = event.with("address", address.to_string());
            match before {
                Some(before) => event.with("mac_before", before.to_string()),
                None => event,
            }
        }
        Layer2Change::Conflict { address, rival, is_announced } => event
            .with("address", address.to_string())
            .with("mac_rival", rival.to_string())
            .with("announced", *is_announced),
        Layer2Change::Neighbour { change, now } => with_neighbour(event, change, now),
        Layer2Change::Root { before, root, bridge } => event
            .with("change", "root")
            .with("root", root.to_string())
            .with("root_before", before.to_string())
            .with("bridge", bridge.to_string()),
        Layer2Change::Topology { bridge } => {
            let event = event.with("change", "topology");
            match bridge {
                Some(bridge) => event.with("bridge", bridge.to_string()),
                None => event,
            }
        }
        Layer2Change::Set { station, what, is_refused } => {
            let event = event.with("what", &**what).with("refused", *is_refused);
            match station {
                Some(station) => event.with("station", station.to_string()),
                None => event,
            }
        }
        Layer2Change::Goose { stream, change } => goose::with_fields(event, stream, change),
    }
}

fn with_neighbour(event: Event, change: &NeighbourChange, now: &Neighbour) -> Event {
    let (name, before) = match change {
        NeighbourChange::Appeared => ("appeared", None),
        NeighbourChange::Replaced(before) => ("replaced", Some(before)),
        NeighbourChange::Gone => ("gone", None),
    };
    let Neighbour { chassis, port, system } = now;
    let mut event = event.with("change", name);
    for (name, text) in [("chassis", chassis), ("port", port), ("system", system)] {
        if !text.is_empty() {
            event = event.with(name, &**text);
        }
    }
    let Some(Neighbour { chassis, port, system }) = before else { return event };
    for (name, text) in
        [("chassis_before", chassis), ("port_before", port), ("system_before", system)]
    {
        if !text.is_empty() {
            event = event.with(name, &**text);
        }
    }
    event
}
