//! The connection protocol (OPC 10000-6, section 7.1.2): what both sides say before any channel.

use super::super::WireError;
use super::binary::Fields;

/// Longest URL and reason, in bytes (sections 7.1.2.3, 7.1.2.5 and 7.1.2.6).
const MAX_TEXT: usize = 4096;

/// What one side can take. 0 means no limit where it is a maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub protocol_version: u32,
    /// Longest chunk it receives, in bytes.
    pub receive_buffer: u32,
    /// Longest chunk it sends, in bytes.
    pub send_buffer: u32,
    /// Longest whole, in bytes over all its chunks.
    pub max_len: u32,
    pub max_chunks: u32,
}

impl Limits {
    fn take(fields: &mut Fields<'_>) -> Result<Self, WireError> {
        Ok(Self {
            protocol_version: fields.u32()?,
            receive_buffer: fields.u32()?,
            send_buffer: fields.u32()?,
            max_len: fields.u32()?,
            max_chunks: fields.u32()?,
        })
    }
}

/// The first words of a client (section 7.1.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    pub limits: Limits,
    /// Where the client believes to be; UTF-8 if the sender keeps to the protocol.
    pub endpoint_url: Option<&'a [u8]>,
}

impl<'a> Hello<'a> {
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Fields::of(body);
        let limits = Limits::take(&mut fields)?;
        Ok(Self { limits, endpoint_url: fields.text(MAX_TEXT)? })
    }
}

/// The answer of a server (section 7.1.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    pub limits: Limits,
}

impl Acknowledge {
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        Limits::take(&mut Fields::of(body)).map(|limits| Self { limits })
    }
}

/// Why a server hangs up (section 7.1.2.5), or a sender gives up half way (section 6.7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// A `StatusCode` (OPC 10000-6, annex A.2).
    pub status: u32,
    pub reason: Option<&'a [u8]>,
}

impl<'a> Refusal<'a> {
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Fields::of(body);
        Ok(Self { status: fields.u32()?, reason: fields.text(MAX_TEXT)? })
    }
}

/// A server that connects to its client (section 7.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReverseHello<'a> {
    pub server_uri: Option<&'a [u8]>,
    pub endpoint_url: Option<&'a [u8]>,
}

impl<'a> ReverseHello<'a> {
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Fields::of(body);
        Ok(Self { server_uri: fields.text(MAX_TEXT)?, endpoint_url: fields.text(MAX_TEXT)? })
    }
}
