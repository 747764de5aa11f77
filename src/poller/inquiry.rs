//! A link in the hands of somebody who commissions a device: any reading or identifying question,
//! to any unit, one at a time.
//!
//! Answers are proven as those of cyclic polling are. A link that is lost is opened again with
//! the next question.

use std::time::Duration;

use tokio::time::sleep;

use crate::config::Link;

use super::LinkError;
use super::bus::Bus;
use super::dial::Dial;
use super::exchange::{Cause, Confidence, Foreign, Reply, Values};
use super::explain;
use super::explain::Scene;
use super::question::Question;
use super::stream::Stream;

/// How often a question is put again whose answer cannot be proven yet, and the wait between: a
/// serial unit that knows no echo has to be left alone for a while after each reply it missed.
const ATTEMPTS: u32 = 8;
const SETTLING: Duration = Duration::from_secs(2);
/// Exception codes of a device that asks for time, which it is given so often.
const BUSY: [u8; 2] = [5, 6];
const BUSY_RETRIES: u32 = 3;
const BUSY_WAIT: Duration = Duration::from_millis(100);
/// Before a connection that was lost is opened again: many devices serve one, and late.
const REOPEN_WAIT: Duration = Duration::from_millis(200);

/// An answer, proven to be one.
#[derive(Debug)]
pub struct Heard {
    pub values: Values,
    /// First byte out to last byte in.
    pub latency: Duration,
}

/// Why there is none, with the likely cause and the next step.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Unheard {
    pub why: Why,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Silent,
    /// A reply came, so long after the request.
    Late(Duration),
    /// This unit replied instead, to an earlier question or to none.
    OtherUnit(u8),
    /// Something came that is no answer, or not provably one.
    Unproven,
    /// The link was lost over the question.
    Lost,
    /// There is no link.
    NoLink,
}

pub struct Inquiry {
    link: Link,
    bus: Option<Bus<Box<dyn Stream>>>,
}

impl Inquiry {
    /// Open `link`. Its devices do not matter.
    pub async fn open(link: Link) -> Result<Self, LinkError> {
        let bus = Some(bus(&link).await?);
        Ok(Self { link, bus })
    }

    /// Go on over `link`, which may differ in all but where it leads. A serial device is let go of
    /// before it is opened again.
    pub fn retune(&mut self, link: Link) {
        if self.link != link {
            self.bus = None;
            self.link = link;
        }
    }

    /// Find out whether anybody answers as `unit`, at the price of one time-out at most. That it
    /// does is proven; on a serial line the values may be the answer to an earlier question.
    pub async fn call(&mut self, unit: u8, question: Question) -> Result<Heard, Unheard> {
        let reply = self.bus().await?.call(unit, question).await;
        self.conclude(unit, reply.map(|reply| Reply { confidence: Confidence::Proven, ..reply }))
    }

    /// Ask until the answer is proven, or it is clear that there will be none.
    pub async fn ask(&mut self, unit: u8, question: Question) -> Result<Heard, Unheard> {
        let mut n_busy = 0;
        let mut n_attempts = 1;
        loop {
            let reply = self.bus().await?.ask_one(unit, question).await;
            let wait = match &reply {
                Ok(Reply { values: Values::Exception(code), .. }) if BUSY.contains(code) => {
                    n_busy += 1;
                    (n_busy <= BUSY_RETRIES).then_some(BUSY_WAIT)
                }
                Ok(Reply {
                    confidence: Confidence::Unsettled | Confidence::LateReply(_), ..
                }) => Some(SETTLING),
                Err(Cause::Quiet(rest)) => Some(*rest),
                Ok(Reply { confidence: Confidence::Proven | Confidence::OwnRequest, .. })
                | Err(_) => None,
            };
            match wait {
                Some(wait) if n_attempts < ATTEMPTS => sleep(wait).await,
                Some(_) | None => return self.conclude(unit, reply),
            }
            n_attempts += 1;
        }
    }

    async fn bus(&mut self) -> Result<&mut Bus<Box<dyn Stream>>, Unheard> {
        if let Some(bus) = &mut self.bus
            && (!bus.is_usable() || bus.settle().await.is_err())
        {
            self.bus = None;
        }
        if self.bus.is_none() {
            sleep(REOPEN_WAIT).await;
            let opened = bus(&self.link).await;
            self.bus = Some(
                opened.map_err(|error| Unheard { why: Why::NoLink, text: error.to_string() })?,
            );
        }
        self.bus.as_mut().ok_or_else(|| Unheard { why: Why::NoLink, text: String::new() })
    }

    fn conclude(&mut self, unit: u8, reply: Result<Reply, Cause>) -> Result<Heard, Unheard> {
        if self.bus.as_ref().is_some_and(|bus| !bus.is_usable()) {
            self.bus = None;
        }
        let scene = Scene { link: &self.link, unit };
        match reply {
            Ok(Reply { values, latency, confidence, .. }) => match scene.doubt(confidence) {
                Some(text) => Err(Unheard { why: Why::Unproven, text }),
                None => Ok(Heard { values, latency }),
            },
            Err(cause) => Err(Unheard { why: why(&cause), text: scene.failure(&cause) }),
        }
    }
}

fn why(cause: &Cause) -> Why {
    match cause {
        Cause::Timeout { late: Some(late), .. } => Why::Late(*late),
        Cause::Timeout { .. } | Cause::Quiet(_) => Why::Silent,
        Cause::Foreign(Foreign::Unit(unit)) => Why::OtherUnit(*unit),
        Cause::Foreign(Foreign::Shape(_)) | Cause::Damaged(_) | Cause::Babble => Why::Unproven,
        Cause::Io(_) | Cause::CutShort(_) | Cause::NotModbus | Cause::Unasked => Why::Lost,
    }
}

async fn bus(link: &Link) -> Result<Bus<Box<dyn Stream>>, LinkError> {
    match link.endpoint.dial().await {
        Ok(stream) => Ok(Bus::open_to_all(stream, link)),
        Err(error) => {
            Err(LinkError { text: explain::outage(&link.endpoint, &error), kind: error.kind() })
        }
    }
}
