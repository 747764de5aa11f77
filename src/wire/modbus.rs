//! Modbus: the MBAP header of Modbus/TCP, RTU frames, and the PDU that both carry.

pub mod identify;
pub mod mbap;
pub mod pdu;
pub mod reply;
pub mod request;
pub mod rtu;
pub mod shape;
