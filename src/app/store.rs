//! The service manager's store of descriptors (`sd_pid_notify_with_fds(3)`): sockets that outlive us.
//!
//! A short process with every permission opens packet sockets and parks them there; the daemon, which
//! has none, is passed them when it starts, and again with its rings if it dies. Who parks cannot
//! see what is parked already, so it parks a full set under names never used before, and the daemon
//! has those removed that it does not need.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use nix::unistd::pipe2;

use crate::capture::Discarded;
use crate::capture::Parked;
use crate::config::Config;
use crate::record::Event;
use crate::record::Kind;
use crate::record::SourceId;
use crate::sys;
use crate::sys::Backlog;
use crate::sys::PacketSocket;

use super::DAEMON;

/// How long the service manager may take to read what it is sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why no sockets were parked.
#[derive(Debug, thiserror::Error)]
pub enum ParkError {
    #[error(
        "there is nobody to keep the sockets: NOTIFY_SOCKET is not set\n\
         This command is for a systemd unit: ExecStartPre=+-/usr/bin/infra_monitor open-sockets, with\n\
         NotifyAccess=exec and FileDescriptorStoreMax=128. By hand: sudo infra_monitor run"
    )]
    NoServiceManager,
    #[error(
        "not permitted to open a packet socket\n\
         It takes CAP_NET_RAW: the + of ExecStartPre=+- in the systemd unit gives it to this command."
    )]
    NoPermission,
    #[error("no packet socket can be opened: {0}\nDoes the kernel have AF_PACKET (CONFIG_PACKET)?")]
    Socket(#[source] io::Error),
    #[error(
        "the service manager does not take the sockets: {0}\n\
         Does it listen at NOTIFY_SOCKET? It is systemd 246 or later that knows this exchange."
    )]
    Unreachable(#[source] io::Error),
}

impl ParkError {
    fn from_opening(error: io::Error) -> Self {
        let may_not = error.kind() == io::ErrorKind::PermissionDenied;
        if may_not { Self::NoPermission } else { Self::Socket(error) }
    }

    /// As in `sysexits.h`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoServiceManager => 64,
            Self::Unreachable(_) => 69,
            Self::Socket(_) => 71,
            Self::NoPermission => 77,
        }
    }
}

/// Open a packet socket for each configured ring and have the service manager keep them; how many.
pub fn park(config: &Config) -> Result<usize, ParkError> {
    let name = env::var_os("NOTIFY_SOCKET").ok_or(ParkError::NoServiceManager)?;
    let keeper = Keeper::at(&name).map_err(ParkError::Unreachable)?;
    let n_rings = config.captures.values().map(|capture| usize::from(capture.rings)).sum();
    for name in names(n_rings) {
        let socket = PacketSocket::open().map_err(ParkError::from_opening)?;
        // FDPOLL=0: else a socket whose interface goes down would be taken for one that is done with.
        let text = format!("FDSTORE=1\nFDNAME={name}\nFDPOLL=0");
        keeper.send(&text, socket.as_fd()).map_err(ParkError::Unreachable)?;
    }
    keeper.wait_until_read().map_err(ParkError::Unreachable)?;
    Ok(n_rings)
}

/// Names that nothing in the store has: removing by name must not take what is in use.
fn names(n: usize) -> impl Iterator<Item = String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let stamp = now.as_nanos();
    (0..n).map(move |place| format!("{}{stamp:x}-{place}", Parked::PREFIX))
}

/// The way to the service manager, for a process that has nothing else to do than to wait for it.
struct Keeper {
    socket: UnixDatagram,
    to: UnixAddr,
}

impl Keeper {
    fn at(name: &OsStr) -> io::Result<Self> {
        let to = match name.as_bytes() {
            [b'@', name @ ..] => UnixAddr::new_abstract(name)?,
            name => UnixAddr::new(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, to })
    }

