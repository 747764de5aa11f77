//! How far a reading can be trusted, in OPC UA's three grades.

use std::fmt;

/// `Good` only if the value is proven to answer the question that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    Good,
    Uncertain(Doubt),
    Bad(Fault),
}

/// Why a value may not be what it seems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Received while an earlier reply may still have been under way on this line.
    LateReply,
    /// Older than it should be, or unchanged for longer than its tag may be.
    Stale,
    /// The controller changed the block while it was read.
    Torn,
    /// The server grades its value so.
    Status(Status),
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No complete reply before the deadline.
    Timeout,
    /// The connection or the serial device is not there.
    LinkDown,
    /// A reply whose CRC does not match its bytes.
    BadCrc,
    /// A reply that is not the answer to the request: id, unit, function or length differ.
    ForeignReply,
    /// The device answered with this exception code (Application Protocol V1.1b3, section 7).
    Exception(u8),
    /// The server refused the request, or has no value, for this reason.
    Status(Status),
    /// The reply is proven, but its registers do not hold a value of the tag's type.
    NotAValue,
    /// The controller's own checksum of the block does not match what was read.
    ChecksumMismatch,
    /// Not asked: the device is backed off after failures.
    BackedOff,
}

/// A status code of OPC UA (Part 4, section 7.39), with the name the standard gives it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub code: u32,
    pub name: &'static str,
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} 0x{:08X}", self.name, self.code)
    }
}

impl Quality {
    pub fn is_good(self) -> bool {
        self == Self::Good
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
