//! The service manager (`sd_notify(3)`): what the daemon tells systemd about itself.
//!
//! Does nothing where there is no `NOTIFY_SOCKET`. Never waits: a service manager that does not
//! read would otherwise keep signals from being taken, and the watchdog from looking.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

/// What was last said, so that nothing is said twice.
#[derive(Debug)]
pub(super) struct ServiceManager {
    line: Option<Line>,
    watchdog: Option<Duration>,
    status: String,
    readiness: Readiness,
    contact: Contact,
    /// Names of the sockets that it keeps for the case that this process dies.
    kept: Vec<String>,
    /// Names of those that it is to forget and was not told of yet.
    surplus: Vec<String>,
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

/// So few that what else is to be said finds room too: the kernel queues ten (`max_dgram_qlen`).
const AT_ONCE: usize = 4;

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
            watchdog,
            status: String::new(),
            readiness: Readiness::Settled,
            contact: Contact::Fine,
            kept: Vec::new(),
            surplus: Vec::new(),
        })
    }

    /// What the watchdog is fed with, where there is one; it has a socket of its own.
    pub(super) fn feeder(&self) -> io::Result<Option<Feeder>> {
        let Some((line, time_out)) = self.line.as_ref().zip(self.watchdog) else {
            return Ok(None);
        };
        Ok(Some(Feeder { line: line.again()?, time_out }))
    }

    /// How often the pipeline has to beat for the watchdog to be fed in time.
    pub(super) fn beat_every(&self) -> Duration {
        const SELDOM: Duration = Duration::from_secs(1);
        const OFTEN: Duration = Duration::from_millis(10);
        // Half of when the watchdog is due: what comes a little late must not be taken for hung.
        self.watchdog.map_or(SELDOM, |time_out| (time_out / 4).clamp(OFTEN, SELDOM))
    }

    pub(super) fn ready(&mut self) {
        self.readiness = match self.tell(&[NotifyState::Ready]) {
            Contact::Fine => Readiness::Settled,
            Contact::Lost => Readiness::Unheard,
        };
    }

    /// The pipeline is alive and says how it is.
    pub(super) fn on_beat(&mut self, status: &str) {
        if self.readiness == Readiness::Unheard {
            self.ready();
        }
        if self.status != status && self.tell(&[NotifyState::Status(status)]) == Contact::Fine {
            status.clone_into(&mut self.status);
        }
        self.forget(AT_ONCE);
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
        self.surplus = surplus.to_vec();
        self.forget(AT_ONCE);
    }

    /// Nothing is to be read on by another process: all is read, and nobody would empty the rings.
    pub(super) fn keep_nothing(&mut self) {
        self.surplus.append(&mut self.kept);
        if let Some(line) = &self.line {
            line.wait_from_now_on();
        }
        self.forget(usize::MAX);
    }

    /// Have it forget so many; the others have to wait for the next beat, as do those that it was
    /// too busy to be told of.
    fn forget(&mut self, at_most: usize) {
        let Some(line) = &self.line else { return };
        for _ in 0..at_most {
            let Some(name) = self.surplus.last() else { return };
            let name = format!("FDNAME={name}");
            let forget = [NotifyState::Custom("FDSTOREREMOVE=1"), NotifyState::Custom(&name)];
            if line.send(&forget).is_err() {
                return;
            }
            self.surplus.pop();
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

    /// Another socket, to the same place.
    fn again(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, to: self.to.clone() })
    }

    /// There is nothing left to do meanwhile, and no next time; but not for ever.
    fn wait_from_now_on(&self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        self.socket.set_write_timeout(Some(PATIENCE)).ok();
        self.socket.set_nonblocking(false).ok();
    }

    fn send(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let lines: Vec<_> = states.iter().map(NotifyState::to_string).collect();
        self.socket.send_to_addr(lines.join("\n").as_bytes(), &self.to).map(drop)
    }
}

/// What only the watchdog says. What does not get through is not tried again: it says the same
/// soon, or it is too late.
#[derive(Debug)]
pub(super) struct Feeder {
    line: Line,
    time_out: Duration,
}

impl Feeder {
    /// After which systemd takes the daemon for hung.
    pub(super) fn time_out(&self) -> Duration {
        self.time_out
    }

    pub(super) fn feed(&self) {
        let _ = self.line.send(&[NotifyState::Watchdog]);
    }

    pub(super) fn say(&self, status: &str) {
        let _ = self.line.send(&[NotifyState::Status(status)]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
        manager.on_beat("fine");
        assert_eq!([heard(&systemd), heard(&systemd)], ["READY=1", "STATUS=fine"]);
    }

    #[test]
    fn many_sockets_are_forgotten_as_fast_as_the_service_manager_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let mut manager = ServiceManager::new(Some(path.as_os_str()), None).unwrap();
        let named = |from| (from..from + 1000).map(|n| format!("packet-{n}")).collect::<Vec<_>>();
        manager.keep((&named(1000), &named(0)));
        let mut forgotten = BTreeSet::new();
        let mut read = |told: String| match told.strip_prefix("FDSTOREREMOVE=1\nFDNAME=packet-") {
            Some(number) => forgotten.insert(number.parse::<u32>().unwrap()),
            None => !told.is_empty(),
        };
        while !manager.surplus.is_empty() {
            while read(heard(&systemd)) {}
            manager.on_beat("fine");
        }
        let ending = std::thread::Builder::new().spawn(move || manager.keep_nothing()).unwrap();
        while !ending.is_finished() {
            read(heard(&systemd));
        }
        while read(heard(&systemd)) {}
        assert_eq!(forgotten, (0..2000).collect());
    }

    /// What it is told next; nothing, if nothing was.
    fn heard(systemd: &UnixDatagram) -> String {
        systemd.set_nonblocking(true).unwrap();
        let mut told = [0; 256];
        let len = systemd.recv(&mut told).unwrap_or(0);
        String::from_utf8(told[..len].to_vec()).unwrap()
    }
}
