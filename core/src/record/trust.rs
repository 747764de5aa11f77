//! How far a finding on the wire can be trusted.

/// What its connection and its segments say for it. Whether the capture lost frames at the time is
/// known elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The checksum was right of every segment that brought something of what was found, and of its
    /// answer.
    pub verified: bool,
    /// The connection was seen from its SYN on, and no byte of it was missed.
    pub from_start: bool,
}

impl Trust {
    pub const FULL: Self = Self { verified: true, from_start: true };

    /// Of something that rests on both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            verified: self.verified && other.verified,
            from_start: self.from_start && other.from_start,
        }
    }
}

/// What else was the matter with a capture when something was found in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Frames were lost, in the ring or before it.
    pub lossy: bool,
    /// It kept only the beginning of some packets.
    pub clipped: bool,
}

impl Doubts {
    /// `full`, or what speaks against it: `loss`, `unverified`, `midstream`, `clipped`, joined by
    /// commas.
    pub fn words(self, trust: Trust) -> String {
        let doubts = [
            (self.lossy, "loss"),
            (!trust.verified, "unverified"),
            (!trust.from_start, "midstream"),
            (self.clipped, "clipped"),
        ];
        let words: Vec<_> = doubts.iter().filter(|(is_so, _)| *is_so).map(|(_, w)| *w).collect();
        if words.is_empty() { "full".to_owned() } else { words.join(",") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_full_or_says_what_is_missing() {
        assert_eq!(Doubts::default().words(Trust::FULL), "full");
        let doubts = Doubts { lossy: true, clipped: true };
        assert_eq!(doubts.words(Trust::default()), "loss,unverified,midstream,clipped");
        let half = Trust { verified: false, from_start: true };
        assert_eq!(Doubts::default().words(Trust::FULL.and(half)), "unverified");
    }
}
