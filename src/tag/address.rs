//! Addresses of tags: IEC 61131-3 (`%MW100`), Modbus tables (`holding:100`), Modicon (`40101`).

/// The four Modbus tables (Application Protocol V1.1b3, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Coil,
    Discrete,
    Input,
    Holding,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// `%MWn` is holding n, `%MDn` holding 2n.
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
}
