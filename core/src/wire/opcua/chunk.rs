//! The frame of everything said over OPC UA TCP (OPC 10000-6, sections 6.7.2.2 and 7.1.2.2): three
//! letters, a letter for its place in a longer whole, and its size.
//!
//! Bytes of a stream in, chunks out. Only [`Chunk::parse`] can ask for more of the stream; what
//! is too short inside a chunk stays so.

use super::super::{Layer, WireError, header};
use super::connection::{Acknowledge, Hello, Refusal, ReverseHello};
use super::conversation::{Asymmetric, Symmetric};

/// Bytes before the body.
pub const HEADER_LEN: usize = 8;
/// Longest chunk taken for one. The two sides agree on a limit that the protocol leaves open; what
/// is in use begins at 8 KiB and is mostly 64 KiB, and a size beyond this is not a size.
pub const MAX_LEN: usize = 1 << 20;

/// What a chunk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `HEL`: a client offers its limits.
    Hello,
    /// `ACK`: the server answers with its own.
    Acknowledge,
    /// `ERR`: the server says why it hangs up.
    Error,
    /// `RHE`: a server behind a firewall asks its client to begin.
    ReverseHello,
    /// `OPN`: opens a secure channel or renews its keys.
    Open,
    /// `MSG`: a service.
    Service,
    /// `CLO`: closes the channel.
    Close,
}

/// Which part of a whole a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The last, most often the only one.
    Final,
    Intermediate,
    /// The sender gave up; what came before it is void.
    Abort,
}

/// One chunk of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    pub kind: Kind,
    pub part: Part,
    pub body: &'a [u8],
}

/// The body of a chunk as its kind lays it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    Hello(Hello<'a>),
    Acknowledge(Acknowledge),
    Error(Refusal<'a>),
    ReverseHello(ReverseHello<'a>),
    Open(Asymmetric<'a>),
    Service(Symmetric<'a>),
    Close(Symmetric<'a>),
}

impl<'a> Chunk<'a> {
    /// The chunk at the front of `stream`, and what follows it. [`WireError::Truncated`] says how
    /// many bytes it takes; any other error, that there is no chunk and where one begins is unknown.
    pub fn parse(stream: &'a [u8]) -> Result<(Self, &'a [u8]), WireError> {
        let (kind, part, stated) = Self::header(stream)?;
        let short = WireError::Truncated { layer: Layer::OpcUa, need: stated, have: stream.len() };
        let (whole, rest) = stream.split_at_checked(stated).ok_or(short)?;
        let body = whole.get(HEADER_LEN..).unwrap_or_default();
        Ok((Self { kind, part, body }, rest))
    }

    /// Kind, part, and as much of the body as there is, of a chunk whose end may be missing.
    pub fn split_head(head: &'a [u8]) -> Result<(Kind, Part, &'a [u8]), WireError> {
        let (kind, part, _) = Self::header(head)?;
        Ok((kind, part, head.get(HEADER_LEN..).unwrap_or_default()))
    }

    /// Kind, part and length.
    fn header(stream: &[u8]) -> Result<(Kind, Part, usize), WireError> {
        let layer = Layer::OpcUa;
        let ([a, b, c, part, size @ ..], _) = header::<HEADER_LEN>(layer, stream)?;
        let kind = kind([*a, *b, *c])?;
        let part = match (kind, part) {
            (_, b'F') => Part::Final,
            (Kind::Open | Kind::Service | Kind::Close, b'C') => Part::Intermediate,
            (Kind::Open | Kind::Service | Kind::Close, b'A') => Part::Abort,
            (_, code) => return Err(WireError::UnknownCode { layer, code: *code }),
        };
        let stated = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        if stated < HEADER_LEN {
            return Err(WireError::BadLength { layer, stated, minimum: HEADER_LEN });
        }
        if stated > MAX_LEN {
            return Err(WireError::TooLong { layer, stated, maximum: MAX_LEN });
        }
        Ok((kind, part, stated))
    }

    /// Read the body. Bytes that a later version of the protocol adds at its end are not missed.
    pub fn read(&self) -> Result<Body<'a>, WireError> {
        match self.kind {
            Kind::Hello => Hello::parse(self.body).map(Body::Hello),
            Kind::Acknowledge => Acknowledge::parse(self.body).map(Body::Acknowledge),
            Kind::Error => Refusal::parse(self.body).map(Body::Error),
            Kind::ReverseHello => ReverseHello::parse(self.body).map(Body::ReverseHello),
            Kind::Open => Asymmetric::parse(self.body).map(Body::Open),
            Kind::Service => Symmetric::parse(self.body).map(Body::Service),
            Kind::Close => Symmetric::parse(self.body).map(Body::Close),
        }
    }
}

/// The error names the first letter that no kind goes on with.
fn kind(letters: [u8; 3]) -> Result<Kind, WireError> {
    const KINDS: [(&[u8; 3], Kind); 7] = [
        (b"HEL", Kind::Hello),
        (b"ACK", Kind::Acknowledge),
        (b"ERR", Kind::Error),
        (b"RHE", Kind::ReverseHello),
        (b"OPN", Kind::Open),
        (b"MSG", Kind::Service),
        (b"CLO", Kind::Close),
    ];
    let n_same = |name: &[u8; 3]| name.iter().zip(&letters).take_while(|(a, b)| a == b).count();
    match KINDS.iter().max_by_key(|(name, _)| n_same(name)) {
        Some((name, kind)) if **name == letters => Ok(*kind),
        best => {
            let known = best.map_or(0, |(name, _)| n_same(name));
            let code = letters.get(known).copied().unwrap_or_default();
            Err(WireError::UnknownCode { layer: Layer::OpcUa, code })
        }
    }
}

#[cfg(test)]
mod tests;
