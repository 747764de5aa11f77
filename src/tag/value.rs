//! Values: what a tag holds once its registers are decoded and scaled.

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

/// A decoded engineering value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Real(f64),
    Text(Arc<str>),
}

impl Value {
    /// As a number to compare with limits. `None` for a Boolean or a text: neither has a distance.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Signed(value) => Some(float_of_signed(*value)),
            Self::Unsigned(value) => Some(float_of_unsigned(*value)),
            Self::Real(value) => Some(*value),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

impl fmt::Display for Value {
    /// Short enough for an operator; a controller's text cannot steer the terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Real(value) => match readable(*value) {
                value if value != 0.0 && !(1e-5..1e16).contains(&value.abs()) => {
                    write!(f, "{value:e}")
                }
                value => value.fmt(f),
            },
            Self::Text(text) => text.chars().try_for_each(|c| {
                if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
            }),
        }
    }
}

/// The neighbour of `value` that is shortest to write, for logs: `4.21`, not `4.210000038146973`.
///
/// A REAL widened to 64 bits has digits that its 32 never held, and scaling adds noise in the
/// sixteenth. Whole numbers stay as they are: a counter is read to its last digit. Work with the
/// value itself; this is for reading.
pub fn readable(value: f64) -> f64 {
    if value.fract() == 0.0 {
        return value;
    }
    let shortest = match narrowed(value) {
        Some(single) => single.to_string(),
        None => format!("{value:.14e}"),
    };
    shortest.parse().unwrap_or(value)
}

/// The value as a REAL, if it is one.
fn narrowed(value: f64) -> Option<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what does not survive is told apart below"
    )]
    let single = value as f32;
    (f64::from(single).to_bits() == value.to_bits()).then_some(single)
}

#[expect(clippy::cast_precision_loss, reason = "above 2^53 the nearest float is the best answer")]
pub(super) fn float_of_signed(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "above 2^53 the nearest float is the best answer")]
pub(super) fn float_of_unsigned(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_for_people() {
        for (value, text) in [
            (Value::Bool(true), "true"),
            (Value::Signed(-3), "-3"),
            (Value::Unsigned(u64::MAX), "18446744073709551615"),
            (Value::Real(f64::from(4.21_f32)), "4.21"),
            (Value::Real(0.1 + 0.2), "0.3"),
            (Value::Real(3.0 * 0.1), "0.3"),
            (Value::Real(4.0), "4"),
            (Value::Real(123_456_792.0), "123456792"),
            (Value::Real(-0.5), "-0.5"),
            (Value::Real(1_234_567.890_123), "1234567.890123"),
            (Value::Real(1e300), "1e300"),
            (Value::Real(1.5e-9), "1.5e-9"),
            (Value::Real(0.0), "0"),
            (Value::Text("Pumpe 7 \u{fc}".into()), "Pumpe 7 \u{fc}"),
            (Value::Text("\u{1b}[2J\n".into()), "\\u{1b}[2J\\n"),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn only_numbers_compare_with_limits() {
        assert_eq!(Value::Signed(-3).as_f64(), Some(-3.0));
        assert_eq!(Value::Unsigned(3).as_f64(), Some(3.0));
        assert_eq!(Value::Real(0.5).as_f64(), Some(0.5));
        assert_eq!(Value::Bool(true).as_f64(), None);
        assert_eq!(Value::Text("1".into()).as_f64(), None);
    }
}
