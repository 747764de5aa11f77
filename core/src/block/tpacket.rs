//! Walk the frames of one `TPACKET_V3` block.
//!
//! Safe code over a plain slice: every offset the kernel wrote is checked, so this file can be
//! fuzzed and run under Miri without a kernel. A [`Lease`](super::Lease) supplies the slice.

use super::Frame;
use crate::wire::packet::Link;

// linux/if_packet.h: struct tpacket_block_desc, native endian.
const BLOCK_NUM_PKTS: usize = 12;
const BLOCK_FIRST_PKT: usize = 16;
// struct tpacket3_hdr, 48 bytes, and behind it struct sockaddr_ll.
const FRAME_NEXT: usize = 0;
const FRAME_SEC: usize = 4;
const FRAME_NSEC: usize = 8;
const FRAME_SNAPLEN: usize = 12;
const FRAME_LEN: usize = 16;
const FRAME_STATUS: usize = 20;
const FRAME_MAC: usize = 24;
const FRAME_VLAN_TCI: usize = 32;
const FRAME_HATYPE: usize = 48 + 8;
const FRAME_HEADER: usize = 48 + 20;

const STATUS_CSUMNOTREADY: u32 = 1 << 3;
const STATUS_VLAN_VALID: u32 = 1 << 4;

/// Iterate over the frames of `block`. A malformed header ends the iteration early.
pub(super) fn frames(block: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let n_frames = u32_at(block, BLOCK_NUM_PKTS).unwrap_or(0);
    let mut next = u32_at(block, BLOCK_FIRST_PKT).map(|first| first as usize);
    (0..n_frames).map_while(move |_| {
        let raw = block.get(next?..)?;
        let step = u32_at(raw, FRAME_NEXT)? as usize;
        // A step that does not clear the header would show the same bytes again and again.
        next = next?.checked_add(step).filter(|_| step >= FRAME_HEADER);
        frame(raw)
    })
}

fn frame(raw: &[u8]) -> Option<Frame<'_>> {
    let header: &[u8; FRAME_HEADER] = raw.first_chunk()?;
    let start = usize::from(u16_at(header, FRAME_MAC)?);
    let captured = u32_at(header, FRAME_SNAPLEN)? as usize;
    let status = u32_at(header, FRAME_STATUS)?;
    let seconds = u64::from(u32_at(header, FRAME_SEC)?);
    // The TCI is 16 bits in a field of 32.
    let vlan = u16::try_from(u32_at(header, FRAME_VLAN_TCI)?).ok();
    Some(Frame {
        at_ns: seconds * 1_000_000_000 + u64::from(u32_at(header, FRAME_NSEC)?),
        link: link(u16_at(header, FRAME_HATYPE)?),
        bytes: raw.get(start..)?.get(..captured)?,
        wire_len: u32_at(header, FRAME_LEN)?,
        stripped_vlan: vlan.filter(|_| status & STATUS_VLAN_VALID != 0),
        checksum_pending: status & STATUS_CSUMNOTREADY != 0,
    })
}

/// What a frame of this `ARPHRD_` type starts with (see `if_arp.h`). Taken from the frame and not
/// from the interface, which may have been made anew with another type since.
fn link(hardware: u16) -> Option<Link> {
    const ETHER: u16 = 1;
    const PPP: u16 = 512;
    const RAWIP: u16 = 519;
    const TUNNEL: u16 = 768;
    const TUNNEL6: u16 = 769;
    const LOOPBACK: u16 = 772;
    const SIT: u16 = 776;
    /// Tun devices, `WireGuard`.
    const NONE: u16 = 0xfffe;
    match hardware {
        ETHER | LOOPBACK => Some(Link::Ethernet),
        PPP | RAWIP | TUNNEL | TUNNEL6 | SIT | NONE => Some(Link::Raw),
        _ => None,
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
