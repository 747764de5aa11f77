//! Services, messages and PDUs in words, as ASHRAE 135 names them.

use super::apdu::{ABORT, REJECT, SEGMENT_ACK};
use super::{LINK, NETWORK, PDU, UNCONFIRMED};

/// Of whatever has a code; `None` if the protocol does not define it.
pub fn function_name(code: u16) -> Option<&'static str> {
    let number = code & 0xff;
    match code - number {
        0 => CONFIRMED.get(usize::from(number)).copied(),
        UNCONFIRMED => UNCONFIRMED_NAMES.get(usize::from(number)).copied(),
        NETWORK => network_name(number),
        LINK => link_name(number),
        PDU => pdu_name(number),
        _ => None,
    }
}

const CONFIRMED: [&str; 34] = [
    "acknowledge alarm",
    "confirmed COV notification",
    "confirmed event notification",
    "get alarm summary",
    "get enrollment summary",
    "subscribe COV",
    "atomic read file",
    "atomic write file",
    "add list element",
    "remove list element",
    "create object",
    "delete object",
    "read property",
    "read property conditional",
    "read property multiple",
    "write property",
    "write property multiple",
    "device communication control",
    "confirmed private transfer",
    "confirmed text message",
    "reinitialize device",
    "VT open",
    "VT close",
    "VT data",
    "authenticate",
    "request key",
    "read range",
    "life safety operation",
    "subscribe COV property",
    "get event information",
    "subscribe COV property multiple",
    "confirmed COV notification multiple",
    "confirmed audit notification",
    "audit log query",
];

const UNCONFIRMED_NAMES: [&str; 15] = [
    "I am",
    "I have",
    "COV notification",
    "event notification",
    "private transfer",
    "text message",
    "time synchronization",
    "who has",
    "who is",
    "UTC time synchronization",
    "write group",
    "COV notification multiple",
    "audit notification",
    "who am I",
    "you are",
];

fn network_name(kind: u16) -> Option<&'static str> {
    let name = match kind {
        0x00 => "who is router to network",
        0x01 => "I am router to network",
        0x02 => "I could be router to network",
        0x03 => "reject message to network",
        0x04 => "router busy to network",
        0x05 => "router available to network",
        0x06 => "initialize routing table",
        0x07 => "initialize routing table acknowledgment",
        0x08 => "establish connection to network",
        0x09 => "disconnect connection to network",
        0x12 => "what is network number",
        0x13 => "network number is",
        _ => return None,
    };
    Some(name)
}

fn link_name(function: u16) -> Option<&'static str> {
    let name = match function {
        0x00 => "link result",
        0x01 => "write broadcast distribution table",
        0x02 => "read broadcast distribution table",
        0x03 => "broadcast distribution table",
        0x05 => "register foreign device",
        0x06 => "read foreign device table",
        0x07 => "foreign device table",
        0x08 => "delete foreign device",
        0x0c => "secured message",
        _ => return None,
    };
    Some(name)
}

/// What they end, for those that do.
fn pdu_name(kind: u16) -> Option<&'static str> {
    match u8::try_from(kind).ok()? {
        SEGMENT_ACK => Some("segment acknowledgment"),
        REJECT => Some("request"),
        ABORT => Some("transaction"),
        _ => None,
    }
}
