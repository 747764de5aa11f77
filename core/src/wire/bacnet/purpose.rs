//! What each service and each message is for, and who may say it.

use super::super::message::Operation::{Command, Other, Read, Session, Write};
use super::super::message::Role::{Report, Request, Response};
use super::super::message::{Operation, Role};

/// A service with confirmation (ASHRAE 135, section 21, `BACnetConfirmedServiceChoice`).
pub(super) fn of_confirmed(service: u8) -> (Role, Operation) {
    match service {
        // Notifications of values, events and audits.
        1 | 2 | 31 | 32 => (Report, Read),
        // Alarm and enrollment summaries, files, properties, ranges, event information, audit log.
        3 | 4 | 6 | 12..=14 | 26 | 29 | 33 => (Request, Read),
        // Acknowledged alarms, files, list elements, objects, properties.
        0 | 7..=11 | 15 | 16 => (Request, Write),
        // Communication control, reinitialize, life safety.
        17 | 20 | 27 => (Request, Command),
        // Subscriptions, virtual terminals, keys.
        5 | 21..=25 | 28 | 30 => (Request, Session),
        // Private transfer, text, and what later editions add.
        18 | 19 | 34..=255 => (Request, Other),
    }
}

/// A service without (`BACnetUnconfirmedServiceChoice`).
pub(super) fn of_unconfirmed(service: u8) -> (Role, Operation) {
    match service {
        // I-Am, I-Have.
        0 | 1 => (Report, Session),
        // Notifications of values, events and audits.
        2 | 3 | 11 | 12 => (Report, Read),
        // Clocks, Who-Has, Who-Is, Who-Am-I.
        6..=9 | 13 => (Request, Session),
        // A group; the identity of a device (You-Are).
        10 | 14 => (Request, Write),
        // Private transfer, text, and what later editions add.
        4 | 5 | 15..=255 => (Report, Other),
    }
}

/// A message of the network layer (section 6.2.4).
pub(super) fn of_network(kind: u8) -> (Role, Operation) {
    match kind {
        // Who-Is-Router, establish and end a connection, What-Is-Network-Number.
        0x00 | 0x08 | 0x09 | 0x12 => (Request, Session),
        // Initialize-Routing-Table.
        0x06 => (Request, Write),
        // Its acknowledgment, and rejections.
        0x03 | 0x07 => (Response, Session),
        // What routers tell of themselves, and Network-Number-Is.
        0x01 | 0x02 | 0x04 | 0x05 | 0x13 => (Report, Session),
        // Security and vendors.
        0x0a..=0x11 | 0x14..=0xff => (Report, Other),
    }
}

/// A function of the virtual link layer that carries no NPDU (annex J.2).
pub(super) fn of_link(function: u8) -> (Role, Operation) {
    match function {
        // The table of distribution is written, one entry of foreign devices deleted.
        0x01 | 0x08 => (Request, Write),
        0x02 | 0x06 => (Request, Read),
        0x03 | 0x07 => (Response, Read),
        0x05 => (Request, Session),
        0x00 => (Response, Session),
        0x04 | 0x09..=0xff => (Report, Other),
    }
}
