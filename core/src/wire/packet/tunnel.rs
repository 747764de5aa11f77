//! Frames inside packets: GRE (RFC 2784, 2890), ERSPAN types I to III (draft-foschiano-erspan),
//! VXLAN (RFC 7348), IP in IP (RFC 2003, 4213).
//!
//! Only the way in is read here; what is inside is a frame like any other, and judged as one.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::ethernet;
use crate::wire::header;

use super::Captured;
use super::Link;

pub(super) const IPV4_IN_IP: u8 = 4;
pub(super) const IPV6_IN_IP: u8 = 41;
pub(super) const GRE: u8 = 47;
/// UDP port that IANA gave VXLAN.
pub(super) const VXLAN_PORT: u16 = 4789;

/// A frame inside a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnelled<'a> {
    pub link: Link,
    pub bytes: &'a [u8],
    /// Tag control information that the tunnel's entry took out of the frame.
    pub stripped_vlan: Option<u16>,
    /// True if the tunnel's entry cut the frame short.
    pub is_cut: bool,
}

impl<'a> Tunnelled<'a> {
    fn whole(link: Link, bytes: &'a [u8]) -> Self {
        Self { link, bytes, stripped_vlan: None, is_cut: false }
    }

    /// As if it had been captured by itself, out of `outer`.
    pub fn captured(&self, outer: &Captured<'a>) -> Captured<'a> {
        let wire_len =
            if self.is_cut { None } else { outer.wire_len_of(self.bytes).try_into().ok() };
        Captured {
            link: self.link,
            bytes: self.bytes,
            // Of a frame that was cut nobody knows how long it was.
            wire_len: wire_len.unwrap_or(u32::MAX),
            stripped_vlan: self.stripped_vlan,
            checksum_pending: outer.checksum_pending,
        }
    }
}

/// What an IP packet of `protocol` carries, if that is a tunnel we know.
pub(super) fn in_ip(protocol: u8, bytes: &[u8]) -> Result<Option<Tunnelled<'_>>, WireError> {
    match protocol {
        IPV4_IN_IP | IPV6_IN_IP => Ok(Some(Tunnelled::whole(Link::Raw, bytes))),
        GRE => gre(bytes),
        _ => Ok(None),
    }
}

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;

/// Protocol types of GRE that are not `EtherType`s of network layers.
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const ERSPAN_II: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;

fn gre(bytes: &[u8]) -> Result<Option<Tunnelled<'_>>, WireError> {
    let (&[high, low, kind_high, kind_low], rest) = header(Layer::Gre, bytes)?;
    let flags = u16::from_be_bytes([high, low]);
    // Source routes were never used, and version 1 carries PPP (RFC 2637).
    if flags & (ROUTING | VERSION) != 0 {
        return Ok(None);
    }
    let n_fields = (flags & (CHECKSUM | KEY | SEQUENCE)).count_ones();
    let need = 4 * n_fields as usize;
    let have = rest.len();
    let inner = rest.get(need..).ok_or(WireError::Truncated { layer: Layer::Gre, need, have })?;
    match u16::from_be_bytes([kind_high, kind_low]) {
        ethernet::IPV4 | ethernet::IPV6 => Ok(Some(Tunnelled::whole(Link::Raw, inner))),
        TRANSPARENT_ETHERNET => Ok(Some(Tunnelled::whole(Link::Ethernet, inner))),
        // Type I has no header of its own, nor a sequence number.
        ERSPAN_II if flags & SEQUENCE == 0 => Ok(Some(Tunnelled::whole(Link::Ethernet, inner))),
        ERSPAN_II => erspan_ii(inner).map(Some),
        ERSPAN_III => erspan_iii(inner),
        _ => Ok(None),
    }
}

fn erspan_ii(bytes: &[u8]) -> Result<Tunnelled<'_>, WireError> {
    /// The frame still has its tag.
    const TAG_PRESERVED: u8 = 0b0001_1000;
    let (fixed, inner) = header::<8>(Layer::Erspan, bytes)?;
    let (vlan, is_cut) = erspan(fixed);
    let stripped_vlan = vlan.filter(|_| fixed[2] & TAG_PRESERVED != TAG_PRESERVED);
    Ok(Tunnelled { link: Link::Ethernet, bytes: inner, stripped_vlan, is_cut })
}

fn erspan_iii(bytes: &[u8]) -> Result<Option<Tunnelled<'_>>, WireError> {
    /// Eight bytes follow that only the sending platform understands.
    const SUBHEADER: u8 = 1;
    let (fixed, mut inner) = header::<12>(Layer::Erspan, bytes)?;
    if fixed[11] & SUBHEADER != 0 {
        (_, inner) = header::<8>(Layer::Erspan, inner)?;
    }
    // Five bits say what was mirrored; the draft defines no other frames than these.
    let link = match fixed[10] >> 2 & 0x1f {
        0 => Link::Ethernet,
        2 => Link::Raw,
        _ => return Ok(None),
    };
    let (stripped_vlan, is_cut) = erspan(fixed);
    Ok(Some(Tunnelled { link, bytes: inner, stripped_vlan, is_cut }))
}

/// What types II and III have in common: the VLAN, and whether the frame was cut.
fn erspan<const N: usize>(fixed: &[u8; N]) -> (Option<u16>, bool) {
    const CUT: u8 = 0b0000_0100;
    let [high, low, flags, ..] = fixed.as_slice() else { return (None, false) };
    let vlan = u16::from_be_bytes([*high, *low]) & 0x0fff;
    ((vlan != 0).then_some(vlan), flags & CUT != 0)
}

/// What a UDP datagram to [`VXLAN_PORT`] carries; `None` if it has no network identifier.
pub(super) fn vxlan(payload: &[u8]) -> Result<Option<Tunnelled<'_>>, WireError> {
    const HAS_IDENTIFIER: u8 = 0x08;
    let (fixed, inner) = header::<8>(Layer::Vxlan, payload)?;
    let is_vxlan = fixed[0] & HAS_IDENTIFIER != 0;
    Ok(is_vxlan.then_some(Tunnelled::whole(Link::Ethernet, inner)))
}

#[cfg(test)]
mod tests;
