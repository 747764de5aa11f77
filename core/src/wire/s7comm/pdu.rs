//! One PDU: a header, parameters that begin with a function, and what the function is about.

use super::super::message::Role;
use super::super::{Layer, WireError, header};
use super::function::{READ, USERDATA, WRITE};

/// Who speaks ("remote operating service control").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rosctr {
    /// Asks.
    Job,
    /// Answers without saying more than whether it went well.
    Ack,
    AckData,
    /// Asks, answers or tells, by parameters of its own.
    Userdata,
}

/// One PDU without its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdu<'a> {
    pub rosctr: Rosctr,
    /// The same in a job and its answer.
    pub reference: u16,
    /// Class and code, of an answer.
    pub refusal: Option<u16>,
    /// What is there of them, and of what follows: the frame may be long, or not the last.
    pub parameters: &'a [u8],
    pub body: &'a [u8],
}

/// Parameters of a PDU whose functions come in groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Userdata {
    pub role: Role,
    /// 0 to 15.
    pub group: u8,
    pub subfunction: u8,
    /// Of an answer, if it is one that refuses.
    pub refusal: Option<u16>,
}

/// The return code of an operand that was read or written.
const DONE: u8 = 0xff;

impl<'a> Pdu<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let layer = Layer::S7comm;
        let ([rosctr, _, _, r0, r1, p0, p1, b0, b1], rest) = header::<9>(layer, bytes)?;
        let rosctr = match *rosctr {
            1 => Rosctr::Job,
            2 => Rosctr::Ack,
            3 => Rosctr::AckData,
            7 => Rosctr::Userdata,
            code => return Err(WireError::UnknownCode { layer, code }),
        };
        let (refusal, rest) = match rosctr {
            Rosctr::Job | Rosctr::Userdata => (None, rest),
            Rosctr::Ack | Rosctr::AckData => {
                let (refusal, rest) = header::<2>(layer, rest)?;
                (Some(u16::from_be_bytes(*refusal)).filter(|refusal| *refusal != 0), rest)
            }
        };
        let parameters_len = usize::from(u16::from_be_bytes([*p0, *p1]));
        let (parameters, rest) = rest.split_at_checked(parameters_len).unwrap_or((rest, &[]));
        let body = rest.get(..usize::from(u16::from_be_bytes([*b0, *b1]))).unwrap_or(rest);
        let reference = u16::from_be_bytes([*r0, *r1]);
        Ok(Self { rosctr, reference, refusal, parameters, body })
    }

    /// The function of a job or of its answer.
    pub fn function(&self) -> Result<u8, WireError> {
        header::<1>(Layer::S7comm, self.parameters).map(|([function], _)| *function)
    }

    /// The function of userdata: 0, 1, 0x12, a length, who speaks, sort and group, subfunction,
    /// sequence; of an answer also how it goes on, and its refusal.
    pub fn userdata(&self) -> Result<Userdata, WireError> {
        let layer = Layer::S7comm;
        let ([_, _, _, _, _, sort, subfunction, _], rest) = header::<8>(layer, self.parameters)?;
        let role = match sort >> 4 {
            0 | 3 => Role::Report,
            4 | 7 => Role::Request,
            8 | 11 => Role::Response,
            _ => return Err(WireError::UnknownCode { layer, code: *sort }),
        };
        let refusal = match (role, rest) {
            (Role::Response | Role::Report, [_, _, high, low, ..]) => {
                Some(u16::from_be_bytes([*high, *low])).filter(|refusal| *refusal != 0)
            }
            (Role::Request | Role::Response | Role::Report, _) => None,
        };
        Ok(Userdata { role, group: sort & 0xf, subfunction: *subfunction, refusal })
    }

    /// Why it was refused, or the first operand of it: class and code in two bytes, or the return
    /// code of an operand in one.
    pub fn error(&self) -> Option<u16> {
        match self.rosctr {
            Rosctr::Job => None,
            Rosctr::Userdata => self.userdata().ok().and_then(|userdata| userdata.refusal),
            Rosctr::Ack | Rosctr::AckData => self.refusal.or_else(|| self.refused_operand()),
        }
    }

    fn refused_operand(&self) -> Option<u16> {
        let [function, n_operands, ..] = self.parameters else { return None };
        let n_operands = usize::from(*n_operands);
        let refused = match *function {
            WRITE => self.body.iter().take(n_operands).find(|code| **code != DONE).copied(),
            READ => first_unread(self.body, n_operands),
            _ => None,
        };
        refused.map(u16::from)
    }
}

impl Userdata {
    pub fn code(&self) -> u16 {
        USERDATA | u16::from(self.group) << 8 | u16::from(self.subfunction)
    }
}

/// The first return code that is not [`DONE`] among operands that were read: each a return code, a
/// unit of length, a length, and so many bytes, filled up to an even number.
fn first_unread(mut body: &[u8], n_operands: usize) -> Option<u8> {
    for _ in 0..n_operands {
        let [code, unit, high, low, rest @ ..] = body else {
            return body.first().copied().filter(|code| *code != DONE);
        };
        if *code != DONE {
            return Some(*code);
        }
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        // Bits, words in bits, integers in bits; all else in bytes.
        let len = if matches!(unit, 3..=5) { len.div_ceil(8) } else { len };
        body = rest.get(len.next_multiple_of(2)..)?;
    }
    None
}
