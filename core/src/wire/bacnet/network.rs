//! The network layer (ASHRAE 135, section 6.2): from and to which network behind a router, if any.

use super::super::{Layer, WireError, header};

/// One NPDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Npdu<'a> {
    /// DNET and DADR, if a router is to pass it on.
    pub destination: Option<Address>,
    /// SNET and SADR, if a router passed it on.
    pub source: Option<Address>,
    pub content: Network<'a>,
}

/// A host behind a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// 65535 means all networks.
    pub network: u16,
    /// On its network, where one byte says it, as on MS/TP and ARCNET.
    pub host: Option<u8>,
}

/// What an NPDU carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network<'a> {
    Apdu(&'a [u8]),
    /// Between routers; a rejection has a reason.
    Message {
        kind: u8,
        reason: Option<u8>,
    },
}

const REJECT_MESSAGE_TO_NETWORK: u8 = 3;
const EVERYWHERE: u16 = 0xffff;

impl<'a> Npdu<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Bacnet;
        let ([version, control], rest) = header::<2>(layer, bytes)?;
        if *version != 1 {
            return Err(WireError::UnknownCode { layer, code: *version });
        }
        let (destination, rest) = Address::parse_if(control & 0x20 != 0, rest)?;
        let (source, rest) = Address::parse_if(control & 0x08 != 0, rest)?;
        let rest = match destination {
            Some(_) => header::<1>(layer, rest).map(|(_hop_count, rest)| rest)?,
            None => rest,
        };
        if control & 0x80 == 0 {
            return Ok(Self { destination, source, content: Network::Apdu(rest) });
        }
        let ([kind], body) = header::<1>(layer, rest)?;
        let reason = match (*kind, body) {
            (REJECT_MESSAGE_TO_NETWORK, [reason, ..]) => Some(*reason),
            _ => None,
        };
        Ok(Self { destination, source, content: Network::Message { kind: *kind, reason } })
    }
}

impl Address {
    fn parse_if(is_there: bool, bytes: &[u8]) -> Result<(Option<Self>, &[u8]), WireError> {
        if !is_there {
            return Ok((None, bytes));
        }
        let layer = Layer::Bacnet;
        let ([high, low, len], rest) = header::<3>(layer, bytes)?;
        let need = usize::from(*len);
        let short = WireError::Truncated { layer, need, have: rest.len() };
        let (host, rest) = rest.split_at_checked(need).ok_or(short)?;
        let host = match host {
            [host] => Some(*host),
            _ => None,
        };
        Ok((Some(Self { network: u16::from_be_bytes([*high, *low]), host }), rest))
    }

    /// Network times 256, and the host where one byte says it; `None` if all are meant.
    pub fn station(self) -> Option<u32> {
        let host = u32::from(self.host.unwrap_or_default());
        (self.network != EVERYWHERE).then_some(u32::from(self.network) << 8 | host)
    }
}
