//! OPC UA over TCP as an onlooker sees it (OPC 10000-6): chunks, the connection protocol, the
//! headers of the secure conversation, and which service a readable body belongs to.

mod binary;
pub mod chunk;
pub mod connection;
pub mod conversation;
pub mod message;
pub mod service;
