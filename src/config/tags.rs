//! `tags` and `[template.…]`: what is read from a device, and what is shared by many.
//!
//! A device's tags are those of its template, then its own. One of its own that has the name of
//! one of the template takes that one's place: a plant's odd pump is its template with an
//! exception, not a second template.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeValue;

use crate::tag::{Address, Addressing, Limits, Order, Place, Registers, Tag, Type, TypeError};

use super::checksum;
use super::complaint::Complaint;
use super::field::{self, Parsed};
use super::section::{Names, Section};
use super::spelling::{nearest, quoted};

/// The templates of a file, by name.
pub(super) struct Templates<'a>(BTreeMap<&'a str, Template<'a>>);

pub(super) struct Template<'a> {
    pub(super) section: Section<'a>,
    /// Nothing was wrong with its tags.
    pub(super) is_sound: bool,
    /// Shared by all devices that use it.
    direct: Vec<Arc<Tag>>,
    openplc: OnceCell<Vec<Arc<Tag>>>,
}

impl<'a> Templates<'a> {
    /// Read each once, used or not. Whatever is an address anywhere is one in direct addressing.
    pub(super) fn read(root: &Section<'a>) -> Self {
        let sections = root.named("template", "[template.…]");
        let read = |section: Section<'a>| {
            if section.span("tags").is_none() {
                section.report_missing(&["tags"], "tags = [{ name = \"…\", at = \"%MW100\", … }]");
            }
            let n_complaints = section.n_complaints();
            let direct = read(&section, Addressing::Direct);
            let is_sound = section.n_complaints() == n_complaints;
            checksum::read(&section, Addressing::Direct, None);
            section.finish();
            Template { section, is_sound, direct, openplc: OnceCell::new() }
        };
        Self(sections.into_iter().map(|(name, section)| (name, read(section))).collect())
    }

    /// The template that `value` names.
    pub(super) fn named(&self, value: &DeValue<'_>) -> Parsed<&Template<'a>> {
        let name = field::text(value, "acme-pump")?;
        self.0.get(name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Complaint {
        let names = || self.0.keys().copied();
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if self.0.is_empty() => "this file has no [template.…]".to_owned(),
            None => format!("known are {}", quoted(names())),
        };
        Complaint::new(format!("no template is called \"{name}\""), help)
    }
}

impl Template<'_> {
    pub(super) fn tags(&self, addressing: Addressing) -> Vec<Arc<Tag>> {
        match addressing {
            Addressing::Direct => self.direct.clone(),
            Addressing::OpenPlc => {
                self.openplc.get_or_init(|| read(&self.section, addressing)).clone()
            }
        }
    }
}

/// `shared`, except where `own` has the same name, then `own`.
pub(super) fn overridden(shared: Vec<Arc<Tag>>, own: Vec<Arc<Tag>>) -> Vec<Arc<Tag>> {
    let names: BTreeSet<Arc<str>> = own.iter().map(|tag| Arc::clone(&tag.name)).collect();
    shared.into_iter().filter(|tag| !names.contains(&tag.name)).chain(own).collect()
}

/// The `tags` of a device or template.
pub(super) fn read(section: &Section<'_>, addressing: Addressing) -> Vec<Arc<Tag>> {
    let mut names = Names::of("another tag here is called");
    let sections = section.sections("tags", "tags = [{ … }]");
    let tags = sections.iter().filter_map(|section| one(section, addressing, &mut names));
    tags.map(Arc::new).collect()
}

fn one(section: &Section<'_>, addressing: Addressing, names: &mut Names) -> Option<Tag> {
    let name = name(section, names);
    let address = section.required("at", "at = \"%MW100\"", |value| at(value, addressing));
    let kind = kind_of(section, address);
    let order = section.or("order", Order::default(), field::parsed("ABCD"));
    let meaning = Meaning::read(section);
    if let Some(kind) = kind {
        report_numbers_of(section, kind);
    }
    section.finish();
    let place = Registers { address: address?, kind: kind?, order }.into();
    Some(meaning.of(&name?, place))
}

/// What a tag is called, which no other in `names` is.
pub(super) fn name(section: &Section<'_>, names: &mut Names) -> Option<Arc<str>> {
    let name = section.required("name", "name = \"pressure\"", field::name("pressure"));
    if let Some(name) = &name {
        names.take(section, "name", name);
    }
    name
}

/// From two of the shortest periods to two of the longest.
const EXPECT_CHANGE: RangeInclusive<Duration> =
    Duration::from_millis(20)..=Duration::from_secs(2 * 86_400);

/// Report each of `tags` that cannot be seen to change as fast as is expected: whoever is read
/// `every` so often is seen to change after two periods.
pub(super) fn report_expectations(section: &Section<'_>, tags: &[Arc<Tag>], every: Duration) {
    for tag in tags {
        let Some(expected) = tag.expect_change.filter(|expected| *expected < every * 2) else {
            continue;
        };
        let [every, expected, most] =
            [every, expected, expected / 2].map(humantime::format_duration);
        let message = format!(
            "once in {every} is too seldom to see tag \"{}\" change within {expected}",
            tag.name
        );
        let help = format!("read it every {most} or more often, or raise its `expect_change`");
        section.report_key("every", Complaint::new(message, help));
    }
}

