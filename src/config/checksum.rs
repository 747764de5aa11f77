//! `checksum`: what a controller says of its own registers, and where it says so.
//!
//! It stands in a device or in its template, and is judged with the tags that the device ends up
//! with: a checksum over registers that hold no tag would verify nothing and look as if it did.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeValue;

use crate::tag::{Address, Addressing, Algorithm, ByteOrder, Order, Registers, Table, Tag, Type};

use super::complaint::Complaint;
use super::field::{self, Parsed};
use super::section::Section;

/// A block of registers that a controller guards with a checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    pub algorithm: Algorithm,
    /// What is summed, in this order. No two overlap.
    pub over: Vec<RegisterRange>,
    pub order: ByteOrder,
    pub expect: Expect,
    /// A register that the controller changes each time it writes the block.
    pub sequence: Option<Address>,
}

impl Checksum {
    /// Most registers that one checksum may be over: eight full requests.
    pub const MAX_REGISTERS: u16 = 1000;
    const MAX_RANGES: usize = 16;
}

/// Registers next to each other in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterRange {
    pub table: Table,
    pub first: u16,
    /// At least 1, and no more than the table has from `first` on.
    pub count: u16,
}

/// What the checksum has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Constant(u32),
    /// A WORD or a DWORD that the controller keeps.
    Kept(Registers),
}

impl RegisterRange {
    /// The registers that `registers` cover; none for a coil or a discrete input.
    pub fn of(registers: &Registers) -> Option<Self> {
        let Address { table, index: first, .. } = registers.address;
        (!table.is_bit()).then(|| Self { table, first, count: registers.span() })
    }

    /// Indices of its table.
    pub fn extent(self) -> Range<u32> {
        let first = u32::from(self.first);
        first..first + u32::from(self.count)
    }

    /// Where `inner` begins in it, in registers, if it holds all of `inner`.
    pub fn offset_of(self, inner: Self) -> Option<usize> {
        let is_inside = self.table == inner.table
            && self.first <= inner.first
            && inner.extent().end <= self.extent().end;
        is_inside.then(|| usize::from(inner.first - self.first))
    }

    fn overlaps(self, other: Self) -> bool {
        let (one, two) = (self.extent(), other.extent());
        self.table == other.table && one.start < two.end && two.start < one.end
    }
}

impl fmt::Display for RegisterRange {
    /// As the configuration takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, first, count } = self;
        match count {
            1 => write!(f, "{table}:{first}"),
            _ => write!(f, "{table}:{first}..{table}:{}", self.extent().end.saturating_sub(1)),
        }
    }
}

/// The `checksum` of a device or template, for a device with `tags`; `None` for these if they are
/// not known, or have mistakes of their own.
pub(super) fn read(
    parent: &Section<'_>,
    addressing: Addressing,
    tags: Option<&[Arc<Tag>]>,
) -> Option<Checksum> {
    let section = parent.section("checksum", "checksum = { … }")?;
    let algorithm = section.required(
        "algorithm",
        "algorithm = \"crc16-modbus\"",
        field::choice(Algorithm::ALL),
    );
    let over =
        section.required("over", "over = \"%MW100..%MW119\"", |value| over(value, addressing));
    let order = section.or("order", ByteOrder::default(), field::choice(ByteOrder::ALL));
    let keeping = Keeping {
        algorithm,
        addressing,
        order: section.optional("expect_order", field::parsed("ABCD")),
        tags,
    };
    let expect =
        section.required("expect", "expect = \"%MW120\"", |value| keeping.expect(value)).flatten();
    let sequence = section.optional("sequence", |value| one_register(value, addressing));
    section.finish();
    let (algorithm, over, expect) = (algorithm?, over?, expect?);
    let checksum = Checksum { algorithm, over, order, expect, sequence };
    report_overlaps(&section, &checksum);
    if let Some(tags) = tags {
        report_coverage(&section, &checksum.over, tags);
    }
    Some(checksum)
}

/// What is known where the expected value is read.
struct Keeping<'t> {
    algorithm: Option<Algorithm>,
    addressing: Addressing,
    order: Option<Order>,
    tags: Option<&'t [Arc<Tag>]>,
}

