//! What the daemon says of itself: that it starts and stops, and what is lost with its log.

use std::time::SystemTime;

use crate::config::Config;
use crate::poller::load::Load;
use crate::poller::load::Strain;
use crate::record::Event;
use crate::record::Kind;
use crate::record::Ledger;
use crate::record::SourceId;

use super::super::DAEMON;
use super::super::restrict::Layers;
use super::Reason;

/// `daemon.started`: what runs, and what it watches; `sandbox.weak`, if it is.
pub(super) fn started(config: &Config, layers: &Layers) -> impl Iterator<Item = Event> {
    let version = env!("CARGO_PKG_VERSION");
    let polled = config.polled();
    let (n_captures, n_links) = (config.captures.len(), polled.len());
    let text = format!("infra_monitor {version} started; captures: {n_captures}, links: {n_links}");
    let started = Event::new(Kind::DaemonStarted, SystemTime::now(), DAEMON.into(), text)
        .with("version", version)
        .with("captures", names(config.captures.keys()))
        .with("links", names(polled.keys()))
        .with("sandbox", layers.to_string());
    [started].into_iter().chain(layers.weakness())
}

/// Once, when it is started with: turns that are missed are told by events.
pub(super) fn tell_of_load((id, load): (&SourceId, &Load)) {
    match load.strain() {
        Strain::Fits => tracing::debug!(link = %id, "{load}"),
        Strain::Tight | Strain::Overloaded => tracing::warn!(link = %id, "{load}"),
    }
}

/// `daemon.stopping`: nothing after it is news, only what was under way, and the ledgers.
pub(super) fn stopping(reason: Reason) -> Event {
    let text = format!("stopping: {reason}");
    Event::new(Kind::DaemonStopping, SystemTime::now(), DAEMON.into(), text)
        .with("reason", reason.to_string())
}

/// The only ledger that cannot be told as an event: its stage wrote the events. Standard error is
/// the next best place.
pub(super) fn tell_of_sink(ledger: &Ledger) {
    if ledger.n_dropped() == 0 && ledger.balances() {
        tracing::info!(%ledger, "the sink is closed");
    } else {
        tracing::warn!(%ledger, "the sink is closed; events were lost on the way to the log");
    }
}

fn names<'a>(ids: impl Iterator<Item = &'a SourceId>) -> String {
    ids.map(SourceId::as_str).collect::<Vec<_>>().join(",")
}
