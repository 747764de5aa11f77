//! A way to the log beside the sink, for what has to be told while the sink may hang.
//!
//! To journald where that is the log, else, and where journald does not take it, to standard error
//! if that can be written to without waiting. It takes no lock that a thread which hangs could hold.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::record::Event;

use super::Output;
use super::entry::{Entry, Identity};
use super::journal::{self, Journal};

/// Its entries have a run id and numbers of their own, so that no gap shows among the sink's.
pub struct Beside {
    identity: Identity,
    journal: Option<Journal>,
    seq: u64,
}

impl Beside {
    /// Beside a sink that writes to `output`.
    pub fn new(output: &Output, site: Option<Arc<str>>) -> io::Result<Self> {
        let journal = match output {
            Output::Journald => Some(Journal::new(Path::new(journal::SOCKET))?),
            Output::Json(_) | Output::Text { .. } => None,
        };
        Ok(Self { identity: Identity::new(site), journal, seq: 0 })
    }

    /// Tell it within a tenth of a second, or not at all.
    pub fn tell(&mut self, event: &Event) {
        let entry = Entry { event, identity: &self.identity, seq: self.seq };
        let mut told = Vec::new();
        entry.encode_journal(&mut told);
        let is_taken = self.journal.as_mut().is_some_and(|journal| journal.send(&told).is_ok());
        if !is_taken {
            told.clear();
            entry.encode_text(false, &mut told);
            write_if_ready(&io::stderr(), &told);
        }
        self.seq += 1;
    }
}

/// Past the lock of [`io::Stderr`], which a thread that waits for a full pipe holds.
fn write_if_ready(out: &impl AsFd, line: &[u8]) {
    let mut ready = [PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
    let is_ready = nix::poll::poll(&mut ready, PollTimeout::ZERO).is_ok_and(|n_ready| n_ready > 0);
    if is_ready {
        // There is no third place to tell it.
        let _ = nix::unistd::write(out, line);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixDatagram;
    use std::time::SystemTime;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use crate::record::Kind;

    use super::*;

    #[test]
    fn journald_hears_it_in_an_entry_of_its_own_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let journal = Some(Journal::new(&path).unwrap());
        let mut beside = Beside { identity: Identity::new(None), journal, seq: 0 };
        for seq in 0..2 {
            let event =
                Event::new(Kind::DaemonStalled, SystemTime::now(), "daemon".into(), "sink hangs");
            beside.tell(&event);
            let mut entry = [0; 1024];
            let len = journald.recv(&mut entry).unwrap();
            let entry = String::from_utf8_lossy(&entry[..len]);
            assert!(entry.contains("MESSAGE=sink hangs\nPRIORITY=3\n"), "{entry}");
            assert!(entry.contains(&format!("IM_SEQ={seq}\n")), "{entry}");
        }
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_not_waited_for() {
        let (mut reader, writer) = io::pipe().unwrap();
        write_if_ready(&writer, b"first\n");
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        while nix::unistd::write(&writer, &[b'x'; 4096]).is_ok() {}
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        write_if_ready(&writer, b"last\n");
        drop(writer);
        let mut all = String::new();
        reader.read_to_string(&mut all).unwrap();
        assert!(all.starts_with("first\n") && !all.contains("last"));
    }
}
