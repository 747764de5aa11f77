//! How often one and the same thing is told: at once, and then now and then with a count.

/// So much earlier than before, and the clock was set back: frames of one block can be out of order.
const SET_BACK_NS: u64 = 1_000_000_000;

/// Of one thing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Telling {
    told_ns: Option<u64>,
    untold: u64,
}

impl Telling {
    /// `None` if it was told less than `every_ns` ago; else how often it was not told since.
    pub(super) fn is_due(&mut self, at_ns: u64, every_ns: u64) -> Option<u64> {
        if !self.is_over(at_ns, every_ns) {
            self.untold += 1;
            return None;
        }
        self.told_ns = Some(at_ns);
        Some(std::mem::take(&mut self.untold))
    }

    /// The same for what was not told when it happened and still holds; it does not count itself.
    pub(super) fn is_overdue(&mut self, at_ns: u64, every_ns: u64) -> Option<u64> {
        let is_over = self.is_over(at_ns, every_ns);
        is_over.then(|| self.is_due(at_ns, every_ns).unwrap_or_default().saturating_sub(1))
    }

    fn is_over(&self, at_ns: u64, every_ns: u64) -> bool {
        self.told_ns.is_none_or(|told_ns| match at_ns.checked_sub(told_ns) {
            Some(ago_ns) => ago_ns >= every_ns,
            None => told_ns - at_ns > SET_BACK_NS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_told_now_and_then_with_a_count() {
        let mut telling = Telling::default();
        let due: Vec<_> = (0..6).map(|n| telling.is_due(n, 4)).collect();
        assert_eq!(due, [Some(0), None, None, None, Some(3), None]);
    }

    #[test]
    fn what_was_not_told_is_told_later_and_a_clock_that_was_set_back_does_not_prevent_it() {
        let mut telling = Telling::default();
        assert_eq!([telling.is_due(9, 4), telling.is_due(10, 4)], [Some(0), None]);
        assert_eq!([telling.is_overdue(12, 4), telling.is_overdue(13, 4)], [None, Some(0)]);
        assert_eq!(telling.is_due(20 * SET_BACK_NS, 4), Some(0));
        assert_eq!(telling.is_due(20 * SET_BACK_NS - 1, 4), None, "out of order");
        assert_eq!(telling.is_due(SET_BACK_NS, 4), Some(1));
    }
}
