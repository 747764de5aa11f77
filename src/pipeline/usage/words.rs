//! Usages as events: what, where, the likely cause and the next step.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::record::{
    AddressKey, Doubts, Ending, Event, Kind, Pace, Protocol, SourceId, Trust, Usage, UsageChange,
};
use crate::wire::packet::Vlan;

use super::super::message;
use super::super::words::{elapsed, function_name, latency_ms, whole_ms};
use super::Pair;
use super::polls::{Stopped, Told};
use super::scan::Scan;

/// A change, and what else was the matter then.
type Seen<'a> = (&'a UsageChange, Doubts);

/// `learned` is how long the capture has seen nothing of the kind.
pub(super) fn master_new(
    source: &SourceId,
    (usage, doubts): (&Usage, Doubts),
    learned: Duration,
) -> Event {
    let Usage { client, server, protocol, station, .. } = *usage;
    let function = function(protocol, usage.function);
    let text = format!(
        "{client} asks {server}{}: {function}; in the {} of this capture before, it never asked \
         this server anything: a client that is new or asks seldom; if nobody expects it, find the \
         host and whoever uses it",
        behind(protocol, station),
        humantime::format_duration(whole_s(learned))
    );
    let event = Event::new(Kind::MasterNew, usage.at, source.clone(), text);
    with_parties(event, usage.vlan, client, (server, protocol, station))
        .with("function", function)
        .with("function_code", usage.function)
        .with("operation", message::operation(usage.operation))
        .with("learned_ms", latency_ms(learned))
        .with("trust", doubts.words(usage.trust))
}

pub(super) fn device_new(source: &SourceId, seen: Seen<'_>, learned: Duration) -> Event {
    let UsageChange { client, server, protocol, station, .. } = *seen.0;
    let text = format!(
        "{server}{} answers {client}; in the {} of this capture before, it was never seen to \
         answer anybody: a device that is new, was switched on or got another address, or that \
         nobody asked; if nobody expects it, look at what is connected there",
        behind(protocol, station),
        humantime::format_duration(whole_s(learned))
    );
    about(Kind::DeviceNew, source, seen, text).with("learned_ms", latency_ms(learned))
}

pub(super) fn master_second(
    source: &SourceId,
    seen: Seen<'_>,
    master: IpAddr,
    since: SystemTime,
) -> Event {
    let UsageChange { at, client, server, protocol, station, .. } = *seen.0;
    let text = format!(
        "{client} polls or writes {server}{}, of which {master} has been the master for {} and \
         still is: two masters may undo what the other orders, or ask more than the device can \
         answer; if it is no standby or engineering station, find out who started it",
        behind(protocol, station),
        humantime::format_duration(whole_s(elapsed(since, at)))
    );
    about(Kind::MasterSecond, source, seen, text)
        .with("master", master.to_string())
        .with("since_ms", latency_ms(elapsed(since, at)))
}

pub(super) fn scanned((source, doubts): (&SourceId, Doubts), scan: &Scan) -> Event {
    let Scan { n_servers, n_stations, n_functions, n_news, n_fruitless, .. } = *scan;
    let text = format!(
        "{} asked within {} for much that nobody asked for before: stations {n_stations}, servers \
         {n_servers}, functions {n_functions}; unanswered or refused: {n_fruitless}; somebody \
         searches for devices, or a client was started that is new or configured for another \
         plant; find the host and what runs on it",
        scan.client,
        humantime::format_duration(whole_ms(scan.span))
    );
    let event = Event::new(Kind::DeviceScanned, scan.at, source.clone(), text);
    let device = scan.device;
    with_parties(
        event,
        scan.vlan(),
        scan.client,
        (device.server.0, device.protocol, device.station),
    )
    .with("servers", n_servers as u64)
    .with("stations", n_stations as u64)
    .with("functions", n_functions as u64)
    .with("news", n_news as u64)
    .with("fruitless", n_fruitless as u64)
    .with("span_ms", latency_ms(scan.span))
    .with("trust", doubts.words(Trust::FULL))
}

pub(super) fn slower(source: &SourceId, seen: Seen<'_>, pace: Pace) -> Event {
    let UsageChange { server, protocol, station, .. } = *seen.0;
    let text = format!(
        "{server}{} takes {} to answer, usually {} (medians): it has more to do, another client \
         asks it as well, or the way to it is slow or loses packets; look at who asks it and at \
         the line behind it",
        behind(protocol, station),
        humantime::format_duration(pace.recent),
        humantime::format_duration(pace.usual)
    );
    with_pace(about(Kind::LatencyRaised, source, seen, text), pace)
}

pub(super) fn as_usual(source: &SourceId, seen: Seen<'_>, pace: Pace) -> Event {
    let UsageChange { server, protocol, station, .. } = *seen.0;
    let text = format!(
        "{server}{} answers as fast as usual again: {}, usually {} (medians)",
        behind(protocol, station),
        humantime::format_duration(pace.recent),
        humantime::format_duration(pace.usual)
    );
    with_pace(about(Kind::LatencyReturned, source, seen, text), pace)
}

pub(super) fn poll((source, doubts): (&SourceId, Doubts), now: SystemTime, told: &Told) -> Event {
    match told {
        Told::Stopped { pair, stopped, n_pairs } => {
            let event = poll_stopped((source, now), pair, stopped, *n_pairs);
            event.with("trust", doubts.words(Trust::FULL))
        }
        Told::Resumed { pair, at, n, n_silent, last } => {
            let Pair { client: AddressKey(client), server: AddressKey(server), .. } = *pair;
            let silent = last.map_or(Duration::ZERO, |last| elapsed(last, *at));
            let rest = match n_silent {
                0 => String::new(),
                n => format!("; periodic requests that still do not come: {n}"),
            };
            let text = format!(
                "{client} polls {server} again after {}{rest}",
                humantime::format_duration(whole_s(silent))
            );
            with_pair(Event::new(Kind::PollResumed, *at, source.clone(), text), pair)
                .with("polls", *n)
                .with("silent_polls", *n_silent)
                .with("silent_ms", latency_ms(silent))
        }
    }
}

