//! A message of an industrial protocol, reduced to what an onlooker asks: who may say it, whether it
//! reads or changes something, and whether it was refused.
//!
//! Each protocol brings two functions: one says where the frame at the front of a stream ends, one
//! reads a frame. Modbus has more to say, and types of its own.

/// Protocols that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Modbus/TCP.
    Modbus,
    /// Frames of a Modbus serial line, with their CRC, in a TCP connection.
    ModbusRtu,
    OpcUa,
    Dnp3,
    /// IEC 60870-5-104.
    Iec104,
    S7comm,
    /// EtherNet/IP, which carries CIP.
    EtherNetIp,
    /// BACnet/IP.
    Bacnet,
}

impl Protocol {
    pub const ALL: [Self; 8] = [
        Self::Modbus,
        Self::ModbusRtu,
        Self::OpcUa,
        Self::Dnp3,
        Self::Iec104,
        Self::S7comm,
        Self::EtherNetIp,
        Self::Bacnet,
    ];

    /// As it stands in fields and keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modbus => "modbus",
            Self::ModbusRtu => "modbus_rtu",
            Self::OpcUa => "opcua",
            Self::Dnp3 => "dnp3",
            Self::Iec104 => "iec104",
            Self::S7comm => "s7comm",
            Self::EtherNetIp => "enip",
            Self::Bacnet => "bacnet",
        }
    }
}

/// What stands at the front of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A frame of so many bytes, header included; never 0. All of them need not be there yet.
    Whole(usize),
    /// Too little to say.
    Short,
    /// No frame of the protocol.
    Foreign,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub operation: Operation,
    /// Function or service code, as the protocol numbers them.
    pub code: u16,
    /// Station, common address, slot or object: who is meant behind the network address.
    pub station: Option<u32>,
    /// Why it was refused, as the protocol numbers it; `None` if it was not.
    pub error: Option<u16>,
}

/// Who may say a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Asks or orders: a client, a master, a controlling station.
    Request,
    /// Answers that.
    Response,
    /// Tells by itself: unsolicited, spontaneous, cyclic.
    Report,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Read,
    /// Changes a value, a parameter or a program in the device.
    Write,
    /// Makes the device act: operate, stop, restart, switch over.
    Command,
    /// Opens, keeps or closes a session; synchronises; tests the link.
    Session,
    /// Anything else, or unknown.
    Other,
}
