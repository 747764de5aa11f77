//! Addresses of tags: IEC 61131-3 (`%MW100`), Modbus tables (`holding:100`), Modicon (`40101`).
//!
//! All three end as a Modbus table and an index, the only thing a controller is ever asked for.
//! What has no place in a Modbus table is refused with the reason, never rounded to a neighbour.

use std::fmt;

/// The four Modbus tables (Application Protocol V1.1b3, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Coil,
    Discrete,
    Input,
    Holding,
}

impl Table {
    /// True if an entry is one bit, false if it is a 16-bit register.
    pub fn is_bit(self) -> bool {
        match self {
            Self::Coil | Self::Discrete => true,
            Self::Input | Self::Holding => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::Discrete => "discrete",
            Self::Input => "input",
            Self::Holding => "holding",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A place in a Modbus table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub table: Table,
    /// Protocol address, from 0.
    pub index: u16,
    /// Bit of a register, 0 the least significant; `None` for whole registers, coils, inputs.
    pub bit: Option<u8>,
}

/// How `%M…` and `%Q…` map to Modbus tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addressing {
    /// `%MWn` is holding n, `%MDn` holding 2n, `%MLn` holding 4n; `%QW` and `%MW` are the same.
    #[default]
    Direct,
    /// OpenPLC: `%QWn` is holding n, `%MWn` 1024+n, `%MDn` 2048+2n, `%MLn` 4096+4n.
    OpenPlc,
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error(
        "`{0}` is not an address; write %MW100, %IX1.0, holding:100, input:3, coil:0, discrete:5 or 40101"
    )]
    Form(String),
    #[error("`{0}` lies outside 0..=65535")]
    Range(String),
    #[error("`{text}`: {reason}")]
    Unmapped { text: String, reason: &'static str },
}

impl Address {
    /// Parse one of the three notations. Letters may have either case.
    pub fn parse(text: &str, addressing: Addressing) -> Result<Self, AddressError> {
        let parsed = if let Some(location) = text.strip_prefix('%') {
            iec(location, addressing)
        } else if let Some((table, place)) = text.split_once(':') {
            modbus(table, place)
        } else {
            modicon(text)
        };
        parsed.map_err(|refusal| match refusal {
            Refusal::Form => AddressError::Form(text.to_owned()),
            Refusal::Range => AddressError::Range(text.to_owned()),
            Refusal::Unmapped(reason) => AddressError::Unmapped { text: text.to_owned(), reason },
        })
    }

    /// True if what lies there is one bit: a coil, a discrete input, or a bit of a register.
    pub fn is_bit(self) -> bool {
        self.table.is_bit() || self.bit.is_some()
    }
}

impl fmt::Display for Address {
    /// The notation of Modbus tables, which every addressing reads back the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.table, self.index)?;
        self.bit.map_or(Ok(()), |bit| write!(f, ".{bit}"))
    }
}

/// Why there is no address, before the text it was refused for is known.
enum Refusal {
    Form,
    Range,
    Unmapped(&'static str),
}

/// `number` or `number.bit`.
#[derive(Clone, Copy)]
struct Place {
    number: u32,
    bit: Option<u8>,
}

impl Place {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let (number, bit) = match text.split_once('.') {
            Some((number, bit)) => (number, Some(decimal(bit)?)),
            None => (text, None),
        };
        let bit = bit.map(u8::try_from).transpose().map_err(|_| NO_SUCH_BIT)?;
        Ok(Self { number: decimal(number)?, bit })
    }

    /// As an entry of `table`, counted in it from 0.
    fn entry(self, table: Table) -> Result<Address, Refusal> {
        let index = u16::try_from(self.number).map_err(|_| Refusal::Range)?;
        match self.bit {
            Some(_) if table.is_bit() => Err(Refusal::Unmapped("a coil or input has no bits")),
            Some(16..) => Err(NO_SUCH_BIT),
            bit => Ok(Address { table, index, bit }),
        }
    }

    /// As bit `bit` of byte `number` in a table of bits.
    fn packed(self, table: Table) -> Result<Address, Refusal> {
        match self.bit {
            None => Err(Refusal::Unmapped("a bit is missing: write %QX0.3 for bit 3 of byte 0")),
            Some(8..) => Err(Refusal::Unmapped("a byte has bits 0 to 7")),
            Some(bit) => {
                let number = self.number.checked_mul(8).ok_or(Refusal::Range)? + u32::from(bit);
                Self { number, bit: None }.entry(table)
            }
        }
    }
}

