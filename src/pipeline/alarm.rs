//! Limits with hysteresis (IEC 62682): pure transitions between levels.
//!
//! An alarm comes when the value passes its limit, and returns only when the value is back inside
//! by the deadband, so that a value that trembles on a limit raises one alarm.

use crate::tag::{Limits, Tag};

/// Where a value stands against its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Level {
    LowLow,
    Low,
    #[default]
    Normal,
    High,
    HighHigh,
}

/// One change worth an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This level was entered, from a less severe one.
    Exceeded(Level),
    /// This level was left, for a less severe one.
    Returned(Level),
}

impl Level {
    const OUTERMOST_FIRST: [Self; 4] = [Self::HighHigh, Self::LowLow, Self::High, Self::Low];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LowLow => "low_low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::HighHigh => "high_high",
        }
    }

    /// The limit that bounds this level.
    pub(super) fn limit(self, limits: &Limits) -> Option<f64> {
        match self {
            Self::LowLow => limits.low_low,
            Self::Low => limits.low,
            Self::Normal => None,
            Self::High => limits.high,
            Self::HighHigh => limits.high_high,
        }
    }

    /// Below normal, normal, above.
    fn side(self) -> i8 {
        match self {
            Self::LowLow | Self::Low => -1,
            Self::Normal => 0,
            Self::High | Self::HighHigh => 1,
        }
    }

    fn severity(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Low | Self::High => 1,
            Self::LowLow | Self::HighHigh => 2,
        }
    }

    /// The level after `value` was read.
    pub(super) fn next(self, value: f64, tag: &Tag) -> Self {
        let limits = &tag.limits;
        let fresh = Self::OUTERMOST_FIRST
            .into_iter()
            .find(|level| level.holds(value, limits, 0.0))
            .unwrap_or_default();
        if fresh.side() == -self.side() {
            return fresh;
        }
        let kept = Self::OUTERMOST_FIRST
            .into_iter()
            .filter(|level| level.side() == self.side() && level.severity() <= self.severity())
            .find(|level| level.holds(value, limits, tag.deadband))
            .unwrap_or_default();
        if kept.severity() > fresh.severity() { kept } else { fresh }
    }

    /// True if `value` is past this level's limit, moved inwards by `hysteresis`.
    fn holds(self, value: f64, limits: &Limits, hysteresis: f64) -> bool {
        match self.limit(limits) {
            Some(limit) if self.side() > 0 => value > limit - hysteresis,
            Some(limit) => value < limit + hysteresis,
            None => false,
        }
    }

    /// What to tell about the way from this level to `next`, in order.
    pub(super) fn steps_to(self, next: Self) -> impl Iterator<Item = Step> {
        let same_side = self.side() == next.side();
        let further = !same_side || next.severity() > self.severity();
        let nearer = !same_side || next.severity() < self.severity();
        let returned = (nearer && self != Self::Normal).then_some(Step::Returned(self));
        let exceeded = (further && next != Self::Normal).then_some(Step::Exceeded(next));
        returned.into_iter().chain(exceeded)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::tag::{Address, Table, Type};

    use super::Level::{High, HighHigh, Low, LowLow, Normal};
    use super::Step::{Exceeded, Returned};
    use super::*;

    fn tag(deadband: f64) -> Tag {
        let address = Address { table: Table::Holding, index: 0, bit: None };
        Tag {
            limits: Limits {
                low_low: Some(1.0),
                low: Some(2.0),
                high: Some(8.0),
                high_high: Some(9.0),
            },
            deadband,
            ..Tag::new("pressure", address, Type::Real)
        }
    }

    /// The steps that a run of values takes.
    fn steps(deadband: f64, values: &[f64]) -> Vec<Step> {
        let tag = tag(deadband);
        let mut level = Normal;
        let mut steps = vec![];
        for value in values {
            let next = level.next(*value, &tag);
            steps.extend(level.steps_to(next));
            level = next;
        }
        steps
    }

    #[test]
    fn a_value_on_its_limit_is_inside() {
        assert_eq!(steps(0.0, &[2.0, 8.0]), []);
        assert_eq!(steps(0.0, &[8.1, 8.0]), [Exceeded(High), Returned(High)]);
    }

    #[test]
    fn a_value_trembling_on_its_limit_raises_one_alarm() {
        let values = [7.9, 8.1, 7.9, 8.1, 7.8, 8.2, 7.5];
        assert_eq!(steps(0.5, &values), [Exceeded(High), Returned(High)]);
        assert_eq!(steps(0.0, &values).len(), 6, "without a deadband each crossing counts");
    }

    #[test]
    fn an_escalation_is_told_and_so_is_its_return() {
        let values = [8.5, 9.5, 8.9, 8.4, 7.9, 7.4];
        assert_eq!(
            steps(0.5, &values),
            [Exceeded(High), Exceeded(HighHigh), Returned(HighHigh), Returned(High)]
        );
    }

    #[test]
    fn a_jump_past_both_limits_tells_the_more_severe_one() {
        assert_eq!(steps(0.1, &[0.0, 5.0]), [Exceeded(LowLow), Returned(LowLow)]);
    }

    #[test]
    fn a_jump_from_one_side_to_the_other_returns_first() {
        assert_eq!(steps(0.1, &[8.5, 1.5]), [Exceeded(High), Returned(High), Exceeded(Low)]);
    }

    #[test]
    fn a_deadband_wider_than_the_limits_cannot_hide_the_other_side() {
        assert_eq!(steps(100.0, &[8.5, 1.5])[1..], [Returned(High), Exceeded(Low)]);
    }

    #[test]
    fn a_tag_without_limits_never_alarms() {
        let tag = Tag { limits: Limits::default(), ..tag(0.0) };
        assert_eq!(Normal.next(f64::MAX, &tag), Normal);
        assert_eq!(HighHigh.next(f64::MAX, &tag), Normal, "its limits were removed");
    }

    proptest! {
        #[test]
        fn the_level_never_understates_the_value(values in prop::collection::vec(-1.0..11.0, 1..50), deadband in 0.0..3.0) {
            let tag = tag(deadband);
            let mut level = Normal;
            for value in values {
                level = level.next(value, &tag);
                let bare = Normal.next(value, &tag);
                prop_assert!(level.severity() >= bare.severity(), "{value}: {level:?} {bare:?}");
            }
        }
    }
}