/// Everything about a tag but its name and where it is read.
pub(super) struct Meaning {
    scale: f64,
    offset: f64,
    unit: Option<Arc<str>>,
    limits: Limits,
    deadband: f64,
    expect_change: Option<Duration>,
}

impl Meaning {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let limits = section.section("limits", "limits = { … }");
        Self {
            scale: section.or("scale", 1.0, nonzero),
            offset: section.or("offset", 0.0, field::number),
            unit: section.optional("unit", field::name("bar")),
            limits: limits.map_or_else(Limits::default, |section| self::limits(&section)),
            deadband: section.or("deadband", 0.0, not_negative),
            expect_change: section.optional("expect_change", field::duration(EXPECT_CHANGE)),
        }
    }

    pub(super) fn of(self, name: &str, place: Place) -> Tag {
        let Self { scale, offset, unit, limits, deadband, expect_change } = self;
        Tag { scale, offset, unit, limits, deadband, expect_change, ..Tag::at(name, place) }
    }
}

fn at(value: &DeValue<'_>, addressing: Addressing) -> Parsed<Address> {
    let text = field::text(value, "%MW100")?;
    Address::parse(text, addressing).map_err(|error| {
        Complaint::explained(&error, "expected an address such as %MW100, holding:100 or 40101")
    })
}

/// The tag's type. A bit is a BOOL; what a register holds must be said, because every guess that
/// is wrong still yields a number.
fn kind_of(section: &Section<'_>, address: Option<Address>) -> Option<Type> {
    let kind = match section.span("type") {
        Some(_) => section.optional("type", kind)?,
        None if address?.is_bit() => Type::Bool,
        None => {
            section.report_missing(
                &["type"],
                "type = \"INT\", or whatever the controller keeps there",
            );
            return None;
        }
    };
    if let Some(Err(misfit)) = address.map(|address| kind.fit(address)) {
        section.report_key("at", Complaint::explained(&misfit, "change the address or the type"));
    }
    Some(kind)
}

fn kind(value: &DeValue<'_>) -> Parsed<Type> {
    let text = field::text(value, "REAL")?;
    text.parse().map_err(|error: TypeError| {
        let names = || Type::names();
        let help = match (foreign(text), nearest(text, names())) {
            (Some(iec), _) => format!("IEC 61131-3 calls it {iec}"),
            (None, Some(near)) => format!("did you mean {near}?"),
            (None, None) => format!("known are {}", quoted(names())),
        };
        Complaint::new(error.to_string(), help)
    })
}

/// The type that other products call by this name.
fn foreign(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "bit" | "boolean" => Some("BOOL"),
        "int8" | "i8" => Some("SINT"),
        "uint8" | "u8" => Some("USINT"),
        "int16" | "i16" | "short" => Some("INT"),
        "uint16" | "u16" | "ushort" => Some("UINT"),
        "int32" | "i32" | "long" => Some("DINT"),
        "uint32" | "u32" | "ulong" => Some("UDINT"),
        "int64" | "i64" => Some("LINT"),
        "uint64" | "u64" => Some("ULINT"),
        "float" | "float32" | "f32" => Some("REAL"),
        "double" | "float64" | "f64" => Some("LREAL"),
        _ => None,
    }
}

fn nonzero(value: &DeValue<'_>) -> Parsed<f64> {
    match field::number(value)? {
        0.0 => Err(Complaint::new("0 makes every value the offset", "expected another number")),
        scale => Ok(scale),
    }
}

fn not_negative(value: &DeValue<'_>) -> Parsed<f64> {
    match field::number(value)? {
        ..0.0 => Err(Complaint::new("a deadband has no sign", "expected 0 or more")),
        deadband => Ok(deadband),
    }
}

fn limits(section: &Section<'_>) -> Limits {
    const IN_ORDER: [&str; 4] = ["low_low", "low", "high", "high_high"];
    let values = IN_ORDER.map(|key| section.optional(key, field::number));
    let present: Vec<_> =
        IN_ORDER.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect();
    for ((low_key, low), (key, high)) in present.iter().zip(present.iter().skip(1)) {
        // An alarm and its alert may share a limit; between a low and a high must be room.
        let same_side = low_key.contains("low") == key.contains("low");
        let in_order = if same_side { low <= high } else { low < high };
        if !in_order {
            let message = format!("{high} is not above `{low_key}`, which is {low}");
            let help = "expected low_low <= low < high <= high_high";
            section.report_key(key, Complaint::new(message, help));
        }
    }
    section.finish();
    let [low_low, low, high, high_high] = values;
    Limits { low_low, low, high, high_high }
}

/// Report what only a number can have on a tag that is none.
fn report_numbers_of(section: &Section<'_>, kind: Type) {
    if kind.is_number() {
        return;
    }
    for key in ["scale", "offset", "limits", "deadband"] {
        if section.span(key).is_some() {
            let message = format!("a {kind} is not a number");
            section.report_key(key, Complaint::new(message, "remove it, or change the type"));
        }
    }
}
