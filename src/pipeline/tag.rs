//! One tag: its alarm, its age, and which of its samples are worth an entry.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Samples;
use crate::record::{Doubt, Event, Kind, Quality, Reading, Sample, SourceId};
use crate::tag::{Tag, Value};

use super::age::{Age, Moment, Staleness, Turn};
use super::alarm::{Level, Step};
use super::outbox::Outbox;
use super::words::{elapsed, latency_ms, quantity, scalar, whole_ms, with_device};

/// What is remembered of one tag.
#[derive(Debug, Default)]
pub(super) struct TagState {
    level: Level,
    /// When the tag last left the normal level.
    alarmed_at: Option<SystemTime>,
    logged: Option<Logged>,
    age: Age,
}

/// What an event without a reading is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) at: SystemTime,
    pub(super) source: &'a SourceId,
    pub(super) device: &'a Arc<str>,
    pub(super) unit: Option<u8>,
    pub(super) tag: &'a Arc<str>,
}

/// What the last `poll.sample` said.
#[derive(Debug)]
struct Logged {
    value: Option<Value>,
    grade: Grade,
}

/// OPC UA's three grades. Why a sample is bad is told once, by its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Good,
    Uncertain,
    Bad,
}

impl From<Quality> for Grade {
    fn from(quality: Quality) -> Self {
        match quality {
            Quality::Good => Self::Good,
            Quality::Uncertain(_) => Self::Uncertain,
            Quality::Bad(_) => Self::Bad,
        }
    }
}

impl TagState {
    pub(super) fn is_alarmed(&self) -> bool {
        self.level != Level::Normal
    }

    /// Judge a sample by what went before it, and give it as it is worth: a copy only where that
    /// is less than it came with.
    pub(super) fn aged<'s>(
        &mut self,
        reading: &Reading,
        sample: &'s Sample,
        moment: Moment,
        outbox: &mut Outbox,
    ) -> Cow<'s, Sample> {
        match self.age.on_sample(sample, reading.at, moment) {
            Some(Turn::Stale(staleness)) => {
                let subject = Subject::of(reading, sample);
                outbox.raise(Kind::TagStale, || self.stale(staleness, &subject));
            }
            Some(Turn::Fresh(after)) => {
                outbox.raise(Kind::TagFresh, || fresh(after, reading, sample));
            }
            None => (),
        }
        let quality = self.age.graded(sample);
        if quality == sample.quality {
            return Cow::Borrowed(sample);
        }
        Cow::Owned(Sample { quality, ..sample.clone() })
    }

    /// Judge one sample by its value.
    pub(super) fn on_sample(
        &mut self,
        reading: &Reading,
        sample: &Sample,
        samples: Samples,
        outbox: &mut Outbox,
    ) {
        if self.is_logged(sample, samples) {
            outbox.raise(Kind::PollSample, || sampled(reading, sample));
        }
        // Only a proven value may raise an alarm, and only a proven value may end one.
        if let (Quality::Good, Some(value)) = (sample.quality, &sample.value)
            && let Some(number) = value.as_f64()
        {
            self.judge(number, reading, sample, outbox);
        }
    }

    /// Judge what did not come.
    pub(super) fn on_window_end(
        &mut self,
        subject: &Subject<'_>,
        moment: Moment,
        outbox: &mut Outbox,
    ) {
        if let Some(Turn::Stale(staleness)) = self.age.on_window_end(moment) {
            outbox.raise(Kind::TagStale, || self.stale(staleness, subject));
        }
    }

    fn stale(&self, staleness: Staleness, subject: &Subject<'_>) -> Event {
        let Subject { at, source, device, unit, tag } = *subject;
        let text = format!("{device} {tag} is stale: {}", cause(staleness, source));
        let event = Event::new(Kind::TagStale, at, source.clone(), text);
        let event = event.with("device", Arc::clone(device));
        let event = match unit {
            Some(unit) => event.with("unit", unit),
            None => event,
        };
        let event = event.with("tag", Arc::clone(tag));
        let event = match self.age.value() {
            Some(value) => event.with("value", scalar(value)),
            None => event,
        };
        event
            .with("quality", Quality::Uncertain(Doubt::Stale).to_string())
            .with("age_ms", latency_ms(staleness.age()))
    }

    /// True if the policy wants this sample; it is then what later ones are compared with.
    fn is_logged(&mut self, sample: &Sample, samples: Samples) -> bool {
        let is_logged = match samples {
            Samples::None => false,
            Samples::All => true,
            Samples::Changes => self.logged.as_ref().is_none_or(|last| last.is_old_for(sample)),
        };
        if is_logged {
            self.logged =
                Some(Logged { value: sample.value.clone(), grade: sample.quality.into() });
        }
        is_logged
    }

    fn judge(&mut self, value: f64, reading: &Reading, sample: &Sample, outbox: &mut Outbox) {
        let next = self.level.next(value, &sample.tag);
        for step in self.level.steps_to(next) {
            match step {
                Step::Exceeded(level) => {
                    self.alarmed_at.get_or_insert(reading.at);
                    outbox.raise(Kind::LimitExceeded, || exceeded(level, reading, sample));
                }
                Step::Returned(level) => {
                    let since = self.alarmed_at.unwrap_or(reading.at);
                    outbox.raise(Kind::LimitReturned, || {
                        returned(level, next, since, reading, sample)
                    });
                }
            }
        }
        if next == Level::Normal {
            self.alarmed_at = None;
        }
        self.level = next;
    }
}

