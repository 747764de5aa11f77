//! The connection-oriented transport protocol, class 0 (ISO 8073, ITU-T X.224, section 13): who
//! connects to which selector, and what is said once they are.

use super::{Layer, WireError, header};

/// Codes of the TPDUs, the credit in the low half taken off (section 13.2.2.2).
const CONNECT: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const DISCONNECT: u8 = 0x80;
const DISCONNECTED: u8 = 0xc0;
const ERROR: u8 = 0x70;
const DATA: u8 = 0xf0;
/// Parameters of a connect request and its confirmation (section 13.3.4).
const CALLING: u8 = 0xc1;
const CALLED: u8 = 0xc2;
/// The last TPDU of a whole.
const END: u8 = 0x80;

/// One TPDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tpdu<'a> {
    Connect(Selectors<'a>),
    Confirm(Selectors<'a>),
    /// A refusal: in class 0 a connection ends with that of TCP. Some say so before, all the same.
    Disconnect {
        /// Section 13.5.3.
        reason: u8,
    },
    /// The answer to that, which class 0 does not have.
    Disconnected,
    Data {
        /// False if the next TPDU goes on with the same whole.
        is_last: bool,
        payload: &'a [u8],
    },
    Error {
        /// Section 13.12.3.
        cause: u8,
    },
}

/// The two ends of a connection behind their network addresses, as far as they are stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selectors<'a> {
    pub calling: Option<&'a [u8]>,
    pub called: Option<&'a [u8]>,
}

impl<'a> Tpdu<'a> {
    /// Read a TPDU: its header is as long as the first byte says, the rest is payload.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::Cotp;
        let ([len, code], _) = header::<2>(layer, bytes)?;
        let end = usize::from(*len) + 1;
        let short = WireError::Truncated { layer, need: end, have: bytes.len() };
        let (head, payload) = bytes.split_at_checked(end).ok_or(short)?;
        let too_short = |minimum| WireError::BadLength { layer, stated: end - 1, minimum };
        match code & 0xf0 {
            DATA if *code == DATA => match head {
                [_, _, number, ..] => Ok(Self::Data { is_last: number & END != 0, payload }),
                _ => Err(too_short(2)),
            },
            CONNECT => head.get(7..).map(Selectors::of).map(Self::Connect).ok_or(too_short(6)),
            CONFIRM => head.get(7..).map(Selectors::of).map(Self::Confirm).ok_or(too_short(6)),
            DISCONNECT if *code == DISCONNECT => {
                let reason = head.get(6).copied().ok_or(too_short(6))?;
                Ok(Self::Disconnect { reason })
            }
            DISCONNECTED if *code == DISCONNECTED => Ok(Self::Disconnected),
            ERROR if *code == ERROR => {
                let cause = head.get(4).copied().ok_or(too_short(4))?;
                Ok(Self::Error { cause })
            }
            _ => Err(WireError::UnknownCode { layer, code: *code }),
        }
    }
}

impl<'a> Selectors<'a> {
    /// Find them among the parameters: each a code, a length, a value. What is cut short is not
    /// there.
    fn of(mut parameters: &'a [u8]) -> Self {
        let mut selectors = Self::default();
        while let [code, len, rest @ ..] = parameters
            && let Some((value, rest)) = rest.split_at_checked(usize::from(*len))
        {
            match *code {
                CALLING => selectors.calling = Some(value),
                CALLED => selectors.called = Some(value),
                _ => (),
            }
            parameters = rest;
        }
        selectors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;

    /// A controller is asked for the module in slot 2.
    const REQUEST: [u8; 18] = [17, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2];

    #[test]
    fn a_connection_names_both_its_ends() {
        let selectors = Selectors { calling: Some(&[1, 0]), called: Some(&[1, 2]) };
        assert_eq!(Tpdu::parse(&REQUEST), Ok(Tpdu::Connect(selectors)));
        let mut answer = REQUEST;
        answer[1] = 0xd0;
        assert_eq!(Tpdu::parse(&answer), Ok(Tpdu::Confirm(selectors)));
        let bare = [6, 0xe0, 0, 0, 0, 1, 0];
        assert_eq!(Tpdu::parse(&bare), Ok(Tpdu::Connect(Selectors::default())));
        let cut = [9, 0xe0, 0, 0, 0, 1, 0, 0xc2, 2, 1];
        assert_eq!(Tpdu::parse(&cut), Ok(Tpdu::Connect(Selectors::default())));
    }

    #[test]
    fn what_follows_the_header_of_data_is_payload_and_may_be_nothing() {
        let whole = Tpdu::Data { is_last: true, payload: &[0x32, 1] };
        assert_eq!(Tpdu::parse(&[2, 0xf0, 0x80, 0x32, 1]), Ok(whole));
        let part = Tpdu::Data { is_last: false, payload: &[] };
        assert_eq!(Tpdu::parse(&[2, 0xf0, 0]), Ok(part));
    }

    #[test]
    fn a_refusal_and_an_error_say_why() {
        let refused = Tpdu::parse(&[6, 0x80, 0, 1, 0, 0, 3]);
        assert_eq!(refused, Ok(Tpdu::Disconnect { reason: 3 }));
        assert_eq!(Tpdu::parse(&[5, 0xc0, 0, 1, 0, 1]), Ok(Tpdu::Disconnected));
        assert_eq!(Tpdu::parse(&[4, 0x70, 0, 1, 2]), Ok(Tpdu::Error { cause: 2 }));
    }

    #[test]
    fn headers_that_are_too_short_or_of_other_classes_are_refused() {
        let layer = Layer::Cotp;
        for (bytes, error) in [
            (&[2][..], WireError::Truncated { layer, need: 2, have: 1 }),
            (&[2, 0xf0], WireError::Truncated { layer, need: 3, have: 2 }),
            (&[1, 0xf0, 0x80], WireError::BadLength { layer, stated: 1, minimum: 2 }),
            (&[5, 0xe0, 0, 0, 0, 1], WireError::BadLength { layer, stated: 5, minimum: 6 }),
            (&[5, 0x80, 0, 1, 0, 0], WireError::BadLength { layer, stated: 5, minimum: 6 }),
            (&[3, 0x70, 0, 1], WireError::BadLength { layer, stated: 3, minimum: 4 }),
            (&[4, 0x10, 0, 1, 0], WireError::UnknownCode { layer, code: 0x10 }),
            (&[2, 0xf1, 0x80], WireError::UnknownCode { layer, code: 0xf1 }),
        ] {
            assert_eq!(Tpdu::parse(bytes), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn spoiled_bytes_never_panic() {
        fixture::spoil(&REQUEST, |bytes| {
            let _ = Tpdu::parse(bytes);
        });
    }
}
