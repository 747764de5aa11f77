//! Ranges: the numbers that one key of a baseline allows.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// Numbers, as ranges in ascending order that neither overlap nor touch; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Cow<'static, [RangeInclusive<u32>]>);

impl Ranges {
    pub const ALL: Self = Self(Cow::Borrowed(&[0..=u32::MAX]));

    pub fn iter(&self) -> impl Iterator<Item = &RangeInclusive<u32>> {
        self.0.iter()
    }

    pub fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|range| *range.end() < number);
        self.0.get(after).is_some_and(|range| range.contains(&number))
    }

    /// The first number of `asked` that is not in here.
    pub fn gap(&self, asked: &RangeInclusive<u32>) -> Option<u32> {
        let first = *asked.start();
        let after = self.0.partition_point(|range| *range.end() < first);
        match self.0.get(after).filter(|range| range.contains(&first)) {
            None => Some(first),
            Some(range) if range.end() >= asked.end() => None,
            // Ranges do not touch.
            Some(range) => Some(range.end() + 1),
        }
    }

    /// As the value of a key: `8`, `"8..12"`, `[8, "10..12"]`.
    pub(super) fn as_toml(&self) -> String {
        let one = |range: &RangeInclusive<u32>| {
            if range.start() == range.end() {
                written(range)
            } else {
                format!("{:?}", written(range))
            }
        };
        match &*self.0 {
            [range] => one(range),
            ranges => format!("[{}]", ranges.iter().map(one).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl From<RangeInclusive<u32>> for Ranges {
    fn from(range: RangeInclusive<u32>) -> Self {
        Self(vec![range].into())
    }
}

impl From<u32> for Ranges {
    fn from(number: u32) -> Self {
        (number..=number).into()
    }
}

impl FromIterator<RangeInclusive<u32>> for Ranges {
    fn from_iter<T: IntoIterator<Item = RangeInclusive<u32>>>(ranges: T) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut joined: Vec<RangeInclusive<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                Some(_) | None => joined.push(range),
            }
        }
        Self(joined.into())
    }
}

/// For people: `8, 10..12`; both ends of a range belong to it.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("any");
        }
        f.write_str(&self.iter().map(written).collect::<Vec<_>>().join(", "))
    }
}

fn written(range: &RangeInclusive<u32>) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{}..{}", range.start(), range.end())
    }
}
