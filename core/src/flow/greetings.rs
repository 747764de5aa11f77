//! The connections that were asked for lately, so that one met with its first byte is known as such.
//!
//! A SYN opens no row in the table, because a stranger can send any number. It leaves its mark in
//! one of 4,096 places, where the next may overwrite it: then the connection counts as met under way.

/// Marks by hash.
#[derive(Debug)]
pub(super) struct Greetings(Box<[u64]>);

const N_PLACES: usize = 4096;

impl Default for Greetings {
    fn default() -> Self {
        Self(vec![0; N_PLACES].into())
    }
}

impl Greetings {
    /// A client asks for a connection; `sequence` is the number of its SYN.
    pub(super) fn note(&mut self, hash: u64, sequence: u32) {
        let mark = mark(hash, sequence.wrapping_add(1));
        if let Some(place) = self.0.get_mut(place(hash)) {
            *place = mark;
        }
    }

    /// True if the byte with this number is the first that the client sends.
    pub(super) fn precede(&self, hash: u64, sequence: u32) -> bool {
        self.0.get(place(hash)) == Some(&mark(hash, sequence))
    }
}

/// Never 0.
fn mark(hash: u64, sequence: u32) -> u64 {
    hash.wrapping_add(sequence.into()) | 1 << 63
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are used")]
fn place(hash: u64) -> usize {
    hash as usize % N_PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_byte_behind_a_syn_is_the_first_of_its_connection() {
        let mut greetings = Greetings::default();
        greetings.note(7, u32::MAX);
        assert!(greetings.precede(7, 0));
        assert!(!greetings.precede(7, 1) && !greetings.precede(8, 0) && !greetings.precede(0, 0));
        greetings.note(7 + N_PLACES as u64, 5);
        assert!(!greetings.precede(7, 0), "overwritten");
    }
}
