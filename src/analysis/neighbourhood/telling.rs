//! How often one and the same thing is told: at once, and then now and then with a count.

/// Of one thing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Telling {
    told_ns: Option<u64>,
    untold: u64,
}

impl Telling {
    /// `None` if it was told less than `every_ns` ago; else how often it was not told since.
    pub(super) fn is_due(&mut self, at_ns: u64, every_ns: u64) -> Option<u64> {
        if self.told_ns.is_some_and(|told_ns| at_ns.saturating_sub(told_ns) < every_ns) {
            self.untold += 1;
            return None;
        }
        self.told_ns = Some(at_ns);
        Some(std::mem::take(&mut self.untold))
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
}
