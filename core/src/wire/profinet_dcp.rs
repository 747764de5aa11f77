//! PROFINET discovery and configuration (IEC 61158-6-10, clause 4.3): who is there, and who gives
//! a device its name and its address.

use std::net::Ipv4Addr;

use crate::wire::Layer;
use crate::wire::WireError;
use crate::wire::header;

/// Frame identifiers of DCP: hello, get and set, identify asked and answered.
const FRAME_IDS: std::ops::RangeInclusive<u16> = 0xfefc..=0xfeff;

/// Blocks that are read of one frame; real ones have fewer than ten.
const MAX_BLOCKS: usize = 16;

/// One DCP frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dcp<'a> {
    pub service: Service,
    pub kind: Kind,
    /// Joins an answer to what was asked.
    pub xid: u32,
    bytes: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Get,
    Set,
    Identify,
    Hello,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Request,
    Success,
    NotSupported,
}

/// One thing that a frame tells of a device, or is to change in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    NameOfStation(&'a [u8]),
    Ip {
        address: Ipv4Addr,
        mask: Ipv4Addr,
        gateway: Ipv4Addr,
    },
    /// How the device answered for one block that it was to take: 0 is done.
    Response {
        option: u8,
        suboption: u8,
        error: u8,
    },
    /// To flash a lamp, so that somebody finds the device.
    Signal,
    /// To forget its configuration.
    Reset,
    Other {
        option: u8,
        suboption: u8,
    },
}

impl<'a> Dcp<'a> {
    /// False if what follows the EtherType is another frame of PROFINET.
    pub fn is_one(bytes: &[u8]) -> bool {
        let id = bytes.first_chunk().map(|id| u16::from_be_bytes(*id));
        id.is_some_and(|id| FRAME_IDS.contains(&id))
    }

    /// Read what follows the EtherType, if [`Dcp::is_one`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (_id, rest) = header::<2>(Layer::ProfinetDcp, bytes)?;
        let (&[service, kind], rest) = header(Layer::ProfinetDcp, rest)?;
        let (xid, rest) = header(Layer::ProfinetDcp, rest)?;
        let (&[_, _, high, low], rest) = header(Layer::ProfinetDcp, rest)?;
        let need = usize::from(u16::from_be_bytes([high, low]));
        let have = rest.len();
        let truncated = WireError::Truncated { layer: Layer::ProfinetDcp, need, have };
        let dcp = Self {
            service: Service::new(service)?,
            kind: Kind::new(kind)?,
            xid: u32::from_be_bytes(*xid),
            bytes: rest.get(..need).ok_or(truncated)?,
        };
        dcp.blocks().try_for_each(|block| block.map(drop))?;
        Ok(dcp)
    }

    /// Blocks in order, up to a bound. A request to read names its blocks and has none.
    pub fn blocks(&self) -> impl Iterator<Item = Result<Block<'a>, WireError>> {
        let mut rest = match (self.service, self.kind) {
            (Service::Get, Kind::Request) => &[],
            _ => self.bytes,
        };
        let has_qualifier = self.has_qualifier();
        let next = move || {
            if rest.is_empty() {
                return None;
            }
            let (block, after) = match block(rest, has_qualifier) {
                Ok((block, after)) => (Ok(block), after),
                Err(error) => (Err(error), &[][..]),
            };
            rest = after;
            Some(block)
        };
        std::iter::from_fn(next).take(MAX_BLOCKS)
    }

    /// True if two bytes stand before the value: a qualifier where something is set, some facts
    /// where something is told. What is looked for has none.
    fn has_qualifier(&self) -> bool {
        !matches!((self.service, self.kind), (Service::Identify, Kind::Request))
    }
}

impl Service {
    fn new(code: u8) -> Result<Self, WireError> {
        match code {
            3 => Ok(Self::Get),
            4 => Ok(Self::Set),
            5 => Ok(Self::Identify),
            6 => Ok(Self::Hello),
            code => Err(WireError::UnknownCode { layer: Layer::ProfinetDcp, code }),
        }
    }
}

impl Kind {
    fn new(code: u8) -> Result<Self, WireError> {
        match code {
            0 => Ok(Self::Request),
            1 => Ok(Self::Success),
            5 => Ok(Self::NotSupported),
            code => Err(WireError::UnknownCode { layer: Layer::ProfinetDcp, code }),
        }
    }
}

/// One block, and what follows it: blocks begin at even offsets.
fn block(bytes: &[u8], has_qualifier: bool) -> Result<(Block<'_>, &[u8]), WireError> {
    let (&[option, suboption, high, low], rest) = header(Layer::ProfinetDcp, bytes)?;
    let need = usize::from(u16::from_be_bytes([high, low]));
    let have = rest.len();
    let truncated = WireError::Truncated { layer: Layer::ProfinetDcp, need, have };
    let (content, rest) = rest.split_at_checked(need).ok_or(truncated)?;
    // The last one's padding may be left out.
    let rest = rest.get(need & 1..).unwrap_or_default();
    let is_response = (option, suboption) == (5, 4);
    let value = match content {
        [_, _, value @ ..] if has_qualifier && !is_response => value,
        _ => content,
    };
    Ok((Block::new(option, suboption, value)?, rest))
}

impl<'a> Block<'a> {
    fn new(option: u8, suboption: u8, value: &'a [u8]) -> Result<Self, WireError> {
        match (option, suboption) {
            // The full suite has name servers after the same three (table 4.3.1.4.2).
            (1, 2 | 3) => {
                let (address, rest) = header::<4>(Layer::ProfinetDcp, value)?;
                let (mask, rest) = header::<4>(Layer::ProfinetDcp, rest)?;
                let (gateway, _) = header::<4>(Layer::ProfinetDcp, rest)?;
                let [address, mask, gateway] = [address, mask, gateway].map(|a| Ipv4Addr::from(*a));
                Ok(Self::Ip { address, mask, gateway })
            }
            (2, 2) => Ok(Self::NameOfStation(value)),
            (5, 3) => Ok(Self::Signal),
            (5, 4) => {
                let (&[option, suboption, error], _) = header(Layer::ProfinetDcp, value)?;
                Ok(Self::Response { option, suboption, error })
            }
            (5, 5 | 6) => Ok(Self::Reset),
            (option, suboption) => Ok(Self::Other { option, suboption }),
        }
    }
}

#[cfg(test)]
mod tests;