const NO_SUCH_BIT: Refusal = Refusal::Unmapped("a register has bits 0 to 15");

/// Digits only: `str::parse` alone would take a sign.
fn decimal(text: &str) -> Result<u32, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::Form);
    }
    text.parse().map_err(|_| Refusal::Range)
}

/// `MW100`, what follows the percent sign.
fn iec(location: &str, addressing: Addressing) -> Result<Address, Refusal> {
    let mut letters = location.chars();
    let mut letter = || letters.next().map(|letter| letter.to_ascii_uppercase());
    let (region, size) = (letter(), letter());
    let place = Place::parse(letters.as_str());
    match (region, size) {
        (Some('I'), Some('X')) => place?.packed(Table::Discrete),
        (Some('Q'), Some('X')) => place?.packed(Table::Coil),
        (Some('M'), Some('X')) => match place? {
            Place { bit: None, .. } => {
                Err(Refusal::Unmapped("a bit is missing: write %MX12.5 for bit 5 of word 12"))
            }
            place => register('M', 1, place, addressing),
        },
        (Some(region @ ('I' | 'Q' | 'M')), Some('W')) => register(region, 1, place?, addressing),
        (Some(region @ ('I' | 'Q' | 'M')), Some('D')) => register(region, 2, place?, addressing),
        (Some(region @ ('I' | 'Q' | 'M')), Some('L')) => register(region, 4, place?, addressing),
        (Some('I' | 'Q' | 'M'), Some('B')) => Err(Refusal::Unmapped(
            "Modbus has no bytes: address the register (%MW) and give it the type BYTE",
        )),
        _ => Err(Refusal::Form),
    }
}

/// Entry `place` of a region whose entries are `width` registers wide.
fn register(
    region: char,
    width: u32,
    place: Place,
    addressing: Addressing,
) -> Result<Address, Refusal> {
    if width > 1 && place.bit.is_some() {
        return Err(Refusal::Unmapped("only a single register has bits: write %MW100.5"));
    }
    let table = if region == 'I' { Table::Input } else { Table::Holding };
    let base = match addressing {
        Addressing::Direct => 0,
        Addressing::OpenPlc => openplc_base(region, width, place.number)?,
    };
    let number = place.number.checked_mul(width).ok_or(Refusal::Range)? + base;
    Place { number, bit: place.bit }.entry(table)
}

/// Where OpenPLC serves a region. It keeps 1024 entries of each; one more is the next region's.
fn openplc_base(region: char, width: u32, number: u32) -> Result<u32, Refusal> {
    if number > 1023 {
        return Err(Refusal::Unmapped("OpenPLC serves entries 0 to 1023 of each kind"));
    }
    match (region, width) {
        ('I' | 'Q', 1) => Ok(0),
        ('M', 1) => Ok(1024),
        ('M', 2) => Ok(2048),
        ('M', 4) => Ok(4096),
        _ => Err(Refusal::Unmapped("OpenPLC serves %IW, %QW, %MW, %MD and %ML over Modbus")),
    }
}

/// `holding:100`, `coil:0`.
fn modbus(table: &str, place: &str) -> Result<Address, Refusal> {
    let table = [Table::Coil, Table::Discrete, Table::Input, Table::Holding]
        .into_iter()
        .find(|known| known.name().eq_ignore_ascii_case(table))
        .ok_or(Refusal::Form)?;
    Place::parse(place)?.entry(table)
}

/// `40101`, `400101`: a digit for the table, then a number counted from 1.
fn modicon(text: &str) -> Result<Address, Refusal> {
    let digits = text.split_once('.').map_or(text, |(digits, _)| digits);
    let table = match (digits.len(), digits.chars().next()) {
        (5 | 6, Some('0')) => Table::Coil,
        (5 | 6, Some('1')) => Table::Discrete,
        (5 | 6, Some('3')) => Table::Input,
        (5 | 6, Some('4')) => Table::Holding,
        _ => return Err(Refusal::Form),
    };
    let Place { number, bit } = Place::parse(text.get(1..).unwrap_or_default())?;
    let number = number.checked_sub(1).ok_or(Refusal::Unmapped(
        "Modicon numbers count from 1: 40001 is the first holding register",
    ))?;
    Place { number, bit }.entry(table)
}

#[cfg(test)]
mod tests;
