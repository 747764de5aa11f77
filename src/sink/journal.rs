//! journald's native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>), without ever hanging on it.
//!
//! journald that is stopped, or waits for its disk, does not read; a blocking socket would then
//! block for ever. This one waits [`PATIENCE`] once, and not again before an entry got through.

use std::io;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::record::Scalar;

use super::Loss;
use super::entry::{Entry, clip, is_reserved};

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// How long a full socket is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// A socket that is opened once, so that a sandbox need not allow another.
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be connected: never was, or journald went away.
    Gone,
    Ready,
    /// journald did not read within [`PATIENCE`].
    Stalled,
}

/// What became of a datagram.
enum Answer {
    Taken,
    Interrupted,
    Full,
    TooLarge,
    Gone,
}

impl Journal {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.to_owned(), state: State::Gone })
    }

    /// Send one entry, within [`PATIENCE`].
    pub(super) fn send(&mut self, entry: &[u8]) -> Result<(), Loss> {
        let deadline = Instant::now() + PATIENCE;
        if self.state == State::Gone {
            self.connect()?;
        }
        let mut is_reconnected = false;
        loop {
            match self.offer(entry) {
                Answer::Taken => {
                    self.state = State::Ready;
                    return Ok(());
                }
                Answer::Interrupted => (),
                Answer::Full => self.wait(deadline)?,
                Answer::TooLarge => return Err(Loss::TooLarge),
                // A restarted journald has a new socket under the same name.
                Answer::Gone if !is_reconnected => {
                    self.connect()?;
                    is_reconnected = true;
                }
                Answer::Gone => {
                    self.state = State::Gone;
                    return Err(Loss::JournalUnavailable);
                }
            }
        }
    }

    fn offer(&self, entry: &[u8]) -> Answer {
        const EAGAIN: i32 = Errno::EAGAIN as i32;
        const EINTR: i32 = Errno::EINTR as i32;
        const EMSGSIZE: i32 = Errno::EMSGSIZE as i32;
        match self.socket.send(entry).map_err(|error| error.raw_os_error()) {
            Ok(_) => Answer::Taken,
            Err(Some(EINTR)) => Answer::Interrupted,
            Err(Some(EAGAIN)) => Answer::Full,
            Err(Some(EMSGSIZE)) => Answer::TooLarge,
            Err(_) => Answer::Gone,
        }
    }

    fn connect(&mut self) -> Result<(), Loss> {
        self.state = State::Gone;
        self.socket.connect(&self.path).map_err(|_| Loss::JournalUnavailable)?;
        self.state = State::Ready;
        Ok(())
    }

    /// Until journald reads, or patience is over.
    fn wait(&mut self, deadline: Instant) -> Result<(), Loss> {
        let left = deadline.saturating_duration_since(Instant::now());
        if self.state == State::Stalled || left.is_zero() {
            self.state = State::Stalled;
            return Err(Loss::JournalStalled);
        }
        let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
        // Whatever poll says, the next attempt to send finds out.
        let _ =
            nix::poll::poll(&mut ready, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO));
        Ok(())
    }
}

impl Entry<'_> {
    /// Append the fields of one journal entry.
    pub(super) fn encode_journal(&self, entry: &mut Vec<u8>) {
        let Self { event, identity, seq } = self;
        let (text, tail) = clip(&event.text);
        field(entry, "MESSAGE", &format!("{text}{tail}"));
        field(entry, "PRIORITY", &(event.severity as u8).to_string());
        field(entry, "SYSLOG_IDENTIFIER", "infra_monitor");
        field(entry, "MESSAGE_ID", event.kind.message_id());
        field(entry, "IM_EVENT", event.kind.name());
        field(entry, "IM_SOURCE", event.source.as_str());
        if let Some(site) = &identity.site {
            field(entry, "IM_SITE", site);
        }
        field(entry, "IM_RUN_ID", &identity.run_id);
        field(entry, "IM_SEQ", &seq.to_string());
        field(entry, "IM_AT", &humantime::format_rfc3339_micros(event.at).to_string());
        for (name, value) in &event.fields {
            debug_assert!(!is_reserved(name), "{name} would be there twice");
            let name = format!("IM_{}", name.to_ascii_uppercase());
            match value {
                Scalar::Text(text) => {
                    let (text, tail) = clip(text);
                    field(entry, &name, &format!("{text}{tail}"));
                }
                Scalar::Bool(_) | Scalar::Signed(_) | Scalar::Unsigned(_) | Scalar::Real(_) => {
                    field(entry, &name, &value.to_string());
                }
            }
        }
    }
}

/// `NAME=value`, or with a length in front where the value has lines of its own.
fn field(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    // A `Vec` takes every byte.
    let _ = writeln!(entry, "{value}");
}
