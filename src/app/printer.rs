//! Events of a replay, printed in the shape the daemon would give them.

use std::io;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::record::Activity;
use crate::record::Event;
use crate::record::Ledger;
use crate::sink;
use crate::sink::Output;

/// A sink of its own, fed from the thread that replays.
pub struct Printer {
    events: mpsc::Sender<Event>,
    sink: JoinHandle<Ledger>,
}

impl Printer {
    /// Full means wait: a file can, and nothing of it should be missing.
    const DEPTH: usize = 256;

    pub fn start(output: Output) -> io::Result<Self> {
        let (events, receiver) = mpsc::channel(Self::DEPTH);
        Ok(Self { events, sink: sink::spawn(output, None, receiver, || (), Activity::default())? })
    }

    pub fn print(&self, event: Event) {
        // Fails only after the sink panicked, which `finish` reports.
        let _ = self.events.blocking_send(event);
    }

    /// Wait until everything is written.
    pub fn finish(self) -> io::Result<Ledger> {
        drop(self.events);
        self.sink.join().map_err(|_| io::Error::other("the sink panicked"))
    }
}
