//! Packets that are not what was sent: which, and what is noted of them.

use crate::record::{Checked, Corruption, Note, WireReport};
use crate::wire::Checksum;
use crate::wire::packet::{Network, Packet};

use super::time;

#[inline]
pub(super) fn is_corrupt(packet: &Packet<'_>) -> bool {
    matches!(packet.ipv4, Some(Checksum::Invalid(_)))
        || matches!(packet.l4, Some((_, Checksum::Invalid(_))))
}

/// `is_awaited`: its sender repeats such a packet. `is_rewritten`: by its addresses alone.
#[cold]
pub(super) fn note_corruption(
    at_ns: u64,
    packet: &Packet<'_>,
    (is_awaited, is_rewritten): (bool, bool),
    report: &mut WireReport,
) {
    let Network::Ip { source, destination } = packet.network else {
        return; // only IP has checksums
    };
    let ipv4 = packet.ipv4.map(|verdict| (Checked::Ipv4, verdict));
    let l4 = packet.l4.map(|(protocol, verdict)| (Checked::L4(protocol), verdict));
    for (checked, verdict) in ipv4.into_iter().chain(l4) {
        if let Checksum::Invalid(mismatch) = verdict {
            let (at, vlan) = (time(at_ns), packet.vlan);
            report.note(Note::Corrupt(Corruption {
                at,
                checked,
                mismatch,
                vlan,
                source,
                destination,
                is_awaited,
                is_rewritten,
            }));
        }
    }
}
