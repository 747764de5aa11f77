//! What a line of RTU frames did in a period, as counts. Whether that is good enough is not said.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::SourceId;

/// Sent by a poller about once a second while it asks, and when the line was lost or is left.
#[derive(Clone, Debug, PartialEq)]
pub struct LineReport {
    pub source: SourceId,
    /// End of the period.
    pub at: SystemTime,
    /// Its length, as far as the line was open in it.
    pub lasted: Duration,
    pub count: LineCount,
    /// By unit: the median time from the end of a request to the first byte of its answer.
    pub reply_times: BTreeMap<u8, Duration>,
}

/// Counts of one period. Each byte and each frame that arrived is part of an answer, or here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineCount {
    /// By the unit that was asked.
    pub units: BTreeMap<u8, UnitCount>,
    /// Thrown away to find the beginning of the next reply: damaged replies, parts, noise.
    pub discarded_bytes: u64,
    /// Bursts that are no frame, while no reply was due.
    pub noise: u64,
    /// Frames that answer nothing that was just asked: late, repeated, another unit's or master's.
    pub strays: u64,
    /// Times that the line did not fall silent, so that nothing could be asked.
    pub babbles: u64,
    pub uart: Uart,
}

/// What became of the requests to one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitCount {
    /// Refusals are answers; those of a gateway that did not reach the unit are not.
    pub answers: u64,
    pub timeouts: u64,
    /// Of the CRC, or too short for one.
    pub damaged: u64,
    /// Only frames came that are not the answer.
    pub foreign: u64,
    /// Requests repeated in another shape because the last was not answered as it should be.
    pub probes: u64,
    /// Of the probes, those without a reply. No time-outs: a healthy unit may ignore them.
    pub ignored_probes: u64,
}

/// What the port itself counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uart {
    Counted(UartCount),
    /// Its driver keeps no counters.
    Refused,
    /// The port is not here: a gateway has it.
    Remote,
}

/// Errors that a port noticed byte by byte, whatever frame they were in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UartCount {
    pub received_bytes: u32,
    pub sent_bytes: u32,
    pub framing: u32,
    pub parity: u32,
    /// In the port, and between driver and reader.
    pub overruns: u32,
    pub breaks: u32,
}

impl LineCount {
    pub fn merge(&mut self, other: &Self) {
        for (unit, count) in &other.units {
            self.units.entry(*unit).or_default().merge(*count);
        }
        self.discarded_bytes += other.discarded_bytes;
        self.noise += other.noise;
        self.strays += other.strays;
        self.babbles += other.babbles;
        self.uart = self.uart.merged(other.uart);
    }

    /// All units together.
    pub fn total(&self) -> UnitCount {
        let mut total = UnitCount::default();
        self.units.values().for_each(|unit| total.merge(*unit));
        total
    }

    /// True if nothing happened, and so nothing can be said.
    pub fn is_empty(&self) -> bool {
        *self == Self { uart: self.uart, ..Self::default() }
    }
}

impl UnitCount {
    /// Requests whose outcome says something of the line.
    pub fn requests(&self) -> u64 {
        self.answers + self.timeouts + self.damaged + self.foreign
    }

    pub fn merge(&mut self, other: Self) {
        self.answers += other.answers;
        self.timeouts += other.timeouts;
        self.damaged += other.damaged;
        self.foreign += other.foreign;
        self.probes += other.probes;
        self.ignored_probes += other.ignored_probes;
    }
}

/// Of no time at all, to which any period can be added.
impl Default for Uart {
    fn default() -> Self {
        Self::Counted(UartCount::default())
    }
}

impl Uart {
    /// Two periods. What was not counted in one is not known of both.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Counted(a), Self::Counted(b)) => Self::Counted(a.plus(b)),
            (Self::Counted(_), unknown) | (unknown, _) => unknown,
        }
    }

    /// From `earlier`, what the port had counted then, to now.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        match (self, earlier) {
            (Self::Counted(now), Self::Counted(then)) => Self::Counted(now.since(then)),
            (Self::Counted(_), unknown) | (unknown, _) => unknown,
        }
    }
}

impl UartCount {
    pub fn errors(&self) -> u64 {
        [self.framing, self.parity, self.overruns, self.breaks].map(u64::from).iter().sum()
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, u32::saturating_add)
    }

    /// Drivers count in 32 bits and wrap around.
    fn since(self, earlier: Self) -> Self {
        self.with(earlier, u32::wrapping_sub)
    }

    fn with(self, other: Self, join: impl Fn(u32, u32) -> u32) -> Self {
        Self {
            received_bytes: join(self.received_bytes, other.received_bytes),
            sent_bytes: join(self.sent_bytes, other.sent_bytes),
            framing: join(self.framing, other.framing),
            parity: join(self.parity, other.parity),
            overruns: join(self.overruns, other.overruns),
            breaks: join(self.breaks, other.breaks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(framing: u32) -> Uart {
        Uart::Counted(UartCount { framing, ..UartCount::default() })
    }

    #[test]
    fn a_counter_that_wrapped_around_has_counted_on() {
        assert_eq!(counted(2).since(counted(u32::MAX)), counted(3));
        assert_eq!(counted(2).since(Uart::Refused), Uart::Refused);
    }

    #[test]
    fn what_was_not_counted_once_is_not_known_of_the_whole() {
        assert_eq!(counted(2).merged(counted(3)), counted(5));
        assert_eq!(counted(2).merged(Uart::Refused), Uart::Refused);
        assert_eq!(Uart::Remote.merged(counted(2)), Uart::Remote);
        assert_eq!(Uart::default().merged(Uart::Remote), Uart::Remote);
        assert_eq!(Uart::default().merged(counted(2)), counted(2));
    }

    #[test]
    fn counts_add_up_unit_by_unit() {
        let unit = UnitCount { answers: 3, damaged: 1, ..UnitCount::default() };
        let one = LineCount { units: [(1, unit)].into(), noise: 2, ..LineCount::default() };
        let two = LineCount { units: [(1, unit), (2, unit)].into(), ..one.clone() };
        let mut sum = one;
        sum.merge(&two);
        assert_eq!((sum.units[&1].requests(), sum.total().requests(), sum.noise), (8, 12, 4));
        assert!(!sum.is_empty() && LineCount::default().is_empty());
    }
}
