//! The service manager (`sd_notify(3)`): what the daemon tells systemd about itself.
//!
//! Does nothing where there is no `NOTIFY_SOCKET`. The watchdog is fed by the pipeline's beats
//! alone, so that a stuck pipeline is noticed and the process restarted.

use std::io;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// What was last said, so that nothing is said twice.
#[derive(Debug)]
pub(super) struct ServiceManager {
    feed: Option<Feed>,
    status: String,
    contact: Contact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contact {
    Fine,
    Lost,
}

impl ServiceManager {
    /// As described by the environment (`WATCHDOG_USEC`, `NOTIFY_SOCKET`).
    pub(super) fn from_environment() -> Self {
        let feed = sd_notify::watchdog_enabled().map(Feed::new);
        Self { feed, status: String::new(), contact: Contact::Fine }
    }

    pub(super) fn ready(&mut self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// The pipeline is alive and says how it is.
    pub(super) fn on_beat(&mut self, now: Instant, status: &str) {
        if self.feed.as_mut().is_some_and(|feed| feed.is_due(now)) {
            self.tell(&[NotifyState::Watchdog]);
        }
        if self.status != status {
            status.clone_into(&mut self.status);
            self.tell(&[NotifyState::Status(status)]);
        }
    }

    /// `MONOTONIC_USEC` lets `Type=notify-reload` tell this reload from an earlier one.
    pub(super) fn reloading(&mut self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "no monotonic clock: the reload is not announced"),
        }
    }

    pub(super) fn stopping(&mut self, reason: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(reason)]);
    }

    fn tell(&mut self, states: &[NotifyState<'_>]) {
        self.note(&sd_notify::notify(states));
    }

    /// One line when the service manager goes out of reach, none while it stays there.
    fn note(&mut self, told: &io::Result<()>) {
        let contact = if told.is_ok() { Contact::Fine } else { Contact::Lost };
        if let (Contact::Fine, Err(error)) = (self.contact, told) {
            tracing::warn!(%error, "the service manager's NOTIFY_SOCKET cannot be reached");
        }
        self.contact = contact;
    }
}

/// When the watchdog is due: at half its time-out, as `sd_watchdog_enabled(3)` recommends.
#[derive(Debug)]
struct Feed {
    every: Duration,
    last: Option<Instant>,
}

impl Feed {
    fn new(time_out: Duration) -> Self {
        Self { every: time_out / 2, last: None }
    }

    /// True if the watchdog is to be fed now; it is then taken as fed.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.duration_since(last) >= self.every);
        if due {
            self.last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_fed_at_half_its_time_out_and_only_on_a_beat() {
        let mut feed = Feed::new(Duration::from_secs(4));
        let start = Instant::now();
        let beats = [0, 1, 2, 3, 4, 9, 10].map(|s| start + Duration::from_secs(s));
        let due = beats.map(|now| feed.is_due(now));
        assert_eq!(due, [true, false, true, false, true, true, false]);
    }
}
