//! What the daemon says about itself: events from the composition root to the pipeline.

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::record::Event;

/// The sending end of the lane of notices. Never waits, so that the thread that takes signals
/// cannot be held up by what it has to say.
#[derive(Clone, Debug)]
pub(super) struct Notices(mpsc::Sender<Event>);

impl Notices {
    /// Enough for every source of a large site to fail at once.
    const DEPTH: usize = 256;

    /// A lane of notices. Full means that the pipeline is stuck, which its watchdog says better
    /// than any event: the notice goes to the diagnostics instead.
    pub(super) fn lane() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(Self::DEPTH);
        (Self(sender), receiver)
    }

    pub(super) fn raise(&self, event: Event) {
        match self.0.try_send(event) {
            Ok(()) => (),
            Err(TrySendError::Full(event) | TrySendError::Closed(event)) => {
                tracing::warn!(event = event.kind.name(), text = event.text, "notice not taken");
            }
        }
    }
}
