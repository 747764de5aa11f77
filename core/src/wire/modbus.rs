//! Modbus: the MBAP header of Modbus/TCP, RTU frames, and the PDU that both carry.

pub mod content;
pub mod identify;
pub mod likeness;
pub mod mbap;
pub mod name;
pub mod pdu;
pub mod reply;
pub mod request;
pub mod rtu;
pub mod shape;
