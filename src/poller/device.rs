//! One device of a link: its requests, its turn on the bus, and the readings that come of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::config::Device;
use crate::config::Link;
use crate::record::{Doubt, Fault, Quality, Reading, Sample, SourceId};
use crate::tag::Tag;

use super::bus::Bus;
use super::exchange::{Cause, Confidence, Reply, Values};
use super::explain::Scene;
use super::plan::{Block, Merge, Plan, Slot};
use super::schedule::Backoff;

/// Exception codes of a gateway that does not reach the device.
const GATEWAY: [u8; 2] = [10, 11];
/// Exception code for an address that does not exist.
const ILLEGAL_ADDRESS: u8 = 2;

pub(super) struct Polled {
    source: SourceId,
    link: Arc<Link>,
    device: Arc<Device>,
    plan: Plan,
    backoff: Backoff,
}

/// What the answer, or its absence, says of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Answers,
    /// It answers, and refuses an address of the block.
    Refuses,
    /// Noise, or the link; it says nothing of the device.
    Disturbed,
    /// It is left alone on purpose.
    Resting,
    Silent,
}

impl Polled {
    pub(super) fn new(source: SourceId, link: Arc<Link>, device: Arc<Device>) -> Self {
        let plan = Plan::new(&device.tags, Merge::Near);
        let backoff = Backoff::new(device.every, link.backoff_max);
        Self { source, link, device, plan, backoff }
    }

    /// Read the device once, as far as it and the link go. One reading for each request, and one
    /// for what was not asked.
    pub(super) async fn take_turn<S>(&mut self, bus: &mut Bus<S>) -> Vec<Reading>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let started = Instant::now();
        if let Some(remaining) = self.backoff.remaining(started) {
            let why = self.scene().not_asked(Some(remaining));
            return vec![self.unanswered(&self.device.tags, Fault::BackedOff, why)];
        }
        let mut readings: Vec<_> = self.unreadable().into_iter().collect();
        let mut nth = 0;
        while let Some(block) = self.plan.blocks.get(nth) {
            let outcome = bus.ask(self.device.unit, block.request).await;
            if let Err(cause @ Cause::Io(_)) = &outcome {
                readings.push(self.link_lost(nth, cause));
                return readings;
            }
            readings.push(self.reading(block, &outcome));
            nth += 1;
            match Standing::of(&outcome) {
                Standing::Answers => self.backoff.on_success(),
                Standing::Refuses => {
                    self.backoff.on_success();
                    nth += self.split(nth - 1);
                }
                Standing::Disturbed => (),
                Standing::Resting => break,
                Standing::Silent => {
                    self.backoff.on_failure(started);
                    break;
                }
            }
            if !bus.is_usable() {
                break;
            }
        }
        readings.extend(self.not_asked(nth));
        readings
    }

    /// The reading of a device whose link is down.
    pub(super) fn link_down(&self, why: String) -> Reading {
        self.unanswered(&self.device.tags, Fault::LinkDown, why)
    }

    /// Ask for less at a time where the device refused, from the next turn on. Returns by how
    /// many blocks there are more.
    fn split(&mut self, nth: usize) -> usize {
        let Some(blocks) = self.plan.blocks.get(nth).and_then(Block::split) else { return 0 };
        let n_more = blocks.len() - 1;
        self.plan.blocks.splice(nth..=nth, blocks);
        n_more
    }

    fn reading(&self, block: &Block, outcome: &Result<Reply, Cause>) -> Reading {
        match outcome {
            Ok(reply) => self.answered(block, reply),
            Err(cause) => {
                let tags: Vec<_> = block.tags.iter().map(|slot| Arc::clone(&slot.tag)).collect();
                self.unanswered(&tags, cause.fault(), self.scene().failure(cause))
            }
        }
    }

    fn answered(&self, block: &Block, reply: &Reply) -> Reading {
        let (quality, detail) = match (&reply.values, reply.confidence) {
            (Values::Exception(code), _) => {
                (Quality::Bad(Fault::Exception(*code)), Some(self.scene().exception(*code)))
            }
            (Values::Registers(_) | Values::Bits(_) | Values::Echo, Confidence::Proven) => {
                (Quality::Good, None)
            }
            (Values::Registers(_) | Values::Bits(_) | Values::Echo, doubt) => {
                (Quality::Uncertain(Doubt::LateReply), self.scene().doubt(doubt))
            }
        };
        Reading {
            source: self.source.clone(),
            device: Arc::clone(&self.device.name),
            unit: self.device.unit,
            at: SystemTime::now().checked_sub(reply.arrived.elapsed()).unwrap_or(SystemTime::now()),
            latency: reply.latency,
            quality,
            detail: detail.map(Into::into),
            samples: block.tags.iter().map(|slot| sample(slot, &reply.values, quality)).collect(),
        }
    }

    fn unanswered(&self, tags: &[Arc<Tag>], fault: Fault, why: String) -> Reading {
        let quality = Quality::Bad(fault);
        let sample = |tag: &Arc<Tag>| Sample { tag: Arc::clone(tag), value: None, quality };
        Reading {
            source: self.source.clone(),
            device: Arc::clone(&self.device.name),
            unit: self.device.unit,
            at: SystemTime::now(),
            latency: Duration::ZERO,
            quality,
            detail: Some(why.into()),
            samples: tags.iter().map(sample).collect(),
        }
    }

    fn unreadable(&self) -> Option<Reading> {
        let tags = &self.plan.unreadable;
        (!tags.is_empty())
            .then(|| self.unanswered(tags, Fault::NotAValue, self.scene().unreadable()))
    }

    /// The reading of what was not asked because of what came before it.
    fn not_asked(&self, from: usize) -> Option<Reading> {
        let tags = self.tags(from);
        (!tags.is_empty())
            .then(|| self.unanswered(&tags, Fault::BackedOff, self.scene().not_asked(None)))
    }

    /// The reading of what was not answered because the link was lost over it.
    fn link_lost(&self, from: usize, cause: &Cause) -> Reading {
        self.unanswered(&self.tags(from), cause.fault(), self.scene().failure(cause))
    }

    /// Tags of the blocks from the given one on.
    fn tags(&self, from: usize) -> Vec<Arc<Tag>> {
        let slots = self.plan.blocks.iter().skip(from).flat_map(|block| &block.tags);
        slots.map(|slot| Arc::clone(&slot.tag)).collect()
    }

    fn scene(&self) -> Scene<'_> {
        Scene { link: &self.link, unit: self.device.unit }
    }
}

