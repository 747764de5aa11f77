//! Where raised events wait to be handed on, past the log budget.

use std::time::{Duration, SystemTime};

use crate::config::Log;
use crate::record::{Event, Kind, Ledger, SourceId};

use super::budget::{Budget, Verdict};

/// Holds what one input raised, at most; the caller hands it on before the next.
#[derive(Debug)]
pub(super) struct Outbox {
    budget: Budget,
    ready: Vec<Event>,
    /// Not handed on, since the start.
    undelivered: u64,
    /// How many of them the log was told of.
    undelivered_told: u64,
    /// In: raised. Out: handed on. Dropped: over budget, or for the reason `deliver` gave.
    ledger: Ledger,
}

impl Outbox {
    pub(super) fn new(log: &Log, window: Duration) -> Self {
        Self {
            budget: Budget::new(log, window),
            ready: Vec::new(),
            undelivered: 0,
            undelivered_told: 0,
            ledger: Ledger::default(),
        }
    }

    pub(super) fn on_reload(&mut self, log: &Log) {
        self.budget.on_reload(log);
    }

    /// Raise one event. Over budget it is counted and not even made: a stranger may have caused it.
    pub(super) fn raise(&mut self, kind: Kind, event: impl FnOnce() -> Event) {
        self.ledger.entered += 1;
        match self.budget.spend(kind) {
            Verdict::Granted => self.ready.push(event()),
            Verdict::Refused => self.ledger.drop("budget", 1),
        }
    }

    /// Say once a window what was suppressed in it.
    pub(super) fn on_window_end(&mut self, now: SystemTime) {
        for (kind, count) in self.budget.on_window_end() {
            self.raise(Kind::EventsSuppressed, || suppressed(kind, count, now));
        }
        // If this finds no room either, it counts itself, and is told again.
        if self.undelivered > self.undelivered_told {
            let total = self.undelivered;
            self.undelivered_told = total;
            self.raise(Kind::EventsSuppressed, || undelivered(total, now));
        }
    }

    /// What is ready. Each event taken is settled by a call to [`Outbox::settle`].
    pub(super) fn take_ready(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.ready)
    }

    /// Count one event handed on, or why it was not.
    pub(super) fn settle(&mut self, outcome: Result<(), &'static str>) {
        match outcome {
            Ok(()) => self.ledger.left += 1,
            Err(reason) => {
                self.ledger.drop(reason, 1);
                self.undelivered += 1;
            }
        }
    }

    pub(super) fn hand_on(&mut self, mut deliver: impl FnMut(Event) -> Result<(), &'static str>) {
        for event in self.take_ready() {
            self.settle(deliver(event));
        }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn status(&self) -> String {
        format!("events {}, not logged {}", self.ledger.entered, self.ledger.n_dropped())
    }
}

fn suppressed(kind: Kind, count: u64, now: SystemTime) -> Event {
    let text = format!(
        "{} events over the log budget, counted and not logged: {count}; find their cause, or \
         raise `rate` and `burst` under [log]",
        kind.name()
    );
    Event::new(Kind::EventsSuppressed, now, SourceId::from("events"), text)
        .with("kind", kind.name())
        .with("count", count)
}

fn undelivered(total: u64, now: SystemTime) -> Event {
    let text = format!(
        "events that found no room on the way to the log, since the start: {total}; \
         whatever reads the log is too slow or stopped"
    );
    Event::new(Kind::EventsSuppressed, now, SourceId::from("events"), text).with("total", total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(burst: u32) -> Outbox {
        Outbox::new(&Log { rate: 1, burst, ..Log::default() }, Duration::from_secs(1))
    }

    fn event(kind: Kind) -> Event {
        Event::new(kind, SystemTime::UNIX_EPOCH, SourceId::from("a"), "")
    }

    #[test]
    fn an_event_over_budget_is_counted_and_never_made() {
        let mut outbox = outbox(1);
        outbox.raise(Kind::LinkUp, || event(Kind::LinkUp));
        outbox.raise(Kind::LinkUp, || unreachable!("over budget"));
        outbox.hand_on(|_| Ok(()));
        assert_eq!(outbox.ledger().to_string(), "in 2 = out 1 + 1 budget");
    }

    #[test]
    fn suppression_is_told_once_a_window_with_kind_and_count() {
        let mut outbox = outbox(1);
        (0..4).for_each(|_| outbox.raise(Kind::ModbusWrite, || event(Kind::ModbusWrite)));
        outbox.on_window_end(SystemTime::UNIX_EPOCH);
        let mut texts = vec![];
        outbox.hand_on(|event| {
            texts.push(event.text);
            Ok(())
        });
        assert!(texts[1].contains("modbus.write") && texts[1].contains("logged: 3"), "{texts:?}");
        assert_eq!(texts.len(), 2);
    }

    #[test]
    fn a_delivery_that_fails_is_counted_under_its_reason() {
        let mut outbox = outbox(9);
        (0..3).for_each(|_| outbox.raise(Kind::LinkUp, || event(Kind::LinkUp)));
        let mut room = 1;
        outbox.hand_on(|_| {
            if room > 0 {
                room -= 1;
                Ok(())
            } else {
                Err("sink_full")
            }
        });
        assert_eq!(outbox.ledger().to_string(), "in 3 = out 1 + 2 sink_full");
        outbox.on_window_end(SystemTime::UNIX_EPOCH);
        let told = outbox.take_ready();
        assert_eq!(told.len(), 1);
        assert!(told[0].text.contains("since the start: 2"), "{}", told[0].text);
        outbox.settle(Err("sink_full"));
        outbox.on_window_end(SystemTime::UNIX_EPOCH);
        assert!(outbox.take_ready()[0].text.contains("since the start: 3"));
        outbox.on_window_end(SystemTime::UNIX_EPOCH);
        assert_eq!(outbox.take_ready(), []);
    }
}
