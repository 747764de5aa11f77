//! Findings in words that the text, the JSON and the configuration share.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::app::probe::identity::Identification;
use crate::app::probe::identity::shown;
use crate::app::probe::search::Fate;
use crate::app::probe::search::Largest;
use crate::app::probe::search::Refusal;
use crate::app::probe::search::Search;
use crate::app::probe::search::Stretch;
use crate::tag::Order;
use crate::tag::Registers;
use crate::tag::Type;
use crate::tag::Value;

/// What identifies a unit, by name. A device chose the texts; they are escaped.
pub(super) fn identification(found: &Identification) -> Vec<(String, String)> {
    let objects =
        found.objects.iter().filter(|(_, text)| !text.is_empty()).map(|(number, text)| {
            let name = Identification::object_name(*number);
            (name.map_or_else(|| format!("object {number}"), str::to_owned), shown(text))
        });
    let server_id = found.server_id.as_deref().map(|id| ("server id".to_owned(), shown(id)));
    objects.chain(server_id).collect()
}

pub(super) fn refusal(why: Refusal) -> String {
    match why {
        Refusal::Exception(code) => format!("exception {code}, {}", exception(code)),
        Refusal::Silent => "no reply".to_owned(),
    }
}

/// Application Protocol V1.1b3, section 7.
pub(super) fn exception(code: u8) -> &'static str {
    match code {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "server device failure",
        5 => "acknowledge",
        6 => "server device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "gateway target silent",
        _ => "unknown exception",
    }
}

fn refusals(reasons: &BTreeSet<Refusal>) -> String {
    reasons.iter().map(|why| refusal(*why)).collect::<Vec<_>>().join("; ")
}

/// How a stretch fared, without more than was proven.
pub(super) fn fate(stretch: &Stretch) -> String {
    let n_places = stretch.n_places;
    match (&stretch.fate, stretch.is_whole()) {
        (Fate::Read, true) => "read whole".to_owned(),
        (Fate::Read, false) => format!("read at all {n_places} places asked for"),
        // Silence is no refusal.
        (Fate::Refused(why), _) if why.iter().eq(&[Refusal::Silent]) => {
            format!("no reply at all {n_places} places asked for")
        }
        (Fate::Refused(why), true) => format!("refused: {}", refusals(why)),
        (Fate::Refused(why), false) => {
            format!("refused at all {n_places} places asked for: {}", refusals(why))
        }
    }
}

/// The largest request of a table; `None` if nothing was read.
pub(super) fn largest(search: &Search) -> Option<String> {
    let entries = if search.table().is_bit() { "bits" } else { "registers" };
    match search.largest() {
        Largest::Unknown => None,
        Largest::AtLeast(count) => {
            Some(format!("at least {count} {entries}; no longer range is known to try"))
        }
        Largest::Protocol(count) => Some(format!("{count} {entries}, the most there can be")),
        Largest::Limit(count, why) => {
            Some(format!("{count} {entries}; one more: {}", refusal(why)))
        }
    }
}

/// What is odd about a table.
pub(super) fn remark(search: &Search) -> Option<&'static str> {
    match (search.answers_everywhere(), search.is_all_zero()) {
        (true, true) => {
            Some("answers everywhere, with zeros: that shows no address to exist; see its manual")
        }
        (true, false) => Some("answers everywhere: that shows no address to exist; see its manual"),
        (false, true) => Some("all values are zero"),
        (false, false) if search.is_silent() => Some("given up: no replies"),
        (false, false) => None,
    }
}

/// One type in the four orders, for those that registers suffice for. A value that is no finite
/// number is absent.
pub(super) struct Decoded {
    pub(super) kind: Type,
    pub(super) values: Vec<(&'static str, Option<Value>)>,
}

pub(super) fn decoded(decode: &crate::app::probe::Decode) -> Vec<Decoded> {
    const KINDS: [Type; 6] =
        [Type::Uint, Type::Int, Type::Udint, Type::Dint, Type::Real, Type::Lreal];
    let fits = |kind: &Type| usize::from(kind.n_registers()) <= decode.registers.len();
    let in_each = |kind| {
        let values = Order::ALL.map(|(name, order)| {
            let registers = Registers { address: decode.at, kind, order };
            (name, registers.decode(&decode.registers).ok().filter(is_finite))
        });
        Decoded { kind, values: values.to_vec() }
    };
    KINDS.into_iter().filter(fits).map(in_each).collect()
}

fn is_finite(value: &Value) -> bool {
    value.as_f64().is_none_or(f64::is_finite)
}

/// The rule is stated wherever the mark is shown: a REAL or LREAL of a size that measured values
/// have. Registers in the wrong order seldom come out so.
pub(super) fn is_plausible(value: &Value) -> bool {
    matches!(value, Value::Real(number) if (1e-3..1e6).contains(&number.abs()))
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_claimed_of_a_stretch_than_was_asked_for() {
        let refused = |reasons: &[Refusal]| Fate::Refused(reasons.iter().copied().collect());
        let (address, silent) = (Refusal::Exception(2), Refusal::Silent);
        for (fate_of, n_places, text) in [
            (Fate::Read, 10, "read whole"),
            (Fate::Read, 9, "read at all 9 places asked for"),
            (refused(&[address]), 10, "refused: exception 2, illegal data address"),
            (refused(&[silent]), 3, "no reply at all 3 places asked for"),
            (
                refused(&[silent, address]),
                3,
                "refused at all 3 places asked for: exception 2, illegal data address; no reply",
            ),
        ] {
            let stretch = Stretch { first: 0, last: 9, n_places, fate: fate_of };
            assert_eq!(fate(&stretch), text);
        }
    }
}
