//! The rest that the devices of a link are given before each request.

use std::time::Duration;

use tokio::time::{Instant, sleep};

#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    /// When something was last sent or heard.
    last: Option<Instant>,
}

impl Pace {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    /// Something is being sent or heard.
    pub(super) fn mark(&mut self) {
        if !self.pause.is_zero() {
            self.last = Some(Instant::now()); // the clock is not free
        }
    }

    /// Wait for what is left of the rest. None costs nothing: even an empty sleep takes a tick of
    /// the timer, a millisecond.
    pub(super) async fn rest(&self) {
        let remaining = self.remaining();
        if !remaining.is_zero() {
            sleep(remaining).await;
        }
    }

    /// How much of the rest is left.
    pub(super) fn remaining(&self) -> Duration {
        let until = self.last.and_then(|last| last.checked_add(self.pause));
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}
