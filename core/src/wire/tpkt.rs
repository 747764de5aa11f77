//! ISO transport packets over TCP (RFC 1006, section 6): a version, a length, one TPDU.

use super::message::Extent;
use super::{Layer, WireError, header};

/// Bytes before the TPDU.
pub const HEADER_LEN: usize = 4;
/// Shortest packet: the header and the shortest TPDU.
pub const MIN_LEN: usize = 7;
/// The only version there is.
const VERSION: u8 = 3;

/// Where the packet at the front of `bytes` ends. The first byte tells what is none.
pub fn extent(bytes: &[u8]) -> Extent {
    match bytes {
        [] | [VERSION] | [VERSION, 0] | [VERSION, 0, _] => Extent::Short,
        [VERSION, 0, high, low, ..] => match usize::from(u16::from_be_bytes([*high, *low])) {
            len @ MIN_LEN.. => Extent::Whole(len),
            _ => Extent::Foreign,
        },
        _ => Extent::Foreign,
    }
}

/// The TPDU of a packet, or what `head`, its beginning, holds of it.
pub fn tpdu(head: &[u8]) -> Result<&[u8], WireError> {
    let layer = Layer::Tpkt;
    let ([version, _, high, low], rest) = header::<HEADER_LEN>(layer, head)?;
    if *version != VERSION {
        return Err(WireError::UnknownCode { layer, code: *version });
    }
    let stated = usize::from(u16::from_be_bytes([*high, *low]));
    if stated < MIN_LEN {
        return Err(WireError::BadLength { layer, stated, minimum: MIN_LEN });
    }
    Ok(rest.get(..stated - HEADER_LEN).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_ends_where_its_length_says() {
        for (bytes, extent_of) in [
            (&[][..], Extent::Short),
            (&[3], Extent::Short),
            (&[3, 0, 0], Extent::Short),
            (&[3, 0, 0, 7], Extent::Whole(7)),
            (&[3, 0, 0xff, 0xff, 2], Extent::Whole(65_535)),
            (&[3, 0, 0, 6], Extent::Foreign),
            (&[3, 1], Extent::Foreign),
            (&[2], Extent::Foreign),
            (&[4, 0, 0, 7], Extent::Foreign),
        ] {
            assert_eq!(extent(bytes), extent_of, "{bytes:02x?}");
        }
    }

    #[test]
    fn the_tpdu_is_what_the_length_leaves_of_the_frame() {
        let layer = Layer::Tpkt;
        assert_eq!(tpdu(&[3, 0, 0, 7, 2, 0xf0, 0x80, 0x32]), Ok(&[2, 0xf0, 0x80][..]));
        assert_eq!(tpdu(&[3, 0, 0, 9, 2, 0xf0]), Ok(&[2, 0xf0][..]));
        for (bytes, error) in [
            (&[3, 0, 0][..], WireError::Truncated { layer, need: 4, have: 3 }),
            (&[3, 0, 0, 6, 2, 0xf0], WireError::BadLength { layer, stated: 6, minimum: 7 }),
            (&[0x47, 0, 0, 7], WireError::UnknownCode { layer, code: 0x47 }),
        ] {
            assert_eq!(tpdu(bytes), Err(error), "{bytes:02x?}");
        }
    }
}
