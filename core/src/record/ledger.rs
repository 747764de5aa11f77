//! The ledger of one stage: what came in went out or was dropped for a stated reason.

use std::collections::BTreeMap;

/// `entered = left + Σ dropped`, to the unit, whenever it is read at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ledger {
    #[serde(rename = "in")]
    pub entered: u64,
    #[serde(rename = "out")]
    pub left: u64,
    pub dropped: BTreeMap<&'static str, u64>,
    /// Counted beside the books, because it is no part of what came in or went out otherwise.
    #[serde(skip)]
    pub noted: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// Count `n` dropped for `reason`; nothing is recorded for none.
    pub fn drop(&mut self, reason: &'static str, n: u64) {
        if n > 0 {
            *self.dropped.entry(reason).or_default() += n;
        }
    }

    /// Count `n` of something that does not enter the balance; nothing is recorded for none.
    pub fn note(&mut self, what: &'static str, n: u64) {
        if n > 0 {
            *self.noted.entry(what).or_default() += n;
        }
    }

    /// Add another stage's or period's counts.
    pub fn merge(&mut self, other: &Self) {
        self.entered += other.entered;
        self.left += other.left;
        for (reason, n) in &other.dropped {
            self.drop(reason, *n);
        }
        for (what, n) in &other.noted {
            self.note(what, *n);
        }
    }

    /// Everything dropped, for whatever reason.
    pub fn n_dropped(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// True if nothing vanished uncounted.
    pub fn balances(&self) -> bool {
        self.entered == self.left + self.n_dropped()
    }
}

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "in {} = out {}", self.entered, self.left)?;
        for (reason, n) in &self.dropped {
            write!(f, " + {n} {reason}")?;
        }
        f.write_str(if self.balances() { "" } else { " (DOES NOT BALANCE)" })?;
        for (what, n) in &self.noted {
            write!(f, "; {what} {n}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_went_out_or_was_dropped() {
        let mut ledger = Ledger { entered: 10, left: 7, ..Ledger::default() };
        assert!(!ledger.balances());
        ledger.drop("ring_full", 3);
        ledger.drop("never", 0);
        assert!(ledger.balances());
        assert_eq!(ledger.to_string(), "in 10 = out 7 + 3 ring_full");
        ledger.note("malformed", 2);
        assert_eq!(ledger.to_string(), "in 10 = out 7 + 3 ring_full; malformed 2");
        let total = &mut Ledger::default();
        total.merge(&ledger);
        total.merge(&ledger);
        assert_eq!((total.entered, total.n_dropped(), total.balances()), (20, 6, true));
    }
}
