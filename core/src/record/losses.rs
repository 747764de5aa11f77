//! What an interface and the kernel behind it lost or refused before a capture could see it.

/// Frames, since they were last counted. Drivers count one loss under several of these names, so
/// they are not to be added up; the names are the kernel's (`/sys/class/net/*/statistics`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// The network card had no room for them.
    pub rx_missed: u64,
    /// Its queue overran.
    pub rx_fifo: u64,
    /// They arrived with a wrong frame check sequence (IEEE 802.3, clause 3.2.9).
    pub rx_crc: u64,
    /// They did not end at an octet (alignment error).
    pub rx_frame: u64,
    /// Refused by the driver or the kernel. A capture may have seen them nevertheless.
    pub rx_dropped: u64,
    /// For an interface that takes no frames, such as an idle member of a bond.
    pub rx_nohandler: u64,
    /// Dropped between card and capture because a processor's queue was full. Of the whole machine.
    pub softnet_dropped: u64,
    /// Times that a processor stopped taking frames though there were more. Of the whole machine,
    /// and no loss yet.
    pub softnet_squeezed: u64,
}

impl Losses {
    /// Each count with its name in a ledger.
    pub fn by_name(&self) -> [(&'static str, u64); 8] {
        [
            ("rx_missed_errors", self.rx_missed),
            ("rx_fifo_errors", self.rx_fifo),
            ("rx_crc_errors", self.rx_crc),
            ("rx_frame_errors", self.rx_frame),
            ("rx_dropped", self.rx_dropped),
            ("rx_nohandler", self.rx_nohandler),
            ("softnet_dropped", self.softnet_dropped),
            ("softnet_squeezed", self.softnet_squeezed),
        ]
    }

    pub fn merge(&mut self, other: &Self) {
        self.rx_missed += other.rx_missed;
        self.rx_fifo += other.rx_fifo;
        self.rx_crc += other.rx_crc;
        self.rx_frame += other.rx_frame;
        self.rx_dropped += other.rx_dropped;
        self.rx_nohandler += other.rx_nohandler;
        self.softnet_dropped += other.softnet_dropped;
        self.softnet_squeezed += other.softnet_squeezed;
    }

    /// Since `earlier`. A counter that went back was set to zero, so that nothing is known of it.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            rx_missed: self.rx_missed.saturating_sub(earlier.rx_missed),
            rx_fifo: self.rx_fifo.saturating_sub(earlier.rx_fifo),
            rx_crc: self.rx_crc.saturating_sub(earlier.rx_crc),
            rx_frame: self.rx_frame.saturating_sub(earlier.rx_frame),
            rx_dropped: self.rx_dropped.saturating_sub(earlier.rx_dropped),
            rx_nohandler: self.rx_nohandler.saturating_sub(earlier.rx_nohandler),
            softnet_dropped: self.softnet_dropped.saturating_sub(earlier.softnet_dropped),
            softnet_squeezed: self.softnet_squeezed.saturating_sub(earlier.softnet_squeezed),
        }
    }

    /// Frames that arrived damaged.
    pub fn is_damage(&self) -> bool {
        self.rx_crc + self.rx_frame > 0
    }

    /// True if the network card lost frames for want of room.
    pub fn is_card_full(&self) -> bool {
        self.rx_missed + self.rx_fifo > 0
    }

    /// True if a frame that the capture should have seen never came to it, or may not have.
    pub fn is_loss(&self) -> bool {
        self.is_damage() || self.is_card_full() || self.softnet_dropped > 0
    }
}

/// What an interface told of itself, about once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceCount {
    /// Since it last did; nothing the first time.
    pub losses: Losses,
    /// Longest packet without its link header, in bytes.
    pub mtu: u32,
    /// What goes over it never has checksums, and cannot be made to.
    pub is_loopback: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_went_back_counts_nothing() {
        let earlier = Losses { rx_missed: 9, rx_crc: 5, ..Losses::default() };
        let now = Losses { rx_missed: 3, rx_crc: 7, softnet_dropped: 1, ..Losses::default() };
        let since = now.since(&earlier);
        assert_eq!(since, Losses { rx_crc: 2, softnet_dropped: 1, ..Losses::default() });
        assert!(since.is_loss() && since.is_damage() && !since.is_card_full());
        let total = &mut since.clone();
        total.merge(&since);
        assert_eq!(total.since(&since), since);
    }

    #[test]
    fn what_the_kernel_only_refused_is_no_loss() {
        let refused =
            Losses { rx_dropped: 5, rx_nohandler: 5, softnet_squeezed: 5, ..Losses::default() };
        assert!(!refused.is_loss());
        assert_eq!(refused.by_name().iter().filter(|(_, n)| *n == 5).count(), 3);
    }
}
