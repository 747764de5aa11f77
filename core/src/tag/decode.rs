//! From registers to an engineering value: order, type, bit, scale.

use super::value::{float_of_signed, float_of_unsigned, readable, without_noise};
use super::{Order, Registers, Tag, Type, Value};

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

impl Registers {
    /// The raw value in these registers, the first of them at the address.
    pub fn decode(&self, registers: &[u16]) -> Result<Value, DecodeError> {
        let need = usize::from(self.span());
        let registers =
            registers.get(..need).ok_or(DecodeError::TooShort { need, have: registers.len() })?;
        let bits = significant(registers, self.order);
        let [.., e, f, g, h] = bits.to_be_bytes();
        Ok(match self.kind {
            Type::Bool => Value::Bool(self.address.bit.map_or(bits, |bit| bits >> bit & 1) != 0),
            Type::Byte | Type::Usint => Value::Unsigned(u64::from(h)),
            Type::Sint => Value::Signed(i64::from(i8::from_be_bytes([h]))),
            Type::Int => Value::Signed(i64::from(i16::from_be_bytes([g, h]))),
            Type::Dint => Value::Signed(i64::from(i32::from_be_bytes([e, f, g, h]))),
            Type::Lint => Value::Signed(bits.cast_signed()),
            Type::Word | Type::Uint | Type::Dword | Type::Udint | Type::Lword | Type::Ulint => {
                Value::Unsigned(bits)
            }
            Type::Real => Value::Real(f64::from(f32::from_be_bytes([e, f, g, h]))),
            Type::Lreal => Value::Real(f64::from_bits(bits)),
            Type::String(len) => text(registers, self.order, usize::from(len))?,
        })
    }
}

impl Tag {
    /// The engineering value of a raw one.
    pub fn scaled(&self, raw: Value) -> Result<Value, DecodeError> {
        let number = match &raw {
            Value::Bool(_) | Value::Text(_) => return Ok(raw),
            Value::Signed(_) | Value::Unsigned(_) if !self.is_scaled() => return Ok(raw),
            Value::Signed(value) => float_of_signed(*value),
            Value::Unsigned(value) => float_of_unsigned(*value),
            Value::Real(value) => *value,
        };
        let number = if self.is_scaled() {
            without_noise(readable(number) * self.scale + self.offset)
        } else {
            number
        };
        number.is_finite().then_some(Value::Real(number)).ok_or(DecodeError::NotFinite)
    }
}

/// Registers as one number; of a text, which has more than four, its end.
fn significant(registers: &[u16], order: Order) -> u64 {
    let append = |bits: u64, word: &u16| bits << 16 | u64::from(ordered(*word, order));
    if order.swaps_words() {
        registers.iter().rev().fold(0, append)
    } else {
        registers.iter().fold(0, append)
    }
}

fn ordered(word: u16, order: Order) -> u16 {
    if order.swaps_bytes() { word.swap_bytes() } else { word }
}

/// Text up to the first NUL, without the blanks that pad it. Words are never swapped in a text:
/// no controller is known that fills one from its end.
fn text(registers: &[u16], order: Order, len: usize) -> Result<Value, DecodeError> {
    let bytes: Vec<u8> = registers
        .iter()
        .flat_map(|word| ordered(*word, order).to_be_bytes())
        .take(len)
        .take_while(|byte| *byte != 0)
        .collect();
    let text = str::from_utf8(&bytes).map_err(|_| DecodeError::NotText)?;
    Ok(Value::Text(text.trim_end_matches(' ').into()))
}

#[cfg(test)]
mod tests;
