//! What became of one request: a reply and how far it is proven, or the cause of the failure.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use crate::record::Fault;
use crate::wire::modbus::reply::Answer;
use crate::wire::modbus::reply::NotTheAnswer;
use crate::wire::modbus::rtu::NotAFrame;

/// A reply to the request that was asked.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) values: Values,
    /// When its last byte arrived.
    pub(super) arrived: Instant,
    /// First byte out to last byte in.
    pub(super) latency: Duration,
    pub(super) confidence: Confidence,
    /// The identifier that both request and reply carried.
    pub(super) transaction: Option<u16>,
}

impl Reply {
    /// What was proven is so no further than `turn`, all that was asked with it.
    pub(super) fn in_turn(self, turn: Confidence) -> Self {
        match self.confidence {
            Confidence::Proven => Self { confidence: turn, ..self },
            Confidence::LateReply(_) | Confidence::OwnRequest | Confidence::Unsettled => self,
        }
    }
}

/// What a reply says, in its own memory: the receive buffer is needed for what follows.
#[derive(Debug, PartialEq, Eq)]
pub enum Values {
    Registers(Vec<u16>),
    Bits(Vec<bool>),
    Echo,
    /// The PDU of a reply to an identifying request.
    Identity(Vec<u8>),
    Exception(u8),
}

impl From<Answer<'_>> for Values {
    fn from(answer: Answer<'_>) -> Self {
        match answer {
            Answer::Registers(registers) => Self::Registers(registers.iter().collect()),
            Answer::Bits(bits) => Self::Bits(bits.iter().collect()),
            Answer::Echo => Self::Echo,
            Answer::Exception(code) => Self::Exception(code),
        }
    }
}

/// How far a reply is proven to answer this request and no earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confidence {
    Proven,
    /// Another reply was heard where none was due, so long after the request it may belong to.
    LateReply(Duration),
    /// The line gives back what we send.
    OwnRequest,
    /// An earlier reply may still be under way, and nothing shows that it is not.
    Unsettled,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    /// `received` bytes of something came; a reply came `late`, so long after the request.
    #[error("no complete reply in time ({received} bytes)")]
    Timeout { received: usize, late: Option<Duration> },
    #[error(transparent)]
    Damaged(#[from] NotAFrame),
    #[error("not the answer: {0}")]
    Foreign(#[from] Foreign),
    /// The line is never silent.
    #[error("the line is never silent")]
    Babble,
    /// Not asked: the unit is left alone for so long, so that late replies can run out.
    #[error("left alone for {0:?}")]
    Quiet(Duration),
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A frame stopped half way, so where the next one begins is unknown.
    #[error("reply cut short after {0} bytes")]
    CutShort(usize),
    /// Bytes that no Modbus/TCP device sends.
    #[error("not Modbus/TCP")]
    NotModbus,
    /// Bytes before any request, from a device that does not number its replies.
    #[error("reply to no request")]
    Unasked,
}

/// A well-formed reply to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    #[error("it is from unit {0}")]
    Unit(u8),
    #[error(transparent)]
    Shape(#[from] NotTheAnswer),
}

/// For the other requests that it befalls.
impl Clone for Cause {
    fn clone(&self) -> Self {
        match self {
            Self::Timeout { received, late } => Self::Timeout { received: *received, late: *late },
            Self::Damaged(why) => Self::Damaged(*why),
            Self::Foreign(why) => Self::Foreign(*why),
            Self::Babble => Self::Babble,
            Self::Quiet(remaining) => Self::Quiet(*remaining),
            Self::Io(error) => Self::Io(io::Error::new(error.kind(), error.to_string())),
            Self::CutShort(received) => Self::CutShort(*received),
            Self::NotModbus => Self::NotModbus,
            Self::Unasked => Self::Unasked,
        }
    }
}

impl Cause {
    pub(super) fn timeout(received: usize) -> Self {
        Self::Timeout { received, late: None }
    }

    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Timeout { .. } | Self::CutShort(_) => Fault::Timeout,
            Self::Damaged(_) | Self::Babble => Fault::BadCrc,
            Self::Foreign(_) | Self::NotModbus | Self::Unasked => Fault::ForeignReply,
            Self::Quiet(_) => Fault::BackedOff,
            Self::Io(_) => Fault::LinkDown,
        }
    }
}
