//! A set of ports, asked twice for each segment.

/// One bit a port.
#[derive(Debug)]
pub(super) struct Ports(Box<[u64; N_WORDS]>);

/// Of 64 ports each.
const N_WORDS: usize = 1 << 10;

impl Ports {
    pub(super) fn new(ports: impl IntoIterator<Item = u16>) -> Self {
        let mut set = Self(Box::new([0; N_WORDS]));
        ports.into_iter().for_each(|port| set.insert(port));
        set
    }

    pub(super) fn insert(&mut self, port: u16) {
        if let Some(word) = self.0.get_mut(usize::from(port >> 6)) {
            *word |= 1 << (port & 63);
        }
    }

    pub(super) fn remove(&mut self, port: u16) {
        if let Some(word) = self.0.get_mut(usize::from(port >> 6)) {
            *word &= !(1 << (port & 63));
        }
    }

    #[inline]
    pub(super) fn contain(&self, port: u16) -> bool {
        self.0.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_put_in_is_in() {
        let ports = Ports::new([0, 502, 65_535]);
        let inside: Vec<_> = (0..=u16::MAX).filter(|port| ports.contain(*port)).collect();
        assert_eq!(inside, [0, 502, 65_535]);
    }

    #[test]
    fn what_is_taken_out_is_out_and_its_neighbours_stay() {
        let mut ports = Ports::new([501]);
        ports.insert(502);
        ports.insert(503);
        ports.remove(502);
        assert_eq!([501, 502, 503].map(|port| ports.contain(port)), [true, false, true]);
    }
}
