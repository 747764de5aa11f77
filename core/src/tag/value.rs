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
            Self::Real(value) => match rounded(*value) {
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

/// For people: six significant digits, and two decimals at least, because a totaliser is read to
/// its hundredths. Whole numbers stay as they are: a counter is read to its last digit.
fn rounded(value: f64) -> f64 {
    if value.fract() == 0.0 {
        return value + 0.0; // nobody reads "-0"
    }
    let text = if value.abs() < 1e4 { format!("{value:.5e}") } else { format!("{value:.2}") };
    text.parse().unwrap_or(value)
}

/// For programs: every digit, but none that a REAL widened to 64 bits never held: `4.21`, not
/// `4.210000038146973`. Whole numbers stay as they are. Work with the value itself; this is for reading.
pub fn readable(value: f64) -> f64 {
    if value.fract() == 0.0 {
        return value;
    }
    narrowed(value).and_then(|single| single.to_string().parse().ok()).unwrap_or(value)
}

/// The result of a calculation with decimal fractions, without the noise in its sixteenth digit:
/// three times 0.1 is 0.3. A whole number has no fraction to be noisy.
pub(super) fn without_noise(value: f64) -> f64 {
    if value.fract() == 0.0 {
        return value;
    }
    format!("{value:.14e}").parse().unwrap_or(value)
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
            (Value::Real(f64::from(4.112_501_6_f32)), "4.1125"),
            (Value::Real(f64::from(123_456.78_f32)), "123456.78"),
            (Value::Real(9_999.999_9), "10000"),
            (Value::Real(0.000_123_456_78), "0.000123457"),
            (Value::Real(-0.0), "0"),
            (Value::Real(4.0), "4"),
            (Value::Real(123_456_792.0), "123456792"),
            (Value::Real(-0.5), "-0.5"),
            (Value::Real(1_234_567.890_123), "1234567.89"),
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
    fn programs_get_every_digit_and_none_that_was_never_there() {
        for value in [4.21, std::f64::consts::PI, 123_456_789.123_456_78, 2_f64.powi(60), 1e300] {
            assert_eq!(readable(value).to_bits(), value.to_bits());
        }
        assert_eq!(readable(f64::from(4.21_f32)).to_string(), "4.21");
        assert_eq!(readable(f64::from(4.112_501_6_f32)).to_string(), "4.1125016");
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
