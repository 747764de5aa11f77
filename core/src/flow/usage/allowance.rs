//! How many usages may be met for the first time.
//!
//! Whatever is new costs places in tables and is told on. A stranger who takes ever new addresses
//! makes every request of his new, so what he brings beyond the allowance is not looked at.

/// At once, and then in a second of the capture.
pub(super) const BURST: u32 = 4096;
const PER_SECOND: u64 = 1000;
const SECOND_NS: u64 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct Allowance {
    left: u32,
    /// Until when what grows back is in `left`; `None` if there was always enough.
    until_ns: Option<u64>,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self { left: BURST, until_ns: None }
    }

    /// True if one more may come.
    pub(super) fn take(&mut self, at_ns: u64) -> bool {
        if self.left == 0 {
            self.grow(at_ns);
        }
        let is_allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_allowed
    }

    fn grow(&mut self, at_ns: u64) {
        let until_ns = *self.until_ns.get_or_insert(at_ns);
        // Frames that several processors took in come out of order, and give nothing back. A clock
        // that was set back must not stop it for as long.
        let is_set_back = until_ns.saturating_sub(at_ns) > SECOND_NS;
        let elapsed_ns = if is_set_back { SECOND_NS } else { at_ns.saturating_sub(until_ns) };
        let n = elapsed_ns / (SECOND_NS / PER_SECOND);
        if n > 0 {
            self.left = u32::try_from(n).unwrap_or(BURST).min(BURST);
            self.until_ns = Some(at_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::*;

    fn n_taken(allowance: &mut Allowance, at_ns: impl IntoIterator<Item = u64>) -> usize {
        at_ns.into_iter().filter(|at_ns| allowance.take(*at_ns)).count()
    }

    #[test]
    fn a_full_table_comes_at_once_and_then_a_thousand_in_a_second() {
        let mut allowance = Allowance::new();
        let now = 1_700_000_000 * SECOND_NS;
        assert_eq!(n_taken(&mut allowance, repeat_n(now, 10_000)), BURST as usize);
        let second = (1..=100_000).map(|n| now + n * SECOND_NS / 100_000);
        assert_eq!(n_taken(&mut allowance, second), 1000);
    }

    #[test]
    fn frames_out_of_order_bring_no_more() {
        let mut allowance = Allowance::new();
        let now = 1_700_000_000 * SECOND_NS;
        n_taken(&mut allowance, repeat_n(now, 5000));
        let second = (1..=100_000).map(|n| now + n * SECOND_NS / 100_000 - n % 2 * 30_000);
        assert!(n_taken(&mut allowance, second) <= 1000);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_it() {
        let mut allowance = Allowance::new();
        let now = 1_700_000_000 * SECOND_NS;
        n_taken(&mut allowance, repeat_n(now, 20_000));
        assert_eq!(n_taken(&mut allowance, repeat_n(now / 2, 5000)), 1000);
    }
}
