//! What an IP header carries, cut to what its length field states and the capture holds.

use crate::wire::Layer;
use crate::wire::WireError;

/// Bytes after an IP header, without link padding.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    pub bytes: &'a [u8],
    pub extent: Extent,
}

/// How much of what the IP header states is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Whole,
    /// The wire carried it; the capture kept less (snaplen).
    Cut,
    /// The length field claims more than the wire carried.
    Overrun(WireError),
}

/// Whether a packet is all of what its sender wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragmentation {
    None,
    /// The first fragment, or a later one: which packet it is of, and where it lies there, as
    /// IPv4 writes it: "more fragments" in bit 13, eighths of the offset below.
    Part {
        identification: u32,
        offset_and_flags: u16,
    },
}

impl<'a> Payload<'a> {
    /// The first `stated` bytes of `captured`; the wire carried `wire_len`, padding included.
    #[inline]
    pub fn new(layer: Layer, captured: &'a [u8], stated: usize, wire_len: usize) -> Self {
        match captured.get(..stated) {
            Some(bytes) => Self { bytes, extent: Extent::Whole },
            None if stated <= wire_len => Self { bytes: captured, extent: Extent::Cut },
            None => {
                let error = WireError::Truncated { layer, need: stated, have: wire_len };
                Self { bytes: captured, extent: Extent::Overrun(error) }
            }
        }
    }

    /// What is wrong with the packet, given what was found wrong inside the payload: nothing that
    /// a short capture explains.
    #[inline]
    pub fn malformed(&self, inner: Result<(), WireError>) -> Option<WireError> {
        match (self.extent, inner) {
            (Extent::Overrun(error), _) => Some(error),
            (Extent::Cut, Err(WireError::Truncated { .. })) => None,
            (Extent::Whole | Extent::Cut, inner) => inner.err(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: WireError = WireError::Truncated { layer: Layer::Tcp, need: 20, have: 3 };

    #[test]
    fn padding_is_cut_off() {
        let payload = Payload::new(Layer::Ipv4, b"abc\0\0", 3, 5);
        assert_eq!((payload.bytes, payload.extent), (&b"abc"[..], Extent::Whole));
        assert_eq!(payload.malformed(Err(ERROR)), Some(ERROR));
    }

    #[test]
    fn a_short_capture_is_not_malformed() {
        let payload = Payload::new(Layer::Ipv4, b"abc", 9, 9);
        assert_eq!((payload.bytes, payload.extent), (&b"abc"[..], Extent::Cut));
        assert_eq!(payload.malformed(Err(ERROR)), None);
    }

    #[test]
    fn a_length_beyond_the_wire_is_malformed() {
        let payload = Payload::new(Layer::Ipv4, b"abc", 9, 8);
        let error = WireError::Truncated { layer: Layer::Ipv4, need: 9, have: 8 };
        assert_eq!(payload.malformed(Ok(())), Some(error));
    }
}
