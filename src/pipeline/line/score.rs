//! How good a line is, from 0 to 100, and what is wrong with it. Pure.
//!
//! Each kind of trouble costs points by how many requests it befell; what costs most is the cause.
//! Time-outs count as those of the unit in the middle: a unit that is off is no fault of its line.

use crate::record::{LineCount, Uart, UartCount, UnitCount};

/// Points that a request without a proven answer costs, if it befalls every one of them. So 8 % of
/// the requests cost the 20 points that make a line degraded, and 2 % the 5 that keep it so.
const FAILURE: f64 = 250.0;
/// The same for what did not keep a request from being answered, and the most that it can cost.
const ANNOYANCE: f64 = 100.0;
const MAX_ANNOYANCE: f64 = 40.0;
/// Each doubling of the reply time beyond the first.
const DOUBLING: f64 = 25.0;

/// What is known of a line over a period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    pub(super) count: &'a LineCount,
    pub(super) heard: Heard,
    /// Reply time now, in multiples of what it used to be.
    pub(super) drift: Option<f64>,
}

/// Whether anything was ever received on a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heard {
    #[default]
    Never,
    Something,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// 100 is without fault.
    pub(super) score: u8,
    /// What costs most, if anything does.
    pub(super) cause: Option<Cause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Requests go out, and nothing was ever received.
    Mute,
    /// Most units leave requests unanswered.
    Silence,
    /// The same, and frames come when they are not due any more.
    LateReplies,
    Babble,
    Framing,
    Parity,
    Overrun,
    Break,
    /// Replies are damaged, and the port saw nothing wrong with their bytes.
    Corruption(Whose),
    /// Replies are damaged, and the port does not say how.
    Damage(Whose),
    Noise,
    Strays,
    Slowness,
}

/// Whose replies are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    OneUnit(u8),
    /// Of more than one, or of the only one.
    Any,
}

impl Heard {
    pub(super) fn after(self, count: &LineCount) -> Self {
        let total = count.total();
        let n_frames = total.answers + total.damaged + total.foreign + count.strays;
        let n_bytes = match count.uart {
            Uart::Counted(uart) => u64::from(uart.received_bytes),
            Uart::Refused | Uart::Remote => 0,
        };
        if n_frames + count.discarded_bytes + n_bytes > 0 { Self::Something } else { self }
    }
}

/// Judge a line by a period that is long enough to be judged by.
pub(super) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let count = evidence.count;
    let total = count.total();
    let n_attempts = total.requests() + count.babbles;
    let share = |n: u64| ratio(n, n_attempts);
    let annoyance = |n: u64| (ANNOYANCE * share(n)).min(MAX_ANNOYANCE);
    let doublings = (evidence.drift.unwrap_or(1.0).log2() - 1.0).max(0.0);
    let costs = [
        (silence(evidence, &total), FAILURE * silent_share(count)),
        (damage(count, &total), FAILURE * share(total.damaged)),
        (Cause::Babble, FAILURE * share(count.babbles)),
        (Cause::Strays, FAILURE * share(total.foreign) + annoyance(count.strays)),
        (Cause::Noise, annoyance(count.noise)),
        (port_error(count.uart), annoyance(n_port_errors(count.uart))),
        (Cause::Slowness, (DOUBLING * doublings).min(MAX_ANNOYANCE)),
    ];
    let cost: f64 = costs.iter().map(|(_, cost)| cost).sum();
    let worst = costs.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
    Verdict {
        score: points(100.0 - cost),
        cause: worst.filter(|(_, cost)| *cost > 0.0).map(|(cause, _)| cause),
    }
}

/// The share of requests without a reply of the unit in the middle, the better of two.
fn silent_share(count: &LineCount) -> f64 {
    let mut shares: Vec<_> = count.units.values().filter_map(unanswered_share).collect();
    shares.sort_unstable_by(f64::total_cmp);
    shares.get(shares.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// A healthy unit may ignore probes, but not one after the other and nothing else.
fn unanswered_share(unit: &UnitCount) -> Option<f64> {
    match (unit.requests(), unit.ignored_probes) {
        (0, 0..=4) => None,
        (0, 5..) => Some(1.0),
        (n, _) => Some(ratio(unit.timeouts, n)),
    }
}

fn silence(evidence: &Evidence<'_>, total: &UnitCount) -> Cause {
    match evidence.heard {
        Heard::Never => Cause::Mute,
        Heard::Something if evidence.count.strays * 2 > total.timeouts => Cause::LateReplies,
        Heard::Something => Cause::Silence,
    }
}

fn damage(count: &LineCount, total: &UnitCount) -> Cause {
    let worst = count.units.iter().max_by_key(|(_, unit)| unit.damaged);
    let whose = match worst {
        Some((unit, worst)) if count.units.len() > 1 && worst.damaged * 10 >= total.damaged * 9 => {
            Whose::OneUnit(*unit)
        }
        Some(_) | None => Whose::Any,
    };
    match count.uart {
        // As many as half of the damaged replies: they explain them.
        Uart::Counted(uart) if uart.errors() > 0 && uart.errors() * 2 >= total.damaged => {
            dominant(uart)
        }
        Uart::Counted(_) => Cause::Corruption(whose),
        Uart::Refused | Uart::Remote => Cause::Damage(whose),
    }
}

fn port_error(uart: Uart) -> Cause {
    match uart {
        Uart::Counted(uart) => dominant(uart),
        Uart::Refused | Uart::Remote => Cause::Noise,
    }
}

fn n_port_errors(uart: Uart) -> u64 {
    match uart {
        Uart::Counted(uart) => uart.errors(),
        Uart::Refused | Uart::Remote => 0,
    }
}

fn dominant(uart: UartCount) -> Cause {
    let kinds = [
        (Cause::Break, uart.breaks),
        (Cause::Parity, uart.parity),
        (Cause::Framing, uart.framing),
        (Cause::Overrun, uart.overruns),
    ];
    kinds.into_iter().max_by_key(|(_, n)| *n).map_or(Cause::Noise, |(cause, _)| cause)
}

#[expect(clippy::cast_precision_loss, reason = "a share of counts, to a few digits")]
fn ratio(n: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { n as f64 / of as f64 }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 100 after the clamp"
)]
fn points(score: f64) -> u8 {
    score.clamp(0.0, 100.0).round() as u8
}

#[cfg(test)]
mod tests;
