//! The service manager (`sd_notify(3)`): what the daemon tells systemd about itself.
//!
//! Does nothing where there is no `NOTIFY_SOCKET`. The watchdog is fed by the pipeline's beats
//! alone, so that a stuck pipeline is noticed and the process restarted. Never waits: a service
//! manager that does not read would otherwise keep signals from being taken.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// What was last said, so that nothing is said twice.
#[derive(Debug)]
pub(super) struct ServiceManager {
    line: Option<Line>,
    feed: Option<Feed>,
    status: String,
    readiness: Readiness,
    contact: Contact,
    /// Names of the sockets that it keeps for the case that this process dies.
    kept: Vec<String>,
}

/// The way to it. Not connected: it may come back under the same name.
#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    to: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// Nothing to say, or it was said.
    Settled,
    /// Said again with each beat: without it, the start or the reload would be taken as hung.
    Unheard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contact {
    Fine,
    Lost,
}

impl ServiceManager {
    /// As described by the environment (`WATCHDOG_USEC`, `NOTIFY_SOCKET`).
    pub(super) fn from_environment() -> io::Result<Self> {
        let socket = env::var_os("NOTIFY_SOCKET");
        Self::new(socket.as_deref(), sd_notify::watchdog_enabled())
    }

    fn new(socket: Option<&OsStr>, watchdog: Option<Duration>) -> io::Result<Self> {
        Ok(Self {
            line: socket.map(Line::to).transpose()?,
            feed: watchdog.map(Feed::new),
            status: String::new(),
            readiness: Readiness::Settled,
            contact: Contact::Fine,
            kept: Vec::new(),
        })
    }

    /// How often the pipeline has to beat for the watchdog to be fed in time.
    pub(super) fn beat_every(&self) -> Duration {
        const SELDOM: Duration = Duration::from_secs(1);
        const OFTEN: Duration = Duration::from_millis(10);
        // Half of when it is due: a beat that comes a little early must not cost a whole period.
        self.feed.as_ref().map_or(SELDOM, |feed| (feed.every / 2).clamp(OFTEN, SELDOM))
    }

    pub(super) fn ready(&mut self) {
        self.readiness = match self.tell(&[NotifyState::Ready]) {
            Contact::Fine => Readiness::Settled,
            Contact::Lost => Readiness::Unheard,
        };
    }

    /// The pipeline is alive and says how it is.
    pub(super) fn on_beat(&mut self, now: Instant, status: &str) {
        if self.readiness == Readiness::Unheard {
            self.ready();
        }
        if self.feed.as_mut().is_some_and(|feed| feed.is_due(now)) {
            self.tell(&[NotifyState::Watchdog]);
        }
        if self.status != status && self.tell(&[NotifyState::Status(status)]) == Contact::Fine {
            status.clone_into(&mut self.status);
        }
    }

    /// `MONOTONIC_USEC` lets `Type=notify-reload` tell this reload from an earlier one.
    pub(super) fn reloading(&mut self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => {
                self.tell(&[NotifyState::Reloading, now]);
            }
            Err(error) => tracing::warn!(%error, "no monotonic clock: the reload is not announced"),
        }
    }

    pub(super) fn stopping(&mut self, reason: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(reason)]);
    }

    /// Of the sockets in its store, these are in use. The others are to be forgotten.
    pub(super) fn keep(&mut self, (in_use, surplus): (&[String], &[String])) {
        self.kept = in_use.to_vec();
        self.forget(surplus);
    }

    /// Nothing is to be read on by another process: all is read, and nobody would empty the rings.
    pub(super) fn keep_nothing(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        self.forget(&kept);
    }

    fn forget(&mut self, names: &[String]) {
        for name in names {
            let name = format!("FDNAME={name}");
            self.tell(&[NotifyState::Custom("FDSTOREREMOVE=1"), NotifyState::Custom(&name)]);
        }
    }

    /// One line when the service manager goes out of reach, none while it stays there.
    fn tell(&mut self, states: &[NotifyState<'_>]) -> Contact {
        let told = self.line.as_ref().map_or(Ok(()), |line| line.send(states));
        let contact = if told.is_ok() { Contact::Fine } else { Contact::Lost };
        if let (Contact::Fine, Err(error)) = (self.contact, told) {
            tracing::warn!(%error, "the service manager's NOTIFY_SOCKET cannot be reached");
        }
        self.contact = contact;
        contact
    }
}

impl Line {
    /// `@` stands for the zero byte in front of an abstract name, as in `sd_notify(3)`.
    fn to(name: &OsStr) -> io::Result<Self> {
        let to = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to })
    }

    fn send(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let lines: Vec<_> = states.iter().map(NotifyState::to_string).collect();
        self.socket.send_to_addr(lines.join("\n").as_bytes(), &self.to).map(drop)
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

    #[test]
    fn the_pipeline_beats_often_enough_for_the_watchdog() {
        let beat_every = |watchdog| ServiceManager::new(None, watchdog).unwrap().beat_every();
        assert_eq!(beat_every(None), Duration::from_secs(1));
        for (watchdog_ms, beat_ms) in [(30_000, 1_000), (1_000, 250), (1, 10)] {
            let watchdog = Some(Duration::from_millis(watchdog_ms));
            assert_eq!(beat_every(watchdog), Duration::from_millis(beat_ms));
        }
    }

    #[test]
    fn an_abstract_socket_is_reached() {
        let name = format!("infra_monitor-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        let mut manager = ServiceManager::new(Some(format!("@{name}").as_ref()), None).unwrap();
        manager.ready();
        assert_eq!(heard(&systemd), "READY=1");
    }

    #[test]
    fn a_service_manager_that_does_not_read_is_not_waited_for_and_hears_ready_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let mut manager = ServiceManager::new(Some(path.as_os_str()), None).unwrap();
        while manager.tell(&[NotifyState::Watchdog]) == Contact::Fine {}
        manager.ready();
        while heard(&systemd) == "WATCHDOG=1" {}
        manager.on_beat(Instant::now(), "fine");
        assert_eq!([heard(&systemd), heard(&systemd)], ["READY=1", "STATUS=fine"]);
    }

    /// What it is told next; nothing, if nothing was.
    fn heard(systemd: &UnixDatagram) -> String {
        systemd.set_nonblocking(true).unwrap();
        let mut told = [0; 256];
        let len = systemd.recv(&mut told).unwrap_or(0);
        String::from_utf8(told[..len].to_vec()).unwrap()
    }
}
