//! One device of a link: its requests, its turn on the bus, and the readings that come of it.

mod guarded;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use crate::config::Device;
use crate::config::Link;
use crate::record::{BlockChecksum, Doubt, Fault, Quality, Reading, Sample, SourceId};
use crate::tag::Tag;
use crate::tag::Value;
use crate::wire::modbus::request::ReadRequest;

use super::bus::Bus;
use super::exchange::{Cause, Confidence, Reply, Values};
use super::explain::Scene;
use super::guard::{Guard, unguarded};
use super::plan::{Merge, Plan, Size, Slot};
use super::query::Query;
use super::schedule::Backoff;
use super::trace::Route;

/// Exception codes of a gateway that does not reach the device.
const GATEWAY: [u8; 2] = [10, 11];
/// Exception codes for a function, an address and a quantity that the device does not have.
const MISCONFIGURED: [u8; 3] = [1, 2, 3];
/// Exception codes of a device that is busy: with this request, and with others.
const BUSY: [u8; 2] = [5, 6];
/// How often a busy device is asked again within a turn, each time after this or an eighth of
/// the turn: the other devices of the link wait meanwhile.
const BUSY_RETRIES: u32 = 2;
const BUSY_WAIT: Duration = Duration::from_millis(100);

pub(super) struct Polled {
    source: SourceId,
    link: Arc<Link>,
    device: Arc<Device>,
    queries: Vec<Query>,
    /// Reads the tags that the controller's own checksum is over.
    guard: Option<Guard>,
    /// Tags that no request can read.
    unreadable: Vec<Arc<Tag>>,
    backoff: Backoff,
    /// The connection as the wire shows it, where a capture may see it.
    route: Option<Route>,
}

/// What the answer, or its absence, says of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Answers,
    /// It answers, and refuses this request with a code that says whose fault that is: ours.
    Refuses(u8),
    /// It answers, and asks for time.
    Busy,
    /// Noise, or the link; it says nothing of the device.
    Disturbed,
    /// It is left alone on purpose.
    Resting,
    Silent,
}

impl Polled {
    pub(super) fn new(source: SourceId, link: Arc<Link>, device: Arc<Device>) -> Self {
        let Plan { blocks, unreadable } =
            Plan::new(&unguarded(&device), Merge::Near, Size::new(device.max_registers));
        let guard = Guard::of(&device);
        let queries = blocks.into_iter().map(|block| Query::new(block, device.every)).collect();
        let backoff = Backoff::new(device.every, link.backoff_max);
        let route = None;
        Self { source, link, device, queries, guard, unreadable, backoff, route }
    }

