//! A frame that is not IP, for whoever asks what it is: addresses, tags and payload.
//!
//! It is read again from the captured bytes, so that a frame that is IP pays nothing for it.

use crate::wire::WireError;
use crate::wire::ethernet;
use crate::wire::ethernet::Ethernet;
use crate::wire::mac::Mac;
use crate::wire::sll::Sll;
use crate::wire::sll::Sll2;

use super::Captured;
use super::Link;
use super::Vlan;
use super::linked;

/// The link layer of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFrame<'a> {
    pub source: Mac,
    /// A cooked capture does not keep it.
    pub destination: Option<Mac>,
    pub vlan: Vlan,
    pub content: LinkContent<'a>,
    /// True if the capture kept less than the wire carried.
    pub is_cut: bool,
}

/// What a frame says it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkContent<'a> {
    /// Bytes after the EtherType, padding included.
    EtherType(u16, &'a [u8]),
    /// Bytes from the LLC header on (IEEE 802.2), without padding.
    Llc(&'a [u8]),
}

/// Of a cooked capture, for 802.2 frames (`LINUX_SLL_P_802_2`).
const COOKED_LLC: u16 = 4;

impl<'a> LinkFrame<'a> {
    /// `None` if the link has no station addresses.
    pub fn of(captured: &Captured<'a>) -> Result<Option<Self>, WireError> {
        let (source, destination, linked) = match captured.link {
            Link::Ethernet => {
                let frame = Ethernet::parse(captured.bytes)?;
                let linked = (frame.ethertype(), frame.payload());
                (frame.source(), Some(frame.destination()), linked)
            }
            Link::Sll => {
                let frame = Sll::parse(captured.bytes)?;
                (frame.source(), None, (frame.protocol(), frame.payload()))
            }
            Link::Sll2 => {
                let frame = Sll2::parse(captured.bytes)?;
                (frame.source(), None, (frame.protocol(), frame.payload()))
            }
            Link::Raw => return Ok(None),
        };
        let mut vlan = Vlan::default();
        let (kind, bytes) = linked::untag(linked, captured.stripped_vlan, &mut vlan)?;
        let content = match kind {
            COOKED_LLC if captured.link != Link::Ethernet => LinkContent::Llc(bytes),
            len @ ..=ethernet::MAX_LENGTH => {
                LinkContent::Llc(bytes.get(..usize::from(len)).unwrap_or(bytes))
            }
            ethertype => LinkContent::EtherType(ethertype, bytes),
        };
        Ok(Some(Self { source, destination, vlan, content, is_cut: captured.is_cut() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;

    fn captured(link: Link, bytes: &[u8]) -> Captured<'_> {
        let wire_len = u32::try_from(bytes.len()).unwrap();
        Captured { link, bytes, wire_len, stripped_vlan: None, checksum_pending: false }
    }

    #[test]
    fn addresses_tags_and_payload_are_found() {
        let bytes = fixture::ethernet(0x8100, &fixture::tag(5, 0x88cc, b"payload"));
        let frame = LinkFrame::of(&captured(Link::Ethernet, &bytes)).unwrap().unwrap();
        assert_eq!(frame.source, Mac([2, 0, 0, 0, 0, 1]));
        assert_eq!(frame.destination, Some(Mac([2, 0, 0, 0, 0, 2])));
        assert_eq!(frame.vlan.outer, 5);
        assert_eq!(frame.content, LinkContent::EtherType(0x88cc, b"payload"));
    }

    #[test]
    fn a_length_says_where_padding_begins() {
        let bytes = fixture::ethernet(3, &[0x42, 0x42, 3, 0, 0]);
        let frame = LinkFrame::of(&captured(Link::Ethernet, &bytes)).unwrap().unwrap();
        assert_eq!(frame.content, LinkContent::Llc(&[0x42, 0x42, 3]));
    }

    #[test]
    fn a_cooked_frame_names_its_source_alone() {
        let v1 = [&[0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4][..], &[0x42]].concat();
        let v2 = [&[0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &[0x42]];
        for (link, bytes) in [(Link::Sll, v1), (Link::Sll2, v2.concat())] {
            let frame = LinkFrame::of(&captured(link, &bytes)).unwrap().unwrap();
            assert_eq!((frame.source, frame.destination), (Mac([2, 0, 0, 0, 0, 1]), None));
            assert_eq!(frame.content, LinkContent::Llc(&[0x42]));
        }
    }

    #[test]
    fn a_link_without_addresses_has_no_stations() {
        assert_eq!(LinkFrame::of(&captured(Link::Raw, &[0x45; 20])), Ok(None));
    }

    #[test]
    fn spoiled_frames_are_read_or_refused() {
        let bytes = fixture::ethernet(0x8100, &fixture::tag(5, 0x88cc, b"payload"));
        for link in [Link::Ethernet, Link::Sll, Link::Sll2, Link::Raw] {
            fixture::spoil(&bytes, |bytes| {
                let _ = LinkFrame::of(&captured(link, bytes));
            });
        }
    }
}
