//! Values: IEC 61131-3 elementary types and their byte order in registers.

use std::sync::Arc;

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

/// A decoded engineering value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Real(f64),
    Text(Arc<str>),
}

/// Why registers do not hold a value of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("needs {need} registers, have {have}")]
    TooShort { need: usize, have: usize },
    #[error("not a finite number")]
    NotFinite,
    #[error("text is not UTF-8")]
    NotText,
}
