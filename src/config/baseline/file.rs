//! The baseline as a file: `[[talk]]` tables, read like the configuration, every mistake at once.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeValue;

use crate::record::Protocol;

use super::super::Rejected;
use super::super::complaint::Complaint;
use super::super::document::parse_by;
use super::super::field::{self, Parsed, kind_of};
use super::super::file::read;
use super::super::section::Section;
use super::super::spelling::{nearest, quoted};
use super::{Baseline, Grant, Parties, Ranges, Talk};

/// Why there is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error("the baseline {} cannot be read: {error}; {}", path.display(), next_step(error))]
    Unreadable { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

#[expect(clippy::wildcard_enum_match_arm, reason = "std's list of kinds is open")]
fn next_step(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "`infra_monitor learn --for 24h --output FILE` writes one",
        io::ErrorKind::PermissionDenied => "let the service's user read it: chmod a+r",
        _ => "is this the right path, and a file?",
    }
}

/// Read and parse the baseline in `path`.
pub fn read_baseline(path: &Path) -> Result<Arc<Baseline>, BaselineError> {
    let unreadable = |error| BaselineError::Unreadable { path: path.to_owned(), error };
    let bytes = read(path).map_err(unreadable)?;
    Ok(Arc::new(parse_baseline(&path.display().to_string(), bytes)?))
}

/// Parse a baseline. `file` is only its name, for messages.
pub fn parse_baseline(file: &str, bytes: impl AsRef<[u8]>) -> Result<Baseline, Rejected> {
    let read = |root: &Section<'_>| -> Vec<Talk> {
        let talks = root.sections("talk", "[[talk]]").iter().filter_map(talk).collect();
        root.finish();
        talks
    };
    parse_by(read, file, bytes.as_ref()).map(Baseline::from)
}

fn talk(section: &Section<'_>) -> Option<Talk> {
    let client = section.required("client", "client = \"192.0.2.7\"", field::parsed("192.0.2.7"));
    let server =
        section.required("server", "server = \"192.0.2.10:502\"", field::parsed("192.0.2.10:502"));
    let protocol = section.required("protocol", "protocol = \"modbus\"", protocol);
    let vlan = ["vlan", "vlan_inner"].map(|key| section.or(key, 0, field::integer(1..=4095)));
    if section.span("allow").is_none() {
        section.report_missing(&["allow"], "allow = [{ station = 1, function = 3 }]");
    }
    let grants = section.sections("allow", "allow = [{ … }]");
    let allow = grants.iter().filter_map(grant).collect();
    section.finish();
    let parties = Parties { client: client?, server: server?, protocol: protocol?, vlan };
    Some(Talk { parties, allow })
}

fn grant(section: &Section<'_>) -> Option<Grant> {
    let station = section.optional("station", ranges(u32::MAX));
    let function = section.required("function", "function = 3", ranges(u16::MAX.into()));
    let addresses = section.optional("addresses", ranges(u32::MAX));
    let values = section.optional("values", ranges(u16::MAX.into()));
    section.finish();
    Some(Grant { station, function: function?, addresses, values })
}

fn protocol(value: &DeValue<'_>) -> Parsed<Protocol> {
    let word = field::text(value, "modbus")?;
    let names = || Protocol::ALL.into_iter().map(Protocol::name);
    Protocol::ALL.into_iter().find(|protocol| protocol.name() == word).ok_or_else(|| {
        let help = nearest(word, names()).map_or_else(
            || format!("expected one of {}", quoted(names())),
            |near| format!("did you mean \"{near}\"?"),
        );
        Complaint::new(format!("\"{word}\" is not known here"), help)
    })
}

/// What one key may list. Whoever needs more means a range.
const MAX_RANGES: usize = 256;

/// A number, a range, or an array of either, of numbers up to `most`.
fn ranges(most: u32) -> impl Fn(&DeValue<'_>) -> Parsed<Ranges> {
    move |value| {
        let one = |value: &DeValue<'_>| range(value, most);
        let DeValue::Array(array) = value else { return one(value).map(Ranges::from) };
        if array.is_empty() || array.len() > MAX_RANGES {
            let message = format!("{} numbers will not do", array.len());
            return Err(Complaint::new(message, format!("write 1 to {MAX_RANGES} of them")));
        }
        let placed = |value: &toml::Spanned<DeValue<'_>>| {
            one(value.get_ref()).map_err(|complaint| complaint.at(value.span()))
        };
        array.iter().map(placed).collect()
    }
}

fn range(value: &DeValue<'_>, most: u32) -> Parsed<RangeInclusive<u32>> {
    let help = format!("write 8, \"8..12\" or [8, \"10..12\"], with numbers up to {most}");
    let text = match value {
        DeValue::Integer(_) => {
            let number = field::integer(0..=most)(value)?;
            return Ok(number..=number);
        }
        DeValue::String(text) => text,
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => {
            return Err(Complaint::new(format!("found {}", kind_of(value)), help));
        }
    };
    let refused = |what: &str, help: &str| Complaint::new(format!("\"{text}\" {what}"), help);
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    if let Some(last) = last.strip_prefix('=') {
        let help = format!("write \"{first}..{last}\": both ends belong to it");
        return Err(refused("is not how ranges are written here", &help));
    }
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number <= most);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        (Some(first), Some(last)) => {
            Err(refused("ends before it begins", &format!("write \"{last}..{first}\"")))
        }
        (None, _) | (_, None) => Err(refused("is no number and no range", &help)),
    }
}
