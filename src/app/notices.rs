//! What the daemon says about itself: notices from the composition root to the pipeline.

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::pipeline::Notice;

/// The sending end of the lane of notices. Never waits, so that the thread that takes signals
/// cannot be held up by what it has to say.
#[derive(Clone, Debug)]
pub(super) struct Notices(mpsc::Sender<Notice>);

impl Notices {
    /// Enough for every source of a large site to fail at once.
    const DEPTH: usize = 256;

    /// A lane of notices. Full means that the pipeline is stuck, which its watchdog says better
    /// than any event: the notice goes to the diagnostics instead.
    pub(super) fn lane() -> (Self, mpsc::Receiver<Notice>) {
        let (sender, receiver) = mpsc::channel(Self::DEPTH);
        (Self(sender), receiver)
    }

    pub(super) fn raise(&self, notice: impl Into<Notice>) {
        match self.0.try_send(notice.into()) {
            Ok(()) => (),
            Err(TrySendError::Full(notice) | TrySendError::Closed(notice)) => {
                let (name, text) = match &notice {
                    Notice::Event(event) | Notice::Reloaded { event, .. } => {
                        (event.kind.name(), event.text.as_str())
                    }
                    Notice::Baseline(_) => ("baseline", "the one before it stays"),
                };
                tracing::warn!(event = name, text, "notice not taken");
            }
        }
    }
}
