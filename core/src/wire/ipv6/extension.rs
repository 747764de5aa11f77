//! Extension headers (RFC 8200, section 4), up to the first header that is none.

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;
use crate::wire::payload::Fragmentation;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// More than any sender uses (RFC 8200 recommends each once, one twice); bounds a stranger's walk.
const MAX_HEADERS: usize = 8;
/// Addresses begin here in a routing header.
const ROUTING_FIXED_LEN: usize = 8;

/// The upper-layer header that a chain leads to.
#[derive(Clone, Copy, Debug)]
pub struct Upper<'a> {
    pub protocol: u8,
    pub bytes: &'a [u8],
    /// Where a routing header that is not used up leads in the end.
    pub destination: Option<&'a [u8; 16]>,
    pub fragmentation: Fragmentation,
}

impl<'a> Upper<'a> {
    /// Walk from `next_header`, whose bytes are the first of `payload`. A chain that is too long
    /// ends at an extension header, which is no transport.
    #[inline]
    pub fn find(next_header: u8, payload: &'a [u8]) -> Result<Self, WireError> {
        let mut upper = Self {
            protocol: next_header,
            bytes: payload,
            destination: None,
            fragmentation: Fragmentation::None,
        };
        for _ in 0..MAX_HEADERS {
            match upper.protocol {
                HOP_BY_HOP | DESTINATION_OPTIONS => upper.skip(|units| 8 * (units + 1))?,
                // RFC 4302, section 2.2: in units of four bytes, minus two.
                AUTHENTICATION => upper.skip(|units| 4 * (units + 2))?,
                ROUTING => {
                    let route = upper.bytes;
                    upper.skip(|units| 8 * (units + 1))?;
                    upper.destination = final_destination(route).or(upper.destination);
                }
                FRAGMENT => {
                    let (fixed, _) = header::<8>(Layer::Ipv6, upper.bytes)?;
                    upper.skip(|_| 8)?;
                    // The offset is in the upper bits, "more fragments" in the lowest. An atomic
                    // fragment (RFC 6946) has neither.
                    let offset = u16::from_be_bytes([fixed[2], fixed[3]]);
                    let offset_and_flags = (offset & 1) << 13 | offset >> 3;
                    if offset_and_flags != 0 {
                        let identification =
                            u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
                        upper.fragmentation =
                            Fragmentation::Part { identification, offset_and_flags };
                        break;
                    }
                }
                _ => break,
            }
        }
        Ok(upper)
    }

    /// Step over one header of `len_of(length field)` bytes.
    fn skip(&mut self, len_of: impl FnOnce(usize) -> usize) -> Result<(), WireError> {
        let layer = Layer::Ipv6;
        let ([next_header, units], _) = header(layer, self.bytes)?;
        let (need, have) = (len_of(usize::from(*units)), self.bytes.len());
        self.bytes = self.bytes.get(need..).ok_or(WireError::Truncated { layer, need, have })?;
        self.protocol = *next_header;
        Ok(())
    }
}

/// The last stop of a route with segments left, by routing type.
fn final_destination(route: &[u8]) -> Option<&[u8; 16]> {
    let ([_, units, kind, segments_left], _) = route.split_first_chunk()?;
    let addresses = route.get(ROUTING_FIXED_LEN..8 * (usize::from(*units) + 1))?;
    match (kind, segments_left) {
        (_, 0) => None,
        (0, _) => addresses.last_chunk(), // RFC 2460, section 4.4: in order of travel.
        // RFC 6275, section 6.4: the only one; RFC 8754, section 2: in reverse order.
        (2 | 4, _) => addresses.first_chunk(),
        _ => None,
    }
}
