//! The age of what is known of a tag. Pure: told of samples, of window ends and of the time.
//!
//! A device that is asked yields a reading each period, so a tag is stale when its last good value
//! is older than three periods. A server tells what changes, so its silence says nothing, but a
//! change does that its source dates back further than it does usually. And whoever is expected to
//! change (`expect_change`) and does not, while its readings are good, is stale: a heartbeat that
//! stands still.
//! A device that is down and a tag whose last sample is bad have been told of: for them nothing is
//! said on top.

use std::time::{Duration, SystemTime};

use crate::record::{Doubt, Quality, Sample};
use crate::tag::Value;

/// A change may lag behind its usual lag by so much before it counts as held back.
const TOLERANCE: Duration = Duration::from_secs(60);

/// How a device comes to be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// It is not in the configuration.
    #[default]
    Unknown,
    /// It is asked once a period and answers, or not, within the time-out.
    Asked { every: Duration, timeout: Duration },
    /// It tells what has changed.
    Told { every: Duration },
}

impl Pace {
    /// Age that a good value may have; `None` if nothing is known of when it should come.
    fn patience(self, window: Duration) -> Option<Duration> {
        match self {
            Self::Unknown | Self::Told { .. } => None,
            Self::Asked { every, timeout } => Some((every * 3).max(window * 2) + timeout),
        }
    }

    pub(super) fn every(self) -> Option<Duration> {
        match self {
            Self::Unknown => None,
            Self::Asked { every, .. } | Self::Told { every } => Some(every),
        }
    }
}

/// When something happens to a tag, and how often it should.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) pace: Pace,
    /// Since when it is that.
    pub(super) paced_at: Duration,
    /// As the pipeline counts time.
    pub(super) now: Duration,
    /// When the last window ended.
    pub(super) window_end: Option<SystemTime>,
    pub(super) window: Duration,
}

/// Why a tag is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staleness {
    /// So long since the last good value.
    Silent(Duration),
    /// So long since the last good value, and what came last was torn.
    Torn(Duration),
    /// Good and the same for so long.
    Unchanged { still: Duration, expected: Duration },
    /// The source dates its latest change so much further back than it usually does.
    Dated(Duration),
}

impl Staleness {
    pub(super) fn age(self) -> Duration {
        match self {
            Self::Silent(age)
            | Self::Torn(age)
            | Self::Unchanged { still: age, .. }
            | Self::Dated(age) => age,
        }
    }
}

/// One change worth an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Stale(Staleness),
    /// After so long.
    Fresh(Duration),
}

/// What is remembered of one tag.
#[derive(Debug, Default)]
pub(super) struct Age {
    /// When the last good sample came; or the first sample, if none was good.
    good_at: Option<Duration>,
    /// So was the last sample: it has been told of.
    is_bad: bool,
    /// The last sample was [`Doubt::Torn`], which nothing else tells of.
    is_torn: bool,
    /// What was told, and when. On the heap, as few tags are stale and there are many.
    stale: Option<Box<(Staleness, Duration)>>,
    /// Only of tags that are expected to change, or told when they do.
    course: Option<Box<Course>>,
}

/// A value and how long it has been the same.
#[derive(Debug)]
struct Course {
    value: Value,
    still: Duration,
    /// Until when `still` was counted; `None` while samples are not good.
    counted: Option<Duration>,
    expected: Option<Duration>,
    lag: Lag,
}

/// Seconds by which changes arrive after the time that their source gives them, as a rule. Mostly
/// that is how far two clocks differ, which is no fault of the values.
#[derive(Debug, Default)]
struct Lag(Option<f64>);