    fn send(&self, text: &str, fd: BorrowedFd<'_>) -> io::Result<()> {
        let fds = [fd.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&fds)];
        let text = [IoSlice::new(text.as_bytes())];
        let flags = MsgFlags::MSG_NOSIGNAL;
        sendmsg(self.socket.as_raw_fd(), &text, &rights, flags, Some(&self.to))?;
        Ok(())
    }

    /// `sd_notify_barrier(3)`: the service manager closes what it is sent once it has read all that
    /// came before. Who ends earlier may be gone when it asks whose process that was.
    fn wait_until_read(&self) -> io::Result<()> {
        let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
        self.send("BARRIER=1", theirs.as_fd())?;
        drop(theirs);
        let mut fds = [PollFd::new(ours.as_fd(), PollFlags::empty())];
        match poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX))? {
            0 => Err(Errno::ETIMEDOUT.into()),
            _ => Ok(()),
        }
    }
}

/// What was parked for this process, if anything.
pub(super) fn parked(config: &Config) -> Parked {
    let passed = sys::passed_fds().unwrap_or_else(|error| {
        tracing::warn!(%error, "what the service manager passed (LISTEN_FDS) cannot be taken");
        Vec::new()
    });
    Parked::sort(passed, config.captures.values().map(AsRef::as_ref))
}

/// `capture.resumed`: nothing was missed, or how much.
pub(super) fn resumed((id, ring): (&SourceId, u8), backlog: &Backlog) -> Event {
    let Backlog { judged, frames, drops } = *backlog;
    let lost = match drops {
        0 => "none was lost".to_owned(),
        n => format!("{n} were lost because the ring was full: give it more `blocks`"),
    };
    let text = format!(
        "{id}: the process before this one died and its ring filled on; {frames} frames waited in \
         it and {lost}; see `journalctl` for why it died"
    );
    Event::new(Kind::CaptureResumed, SystemTime::now(), id.clone(), text)
        .with("ring", ring)
        .with("frames", frames)
        .with("lost", drops)
        .with("judged", judged)
}

/// `capture.discarded`: what the process before left cannot be read.
pub(super) fn discarded(ring: &Discarded) -> Event {
    let source = ring.interface.as_deref().unwrap_or(DAEMON);
    let counted =
        |n: Option<u64>| n.map_or_else(|| "an unknown number".to_owned(), |n| n.to_string());
    let text = format!(
        "{source}: the process before this one died and left a ring that [[capture]] does not ask \
         for any more; frames in it that were not judged: {}, that found no room in it: {}; capture \
         starts anew",
        counted(ring.frames),
        counted(ring.lost),
    );
    let event = Event::new(Kind::CaptureDiscarded, SystemTime::now(), source.into(), text);
    let counts = [("frames", ring.frames), ("lost", ring.lost)];
    let known = counts.into_iter().filter_map(|(name, count)| Some((name, count?)));
    known.fold(event, |event, (name, count)| event.with(name, count))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_given_twice_and_each_is_one_that_systemd_takes() {
        let names: BTreeSet<_> = (0..100).flat_map(|_| names(3)).collect();
        assert_eq!(names.len(), 300);
        // fdname_is_valid(): printable ASCII without a colon, at most 255 bytes.
        let is_valid = |name: &String| name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        assert!(names.iter().all(|name| is_valid(name) && name.len() < 64), "{names:?}");
    }

    #[test]
    fn what_was_lost_while_nobody_ran_is_said() {
        let told = |drops| resumed((&"eth1".into(), 0), &Backlog { judged: 7, frames: 5, drops });
        assert!(told(0).text.contains("5 frames waited in it and none was lost"));
        assert!(told(3).text.contains("3 were lost because the ring was full"), "{}", told(3).text);
        let unknown = discarded(&Discarded { interface: None, frames: None, lost: None });
        assert_eq!((unknown.source.as_str(), unknown.fields.len()), (DAEMON, 0));
    }
}