fn poll_stopped(
    (source, now): (&SourceId, SystemTime),
    pair: &Pair,
    stopped: &Stopped,
    n_pairs: usize,
) -> Event {
    let Pair { client: AddressKey(client), server: AddressKey(server), .. } = *pair;
    let silent = stopped.last.map_or(Duration::ZERO, |last| elapsed(last, now));
    let ending = stopped.ending.unwrap_or(Ending::Unknown);
    let (closed_by, cause) = cause(ending);
    let every = stopped.interval.map_or_else(String::new, |interval| {
        format!(", one of them every {}", humantime::format_duration(whole_ms(interval)))
    });
    let others = match n_pairs {
        0 | 1 => String::new(),
        n => format!("; {} more pairs fell silent with it: look at what they share first", n - 1),
    };
    let text = format!(
        "{client} does not poll {server} any more: periodic requests that stopped: {}{every}, the \
         last one {} ago; {cause}{others}",
        stopped.n,
        humantime::format_duration(whole_s(silent))
    );
    let event = with_pair(Event::new(Kind::PollStopped, now, source.clone(), text), pair)
        .with("polls", stopped.n)
        .with("silent_ms", latency_ms(silent))
        .with("closed_by", closed_by);
    let event = match stopped.interval {
        Some(interval) => event.with("interval_ms", latency_ms(interval)),
        None => event,
    };
    match (stopped.stations.len(), stopped.stations.first()) {
        (1, Some(Some(station))) => event.with("station", *station),
        _ => event,
    }
}

/// Who ended the connection, and what that suggests.
fn cause(ending: Ending) -> (&'static str, &'static str) {
    match ending {
        Ending::ByClient => (
            "client",
            "the client closed its connection in order: it was stopped or configured anew; if \
             nobody did that, look at its program",
        ),
        Ending::ByServer => (
            "server",
            "the server closed the connection in order, and the client has not come back: look at \
             whether the device restarted and how many connections it allows",
        ),
        Ending::Reset => (
            "reset",
            "the connection was broken off: one of the two restarted, or a firewall cut it; look \
             at the client's own log",
        ),
        Ending::Open => (
            "nobody",
            "its connection was not closed: the client hangs or is cut off, or its frames do not \
             come by here any more; look at the client, then at the mirror port",
        ),
        Ending::Unknown => (
            "unknown",
            "what became of its connection was not seen; look at the client, then at the mirror \
             port",
        ),
    }
}

/// Those beyond what is told in five minutes.
pub(super) fn further(source: &SourceId, now: SystemTime, kind: Kind, untold: u64) -> Event {
    let text = format!(
        "{} in the last minutes, counted and not told: {untold}; those told before show what is \
         going on",
        kind.name()
    );
    Event::new(kind, now, source.clone(), text).with("count", untold)
}

fn about(kind: Kind, source: &SourceId, (change, doubts): Seen<'_>, text: String) -> Event {
    let UsageChange { at, vlan, client, server, protocol, station, .. } = *change;
    let event = Event::new(kind, at, source.clone(), text);
    with_parties(event, vlan, client, (server, protocol, station))
        .with("trust", doubts.words(change.trust))
}

fn with_parties(
    event: Event,
    vlan: Vlan,
    client: IpAddr,
    (server, protocol, station): (SocketAddr, Protocol, Option<u32>),
) -> Event {
    let event = event
        .with("protocol", protocol.name())
        .with("client", client.to_string())
        .with("server", server.to_string());
    let event = match station {
        Some(station) => event.with(station_word(protocol), station),
        None => event,
    };
    with_vlan(event, vlan)
}

fn with_pair(event: Event, pair: &Pair) -> Event {
    let event =
        event.with("client", pair.client.0.to_string()).with("server", pair.server.0.to_string());
    with_vlan(event, Vlan { outer: pair.vlan.0, inner: pair.vlan.1 })
}

fn with_vlan(mut event: Event, vlan: Vlan) -> Event {
    for (name, id) in [("vlan", vlan.outer), ("vlan_inner", vlan.inner)] {
        if id != 0 {
            event = event.with(name, id);
        }
    }
    event
}

fn with_pace(event: Event, pace: Pace) -> Event {
    event.with("latency_ms", latency_ms(pace.recent)).with("usual_ms", latency_ms(pace.usual))
}

/// The station in a sentence, behind its server.
fn behind(protocol: Protocol, station: Option<u32>) -> String {
    station.map_or_else(String::new, |station| format!(" {} {station}", station_word(protocol)))
}

fn station_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Modbus | Protocol::ModbusRtu => "unit",
        Protocol::OpcUa
        | Protocol::Dnp3
        | Protocol::Iec104
        | Protocol::S7comm
        | Protocol::EtherNetIp
        | Protocol::Bacnet => "station",
    }
}

fn function(protocol: Protocol, code: u16) -> String {
    match (protocol, u8::try_from(code)) {
        (Protocol::Modbus | Protocol::ModbusRtu, Ok(code)) => function_name(code).into_owned(),
        _ => message::code_name(protocol, code).into_owned(),
    }
}

/// Seconds are enough for people.
fn whole_s(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}