impl Lag {
    /// How much more `lag` is than usual. What is usual falls at once and rises by degrees, so that
    /// a clock that was set is got used to.
    fn excess(&mut self, lag: f64) -> f64 {
        const INERTIA: f64 = 64.0;
        let usual = self.0.get_or_insert(lag);
        let excess = (lag - *usual).max(0.0);
        *usual = usual.min(lag) + excess / INERTIA;
        excess
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Motion {
    Begun,
    Same,
    Changed,
}

impl Age {
    /// Take note of a sample that its source dates `at`.
    pub(super) fn on_sample(
        &mut self,
        sample: &Sample,
        at: SystemTime,
        moment: Moment,
    ) -> Option<Turn> {
        self.good_at.get_or_insert(moment.now);
        self.is_bad = matches!(sample.quality, Quality::Bad(_));
        self.is_torn = sample.quality == Quality::Uncertain(Doubt::Torn);
        let (Quality::Good, Some(value)) = (sample.quality, &sample.value) else {
            if let Some(course) = &mut self.course {
                course.counted = None;
            }
            return None;
        };
        self.good_at = Some(moment.now);
        let motion = self.follow(value, sample.tag.expect_change, moment);
        let dated = if motion == Motion::Changed { self.dated(at, moment) } else { None };
        let staleness = match (self.stale.as_deref().copied(), motion) {
            (Some((Staleness::Dated(age), _)), Motion::Same) => Some(Staleness::Dated(age)),
            (_, Motion::Begun | Motion::Same | Motion::Changed) => {
                dated.or_else(|| self.unchanged())
            }
        };
        self.turn(staleness, moment.now)
    }

    /// Judge what did not come.
    pub(super) fn on_window_end(&mut self, moment: Moment) -> Option<Turn> {
        if let (Pace::Told { .. }, Some(course)) = (moment.pace, &mut self.course) {
            course.count(moment.now);
        }
        if self.stale.is_some() || self.is_bad {
            return None;
        }
        let silent = || {
            let good_at = self.good_at?;
            // What came in time by the old pace is not late by a new one.
            let waited = moment.now.saturating_sub(good_at.max(moment.paced_at));
            let age = moment.now.saturating_sub(good_at);
            let staleness =
                if self.is_torn { Staleness::Torn(age) } else { Staleness::Silent(age) };
            (waited > moment.pace.patience(moment.window)?).then_some(staleness)
        };
        let staleness = self.unchanged().or_else(silent)?;
        if let (Staleness::Silent(_) | Staleness::Torn(_), Some(course)) =
            (staleness, &mut self.course)
        {
            course.counted = None; // nobody saw whether it changed meanwhile
        }
        self.turn(Some(staleness), moment.now)
    }

    /// The quality that `sample`, just taken note of, deserves.
    pub(super) fn graded(&self, sample: &Sample) -> Quality {
        if self.stale.is_some() && sample.quality.is_good() {
            return Quality::Uncertain(Doubt::Stale);
        }
        sample.quality
    }

    /// The last good value, where it is remembered.
    pub(super) fn value(&self) -> Option<&Value> {
        self.course.as_ref().map(|course| &course.value)
    }

    /// Compare a good value with the one before it.
    fn follow(&mut self, value: &Value, expected: Option<Duration>, moment: Moment) -> Motion {
        let now = moment.now;
        if expected.is_none() && !matches!(moment.pace, Pace::Told { .. }) {
            self.course = None;
            return Motion::Begun;
        }
        let Some(course) = &mut self.course else {
            let (value, counted) = (value.clone(), Some(now));
            let (still, lag) = (Duration::ZERO, Lag::default());
            self.course = Some(Box::new(Course { value, still, counted, expected, lag }));
            return Motion::Begun;
        };
        course.count(now);
        let is_resumed = course.counted.replace(now).is_none();
        course.expected = expected;
        if course.value == *value {
            return Motion::Same;
        }
        (course.value, course.still) = (value.clone(), Duration::ZERO);
        // What changed while nobody listened may have changed long ago.
        if is_resumed { Motion::Begun } else { Motion::Changed }
    }

    /// Judge when the source says that it took a change.
    fn dated(&mut self, at: SystemTime, moment: Moment) -> Option<Staleness> {
        let (Pace::Told { every }, Some(now)) = (moment.pace, moment.window_end) else {
            return None;
        };
        let lag = match now.duration_since(at) {
            Ok(behind) => behind.as_secs_f64(),
            Err(ahead) => -ahead.duration().as_secs_f64(),
        };
        let excess = self.course.as_mut()?.lag.excess(lag);
        let excess = Duration::try_from_secs_f64(excess).ok()?;
        (excess > TOLERANCE.max(every * 3)).then_some(Staleness::Dated(excess))
    }

    fn unchanged(&self) -> Option<Staleness> {
        let Course { still, expected, .. } = **self.course.as_ref()?;
        let expected = expected?;
        (still >= expected).then_some(Staleness::Unchanged { still, expected })
    }

    fn turn(&mut self, staleness: Option<Staleness>, now: Duration) -> Option<Turn> {
        match (&mut self.stale, staleness) {
            (None, None) => None,
            (None, Some(staleness)) => {
                self.stale = Some(Box::new((staleness, now)));
                Some(Turn::Stale(staleness))
            }
            (Some(stale), Some(staleness)) => {
                stale.0 = staleness;
                None
            }
            (Some(stale), None) => {
                let after = now.saturating_sub(stale.1);
                self.stale = None;
                Some(Turn::Fresh(after))
            }
        }
    }
}

impl Course {
    /// Time goes by, and only between good samples does it count.
    fn count(&mut self, now: Duration) {
        if let Some(counted) = &mut self.counted {
            self.still += now.saturating_sub(*counted);
            *counted = now;
        }
    }
}
