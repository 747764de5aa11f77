//! Types and byte orders: what a run of registers means before it is scaled.

use std::fmt;
use std::str::FromStr;

use super::Address;

/// IEC 61131-3 elementary types (edition 3, table 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Byte,
    Word,
    Dword,
    Lword,
    Sint,
    Usint,
    Int,
    Uint,
    Dint,
    Udint,
    Lint,
    Ulint,
    Real,
    Lreal,
    /// Text of at most so many bytes, two to a register, first byte high.
    String(u8),
}

/// Types that have no length, by name.
const NAMES: [(&str, Type); 15] = [
    ("BOOL", Type::Bool),
    ("BYTE", Type::Byte),
    ("WORD", Type::Word),
    ("DWORD", Type::Dword),
    ("LWORD", Type::Lword),
    ("SINT", Type::Sint),
    ("USINT", Type::Usint),
    ("INT", Type::Int),
    ("UINT", Type::Uint),
    ("DINT", Type::Dint),
    ("UDINT", Type::Udint),
    ("LINT", Type::Lint),
    ("ULINT", Type::Ulint),
    ("REAL", Type::Real),
    ("LREAL", Type::Lreal),
];

impl Type {
    /// Bytes of the longest text that fits into one request of 125 registers.
    pub const MAX_STRING: u8 = 250;

    /// The names a type can be written with.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().map(|(name, _)| name).chain(["STRING[n]"])
    }

    /// Registers a value takes. The small types have a register to themselves.
    pub fn n_registers(self) -> u16 {
        match self {
            Self::Bool
            | Self::Byte
            | Self::Word
            | Self::Sint
            | Self::Usint
            | Self::Int
            | Self::Uint => 1,
            Self::Dword | Self::Dint | Self::Udint | Self::Real => 2,
            Self::Lword | Self::Lint | Self::Ulint | Self::Lreal => 4,
            Self::String(len) => u16::from(len).div_ceil(2),
        }
    }

    /// True if values can be scaled, compared with limits and given a deadband.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Bool | Self::String(_))
    }

    /// Whether a value of this type can lie at `address`.
    pub fn fit(self, address: Address) -> Result<(), Misfit> {
        let last = address.index.checked_add(self.n_registers().saturating_sub(1));
        match (self, address.is_bit()) {
            (Self::Bool, true) => Ok(()),
            (Self::Bool, false) => Err(Misfit::BoolInRegister(address)),
            (_, true) => Err(Misfit::OneBit { kind: self, address }),
            (_, false) if last.is_none() => Err(Misfit::PastTheEnd { kind: self, address }),
            (_, false) => Ok(()),
        }
    }
}

/// Why a type cannot lie at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("{address} is one bit: its type is BOOL, not {kind}")]
    OneBit { kind: Type, address: Address },
    #[error("{0} is a whole register: a BOOL is one of its bits, such as {0}.0")]
    BoolInRegister(Address),
    #[error(
        "{address} and the {} registers of a {kind} reach past 65535, the last of the table",
        kind.n_registers()
    )]
    PastTheEnd { kind: Type, address: Address },
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::String(len) = self {
            return write!(f, "STRING[{len}]");
        }
        let name = NAMES.iter().find_map(|(name, kind)| (kind == self).then_some(*name));
        f.pad(name.unwrap_or_default())
    }
}

/// Why a text is not a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    #[error("`{0}` is not an IEC 61131-3 elementary type")]
    Unknown(String),
    #[error("`{0}`: the length of a text is 1 to 250 bytes, as in STRING[20]")]
    Length(String),
}

impl FromStr for Type {
    type Err = TypeError;

    /// Either case.
    fn from_str(text: &str) -> Result<Self, TypeError> {
        let upper = text.to_ascii_uppercase();
        if let Some(length) = upper.strip_prefix("STRING") {
            return length
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .and_then(|digits| digits.parse().ok())
                .filter(|len| (1..=Self::MAX_STRING).contains(len))
                .map(Self::String)
                .ok_or_else(|| TypeError::Length(text.to_owned()));
        }
        NAMES
            .iter()
            .find_map(|(name, kind)| (*name == upper).then_some(*kind))
            .ok_or_else(|| TypeError::Unknown(text.to_owned()))
    }
}

/// Order of bytes in two or more registers; A is the most significant of four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Big endian.
    #[default]
    Abcd,
    /// Words swapped.
    Cdab,
    /// Bytes swapped in each word.
    Badc,
    /// Little endian.
    Dcba,
}

impl Order {
    pub const ALL: [(&'static str, Self); 4] =
        [("ABCD", Self::Abcd), ("CDAB", Self::Cdab), ("BADC", Self::Badc), ("DCBA", Self::Dcba)];

    /// True if the two bytes of each register are exchanged.
    pub(super) fn swaps_bytes(self) -> bool {
        matches!(self, Self::Badc | Self::Dcba)
    }

    /// True if the least significant register comes first.
    pub(super) fn swaps_words(self) -> bool {
        matches!(self, Self::Cdab | Self::Dcba)
    }
}

/// A text that is not a byte order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a byte order; write ABCD, CDAB, BADC or DCBA")]
pub struct OrderError(String);

impl FromStr for Order {
    type Err = OrderError;

    /// Either case.
    fn from_str(text: &str) -> Result<Self, OrderError> {
        Self::ALL
            .iter()
            .find_map(|(name, order)| name.eq_ignore_ascii_case(text).then_some(*order))
            .ok_or_else(|| OrderError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Addressing;
    use super::*;

    #[test]
    fn every_name_is_read_back_as_written() {
        for name in Type::names().filter(|name| *name != "STRING[n]").chain(["STRING[7]"]) {
            assert_eq!(name.parse::<Type>().unwrap().to_string(), name);
            assert_eq!(name.to_lowercase().parse::<Type>(), name.parse());
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        assert_eq!("FLOAT".parse::<Type>(), Err(TypeError::Unknown("FLOAT".to_owned())));
        for text in ["STRING", "STRING[0]", "STRING[251]", "STRING[9", "STRING(9)", "STRING[-1]"] {
            assert_eq!(text.parse::<Type>(), Err(TypeError::Length(text.to_owned())));
        }
        assert!("ABDC".parse::<Order>().is_err());
        assert_eq!("cdab".parse(), Ok(Order::Cdab));
    }

    #[test]
    fn a_value_takes_whole_registers() {
        for (name, need) in [("BOOL", 1), ("SINT", 1), ("UDINT", 2), ("REAL", 2), ("LREAL", 4)] {
            assert_eq!(name.parse::<Type>().unwrap().n_registers(), need, "{name}");
        }
        assert_eq!([1, 2, 3, 250].map(|len| Type::String(len).n_registers()), [1, 1, 2, 125]);
    }

    #[test]
    fn a_type_must_fit_its_place() {
        for (text, kind, fits) in [
            ("coil:0", Type::Bool, true),
            ("holding:0.3", Type::Bool, true),
            ("holding:0", Type::Bool, false),
            ("coil:0", Type::Int, false),
            ("input:0.1", Type::Word, false),
            ("input:65535", Type::Int, true),
            ("input:65535", Type::Real, false),
            ("input:65532", Type::Lreal, true),
            ("input:65533", Type::Lreal, false),
        ] {
            let address = Address::parse(text, Addressing::Direct).unwrap();
            assert_eq!(kind.fit(address).is_ok(), fits, "{kind} at {text}");
        }
    }
}
