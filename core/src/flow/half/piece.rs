//! What a direction of a connection hands on to whoever reads it.

/// What a direction hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Piece<'a> {
    /// What comes next begins a stream.
    Start,
    /// Bytes of one segment, and when the last of them and of those before them was seen.
    Bytes { bytes: &'a [u8], seen: Seen },
    /// So many bytes were never seen; 0 where another stream begins.
    Hole(u32),
    /// Bytes were seen again and were not what they had been. What was first is kept.
    Conflict(Seen),
}

/// When bytes were seen, and whether the checksum of their segment was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) struct Seen {
    pub(in crate::flow) at_ns: u64,
    pub(in crate::flow) is_verified: bool,
}
