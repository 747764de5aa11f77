//! The way from the first byte of a frame to its network layer: link header, then VLAN tags.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::ethernet;
use crate::wire::ethernet::Ethernet;
use crate::wire::sll::Sll;
use crate::wire::sll::Sll2;
use crate::wire::vlan;

use super::Captured;
use super::Link;
use super::Vlan;

/// Real stacks hold two or three tags; a frame with more is left at its next tag.
const MAX_TAGS: usize = 8;

/// The network layer's bytes, and the EtherType that says what they are.
pub(super) type Linked<'a> = (u16, &'a [u8]);

/// Read the link header.
#[inline]
pub(super) fn link<'a>(frame: &Captured<'a>) -> Result<Linked<'a>, WireError> {
    match frame.link {
        Link::Ethernet => Ethernet::parse(frame.bytes).map(|e| (e.ethertype(), e.payload())),
        Link::Sll => Sll::parse(frame.bytes).map(|sll| (sll.protocol(), sll.payload())),
        Link::Sll2 => Sll2::parse(frame.bytes).map(|sll| (sll.protocol(), sll.payload())),
        Link::Raw => raw(frame.bytes),
    }
}

/// Without a link header, the IP version tells which it is.
fn raw(bytes: &[u8]) -> Result<Linked<'_>, WireError> {
    match bytes {
        [0x40..=0x4f, ..] => Ok((ethernet::IPV4, bytes)),
        [0x60..=0x6f, ..] => Ok((ethernet::IPV6, bytes)),
        [code, ..] => Err(WireError::UnknownCode { layer: Layer::Ipv4, code: *code }),
        [] => Err(WireError::Truncated { layer: Layer::Ipv4, need: 1, have: 0 }),
    }
}

/// Step over the tags in front of the network layer, and keep the first two identifiers. A tag
/// that the kernel took out of the frame was the first.
#[inline]
pub(super) fn untag<'a>(
    linked: Linked<'a>,
    stripped: Option<u16>,
    vlan: &mut Vlan,
) -> Result<Linked<'a>, WireError> {
    vlan.outer = stripped.map_or(0, vlan::id);
    let (ethertype, _) = linked;
    if vlan::is_tag(ethertype) {
        untag_stack(linked, usize::from(stripped.is_some()), vlan)
    } else {
        Ok(linked)
    }
}

fn untag_stack<'a>(
    mut linked: Linked<'a>,
    n_before: usize,
    vlan: &mut Vlan,
) -> Result<Linked<'a>, WireError> {
    for n in n_before..MAX_TAGS {
        let (ethertype, bytes) = linked;
        if !vlan::is_tag(ethertype) {
            break;
        }
        let tag = vlan::Tag::parse(bytes)?;
        match n {
            0 => vlan.outer = tag.id(),
            1 => vlan.inner = tag.id(),
            _ => (),
        }
        linked = (tag.ethertype(), tag.payload());
    }
    Ok(linked)
}
