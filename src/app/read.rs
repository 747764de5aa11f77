//! A one-off read: the poller's request and proof, for values named on a command line.

pub mod watch;

use std::io;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use crate::config::Device;
use crate::config::Endpoint;
use crate::config::Link;
use crate::poller;
use crate::poller::LinkError;
use crate::record::Fault;
use crate::record::Quality;
use crate::record::Reading;
use crate::record::Sample;
use crate::tag::Address;
use crate::tag::AddressError;
use crate::tag::Addressing;
use crate::tag::Misfit;
use crate::tag::Order;
use crate::tag::Registers;
use crate::tag::Tag;
use crate::tag::Type;
use crate::tag::Value;

/// What to read, as it was asked for.
#[derive(Clone, Debug)]
pub struct Question {
    pub endpoint: Endpoint,
    pub unit: u8,
    pub tags: Vec<Tag>,
    pub timeout: Duration,
}

/// One value that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Who answered, or did not: the unit, for want of a name.
    pub device: Arc<str>,
    pub at: SystemTime,
    pub tag: Arc<Tag>,
    /// `None` exactly when the quality is `Bad`.
    pub value: Option<Value>,
    pub quality: Quality,
    pub latency: Duration,
    /// What failed, the likely cause and the next step.
    pub detail: Option<Arc<str>>,
}

/// Why an address cannot be read as the type asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Misfit(#[from] Misfit),
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] io::Error),
}

/// A tag named by its address. Without a type, a bit is a BOOL and a register a UINT.
pub fn tag(
    text: &str,
    addressing: Addressing,
    kind: Option<Type>,
    order: Order,
) -> Result<Tag, TagError> {
    let address = Address::parse(text, addressing)?;
    let kind = kind.unwrap_or(if address.is_bit() { Type::Bool } else { Type::Uint });
    kind.fit(address)?;
    Ok(Tag::at(text, Registers { address, kind, order }.into()))
}

/// Ask once. Answers come in the order of the question.
pub fn read(question: &Question) -> Result<Vec<Answer>, ReadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tags: Vec<_> = question.tags.iter().cloned().map(Arc::new).collect();
    let mut answers = runtime.block_on(async {
        let (refused, mut answers): (Vec<_>, Vec<_>) =
            ask(question, vec![tags]).await?.into_iter().partition(is_refused);
        // Neighbours share a request, which one wrong address spoils for all of them.
        let alone: Vec<_> = refused.into_iter().map(|answer| vec![answer.tag]).collect();
        if !alone.is_empty() {
            answers.extend(ask(question, alone).await?);
        }
        Ok::<_, LinkError>(answers)
    })?;
    answers.sort_unstable_by_key(|answer| question.tags.iter().position(|tag| tag == &*answer.tag));
    Ok(answers)
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer.quality, Quality::Bad(Fault::Exception(_)))
}

/// Ask for each group of tags apart.
async fn ask(question: &Question, groups: Vec<Vec<Arc<Tag>>>) -> Result<Vec<Answer>, LinkError> {
    let devices = groups.into_iter().map(|tags| {
        let device = Device::new(&format!("unit {}", question.unit), question.unit);
        Arc::new(Device { every: question.timeout, tags, ..device })
    });
    let link = Link {
        timeout: question.timeout,
        backoff_max: question.timeout,
        devices: devices.collect(),
        ..Link::new(question.endpoint.clone())
    };
    let readings = poller::read_once(&link).await?;
    Ok(readings.into_iter().flat_map(answers_of).collect())
}

fn answers_of(reading: Reading) -> impl Iterator<Item = Answer> {
    let Reading { device, at, latency, detail, samples, .. } = reading;
    samples.into_iter().map(move |Sample { tag, value, quality }| Answer {
        device: Arc::clone(&device),
        at,
        detail: detail.clone().or_else(|| not_a_value(&tag, quality)),
        tag,
        value,
        quality,
        latency,
    })
}

/// The poller calls such a reply proven: whoever chose the type has to be told.
fn not_a_value(tag: &Tag, quality: Quality) -> Option<Arc<str>> {
    (quality == Quality::Bad(Fault::NotAValue)).then(|| {
        let is_number = tag.registers().is_none_or(|registers| registers.kind.is_number());
        let needed = if is_number { "finite number" } else { "UTF-8 text" };
        format!("{} answers, but holds no {needed}; check address, type and order", tag.name).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(text: &str, kind: Option<Type>) -> Result<Type, TagError> {
        tag(text, Addressing::Direct, kind, Order::Abcd).map(|tag| tag.registers().unwrap().kind)
    }

    #[test]
    fn without_a_type_bits_are_bool_and_registers_uint() {
        for (text, kind) in [("coil:3", Type::Bool), ("%MX12.5", Type::Bool), ("40101", Type::Uint)]
        {
            assert_eq!(kind_of(text, None), Ok(kind), "{text}");
        }
    }

    #[test]
    fn a_type_that_cannot_lie_at_the_address_is_refused() {
        assert!(matches!(kind_of("coil:3", Some(Type::Real)), Err(TagError::Misfit(_))));
        assert!(matches!(kind_of("holding:65535", Some(Type::Real)), Err(TagError::Misfit(_))));
        assert!(matches!(kind_of("%MZ1", None), Err(TagError::Address(_))));
    }
}
