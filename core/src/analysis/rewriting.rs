//! Addresses rewritten on the way: TCP checksums that are all wrong in one and the same manner.
//!
//! A translator or an anonymiser that changes addresses and leaves checksums alone shifts all of
//! them between two hosts by one amount, in both directions, because the pseudo-header is a sum.
//! If the NIC was still going to finish them, then what is stored is the sum over the old
//! pseudo-header, which differs by the length alone. Damage depends on the bytes it hits.

use std::net::IpAddr;

use crate::wire::Mismatch;
use crate::wire::packet::Segment;

/// Pairs of hosts remembered at a time; a newer pair takes the place of an older one.
const N_PAIRS: usize = 64;

/// In what manner the checksums between two hosts were wrong lately.
#[derive(Debug)]
pub(super) struct Rewriting {
    pairs: [Option<Pair>; N_PAIRS],
    /// Pairs remembered. Mostly none, and then a right checksum costs one comparison.
    n_known: usize,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    hosts: (IpAddr, IpAddr),
    /// By how much they missed.
    shift: Constant,
    /// What they would miss by, had the NIC not finished them.
    pseudo: Constant,
}

/// A value found in each segment, and who sent segments with it since it last changed.
#[derive(Clone, Copy, Debug)]
struct Constant {
    value: u16,
    from_lower: bool,
    from_higher: bool,
}

impl Rewriting {
    pub(super) fn new() -> Self {
        Self { pairs: [None; N_PAIRS], n_known: 0 }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.n_known == 0
    }

    /// True if a wrong checksum says that addresses were rewritten: all checksums between these
    /// hosts since the last right one were wrong in the same manner, in both directions.
    #[cold]
    pub(super) fn explains(
        &mut self,
        (from, to): (IpAddr, IpAddr),
        segment: &Segment<'_>,
        mismatch: Mismatch,
    ) -> bool {
        let is_lower = (from, segment.source_port) < (to, segment.destination_port);
        #[expect(clippy::cast_possible_truncation, reason = "the sum has 16 bits as well")]
        let len = segment.len as u16;
        let shift = Constant::new(difference(mismatch.computed, mismatch.stored), is_lower);
        let pseudo = Constant::new(difference(mismatch.stored, len), is_lower);
        let hosts = (from.min(to), from.max(to));
        let place = self.place(from, to);
        let pair = match place.filter(|pair| pair.hosts == hosts) {
            None => Pair { hosts, shift, pseudo },
            Some(known) => {
                let (shift, pseudo) = (shift.after(known.shift), pseudo.after(known.pseudo));
                Pair { hosts, shift, pseudo }
            }
        };
        let is_new = place.replace(pair).is_none();
        self.n_known += usize::from(is_new);
        pair.shift.is_mutual() || pair.pseudo.is_mutual()
    }

    /// A checksum between these hosts was right: their addresses are their own.
    #[inline]
    pub(super) fn refute(&mut self, from: IpAddr, to: IpAddr) {
        if self.n_known > 0 {
            self.forget(from, to);
        }
    }

    #[cold]
    fn forget(&mut self, from: IpAddr, to: IpAddr) {
        let place = self.place(from, to);
        if place.is_some_and(|pair| pair.hosts == (from.min(to), from.max(to))) {
            *place = None;
            self.n_known -= 1;
        }
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder of the array's length")]
    fn place(&mut self, from: IpAddr, to: IpAddr) -> &mut Option<Pair> {
        &mut self.pairs[usize::from(fold(from).wrapping_add(fold(to))) % N_PAIRS]
    }
}

impl Constant {
    fn new(value: u16, is_lower: bool) -> Self {
        Self { value, from_lower: is_lower, from_higher: !is_lower }
    }

    fn after(self, known: Self) -> Self {
        if self.value != known.value {
            return self;
        }
        Self {
            value: self.value,
            from_lower: self.from_lower || known.from_lower,
            from_higher: self.from_higher || known.from_higher,
        }
    }

    fn is_mutual(self) -> bool {
        self.from_lower && self.from_higher
    }
}

/// The last bytes of an address, which tell hosts of one network apart.
fn fold(address: IpAddr) -> u16 {
    let [.., high, low] = match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            [a, b, c, d]
        }
    };
    u16::from_be_bytes([high, low])
}

/// Ones'-complement difference, in which 0xffff is zero.
fn difference(from: u16, what: u16) -> u16 {
    let (sum, carry) = from.overflowing_add(!what);
    match sum.wrapping_add(u16::from(carry)) {
        u16::MAX => 0,
        difference => difference,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use crate::wire::packet::Flags;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const UP: (IpAddr, IpAddr) = (CLIENT, SERVER);
    const DOWN: (IpAddr, IpAddr) = (SERVER, CLIENT);

    fn segment(len: usize) -> Segment<'static> {
        Segment {
            source_port: 40_000,
            destination_port: 502,
            sequence: 0,
            acknowledgment: 0,
            flags: Flags(Flags::ACK),
            len,
            payload: &[],
        }
    }

    /// Whether a checksum wrong by `shift` is explained.
    fn shifted(
        rewriting: &mut Rewriting,
        hosts: (IpAddr, IpAddr),
        shift: u16,
        stored: u16,
    ) -> bool {
        let (sum, carry) = stored.overflowing_add(shift);
        let mismatch = Mismatch { stored, computed: sum + u16::from(carry) };
        rewriting.explains(hosts, &segment(20), mismatch)
    }

    #[test]
    fn the_same_shift_in_both_directions_is_a_rewritten_address() {
        let mut rewriting = Rewriting::new();
        assert!(!shifted(&mut rewriting, UP, 0x1234, 7));
        assert!(shifted(&mut rewriting, DOWN, 0x1234, 0xfff0));
        assert!(shifted(&mut rewriting, UP, 0x1234, 0xabcd));
    }

    #[test]
    fn a_stored_pseudo_header_of_other_addresses_is_one_too() {
        let mut rewriting = Rewriting::new();
        let mut unfinished = |hosts, len: u16, computed| {
            let mismatch = Mismatch { stored: 0xfe08 + len, computed };
            rewriting.explains(hosts, &segment(len.into()), mismatch)
        };
        assert!(!unfinished(UP, 40, 0x1111));
        assert!(unfinished(DOWN, 40, 0x2222));
        assert!(unfinished(UP, 46, 0x3333));
    }

    #[test]
    fn damage_in_one_direction_is_never_explained() {
        let mut rewriting = Rewriting::new();
        for stored in 0..1000 {
            assert!(!shifted(&mut rewriting, UP, 32, stored));
        }
    }

    #[test]
    fn another_shift_or_a_right_checksum_starts_again() {
        let mut rewriting = Rewriting::new();
        shifted(&mut rewriting, UP, 5, 1);
        shifted(&mut rewriting, DOWN, 5, 20);
        assert!(!shifted(&mut rewriting, UP, 6, 300));
        assert!(shifted(&mut rewriting, DOWN, 6, 4000));
        rewriting.refute(SERVER, CLIENT);
        assert!(!shifted(&mut rewriting, UP, 6, 50_000));
    }
}