impl Standing {
    fn of(outcome: &Result<Reply, Cause>) -> Self {
        match outcome {
            Ok(Reply { values: Values::Exception(code), .. }) if GATEWAY.contains(code) => {
                Self::Silent
            }
            Ok(Reply { values: Values::Exception(ILLEGAL_ADDRESS), .. }) => Self::Refuses,
            Ok(_) => Self::Answers,
            // A foreign reply and a babbling line cost a whole time-out too.
            Err(Cause::Timeout { .. } | Cause::CutShort(_) | Cause::Foreign(_) | Cause::Babble) => {
                Self::Silent
            }
            Err(Cause::Damaged(_) | Cause::NotModbus | Cause::Unasked | Cause::Io(_)) => {
                Self::Disturbed
            }
            Err(Cause::Quiet(_)) => Self::Resting,
        }
    }
}

/// The tag's part of the reply, as a value of its type.
fn sample(slot: &Slot, values: &Values, quality: Quality) -> Sample {
    let Slot { tag, place } = slot;
    let value = match values {
        Values::Registers(registers) => {
            registers.get(place.clone()).and_then(|part| tag.decode_registers(part).ok())
        }
        Values::Bits(bits) => bits.get(place.start).map(|bit| tag.decode_bit(*bit)),
        Values::Echo => None,
        Values::Exception(_) => return Sample { tag: Arc::clone(tag), value: None, quality },
    };
    let quality = if value.is_some() { quality } else { Quality::Bad(Fault::NotAValue) };
    Sample { tag: Arc::clone(tag), value, quality }
}
