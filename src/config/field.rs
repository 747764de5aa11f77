//! Fields: one value of the file, parsed into a type that cannot hold a bad one.
//!
//! Each function takes a value as TOML knows it and returns ours, or what is wrong with it and
//! what to write instead. Whatever has a dimension carries its unit: `"500ms"`, `"1MiB"`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeValue;

use super::complaint::Complaint;
use super::spelling::{nearest, quoted};

pub(super) type Parsed<T> = Result<T, Complaint>;

/// What TOML calls the value, with its article.
pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn unexpected(value: &DeValue<'_>, help: impl Into<String>) -> Complaint {
    Complaint::new(format!("found {}", kind_of(value)), help)
}

/// For what is written as text because it has a unit.
fn without_unit(value: &DeValue<'_>, help: impl Into<String>) -> Complaint {
    match value.as_integer() {
        Some(integer) => Complaint::new(format!("{integer} has no unit"), help),
        None => unexpected(value, help),
    }
}

pub(super) fn text<'v>(value: &'v DeValue<'_>, example: &str) -> Parsed<&'v str> {
    value.as_str().ok_or_else(|| unexpected(value, format!("expected text such as \"{example}\"")))
}

/// What a name may be long, in bytes: it is a field of every journal entry.
const MAX_NAME: usize = 64;

/// A name as it will stand in the log.
pub(super) fn name(example: &str) -> impl Fn(&DeValue<'_>) -> Parsed<Arc<str>> {
    move |value| {
        let name = text(value, example)?;
        let complaint = if name.is_empty() {
            "is empty"
        } else if name.len() > MAX_NAME {
            "is longer than 64 bytes"
        } else if name.trim() != name || name.contains(char::is_control) {
            "begins or ends with a blank, or contains a control character"
        } else {
            return Ok(name.into());
        };
        let help = format!("write something short such as \"{example}\": it is in every log entry");
        Err(Complaint::new(complaint, help))
    }
}

/// A network interface, by the rules of `dev_valid_name` in the kernel.
pub(super) fn interface(value: &DeValue<'_>) -> Parsed<Arc<str>> {
    let name = text(value, "eth1")?;
    let foreign = |c: char| c.is_whitespace() || c.is_control() || c == '/' || c == ':';
    let message = if name.is_empty() || name == "." || name == ".." || name.contains(foreign) {
        format!("\"{name}\" cannot be the name of an interface")
    } else if name.len() > 15 {
        format!("\"{name}\" has {} bytes, an interface's name has at most 15", name.len())
    } else {
        return Ok(name.into());
    };
    Err(Complaint::new(message, "`ip link` lists the interfaces of this machine"))
}

/// The absolute path of a file or directory: a service has no directory of its own to start from.
pub(super) fn path(example: &'static str) -> impl Fn(&DeValue<'_>) -> Parsed<PathBuf> {
    move |value| {
        let text = text(value, example)?;
        if !Path::new(text).is_absolute() || text.contains('\0') {
            let message = format!("`{text}` is not an absolute path");
            return Err(Complaint::new(message, format!("expected a path such as \"{example}\"")));
        }
        Ok(text.into())
    }
}

pub(super) fn flag(value: &DeValue<'_>) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| unexpected(value, "expected true or false, without quotes"))
}

/// A finite number, with or without a fraction.
pub(super) fn number(value: &DeValue<'_>) -> Parsed<f64> {
    let digits = match value {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        DeValue::Integer(_)
        | DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => {
            return Err(unexpected(value, "expected a number such as 9.5, without quotes"));
        }
    };
    digits.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| {
        Complaint::new(format!("{digits} is not finite"), "write a number such as 9.5")
    })
}

/// A whole number within a range.
pub(super) fn integer<T>(range: RangeInclusive<T>) -> impl Fn(&DeValue<'_>) -> Parsed<T>
where
    T: TryFrom<i128> + PartialOrd + std::fmt::Display,
{
    move |value| {
        let expected = format!("expected a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = value else { return Err(unexpected(value, expected)) };
        i128::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| Complaint::new(format!("{integer} is out of range"), expected))
    }
}

/// A time with its unit, within a range.
pub(super) fn duration(
    range: RangeInclusive<Duration>,
) -> impl Fn(&DeValue<'_>) -> Parsed<Duration> {
    move |value| {
        let [least, most] =
            [range.start(), range.end()].map(|end| humantime::format_duration(*end));
        let expected = format!("expected a time from {least} to {most}, such as \"500ms\"");
        let text = value.as_str().ok_or_else(|| without_unit(value, expected.as_str()))?;
        let time = humantime::parse_duration(text).map_err(|error| {
            Complaint::new(format!("\"{text}\" is not a time: {error}"), &expected)
        })?;
        if range.contains(&time) {
            Ok(time)
        } else {
            Err(Complaint::new(format!("{text} is out of range"), expected))
        }
    }
}

/// A size with its unit, a power of two within a range.
pub(super) fn power_of_two(range: RangeInclusive<u32>) -> impl Fn(&DeValue<'_>) -> Parsed<u32> {
    move |value| {
        let (least, most) = (*range.start() >> 10, *range.end() >> 10);
        let expected = format!("expected a power of two from \"{least}KiB\" to \"{most}KiB\"");
        let text = value.as_str().ok_or_else(|| without_unit(value, expected.as_str()))?;
        match bytes(text) {
            None => {
                let message = format!("\"{text}\" is not a size");
                Err(Complaint::new(message, expected))
            }
            Some(size) if range.contains(&size) && size.is_power_of_two() => Ok(size),
            Some(_) => Err(Complaint::new(format!("{text} will not do"), expected)),
        }
    }
}

/// `64MiB`, `512 KiB`; binary units only, because memory comes in them.
fn bytes(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let shift = match unit.trim_start() {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(1 << shift)
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Parsed<T> {
    move |value| {
        let names = || words.iter().map(|(name, _)| *name);
        let expected = format!("expected one of {}", quoted(names()));
        let word = value.as_str().ok_or_else(|| unexpected(value, expected.as_str()))?;
        words.iter().find_map(|(name, choice)| (*name == word).then_some(*choice)).ok_or_else(
            || {
                let help = nearest(word, names())
                    .map_or(expected, |near| format!("did you mean \"{near}\"?"));
                Complaint::new(format!("\"{word}\" is not known here"), help)
            },
        )
    }
}

/// Text that the type itself can read; its error says what is wrong.
pub(super) fn parsed<T>(example: &'static str) -> impl Fn(&DeValue<'_>) -> Parsed<T>
where
    T: FromStr<Err: ToString>,
{
    move |value| {
        let otherwise = format!("expected, for example, \"{example}\"");
        text(value, example)?.parse().map_err(|error| Complaint::explained(&error, &otherwise))
    }
}

/// An array of at most `most` values, each for itself good or not.
pub(super) fn list<T>(
    most: usize,
    element: impl Fn(&DeValue<'_>) -> Parsed<T>,
) -> impl Fn(&DeValue<'_>) -> Parsed<Vec<Parsed<T>>> {
    move |value| {
        let expected = format!("expected an array of at most {most}, such as [1, 2]");
        let array = value.as_array().ok_or_else(|| unexpected(value, expected.as_str()))?;
        if array.len() > most {
            return Err(Complaint::new(format!("{} values are too many", array.len()), expected));
        }
        let one = |value: &toml::Spanned<DeValue<'_>>| {
            element(value.get_ref()).map_err(|complaint| complaint.at(value.span()))
        };
        Ok(array.iter().map(one).collect())
    }
}
