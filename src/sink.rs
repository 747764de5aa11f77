//! Sinks: events in, lines or journal entries out, on a thread that may block.
//!
//! Every event that comes in is written or counted with the reason why not. When an output takes
//! entries again, it is told how many it missed. Nothing here can stop the daemon.

mod beside;
mod entry;
mod journal;
mod json;
mod text;

use std::io;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

use tokio::sync::mpsc;

use crate::record::{Activity, Doing, Event, Kind, Ledger, SourceId};

pub use beside::Beside;

use entry::{Entry, Identity};
use journal::Journal;

/// Where journald listens.
pub const JOURNAL: &str = journal::SOCKET;

/// Where events go, and in which shape.
pub enum Output {
    /// The native protocol of systemd-journald.
    Journald,
    /// One object a line.
    Json(Box<dyn Write + Send>),
    /// One sentence a line.
    Text { out: Box<dyn Write + Send>, color: bool },
}

/// Start the sink's thread. It ends when all senders of `events` are gone, and says what it did:
/// in = events received, out = written, dropped = why not. `confine` is the first it does.
pub fn spawn(
    output: Output,
    site: Option<Arc<str>>,
    events: mpsc::Receiver<Event>,
    confine: impl FnOnce() + Send + 'static,
    activity: Activity,
) -> io::Result<JoinHandle<Ledger>> {
    let sink = Sink { activity, ..Sink::new(output, site, Path::new(JOURNAL))? };
    std::thread::Builder::new().name("sink".to_owned()).spawn(move || {
        confine();
        sink.run(events)
    })
}

/// Why an event was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// journald does not read its socket.
    JournalStalled,
    /// Nobody listens on journald's socket.
    JournalUnavailable,
    /// The kernel does not take an entry of this size.
    TooLarge,
    /// The reader of the output is gone, or its disk is full.
    OutputClosed,
}

impl Loss {
    /// Under which name it is counted.
    fn name(self) -> &'static str {
        match self {
            Self::JournalStalled => "journal_stalled",
            Self::JournalUnavailable => "journal_unavailable",
            Self::TooLarge => "too_large",
            Self::OutputClosed => "output_closed",
        }
    }
}

/// One output, its shape, and its books.
struct Sink {
    identity: Identity,
    target: Target,
    /// Written so far, and so the number of the next: a gap in the journal is a loss of journald.
    seq: u64,
    ledger: Ledger,
    activity: Activity,
    unsaid: Option<Unsaid>,
    /// Reused for each entry.
    buffer: Vec<u8>,
}

enum Target {
    Journal(Journal),
    Json(Box<dyn Write + Send>),
    Text { out: Box<dyn Write + Send>, color: bool },
}

/// Losses that the output has not been told of.
#[derive(Clone, Copy, Debug)]
struct Unsaid {
    count: u64,
    last: Loss,
}

impl Sink {
    fn new(output: Output, site: Option<Arc<str>>, journal: &Path) -> io::Result<Self> {
        let target = match output {
            Output::Journald => Target::Journal(Journal::new(journal)?),
            Output::Json(out) => Target::Json(out),
            Output::Text { out, color } => Target::Text { out, color },
        };
        Ok(Self {
            identity: Identity::new(site),
            target,
            seq: 0,
            ledger: Ledger::default(),
            activity: Activity::default(),
            unsaid: None,
            buffer: Vec::new(),
        })
    }

    fn run(mut self, mut events: mpsc::Receiver<Event>) -> Ledger {
        while let Some(event) = events.blocking_recv() {
            self.activity.set(Doing::Works);
            self.take(&event);
            self.activity.set(Doing::Rests);
        }
        // The last chance to tell; if it fails, the ledger still knows.
        let _ = self.confess();
        self.ledger
    }

    fn take(&mut self, event: &Event) {
        self.ledger.entered += 1;
        match self.confess().and_then(|()| self.write(event)) {
            Ok(()) => self.ledger.left += 1,
            Err(loss) => {
                self.ledger.drop(loss.name(), 1);
                let count = self.unsaid.map_or(1, |unsaid| unsaid.count + 1);
                self.unsaid = Some(Unsaid { count, last: loss });
            }
        }
    }

    /// Say what was lost, before anything else. The sink's own entry: it is in no ledger.
    fn confess(&mut self) -> Result<(), Loss> {
        if let Some(unsaid) = self.unsaid {
            self.write(&missing(unsaid))?;
            self.unsaid = None;
        }
        Ok(())
    }

    fn write(&mut self, event: &Event) -> Result<(), Loss> {
        let Self { identity, target, seq, buffer, activity, .. } = self;
        let entry = Entry { event, identity, seq: *seq };
        buffer.clear();
        match target {
            Target::Journal(journal) => {
                entry.encode_journal(buffer);
                journal.send(buffer)?;
            }
            Target::Json(out) => {
                entry.encode_json(buffer);
                activity.waiting(|| write_line(out, buffer))?;
            }
            Target::Text { out, color } => {
                entry.encode_text(*color, buffer);
                activity.waiting(|| write_line(out, buffer))?;
            }
        }
        self.seq += 1;
        Ok(())
    }
}

/// Whole lines only, and at once: somebody is watching.
fn write_line(out: &mut dyn Write, line: &[u8]) -> Result<(), Loss> {
    out.write_all(line).and_then(|()| out.flush()).map_err(|_| Loss::OutputClosed)
}

fn missing(Unsaid { count, last }: Unsaid) -> Event {
    let text =
        format!("events before this one that could not be written: {count} ({})", last.name());
    Event::new(Kind::EventsSuppressed, SystemTime::now(), SourceId::from("sink"), text)
        .with("count", count)
        .with("reason", last.name())
}

#[cfg(test)]
mod tests;
