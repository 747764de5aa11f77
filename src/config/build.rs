//! What a program can do of that which a file may ask for. A small build leaves some of it out.

/// The cargo features that a file depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Build {
    /// It speaks to OPC UA servers.
    pub(super) opcua: bool,
    /// It speaks Modbus/TCP Security.
    pub(super) tls: bool,
}

impl Build {
    /// This program.
    pub(super) const THIS: Self =
        Self { opcua: cfg!(feature = "opcua"), tls: cfg!(feature = "tls") };
    #[cfg(test)]
    pub(super) const WHOLE: Self = Self { opcua: true, tls: true };
}
