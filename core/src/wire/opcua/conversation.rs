//! Headers of the secure conversation (OPC 10000-6, section 6.7.2): channel, security, sequence.
//!
//! Only the opening of a channel names its policy. What comes after a security header is readable
//! where that is none, or where the two agreed only to sign; nothing in a later chunk says so.
//! Whoever saw the channel opened knows more than this module.

use super::super::{Layer, WireError};
use super::binary::Fields;
use super::chunk::MAX_LEN;
use super::connection::Refusal;
use super::service::Content;

/// Longest policy URI, in bytes (section 6.7.2.3).
const MAX_POLICY_URI: usize = 255;
/// Bytes of a SHA-1 digest, which names the receiver's certificate.
const THUMBPRINT_LEN: usize = 20;
/// What every policy URI begins with (OPC 10000-7).
const POLICIES: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#";

/// How a channel is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    None,
    /// Withdrawn: SHA-1.
    Basic128Rsa15,
    /// Withdrawn: SHA-1.
    Basic256,
    Basic256Sha256,
    Aes128Sha256RsaOaep,
    Aes256Sha256RsaPss,
    /// Another URI, or none at all.
    Other,
}

impl Policy {
    fn of(uri: Option<&[u8]>) -> Self {
        match uri.and_then(|uri| uri.strip_prefix(POLICIES)) {
            Some(b"None") => Self::None,
            Some(b"Basic128Rsa15") => Self::Basic128Rsa15,
            Some(b"Basic256") => Self::Basic256,
            Some(b"Basic256Sha256") => Self::Basic256Sha256,
            Some(b"Aes128_Sha256_RsaOaep") => Self::Aes128Sha256RsaOaep,
            Some(b"Aes256_Sha256_RsaPss") => Self::Aes256Sha256RsaPss,
            Some(_) | None => Self::Other,
        }
    }
}

/// What opens a channel, up to its encrypted part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asymmetric<'a> {
    /// 0 in a first request: the server gives the number.
    pub channel: u32,
    pub policy: Policy,
    pub policy_uri: Option<&'a [u8]>,
    /// DER, with the chain of its issuers behind it.
    pub sender_certificate: Option<&'a [u8]>,
    /// SHA-1 of the certificate that the rest is encrypted for.
    pub receiver_thumbprint: Option<&'a [u8]>,
    rest: &'a [u8],
}

impl<'a> Asymmetric<'a> {
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Fields::of(body);
        let channel = fields.u32()?;
        let policy_uri = fields.text(MAX_POLICY_URI)?;
        let sender_certificate = fields.text(MAX_LEN)?;
        let receiver_thumbprint = fields.text(THUMBPRINT_LEN)?;
        if let Some(thumbprint) = receiver_thumbprint
            && !matches!(thumbprint.len(), 0 | THUMBPRINT_LEN)
        {
            let (layer, stated) = (Layer::OpcUa, thumbprint.len());
            return Err(WireError::BadLength { layer, stated, minimum: THUMBPRINT_LEN });
        }
        Ok(Self {
            channel,
            policy: Policy::of(policy_uri),
            policy_uri,
            sender_certificate,
            receiver_thumbprint,
            rest: fields.rest(),
        })
    }

    /// What follows, if it can be read: with any policy it is encrypted.
    pub fn sequenced(&self) -> Option<Result<Sequenced<'a>, WireError>> {
        (self.policy == Policy::None).then(|| Sequenced::parse(self.rest))
    }
}

/// What a service or the closing of a channel begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symmetric<'a> {
    pub channel: u32,
    /// Which keys of the channel are in use.
    pub token: u32,
    rest: &'a [u8],
}

impl<'a> Symmetric<'a> {
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Fields::of(body);
        Ok(Self { channel: fields.u32()?, token: fields.u32()?, rest: fields.rest() })
    }

    /// What follows, for who knows that the channel does not encrypt; else it is noise. A signed
    /// body ends with its signature.
    pub fn sequenced(&self) -> Result<Sequenced<'a>, WireError> {
        Sequenced::parse(self.rest)
    }
}

/// The sequence header (section 6.7.2.4) and the body behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequenced<'a> {
    /// Grows by one with each chunk of a sender.
    pub number: u32,
    /// The same in all chunks of a request and of its response.
    pub request: u32,
    pub body: &'a [u8],
}

impl<'a> Sequenced<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Fields::of(bytes);
        Ok(Self { number: fields.u32()?, request: fields.u32()?, body: fields.rest() })
    }

    /// Which service the body belongs to. Only right of the first chunk of a whole: the body of a
    /// later one begins in the middle.
    pub fn content(&self) -> Result<Content, WireError> {
        Content::parse(self.body)
    }

    /// Why the sender gave up: the body of a chunk that is [`super::chunk::Part::Abort`].
    pub fn abort(&self) -> Result<Refusal<'a>, WireError> {
        Refusal::parse(self.body)
    }
}
