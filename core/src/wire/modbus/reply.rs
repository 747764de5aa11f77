//! The reply proof: a PDU is the answer to the request that was asked, or why it is not.
//!
//! A read reply carries no address, so function, byte count and length are all that the PDU can
//! prove. What it cannot (is it the answer to *this* request, or a late one to another of the
//! same shape?) is for whoever knows the identifiers or the history of the line.

use super::request::{PDU_LEN, ReadRequest};

/// What a proven reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    Registers(Registers<'a>),
    Bits(Bits<'a>),
    /// The nonce came back.
    Echo,
    /// The device refused, with this code (Application Protocol V1.1b3, section 7).
    Exception(u8),
}

/// Registers of a reply, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers<'a>(&'a [u8]);

impl<'a> Registers<'a> {
    /// Two bytes each, the high one first.
    pub(super) fn packed(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn iter(self) -> impl Iterator<Item = u16> + 'a {
        self.0.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair))
    }
}

/// Coils or discrete inputs of a reply, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits<'a> {
    packed: &'a [u8],
    count: usize,
}

impl<'a> Bits<'a> {
    /// The first `count`, eight to a byte.
    pub(super) fn packed(packed: &'a [u8], count: usize) -> Self {
        Self { packed, count }
    }

    pub fn iter(self) -> impl Iterator<Item = bool> + 'a {
        // The first bit is the least significant of the first byte (section 6.1).
        let bits = self.packed.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        bits.take(self.count)
    }
}

/// Why a PDU does not answer the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTheAnswer {
    #[error("it is our own request, echoed")]
    OwnRequest,
    #[error("it has function {found}, asked was {asked}")]
    Function { asked: u8, found: u8 },
    #[error("it has {found} bytes, the answer has {need}")]
    Length { need: usize, found: usize },
    #[error("it states {found} data bytes, the answer has {need}")]
    ByteCount { need: usize, found: usize },
    #[error("it repeats other data than was sent")]
    Nonce,
    #[error("it is empty")]
    Empty,
}

/// Prove that `pdu` has the shape of the answer to `request`.
pub fn prove(request: ReadRequest, pdu: &[u8]) -> Result<Answer<'_>, NotTheAnswer> {
    let (&found, rest) = pdu.split_first().ok_or(NotTheAnswer::Empty)?;
    let asked = request.function();
    if found == asked | 0x80 {
        return exception(rest, pdu.len());
    }
    if found != asked {
        return Err(NotTheAnswer::Function { asked, found });
    }
    match request {
        ReadRequest::Echo { .. } if pdu == request.pdu() => Ok(Answer::Echo),
        ReadRequest::Echo { .. } if pdu.len() == PDU_LEN => Err(NotTheAnswer::Nonce),
        ReadRequest::Echo { .. } => Err(NotTheAnswer::Length { need: PDU_LEN, found: pdu.len() }),
        ReadRequest::Coils(span) | ReadRequest::Discretes(span) => {
            let count = usize::from(span.count);
            let packed = values(request, pdu, count.div_ceil(8))?;
            Ok(Answer::Bits(Bits { packed, count }))
        }
        ReadRequest::Holding(span) | ReadRequest::Input(span) => {
            let bytes = values(request, pdu, usize::from(span.count) * 2)?;
            Ok(Answer::Registers(Registers(bytes)))
        }
    }
}

fn exception(rest: &[u8], pdu_len: usize) -> Result<Answer<'_>, NotTheAnswer> {
    match rest {
        [code] => Ok(Answer::Exception(*code)),
        _ => Err(NotTheAnswer::Length { need: 2, found: pdu_len }),
    }
}

fn values(request: ReadRequest, pdu: &[u8], need: usize) -> Result<&[u8], NotTheAnswer> {
    // On a two-wire line with local echo, the request for 17 to 24 coils from 0x0300 on has
    // exactly the shape of its own answer.
    if pdu == request.pdu() {
        return Err(NotTheAnswer::OwnRequest);
    }
    let (stated, values) = match pdu {
        [_, stated, values @ ..] => (usize::from(*stated), values),
        [] | [_] => return Err(NotTheAnswer::Length { need: need + 2, found: pdu.len() }),
    };
    if stated != need {
        return Err(NotTheAnswer::ByteCount { need, found: stated });
    }
    if values.len() != need {
        return Err(NotTheAnswer::Length { need: need + 2, found: pdu.len() });
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::request::Span;
    use super::*;

    fn holding(first: u16, count: u16) -> ReadRequest {
        ReadRequest::Holding(Span { first, count })
    }

    #[test]
    fn registers_and_bits_are_read_in_order() {
        let pdu = [3, 4, 0x12, 0x34, 0xff, 0xfe];
        let Ok(Answer::Registers(registers)) = prove(holding(7, 2), &pdu) else { panic!() };
        assert_eq!(registers.iter().collect::<Vec<_>>(), [0x1234, 0xfffe]);

        let coils = ReadRequest::Coils(Span { first: 0, count: 10 });
        let Ok(Answer::Bits(bits)) = prove(coils, &[1, 2, 0b0000_0101, 0b10]) else { panic!() };
        let set: Vec<_> = bits.iter().collect();
        assert_eq!(set, [true, false, true, false, false, false, false, false, false, true]);
    }

    #[test]
    fn exceptions_answer_only_their_own_function() {
        assert_eq!(prove(holding(0, 1), &[0x83, 2]), Ok(Answer::Exception(2)));
        assert!(prove(holding(0, 1), &[0x84, 2]).is_err());
        assert!(prove(holding(0, 1), &[0x83]).is_err());
        assert!(prove(holding(0, 1), &[0x83, 2, 0]).is_err());
    }

    #[test]
    fn an_echo_answers_only_with_its_own_nonce() {
        let request = ReadRequest::Echo { nonce: 0xa5b6 };
        assert_eq!(prove(request, &[8, 0, 0, 0xa5, 0xb6]), Ok(Answer::Echo));
        assert_eq!(prove(request, &[8, 0, 0, 0xa5, 0xb7]), Err(NotTheAnswer::Nonce));
        assert_eq!(prove(request, &[0x88, 1]), Ok(Answer::Exception(1)));
    }

    #[test]
    fn our_own_request_echoed_is_never_an_answer() {
        let request = ReadRequest::Coils(Span { first: 0x0301, count: 20 });
        assert_eq!(prove(request, &request.pdu()), Err(NotTheAnswer::OwnRequest));
    }

    #[test]
    fn every_prefix_and_every_extension_is_refused() {
        let pdu = [3, 4, 0, 7, 0, 8];
        for len in 0..pdu.len() {
            assert!(prove(holding(7, 2), &pdu[..len]).is_err(), "{len} bytes");
        }
        assert!(prove(holding(7, 2), &[3, 4, 0, 7, 0, 8, 0]).is_err());
    }

    #[test]
    fn no_flipped_bit_of_function_or_byte_count_passes() {
        for bit in 0..16 {
            let mut pdu = [3, 4, 0, 7, 0, 8];
            pdu[bit / 8] ^= 1 << (bit % 8);
            assert!(prove(holding(7, 2), &pdu).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn whatever_arrives_a_proven_answer_has_the_quantity_asked_for(
            pdu in proptest::collection::vec(any::<u8>(), 0..260), count in 1_u16..=125,
        ) {
            if let Ok(Answer::Registers(registers)) = prove(holding(0, count), &pdu) {
                prop_assert_eq!(registers.iter().count(), usize::from(count));
            }
        }
    }
}