impl Keeping<'_> {
    /// A number, the name of a tag or an address; `None` if that cannot be told yet.
    fn expect(&self, value: &DeValue<'_>) -> Parsed<Option<Expect>> {
        if let DeValue::Integer(_) = value {
            self.report_order("a number has no order")?;
            let max = self.algorithm.map_or(u32::MAX, Algorithm::max);
            return field::integer(0..=max)(value).map(Expect::Constant).map(Some);
        }
        let text = field::text(value, "%MW120")?;
        let tag = self.tags.unwrap_or_default().iter().find(|tag| &*tag.name == text);
        let Some(algorithm) = self.algorithm else { return Ok(None) };
        match (tag.and_then(|tag| tag.registers()), Address::parse(text, self.addressing)) {
            (Some(registers), _) => {
                self.report_order("a tag has an order of its own")?;
                kept_in_tag(text, registers, algorithm).map(Some)
            }
            (None, Ok(_)) => self.kept_at(text, algorithm).map(Some),
            (None, Err(_)) if self.tags.is_none() => Ok(None),
            (None, Err(_)) => {
                let message = format!("`{text}` is neither a tag of the device nor an address");
                let help = "write the name of a tag, an address such as %MW120, or a number \
                            without quotes such as 0x1234";
                Err(Complaint::new(message, help))
            }
        }
    }

    /// Refuse an order that would be taken for nothing.
    fn report_order(&self, message: &str) -> Parsed<()> {
        let refusal = || Complaint::new(message, "remove `expect_order`: it belongs to an address");
        self.order.map_or(Ok(()), |_| Err(refusal()))
    }

    fn kept_at(&self, text: &str, algorithm: Algorithm) -> Parsed<Expect> {
        let (address, width) = register(text, self.addressing)?;
        let n_registers = algorithm.n_registers();
        if width > n_registers {
            let message = format!(
                "`{text}` is {width} registers, a {} takes {n_registers}",
                algorithm.name()
            );
            return Err(Complaint::new(message, "write the register it lies in, such as %MW120"));
        }
        let kind = kind_of(algorithm);
        kind.fit(address)
            .map_err(|misfit| Complaint::explained(&misfit, "the checksum cannot lie there"))?;
        Ok(Expect::Kept(Registers { address, kind, order: self.order.unwrap_or_default() }))
    }
}

fn kind_of(algorithm: Algorithm) -> Type {
    if algorithm.n_registers() == 1 { Type::Word } else { Type::Dword }
}

/// The registers of a tag, whatever it makes of them.
fn kept_in_tag(name: &str, registers: Registers, algorithm: Algorithm) -> Parsed<Expect> {
    let kind = match registers.kind {
        Type::Word | Type::Uint | Type::Int => Type::Word,
        Type::Dword | Type::Udint | Type::Dint => Type::Dword,
        kind @ (Type::Bool
        | Type::Byte
        | Type::Sint
        | Type::Usint
        | Type::Lword
        | Type::Lint
        | Type::Ulint
        | Type::Real
        | Type::Lreal
        | Type::String(_)) => {
            let message = format!("tag `{name}` is a {kind}, which holds no checksum");
            return Err(Complaint::new(message, "give the tag the type WORD or DWORD"));
        }
    };
    if kind.n_registers() < algorithm.n_registers() {
        let message = format!("tag `{name}` is too short for a {}", algorithm.name());
        return Err(Complaint::new(message, "give the tag the type DWORD"));
    }
    Ok(Expect::Kept(Registers { kind, ..registers }))
}

/// One range, or a list of them. Neighbours that follow each other are one.
fn over(value: &DeValue<'_>, addressing: Addressing) -> Parsed<Vec<RegisterRange>> {
    let ranges = match value.as_array() {
        None => vec![range(value, addressing)?],
        Some(array) if array.is_empty() || array.len() > Checksum::MAX_RANGES => {
            let message = format!("{} ranges will not do", array.len());
            let help = format!("write 1 to {}", Checksum::MAX_RANGES);
            return Err(Complaint::new(message, help));
        }
        Some(array) => array
            .iter()
            .map(|value| {
                range(value.get_ref(), addressing).map_err(|complaint| complaint.at(value.span()))
            })
            .collect::<Parsed<_>>()?,
    };
    let mut over: Vec<RegisterRange> = vec![];
    for range in ranges {
        if let Some(other) = over.iter().find(|other| other.overlaps(range)) {
            let message = format!("{range} and {other} overlap");
            return Err(Complaint::new(message, "sum each register once"));
        }
        match over.last_mut() {
            Some(last)
                if last.table == range.table && last.extent().end == range.extent().start =>
            {
                last.count = last.count.saturating_add(range.count);
            }
            Some(_) | None => over.push(range),
        }
    }
    let n_registers: u32 = over.iter().map(|range| u32::from(range.count)).sum();
    if n_registers > Checksum::MAX_REGISTERS.into() {
        let message = format!("{n_registers} registers are too many for one checksum");
        let help = format!("sum at most {}", Checksum::MAX_REGISTERS);
        return Err(Complaint::new(message, help));
    }
    Ok(over)
}

