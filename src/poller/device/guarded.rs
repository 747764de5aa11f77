//! A device's turn over the registers that its controller keeps a checksum of.
//!
//! They are read as one block, and no tag in it is believed before the checksum was. Only proven
//! replies are summed; a doubtful one makes the whole block doubtful.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::record::{BlockChecksum, Doubt, Fault, Quality, Reading, Sample};

use super::super::bus::Bus;
use super::super::exchange::{Cause, Reply, Values};
use super::super::explain::Prospect;
use super::super::guard::{Guard, Judged, Verdict};
use super::super::plan::Slot;
use super::{Polled, Standing, sample, wall_clock};

/// What stopped a pass over the block: a refusal, or no answer.
struct Stopped(Result<Reply, Cause>);

impl Polled {
    /// Read the block and say what came of it; nothing if there is none. True if there is no point
    /// in asking the device more in this turn. Fails if the link was lost over it.
    pub(super) async fn take_guarded_turn<S>(
        &mut self,
        bus: &mut Bus<S>,
        started: Instant,
    ) -> Result<(Option<Reading>, bool), Cause>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(guard) = &self.guard else { return Ok((None, false)) };
        if let Some((code, prospect)) = guard.resting(started) {
            let why = self.scene().refused_block(code, &guard.tags(), prospect);
            let reading = self.unanswered(&guard.tags(), Fault::BackedOff, why);
            return Ok((Some(reading), false));
        }
        match self.read_block(bus, guard).await {
            Ok((replies, judged)) => {
                let reading = self.verified(guard, &replies, judged);
                let is_done = self.on_standing(Standing::Answers, started);
                self.guard.iter_mut().for_each(Guard::on_answer);
                Ok((Some(reading), is_done))
            }
            Err(Stopped(Err(cause @ Cause::Io(_)))) => Err(cause),
            Err(Stopped(outcome)) => {
                let standing = Standing::of(&outcome);
                let is_done = self.on_standing(standing, started);
                Ok((self.unverified(&outcome, standing, started), is_done))
            }
        }
    }

    /// Pass over the block, again where one pass says nothing.
    async fn read_block<S>(
        &self,
        bus: &mut Bus<S>,
        guard: &Guard,
    ) -> Result<(Vec<Reply>, Judged), Stopped>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut n_passes = 1;
        loop {
            let replies = self.pass(bus, guard).await?;
            let judged = guard.judge(&replies);
            if !guard.deserves_another(&judged.verdict, n_passes) {
                return Ok((replies, judged));
            }
            n_passes += 1;
        }
    }

    async fn pass<S>(&self, bus: &mut Bus<S>, guard: &Guard) -> Result<Vec<Reply>, Stopped>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let n_together = if guard.is_ordered() { 1 } else { bus.max_in_flight().max(1) };
        let mut replies = Vec::with_capacity(guard.requests().len());
        for together in guard.requests().chunks(n_together) {
            for outcome in self.ask(bus, together).await {
                match outcome {
                    Ok(reply @ Reply { values: Values::Registers(_), .. }) => replies.push(reply),
                    Ok(_) | Err(_) => return Err(Stopped(outcome)),
                }
            }
        }
        Ok(replies)
    }

    /// The reading of a block of which all replies came.
    fn verified(&self, guard: &Guard, replies: &[Reply], judged: Judged) -> Reading {
        let Judged { block, verdict } = judged;
        let scene = self.scene();
        let (quality, detail, checksum) = match verdict {
            Verdict::Valid => (Quality::Good, None, BlockChecksum::Valid),
            Verdict::Invalid(mismatch) => {
                let why = scene.mismatch(guard.checksum(), &mismatch);
                let verdict = BlockChecksum::Invalid(Arc::new(mismatch));
                (Quality::Bad(Fault::ChecksumMismatch), Some(why), verdict)
            }
            Verdict::Torn(before, after) => {
                let why = scene.torn(guard.checksum(), before, after);
                (Quality::Uncertain(Doubt::Torn), Some(why), BlockChecksum::Unverified)
            }
            Verdict::Doubtful(doubt) => {
                let quality = Quality::Uncertain(Doubt::LateReply);
                (quality, scene.doubt(doubt), BlockChecksum::Unverified)
            }
            Verdict::Incomplete => {
                let why = scene.incomplete();
                (Quality::Bad(Fault::NotAValue), Some(why), BlockChecksum::Unverified)
            }
        };
        let sample = |slot: &Slot| match quality {
            Quality::Good | Quality::Uncertain(_) => sample(slot, &block, quality),
            Quality::Bad(_) => Sample { tag: Arc::clone(&slot.tag), value: None, quality },
        };
        let samples = guard.slots().iter().map(sample).collect();
        let (at, latency) = span_of(replies);
        Reading { at, latency, checksum, ..self.reading_now(quality, detail, samples) }
    }

    /// The reading of a block that was refused or not answered.
    fn unverified(
        &mut self,
        outcome: &Result<Reply, Cause>,
        standing: Standing,
        started: Instant,
    ) -> Option<Reading> {
        let guard = self.guard.as_mut()?;
        let tags = guard.tags();
        let prospect = match standing {
            Standing::Refuses(code) => guard.on_refusal(code, started),
            Standing::Answers
            | Standing::Busy
            | Standing::Disturbed
            | Standing::Resting
            | Standing::Silent => Prospect::NextTurn,
        };
        Some(match outcome {
            Ok(reply) => {
                let Values::Exception(code) = reply.values else { return None };
                let why = self.scene().refused_block(code, &tags, prospect);
                let (at, latency) = span_of(std::slice::from_ref(reply));
                Reading { at, latency, ..self.unanswered(&tags, Fault::Exception(code), why) }
            }
            Err(cause) => self.unanswered(&tags, cause.fault(), self.scene().failure(cause)),
        })
    }
}

/// When the last of `replies` arrived, and how long that was after the first was asked for.
fn span_of(replies: &[Reply]) -> (SystemTime, Duration) {
    let asked = replies.iter().filter_map(|reply| reply.arrived.checked_sub(reply.latency)).min();
    let arrived = replies.iter().map(|reply| reply.arrived).max();
    let latency = asked.zip(arrived).map(|(from, to)| to.saturating_duration_since(from));
    (arrived.map_or_else(SystemTime::now, wall_clock), latency.unwrap_or_default())
}
