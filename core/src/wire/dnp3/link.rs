//! Frames of the link layer (IEEE 1815, clause 9), and the transport octet (clause 8).
//!
//! Parsing trusts the length alone; whether the frame is intact is asked with [`Frame::checksum`].

use super::super::{Checksum, Layer, WireError, checksum, header};

/// Bytes of a header: start, length, control, destination, source, CRC.
pub const HEADER_LEN: usize = 10;
/// Bytes under one CRC behind the header.
const BLOCK: usize = 16;
const CRC: usize = 2;
/// What the length counts at least: control and both addresses.
const MIN_STATED: usize = 5;
/// Most that a frame carries, CRCs apart: the length is one byte.
pub const MAX_BODY: usize = 255 - MIN_STATED;
/// Longest frame.
pub const MAX_LEN: usize = HEADER_LEN + MAX_BODY + MAX_BODY.div_ceil(BLOCK) * CRC;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub control: Control,
    pub destination: u16,
    pub source: u16,
    header: &'a [u8; HEADER_LEN],
    /// With a CRC behind each sixteen bytes, and behind the last.
    blocks: &'a [u8],
}

/// Length of the frame whose length byte says `stated`; `None` if none says so.
pub fn frame_len(stated: u8) -> Option<usize> {
    let body = usize::from(stated).checked_sub(MIN_STATED)?;
    Some(HEADER_LEN + body + body.div_ceil(BLOCK) * CRC)
}

impl<'a> Frame<'a> {
    /// The frame at the front of `stream`, and what follows it.
    pub fn parse(stream: &'a [u8]) -> Result<(Self, &'a [u8]), WireError> {
        let layer = Layer::Dnp3;
        let (bytes, behind) = header::<HEADER_LEN>(layer, stream)?;
        let [start, start_2, stated, control, addresses @ .., _, _] = bytes;
        if let Some(code) = [(*start, 0x05), (*start_2, 0x64)].iter().find(|(is, be)| is != be) {
            return Err(WireError::UnknownCode { layer, code: code.0 });
        }
        let (stated_len, minimum) = (usize::from(*stated), MIN_STATED);
        let bad = WireError::BadLength { layer, stated: stated_len, minimum };
        let need = frame_len(*stated).ok_or(bad)?;
        let short = WireError::Truncated { layer, need, have: stream.len() };
        let (blocks, rest) = behind.split_at_checked(need - HEADER_LEN).ok_or(short)?;
        let [to_low, to_high, from_low, from_high] = *addresses;
        let frame = Self {
            control: Control(*control),
            destination: u16::from_le_bytes([to_low, to_high]),
            source: u16::from_le_bytes([from_low, from_high]),
            header: bytes,
            blocks,
        };
        Ok((frame, rest))
    }

    /// Compare every CRC; the first that does not hold is told.
    pub fn checksum(&self) -> Checksum {
        let runs = std::iter::once(&self.header[..]).chain(self.blocks.chunks(BLOCK + CRC));
        let mut compared = runs.filter_map(|run| run.split_last_chunk::<CRC>());
        let compare = |(covered, stored): (&[u8], &[u8; CRC])| {
            checksum::compare(u16::from_le_bytes(*stored), checksum::crc16_dnp(covered))
        };
        compared.try_for_each(compare).into()
    }

    /// Link address of the outstation, by who says that the frame comes from the master.
    pub fn outstation(&self) -> u16 {
        if self.control.is_from_master() { self.destination } else { self.source }
    }
}

/// The control byte (IEEE 1815, clause 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control(pub u8);

impl Control {
    /// DIR.
    pub fn is_from_master(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// PRM: the frame opens an exchange of the link layer, and does not answer one.
    pub fn is_primary(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// PRM and the function: functions of the two sides share their numbers.
    pub fn function(self) -> u8 {
        self.0 & 0x4f
    }

    /// True of confirmed and unconfirmed user data.
    pub fn carries_data(self) -> bool {
        matches!(self.function(), 0x43 | 0x44)
    }

    /// True of NACK, and of what says that the link layer does not know the function.
    pub fn is_refusal(self) -> bool {
        matches!(self.function(), 0x01 | 0x0f)
    }
}

/// What a frame carries, its CRCs taken out.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    bytes: [u8; MAX_BODY],
    len: usize,
}

impl Body {
    pub fn of(frame: &Frame<'_>) -> Self {
        let blocks = frame.blocks.chunks(BLOCK + CRC);
        let carried = blocks.filter_map(|block| block.split_last_chunk::<CRC>()).flat_map(|b| b.0);
        let mut bytes = [0; MAX_BODY];
        let mut len = 0;
        for (byte, from) in bytes.iter_mut().zip(carried) {
            *byte = *from;
            len += 1;
        }
        Self { bytes, len }
    }

    /// Transport octet and what follows it.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The fragment that begins here; `None` if the frame goes on with one (FIR is not set).
    pub fn fragment(&self) -> Option<&[u8]> {
        let (transport, fragment) = self.as_bytes().split_first()?;
        (transport & 0x40 != 0).then_some(fragment)
    }
}