/// `%MW100..%MW119`, both included, or one register.
fn range(value: &DeValue<'_>, addressing: Addressing) -> Parsed<RegisterRange> {
    let text = field::text(value, "%MW100..%MW119")?;
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, _) = register(first.trim(), addressing)?;
    let (last, width) = register(last.trim(), addressing)?;
    let end = u32::from(last.index) + u32::from(width);
    let count = end.checked_sub(first.index.into()).filter(|count| *count > 0);
    let complaint = if first.table != last.table {
        Complaint::new(format!("`{text}` begins and ends in different tables"), "write two ranges")
    } else if first.index > last.index {
        Complaint::new(format!("`{text}` ends before it begins"), "exchange the two addresses")
    } else if end > TABLE_LEN {
        Complaint::new(format!("`{text}` reaches past 65535"), "a table ends there")
    } else if let Some(count) = count.and_then(|count| u16::try_from(count).ok()) {
        return Ok(RegisterRange { table: first.table, first: first.index, count });
    } else {
        let help = format!("sum at most {}", Checksum::MAX_REGISTERS);
        Complaint::new(format!("`{text}` is the whole table"), help)
    };
    Err(complaint)
}

/// Entries of a table.
const TABLE_LEN: u32 = 1 << 16;

/// An address of whole registers, and how many of them its notation means.
fn register(text: &str, addressing: Addressing) -> Parsed<(Address, u16)> {
    const HELP: &str = "write registers, such as %MW100, %IW3, holding:100 or input:3";
    let address = Address::parse(text, addressing)
        .map_err(|error| Complaint::explained(&error, HELP).help(HELP))?;
    if address.is_bit() {
        let message = format!("`{text}` is a bit, and checksums are over registers");
        return Err(Complaint::new(message, HELP));
    }
    let size = text.strip_prefix('%').and_then(|location| location.chars().nth(1));
    let width = match size {
        Some('D' | 'd') => 2,
        Some('L' | 'l') => 4,
        Some(_) | None => 1,
    };
    Ok((address, width))
}

fn one_register(value: &DeValue<'_>, addressing: Addressing) -> Parsed<Address> {
    let text = field::text(value, "%MW121")?;
    match register(text, addressing)? {
        (address, 1) => Ok(address),
        (_, width) => {
            let message = format!("`{text}` is {width} registers");
            Err(Complaint::new(message, "write the one that changes, such as %MW121"))
        }
    }
}

/// Report where the checksum would sum itself, or be taken for something else.
fn report_overlaps(section: &Section<'_>, checksum: &Checksum) {
    let in_over = |place: RegisterRange| checksum.over.iter().any(|range| range.overlaps(place));
    let report = |key: &'static str, message: String, help: &str| {
        let complaint = Complaint::new(message, help);
        let place = section.span("over").unwrap_or_default();
        section.report_key(key, complaint.related(place, "this is summed"));
    };
    let expect = match &checksum.expect {
        Expect::Constant(_) => None,
        Expect::Kept(registers) => RegisterRange::of(registers),
    };
    if let Some(expect) = expect.filter(|expect| in_over(*expect)) {
        let message = format!("{expect} lies inside `over`: the checksum would sum itself");
        report("expect", message, "end the range before it, or split it around it");
    }
    let sequence =
        checksum.sequence.map(|at| RegisterRange { table: at.table, first: at.index, count: 1 });
    let Some(sequence) = sequence else { return };
    if in_over(sequence) {
        let message = format!("{sequence} lies inside `over`");
        report("sequence", message, "the sequence is read apart; take it out of the range");
    } else if expect.is_some_and(|expect| expect.overlaps(sequence)) {
        let message = format!("{sequence} is the checksum itself");
        let help = "write a register that changes with each write, or remove it";
        section.report_key("sequence", Complaint::new(message, help));
    }
}

/// Report a checksum that verifies no tag, and tags that it verifies in part.
fn report_coverage(section: &Section<'_>, over: &[RegisterRange], tags: &[Arc<Tag>]) {
    let places = tags.iter().filter_map(|tag| {
        let place = RegisterRange::of(&tag.registers()?)?;
        Some((tag, place))
    });
    let mut n_inside = 0;
    for (tag, place) in places {
        if over.iter().any(|range| range.offset_of(place).is_some()) {
            n_inside += 1;
        } else if over.iter().any(|range| range.overlaps(place)) {
            n_inside += 1; // one mistake is enough
            let message = format!("tag `{}` ({place}) lies inside it only in part", tag.name);
            section.report_key(
                "over",
                Complaint::new(message, "extend the range, or correct the tag"),
            );
        }
    }
    if n_inside == 0 {
        let message = "no tag of the device lies inside it, so nothing would be verified";
        let help = "extend the range over tags, or remove `checksum`";
        section.report_key("over", Complaint::new(message, help));
    }
}