    /// From now on it is reached over this connection.
    pub(super) fn on_route(&mut self, route: Option<Route>) {
        self.route = route;
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
        readings.extend(self.queries.iter().filter_map(|query| self.at_rest(query, started)));
        let is_due = |nth: &usize| self.queries.get(*nth).is_some_and(|q| q.is_due(started));
        let mut due: VecDeque<_> = (0..self.queries.len()).filter(is_due).collect();
        let mut is_done = match self.take_guarded_turn(bus, started).await {
            Ok((reading, is_done)) => {
                readings.extend(reading);
                is_done
            }
            Err(cause) => {
                let guarded = self.guard.iter().flat_map(Guard::tags);
                let tags: Vec<_> = guarded.chain(self.tags(&due)).collect();
                readings.push(self.link_lost(&tags, &cause));
                due.clear();
                true
            }
        };
        'asking: while !due.is_empty() && !is_done && bus.is_usable() {
            let together: Vec<_> = due.iter().copied().take(bus.max_in_flight()).collect();
            let queries = together.iter().filter_map(|nth| self.queries.get(*nth));
            let requests: Vec<_> = queries.map(|query| query.block.request).collect();
            for (nth, outcome) in together.iter().zip(self.ask(bus, &requests).await) {
                if let Err(cause @ Cause::Io(_)) = &outcome {
                    readings.push(self.link_lost(&self.tags(&due), cause));
                    due.clear();
                    break 'asking;
                }
                due.pop_front();
                is_done |= self.note(*nth, &outcome, started);
                readings.extend(self.reading(*nth, &outcome));
            }
        }
        // An error of the link costs the next turn; the replies of this one stay unconfirmed.
        let confidence = bus.close_turn(self.device.unit).await.unwrap_or(Confidence::Unsettled);
        self.doubt(&mut readings, confidence);
        readings.extend(self.not_asked(&due));
        self.split();
        readings
    }

    /// What was good is no better than the turn in which it was read, and a checksum that did not
    /// match is no finding.
    fn doubt(&self, readings: &mut [Reading], confidence: Confidence) {
        if confidence == Confidence::Proven {
            return;
        }
        let doubtful = Quality::Uncertain(Doubt::LateReply);
        let is_claim = |reading: &&mut Reading| {
            matches!(reading.quality, Quality::Good | Quality::Bad(Fault::ChecksumMismatch))
        };
        for reading in readings.iter_mut().filter(is_claim) {
            reading.quality = doubtful;
            reading.checksum = BlockChecksum::Unverified;
            reading.detail = self.scene().doubt(confidence).map(Into::into);
            for sample in reading.samples.iter_mut().filter(|sample| sample.quality.is_good()) {
                sample.quality = doubtful;
            }
        }
    }

    /// The reading of a device whose link is down.
    pub(super) fn link_down(&self, why: String) -> Reading {
        self.unanswered(&self.device.tags, Fault::LinkDown, why)
    }

    /// Ask some requests together. A device that is busy is asked again a little later, which is
    /// no failure.
    async fn ask<S>(&self, bus: &mut Bus<S>, requests: &[ReadRequest]) -> Vec<Result<Reply, Cause>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let unit = self.device.unit;
        let mut outcomes = bus.ask(unit, requests).await;
        for _ in 0..BUSY_RETRIES {
            let busy = outcomes.iter_mut().zip(requests).filter(|(outcome, _)| is_busy(outcome));
            let (busy, requests): (Vec<_>, Vec<_>) =
                busy.map(|(outcome, request)| (outcome, *request)).unzip();
            if busy.is_empty() || !bus.is_usable() {
                break;
            }
            sleep(BUSY_WAIT.min(self.device.every / 8)).await;
            for (outcome, again) in busy.into_iter().zip(bus.ask(unit, &requests).await) {
                *outcome = again;
            }
        }
        outcomes
    }

    /// Take note of what the outcome says of the device and of the query. True if there is no
    /// point in asking the device more in this turn.
    fn note(&mut self, nth: usize, outcome: &Result<Reply, Cause>, started: Instant) -> bool {
        let standing = Standing::of(outcome);
        match (standing, self.queries.get_mut(nth)) {
            (Standing::Answers, Some(query)) => query.on_answer(),
            (Standing::Refuses(code), Some(query)) => query.on_refusal(code, started),
            (
                Standing::Answers
                | Standing::Refuses(_)
                | Standing::Disturbed
                | Standing::Busy
                | Standing::Resting
                | Standing::Silent,
                _,
            ) => (),
        }
        self.on_standing(standing, started)
    }

    /// Take note of what was learnt of the device. True if there is no point in asking it more.
    fn on_standing(&mut self, standing: Standing, started: Instant) -> bool {
        match standing {
            Standing::Answers | Standing::Refuses(_) => self.backoff.on_success(),
            Standing::Disturbed | Standing::Busy => (),
            Standing::Resting => return true,
            Standing::Silent => {
                self.backoff.on_failure(started);
                return true;
            }
        }
        false
    }

    /// Ask for less at a time where the device refused, from the next turn on.
    fn split(&mut self) {
        let every = self.device.every;
        let queries = std::mem::take(&mut self.queries);
        self.queries = queries.into_iter().flat_map(|query| query.split(every)).collect();
    }

    fn reading(&self, nth: usize, outcome: &Result<Reply, Cause>) -> Option<Reading> {
        let query = self.queries.get(nth)?;
        Some(match outcome {
            Ok(reply) => self.answered(query, reply),
            Err(cause) => {
                self.unanswered(&query.tags(), cause.fault(), self.scene().failure(cause))
            }
        })
    }

    fn answered(&self, query: &Query, reply: &Reply) -> Reading {
        let (quality, detail) = match (&reply.values, reply.confidence) {
            (Values::Exception(code), _) => {
                let why = self.scene().exception(*code, &query.tags(), query.prospect());
                (Quality::Bad(Fault::Exception(*code)), Some(why))
            }
            (
                Values::Registers(_) | Values::Bits(_) | Values::Echo | Values::Identity(_),
                confidence,
            ) => match self.scene().doubt(confidence) {
                None => (Quality::Good, None),
                doubt => (Quality::Uncertain(Doubt::LateReply), doubt),
            },
        };
        let slots = query.block.tags.iter();
        let samples = slots.map(|slot| sample(slot, &reply.values, quality)).collect();
        let (at, latency) = (wall_clock(reply.arrived), reply.latency);
        let (unit, request) = (self.device.unit, query.block.request);
        let exchange = self.route.and_then(|route| route.exchange(unit, request, reply, at));
        Reading { at, latency, exchange, ..self.reading_now(quality, detail, samples) }
    }

    fn unanswered(&self, tags: &[Arc<Tag>], fault: Fault, why: String) -> Reading {
        let quality = Quality::Bad(fault);
        let sample = |tag: &Arc<Tag>| Sample { tag: Arc::clone(tag), value: None, quality };
        self.reading_now(quality, Some(why), tags.iter().map(sample).collect())
    }

    fn reading_now(
        &self,
        quality: Quality,
        detail: Option<String>,
        samples: Vec<Sample>,
    ) -> Reading {
        Reading {
            source: self.source.clone(),
            device: Arc::clone(&self.device.name),
            unit: Some(self.device.unit),
            at: SystemTime::now(),
            latency: Duration::ZERO,
            missed: 0,
            exchange: None,
            quality,
            detail: detail.map(Into::into),
            samples,
            checksum: BlockChecksum::Unverified,
        }
    }

    fn unreadable(&self) -> Option<Reading> {
        let tags = &self.unreadable;
        (!tags.is_empty()).then(|| {
            self.unanswered(
                tags,
                Fault::NotAValue,
                self.scene().unreadable(self.device.max_registers),
            )
        })
    }

    /// The reading of a query that rests because it was refused.
    fn at_rest(&self, query: &Query, now: Instant) -> Option<Reading> {
        let (code, prospect) = query.resting(now)?;
        let why = self.scene().exception(code, &query.tags(), prospect);
        Some(self.unanswered(&query.tags(), Fault::BackedOff, why))
    }

    /// The reading of what was not asked because of what came before it.
    fn not_asked(&self, queries: &VecDeque<usize>) -> Option<Reading> {
        let tags = self.tags(queries);
        (!tags.is_empty())
            .then(|| self.unanswered(&tags, Fault::BackedOff, self.scene().not_asked(None)))
    }

    /// The reading of what was not answered because the link was lost over it.
    fn link_lost(&self, tags: &[Arc<Tag>], cause: &Cause) -> Reading {
        self.unanswered(tags, cause.fault(), self.scene().failure(cause))
    }

    fn tags(&self, queries: &VecDeque<usize>) -> Vec<Arc<Tag>> {
        queries.iter().filter_map(|nth| self.queries.get(*nth)).flat_map(Query::tags).collect()
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
            Ok(Reply { values: Values::Exception(code), .. }) if MISCONFIGURED.contains(code) => {
                Self::Refuses(*code)
            }
            Ok(Reply { values: Values::Exception(_), .. }) if is_busy(outcome) => Self::Busy,
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

fn is_busy(outcome: &Result<Reply, Cause>) -> bool {
    matches!(outcome, Ok(Reply { values: Values::Exception(code), .. }) if BUSY.contains(code))
}

/// What the clock showed at `then`.
fn wall_clock(then: Instant) -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(then.elapsed()).unwrap_or(now)
}

/// The tag's part of the reply, as a value of its type.
fn sample(slot: &Slot, values: &Values, quality: Quality) -> Sample {
    let Slot { tag, registers, place } = slot;
    let value = match values {
        Values::Registers(words) => words
            .get(place.clone())
            .and_then(|part| registers.decode(part).ok())
            .and_then(|raw| tag.scaled(raw).ok()),
        Values::Bits(bits) => bits.get(place.start).map(|bit| Value::Bool(*bit)),
        Values::Echo | Values::Identity(_) => None,
        Values::Exception(_) => return Sample { tag: Arc::clone(tag), value: None, quality },
    };
    let quality = if value.is_some() { quality } else { Quality::Bad(Fault::NotAValue) };
    Sample { tag: Arc::clone(tag), value, quality }
}
