//! Turns that a device did not get in time: told once, then counted and told now and then.
//!
//! A device that is down has been told of, and so why its turns took long; what it misses is only
//! counted. Turns left out on purpose are not in here at all: a poller does not call them missed.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::record::{Event, Kind, Reading};

use super::repeats::is_recent;
use super::words::{device_of, elapsed, latency_ms, whole_ms, with_device};

/// Of one device.
#[derive(Debug, Default)]
pub(super) struct Misses {
    /// From when on turns are counted: the first reading, or when it was told last.
    since: Option<SystemTime>,
    told_at: Option<SystemTime>,
    untold: u64,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missed {
    n_turns: u64,
    /// Turns that were due in that time; `None` if the period is not known.
    n_due: Option<u64>,
    within: Duration,
}

impl Misses {
    /// `every`: the device's period, if it is known.
    pub(super) fn on_reading(
        &mut self,
        reading: &Reading,
        every: Option<Duration>,
        is_down: bool,
    ) -> Option<Missed> {
        let since = *self.since.get_or_insert(reading.at);
        self.untold += u64::from(reading.missed);
        let is_quiet = self.told_at.is_some_and(|told_at| is_recent(told_at, reading.at));
        if reading.missed == 0 || is_down || is_quiet {
            return None;
        }
        let (n_turns, within) = (std::mem::take(&mut self.untold), elapsed(since, reading.at));
        (self.since, self.told_at) = (Some(reading.at), Some(reading.at));
        let n_due = every.map(|every| {
            let n_periods = within.as_nanos() / every.as_nanos().max(1);
            // The clock may have been set: no fewer were due than were missed, and this one taken.
            u64::try_from(n_periods).unwrap_or(u64::MAX).max(n_turns + 1)
        });
        Some(Missed { n_turns, n_due, within })
    }
}

/// Load of a serial line, as far as it can be told beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineLoad {
    /// Of the line's time.
    pub percent: u64,
    /// "needs 132 % of 9600 8E1, …", with what to do.
    pub text: String,
}

/// What else is known of a link on which turns are missed.
#[derive(Debug, Default)]
pub(super) struct Surroundings<'a> {
    pub(super) load: Option<&'a LineLoad>,
    /// Devices that do not answer.
    pub(super) down: Vec<&'a str>,
    /// The device that took longest to answer last.
    pub(super) slowest: Option<(&'a str, Duration)>,
}

impl Surroundings<'_> {
    /// The likely cause and the next step.
    fn cause(&self, reading: &Reading, every: Option<Duration>) -> String {
        const FULL: u64 = 80;
        let source = &reading.source;
        match (self.load, &self.down[..], self.slowest) {
            (Some(load), _, _) if load.percent > FULL => format!("{source} {}", load.text),
            (_, [down, rest @ ..], _) => {
                let more = if rest.is_empty() {
                    String::new()
                } else {
                    format!(" and {} more", rest.len())
                };
                format!(
                    "{down}{more} on {source} does not answer, and each attempt holds the link up \
                     for a time-out; mend or remove it, or lower `timeout`"
                )
            }
            (_, [], Some((slow, latency))) if every.is_none_or(|every| latency > every / 2) => {
                format!(
                    "{slow} takes {} to answer; read it less often (`every`), or look at what \
                     keeps it",
                    humantime::format_duration(whole_ms(latency))
                )
            }
            (_, [], _) => format!(
                "{source} or this machine was held up for a moment; if it repeats, read less often \
                 (`every`), or look for what else uses the device or the processor"
            ),
        }
    }
}

pub(super) fn told(
    missed: Missed,
    reading: &Reading,
    every: Option<Duration>,
    surroundings: &Surroundings<'_>,
) -> Event {
    let Missed { n_turns, n_due, within } = missed;
    let mut text = format!("{} missed {n_turns}", device_of(reading));
    if let Some(n_due) = n_due {
        let _ = write!(text, " of {n_due}"); // a String takes everything
    }
    let within_text = humantime::format_duration(within);
    let cause = surroundings.cause(reading, every);
    let _ = write!(text, " turns on {} in {within_text}: {cause}", reading.source);
    let event = Event::new(Kind::ScheduleMissed, reading.at, reading.source.clone(), text);
    let event = with_device(event, reading).with("missed", n_turns);
    let event = match n_due {
        Some(n_due) => event.with("due", n_due),
        None => event,
    };
    let event = event.with("within_ms", latency_ms(within));
    match surroundings.load {
        Some(load) => event.with("load_percent", load.percent),
        None => event,
    }
}
