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
    /// What the last attempt was refused with, and when that was.
    refusal: Option<(u8, Instant)>,
    backoff: Backoff,
}

impl Query {
    pub(super) fn new(block: Block, every: Duration) -> Self {
        Self { block, refusal: None, backoff: Backoff::new(every, REFUSED_MAX) }
    }

    pub(super) fn tags(&self) -> Vec<Arc<Tag>> {
        self.block.tags.iter().map(|slot| Arc::clone(&slot.tag)).collect()
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.resting(now).is_none()
    }

    /// What it rests for, and what becomes of it; `None` if it is to be asked.
    pub(super) fn resting(&self, now: Instant) -> Option<(u8, Prospect)> {
        let (code, _) = self.refusal?;
        Some((code, Prospect::Again(self.backoff.remaining(now)?)))
    }

    /// What becomes of it after the attempt that was just made.
    pub(super) fn prospect(&self) -> Prospect {
        let Some((code, at)) = self.refusal else { return Prospect::NextTurn };
        if self.splits(code).is_some() {
            return Prospect::InParts;
        }
        self.backoff.remaining(at).map_or(Prospect::NextTurn, Prospect::Again)
    }

    pub(super) fn on_answer(&mut self) {
        self.refusal = None;
        self.backoff.on_success();
    }

    pub(super) fn on_refusal(&mut self, code: u8, now: Instant) {
        self.refusal = Some((code, now));
        self.backoff.on_failure(now);
    }

    /// Itself, or if it was refused, queries for less at a time. They are never merged again.
    pub(super) fn split(self, every: Duration) -> Vec<Self> {
        match self.refusal.and_then(|(code, _)| self.splits(code)) {
            Some(blocks) => blocks.into_iter().map(|block| Self::new(block, every)).collect(),
            None => vec![self],
        }
    }

    fn splits(&self, code: u8) -> Option<Vec<Block>> {
        if code == ILLEGAL_FUNCTION { None } else { self.block.split() }
    }
}