impl<'a> Subject<'a> {
    fn of(reading: &'a Reading, sample: &'a Sample) -> Self {
        let Reading { at, source, device, unit, .. } = reading;
        Self { at: *at, source, device, unit: *unit, tag: &sample.tag.name }
    }
}

impl Logged {
    /// True if `sample` says something new.
    fn is_old_for(&self, sample: &Sample) -> bool {
        self.grade != sample.quality.into() || has_moved(self.value.as_ref(), sample)
    }
}

/// True if the value left the deadband around `before`; without a deadband, if it differs.
fn has_moved(before: Option<&Value>, sample: &Sample) -> bool {
    let numbers = before.and_then(Value::as_f64).zip(sample.value.as_ref().and_then(Value::as_f64));
    match numbers {
        Some((before, now)) if sample.tag.deadband > 0.0 => {
            (now - before).abs() > sample.tag.deadband
        }
        Some(_) | None => before != sample.value.as_ref(),
    }
}

fn sampled(reading: &Reading, sample: &Sample) -> Event {
    let tag = &sample.tag;
    let subject = format!("{} {}", reading.device, tag.name);
    let text = match (&sample.value, sample.quality) {
        (Some(value), Quality::Good) => format!("{subject} = {}", quantity(value, tag)),
        (Some(value), quality) => format!("{subject} = {} ({quality})", quantity(value, tag)),
        (None, quality) => format!("{subject} has no value ({quality})"),
    };
    with_sample(
        Event::new(Kind::PollSample, reading.at, reading.source.clone(), text),
        reading,
        sample,
    )
}

/// Why a tag is stale, the likely cause and the next step.
fn cause(staleness: Staleness, source: &SourceId) -> String {
    let time = |duration| humantime::format_duration(whole_ms(duration));
    match staleness {
        Staleness::Silent(age) => format!(
            "its last good value is {} old; {source} is held up, or its replies come late or in \
             doubt: see its other events",
            time(age)
        ),
        Staleness::Torn(age) => format!(
            "its last good value is {} old; the controller writes it while it is read, each time \
             (`sequence` of its `checksum`): have it written less often, or sum less",
            time(age)
        ),
        Staleness::Unchanged { still, expected } => format!(
            "its value is read and has been the same for {}, and should change within {}; what \
             counts it up has stopped: see whether the controller's program runs",
            time(still),
            time(expected)
        ),
        Staleness::Dated(age) => format!(
            "{source} dates its latest change {} further back than usual; values are held back on \
             the way, or a clock was set: compare the clocks first",
            time(age)
        ),
    }
}

fn fresh(after: Duration, reading: &Reading, sample: &Sample) -> Event {
    let time = humantime::format_duration(whole_ms(after));
    let text = format!("{} is fresh again after {time}", value_of(reading, sample));
    let event = Event::new(Kind::TagFresh, reading.at, reading.source.clone(), text);
    with_sample(event, reading, sample).with("after_ms", latency_ms(after))
}

fn exceeded(level: Level, reading: &Reading, sample: &Sample) -> Event {
    let text =
        format!("{} is past its {}", value_of(reading, sample), limit_of(level, &sample.tag));
    let event = Event::new(Kind::LimitExceeded, reading.at, reading.source.clone(), text);
    with_limit(with_sample(event, reading, sample), level, &sample.tag)
}

fn returned(
    level: Level,
    next: Level,
    since: SystemTime,
    reading: &Reading,
    sample: &Sample,
) -> Event {
    let limit = limit_of(level, &sample.tag);
    let still = match next {
        Level::Normal => String::new(),
        Level::LowLow | Level::Low | Level::High | Level::HighHigh => {
            format!(", still past its {}", limit_of(next, &sample.tag))
        }
    };
    let after = elapsed(since, reading.at);
    let text = format!(
        "{} is back inside its {limit}{still}, {} after the alarm",
        value_of(reading, sample),
        humantime::format_duration(after)
    );
    let event = Event::new(Kind::LimitReturned, reading.at, reading.source.clone(), text);
    with_limit(with_sample(event, reading, sample), level, &sample.tag)
        .with("after_ms", latency_ms(after))
}

/// Subject of a sentence: "pump-1 pressure, 9.8 bar,".
fn value_of(reading: &Reading, sample: &Sample) -> String {
    let value = sample.value.as_ref().map(|value| quantity(value, &sample.tag)).unwrap_or_default();
    format!("{} {}, {value},", reading.device, sample.tag.name)
}

/// "`high_high` limit of 9.5 bar".
fn limit_of(level: Level, tag: &Tag) -> String {
    match level.limit(&tag.limits) {
        Some(limit) => format!("{} limit of {}", level.name(), quantity(&Value::Real(limit), tag)),
        None => format!("{} limit, which is no longer configured", level.name()),
    }
}

fn with_limit(event: Event, level: Level, tag: &Tag) -> Event {
    let event = event.with("level", level.name());
    match level.limit(&tag.limits) {
        Some(limit) => event.with("limit", limit),
        None => event,
    }
}

fn with_sample(event: Event, reading: &Reading, sample: &Sample) -> Event {
    let tag = &sample.tag;
    let mut event = with_device(event, reading).with("tag", tag.name.clone());
    if let Some(value) = &sample.value {
        event = event.with("value", scalar(value));
    }
    if let Some(unit) = &tag.unit {
        event = event.with("engineering_unit", unit.clone());
    }
    event
        .with("quality", sample.quality.to_string())
        .with("latency_ms", latency_ms(reading.latency))
}
