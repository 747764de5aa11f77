//! Requests we may send: the four reading functions and the echo diagnostic, nothing else.
//!
//! There is no variant for a write, so no caller can encode one, whatever its input.

/// Most registers one request may ask for (Application Protocol V1.1b3, sections 6.3 and 6.4).
pub const MAX_REGISTERS: u16 = 125;
/// Most coils or discrete inputs one request may ask for (sections 6.1 and 6.2).
pub const MAX_BITS: u16 = 2000;
/// Every request here has the same length: function and two 16-bit fields.
pub const PDU_LEN: usize = 5;

/// A run of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Protocol address, from 0.
    pub first: u16,
    /// Registers or bits, at least 1.
    pub count: u16,
}

/// A request that changes nothing in a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadRequest {
    Coils(Span),
    Discretes(Span),
    Holding(Span),
    Input(Span),
    /// Return Query Data (section 6.8.1): the reply repeats the nonce, as no read reply can.
    Echo {
        nonce: u16,
    },
}

impl ReadRequest {
    /// The read with this function code; `None` for every function that is not a read.
    pub fn read(function: u8, span: Span) -> Option<Self> {
        match function {
            1 => Some(Self::Coils(span)),
            2 => Some(Self::Discretes(span)),
            3 => Some(Self::Holding(span)),
            4 => Some(Self::Input(span)),
            _ => None,
        }
    }

    /// What is read; `None` for the echo.
    pub fn span(self) -> Option<Span> {
        match self {
            Self::Coils(span) | Self::Discretes(span) | Self::Holding(span) | Self::Input(span) => {
                Some(span)
            }
            Self::Echo { .. } => None,
        }
    }

    /// Function code.
    pub fn function(self) -> u8 {
        match self {
            Self::Coils(_) => 1,
            Self::Discretes(_) => 2,
            Self::Holding(_) => 3,
            Self::Input(_) => 4,
            Self::Echo { .. } => 8,
        }
    }

    /// The PDU, ready for a frame.
    pub fn pdu(self) -> [u8; PDU_LEN] {
        let (first, second) = match self {
            Self::Coils(span) | Self::Discretes(span) | Self::Holding(span) | Self::Input(span) => {
                (span.first, span.count)
            }
            Self::Echo { nonce } => (0, nonce), // sub-function 0: Return Query Data
        };
        let [a, b] = first.to_be_bytes();
        let [c, d] = second.to_be_bytes();
        [self.function(), a, b, c, d]
    }

    /// Data bytes that the answer must state and carry; `None` for the echo, which states none.
    pub fn byte_count(self) -> Option<usize> {
        match self {
            Self::Coils(span) | Self::Discretes(span) => Some(usize::from(span.count).div_ceil(8)),
            Self::Holding(span) | Self::Input(span) => Some(usize::from(span.count) * 2),
            Self::Echo { .. } => None,
        }
    }

    /// True if no reply to `other` could pass for the answer to `self`, exceptions aside.
    pub fn is_distinguishable_from(self, other: Self) -> bool {
        self.function() != other.function() || self.byte_count() != other.byte_count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: Span = Span { first: 0x006b, count: 3 };

    #[test]
    fn requests_are_encoded_as_in_the_specification() {
        assert_eq!(ReadRequest::Coils(SPAN).pdu(), [1, 0, 0x6b, 0, 3]);
        assert_eq!(ReadRequest::Discretes(SPAN).pdu(), [2, 0, 0x6b, 0, 3]);
        assert_eq!(ReadRequest::Holding(SPAN).pdu(), [3, 0, 0x6b, 0, 3]);
        assert_eq!(ReadRequest::Input(SPAN).pdu(), [4, 0, 0x6b, 0, 3]);
        assert_eq!(ReadRequest::Echo { nonce: 0xa537 }.pdu(), [8, 0, 0, 0xa5, 0x37]);
    }

    #[test]
    fn a_read_is_known_by_its_function_and_no_other_function_is_one() {
        for function in 0..=u8::MAX {
            let read = ReadRequest::read(function, SPAN);
            assert_eq!(read.is_some(), (1..=4).contains(&function), "{function}");
            assert!(read.is_none_or(|read| read.function() == function));
            assert!(read.is_none_or(|read| read.span() == Some(SPAN)));
        }
    }

    #[test]
    fn byte_counts_follow_the_quantity() {
        assert_eq!(ReadRequest::Holding(SPAN).byte_count(), Some(6));
        let bits = |count| ReadRequest::Coils(Span { first: 0, count }).byte_count();
        assert_eq!((bits(1), bits(8), bits(9), bits(2000)), (Some(1), Some(1), Some(2), Some(250)));
    }

    #[test]
    fn only_function_and_byte_count_tell_replies_apart() {
        let at = |first, count| ReadRequest::Holding(Span { first, count });
        assert!(!at(0, 2).is_distinguishable_from(at(100, 2)));
        assert!(at(0, 2).is_distinguishable_from(at(0, 3)));
        assert!(at(0, 2).is_distinguishable_from(ReadRequest::Input(SPAN)));
    }

    fn any_request() -> impl Strategy<Value = ReadRequest> {
        (0..5, any::<u16>(), any::<u16>()).prop_map(|(kind, first, count)| match kind {
            0 => ReadRequest::Coils(Span { first, count }),
            1 => ReadRequest::Discretes(Span { first, count }),
            2 => ReadRequest::Holding(Span { first, count }),
            3 => ReadRequest::Input(Span { first, count }),
            _ => ReadRequest::Echo { nonce: first },
        })
    }

    proptest! {
        #[test]
        fn no_request_can_carry_a_writing_function(request in any_request()) {
            // 5, 6, 15, 16, 21, 22 and 23 write; 8 does so with any sub-function but 0.
            let pdu = request.pdu();
            prop_assert!([1, 2, 3, 4, 8].contains(&pdu[0]));
            prop_assert!(pdu[0] != 8 || (pdu[1], pdu[2]) == (0, 0));
        }
    }
}
