//! One request of a device over time: what it was refused with, and when it is asked again. Pure.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::tag::Tag;

use super::explain::Prospect;
use super::plan::Block;
use super::schedule::Backoff;

/// Longest wait between two attempts at a request that the device refuses. The waits grow to it:
/// a device that starts may refuse what it will serve, and an address that is wrong stays wrong.
const REFUSED_MAX: Duration = Duration::from_secs(600);
/// Exception code for a function that the device does not have, in whatever portions.
const ILLEGAL_FUNCTION: u8 = 1;

pub(super) struct Query {
    pub(super) block: Block,
    refusal: Refusal,
}

/// What an attempt was refused with, and when the next is due.
pub(super) struct Refusal {
    /// With what the last attempt was refused, and when that was.
    last: Option<(u8, Instant)>,
    backoff: Backoff,
}

impl Refusal {
    /// Of what is asked at intervals of `every`; nothing was refused yet.
    pub(super) fn new(every: Duration) -> Self {
        Self { last: None, backoff: Backoff::new(every, REFUSED_MAX) }
    }

    /// What is left alone, and what becomes of it; `None` if it is to be asked.
    pub(super) fn resting(&self, now: Instant) -> Option<(u8, Prospect)> {
        let (code, _) = self.last?;
        Some((code, Prospect::Again(self.backoff.remaining(now)?)))
    }

    /// What becomes of what cannot be asked for in smaller parts.
    pub(super) fn prospect(&self) -> Prospect {
        let remaining = self.last.and_then(|(_, at)| self.backoff.remaining(at));
        remaining.map_or(Prospect::NextTurn, Prospect::Again)
    }

    pub(super) fn on_answer(&mut self) {
        self.last = None;
        self.backoff.on_success();
    }

    pub(super) fn on_refusal(&mut self, code: u8, now: Instant) {
        self.last = Some((code, now));
        self.backoff.on_failure(now);
    }
}

/// True if a device that refuses with `code` may serve smaller parts.
pub(super) fn may_serve_parts(code: u8) -> bool {
    code != ILLEGAL_FUNCTION
}

impl Query {
    pub(super) fn new(block: Block, every: Duration) -> Self {
        Self { block, refusal: Refusal::new(every) }
    }

    pub(super) fn tags(&self) -> Vec<Arc<Tag>> {
        self.block.tags.iter().map(|slot| Arc::clone(&slot.tag)).collect()
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.resting(now).is_none()
    }

    /// What it rests for, and what becomes of it; `None` if it is to be asked.
    pub(super) fn resting(&self, now: Instant) -> Option<(u8, Prospect)> {
        self.refusal.resting(now)
    }

    /// What becomes of it after the attempt that was just made.
    pub(super) fn prospect(&self) -> Prospect {
        if self.parts().is_some() { Prospect::InParts } else { self.refusal.prospect() }
    }

    pub(super) fn on_answer(&mut self) {
        self.refusal.on_answer();
    }

    pub(super) fn on_refusal(&mut self, code: u8, now: Instant) {
        self.refusal.on_refusal(code, now);
    }

    /// Itself, or if it was refused, queries for less at a time. They are never merged again.
    pub(super) fn split(self, every: Duration) -> Vec<Self> {
        match self.parts() {
            Some(blocks) => blocks.into_iter().map(|block| Self::new(block, every)).collect(),
            None => vec![self],
        }
    }

    fn parts(&self) -> Option<Vec<Block>> {
        let (code, _) = self.refusal.last?;
        if may_serve_parts(code) { self.block.split() } else { None }
    }
}
