//! Modbus on ports that nobody configured: told once for each server.
//!
//! A stranger can play as many servers as he likes. So [`MAX_TOLD`] are remembered, and the one told
//! longest ago makes room; of one host only [`MAX_OF_HOST`] are told, the others are counted: a
//! device that connects to its master comes from another port each time.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use crate::record::{Detected, Doubts, Event, Kind, Ledger, Protocol, SourceId};

use super::outbox::Outbox;

/// Servers that were told.
#[derive(Debug, Default)]
pub(super) struct Detections {
    told: BTreeMap<Place, SystemTime>,
    repeated: u64,
}

const MAX_TOLD: usize = 256;
const MAX_OF_HOST: usize = 8;

/// Where it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    host: Host,
    /// Of the side that listens.
    listener: SocketAddr,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Host {
    source: SourceId,
    vlan: (u16, u16),
    protocol: Protocol,
    server: IpAddr,
}

impl Detections {
    pub(super) fn tell(
        &mut self,
        source: &SourceId,
        (detected, doubts): (&Detected, Doubts),
        outbox: &mut Outbox,
    ) {
        let place = Place::of(source, detected);
        let n_of_host = self.told.keys().filter(|told| told.host == place.host).count();
        if self.told.contains_key(&place) || n_of_host >= MAX_OF_HOST {
            self.repeated += 1;
            return;
        }
        if self.told.len() == MAX_TOLD {
            let oldest =
                self.told.iter().min_by_key(|(_, at)| **at).map(|(place, _)| place.clone());
            oldest.map(|place| self.told.remove(&place));
        }
        self.told.insert(place, detected.at);
        outbox.raise(Kind::ProtocolDetected, || told(source, detected, doubts));
    }

    /// Count what was not told into a ledger of notes.
    pub(super) fn note_in(&self, ledger: &mut Ledger) {
        ledger.note("detections_repeated", self.repeated);
    }
}

impl Place {
    fn of(source: &SourceId, detected: &Detected) -> Self {
        let Detected { vlan, protocol, client, server, .. } = *detected;
        let vlan = (vlan.outer, vlan.inner);
        let listener = if detected.connects_out() { client } else { server };
        let host = Host { source: source.clone(), vlan, protocol, server: server.ip() };
        Self { host, listener }
    }
}

fn told(source: &SourceId, detected: &Detected, doubts: Doubts) -> Event {
    let Detected { at, vlan, protocol, client, server, n_pairs, trust } = *detected;
    let (name, key) = match protocol {
        Protocol::ModbusRtu => ("Modbus RTU over TCP", "rtu_ports"),
        Protocol::Modbus
        | Protocol::OpcUa
        | Protocol::Dnp3
        | Protocol::Iec104
        | Protocol::S7comm
        | Protocol::EtherNetIp
        | Protocol::Bacnet => ("Modbus/TCP", "modbus_ports"),
    };
    let evidence = format!("{n_pairs} requests of {client} were answered as only Modbus does");
    let text = if detected.connects_out() {
        let host = server.ip();
        format!(
            "{host} connects to {client} and serves {name} there: {evidence}; it is followed from \
             now on; find out whether the device is meant to connect to its master"
        )
    } else {
        let port = server.port();
        format!(
            "{server} serves {name}, which no configuration says: {evidence}; it is followed from \
             now on; if it belongs there, add {port} to `{key}` of this [[capture]], else find out \
             who set it up"
        )
    };
    let event = Event::new(Kind::ProtocolDetected, at, source.clone(), text)
        .with("protocol", protocol.name())
        .with("client", client.to_string())
        .with("server", server.to_string())
        .with("pairs", n_pairs)
        .with("trust", doubts.words(trust));
    let tags = [("vlan", vlan.outer), ("vlan_inner", vlan.inner)];
    let tags = tags.into_iter().filter(|(_, id)| *id != 0);
    tags.fold(event, |event, (name, id)| event.with(name, id))
}
