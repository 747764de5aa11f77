//! Functions: what each is for, and its name. Codes are those of the protocol; functions that come
//! in groups have 0x7000 before group and subfunction, and what the transport does its own codes.

use super::super::message::Operation::{self, Command, Other, Read, Session, Write};

/// TPDUs of the transport (ISO 8073). No function has their codes.
pub const CONNECT: u8 = 0xe0;
pub const CONFIRM: u8 = 0xd0;
pub const DISCONNECT: u8 = 0x80;
pub const DISCONNECTED: u8 = 0xc0;
pub const ERROR: u8 = 0x70;
/// Anything of the successor of the protocol.
pub const PLUS: u8 = 0x72;

/// A job whose refusal does not repeat its function.
pub const UNNAMED: u8 = 0xff;

pub const READ: u8 = 0x04;
pub const WRITE: u8 = 0x05;

/// Added to group and subfunction. What sends so is 7 in the header, too.
pub const USERDATA: u16 = 0x7000;

/// What a function is for; [`Other`] if it is not known.
pub fn operation(code: u16) -> Operation {
    find(code).map_or(Other, |(_, operation, _)| *operation)
}

/// A function in words; `None` if it is not known.
pub fn name(code: u16) -> Option<&'static str> {
    find(code).map(|(.., name)| *name)
}

fn find(code: u16) -> Option<&'static (u16, Operation, &'static str)> {
    FUNCTIONS.iter().find(|(known, ..)| *known == code)
}

/// Added to the reason why a connection is refused, which says something else alone.
pub const REFUSED: u16 = 0xe000;
/// Added to the cause of an error of the transport.
pub const FAILED: u16 = 0x7000;

/// What an answer refuses with, in words; `None` if it is not known.
pub fn error_name(error: u16) -> Option<&'static str> {
    let name = match error {
        0x01 => "hardware error",
        0x03 => "access not allowed",
        0x05 => "address out of range",
        0x06 => "data type not supported",
        0x07 => "data type inconsistent",
        0x0a => "object does not exist",
        0x8104 => "not implemented in this module",
        0xd209 => "block not found",
        0xd20c => "no such priority class for the block",
        0xd210 => "invalid block number",
        0xd240 => "coordination rules violated",
        0xd241 => "not permitted at this protection level",
        0xd401 | 0xd402 => "no such system status list",
        0xd406 => "currently not available",
        0xd602 => "wrong password",
        0xd605 => "no password is set",
        0xd801 => "invalid tag address",
        0xe000 => "no reason given",
        0xe001 => "congestion",
        0xe002 => "nothing behind the selector",
        0xe003 => "address unknown",
        0xe080 => "disconnected",
        _ => match error >> 8 {
            0x70 => "transport error",
            0x81 => "application relationship",
            0x82 => "object definition",
            0x83 => "no resources available",
            0x84 => "error in the service",
            0x85 => "wrong frame",
            0x87 => "access refused",
            _ => return None,
        },
    };
    Some(name)
}

/// The clock and what an operator acknowledges change what a controller does later, so they are no
/// sessions. Of a download only the request writes: the rest keeps it going, and is asked by the
/// controller, piece by piece.
const FUNCTIONS: &[(u16, Operation, &str)] = &[
    (0x04, Read, "read variable"),
    (0x05, Write, "write variable"),
    (0x72, Other, "s7comm-plus"),
    (0xf0, Session, "setup communication"),
    (0xe0, Session, "connect"),
    (0xd0, Session, "connect"),
    (0x80, Session, "connection"),
    (0xc0, Session, "disconnect"),
    (0x70, Session, "frame"),
    (0x00, Other, "cpu services"),
    (0xff, Other, "job"),
    (0x1a, Write, "request download"),
    (0x1b, Session, "download block"),
    (0x1c, Session, "download ended"),
    (0x1d, Read, "start upload"),
    (0x1e, Read, "upload"),
    (0x1f, Read, "end upload"),
    (0x28, Command, "program invocation"),
    (0x29, Command, "plc stop"),
    (0x7101, Read, "block status"),
    (0x7102, Read, "variable status"),
    (0x7103, Read, "output interrupt stack"),
    (0x7104, Read, "output block stack"),
    (0x7105, Read, "output local stack"),
    (0x7106, Read, "time measurement"),
    (0x7107, Other, "force selection"),
    (0x7108, Write, "modify variable"),
    (0x7109, Write, "force"),
    (0x710a, Command, "breakpoint"),
    (0x710b, Command, "exit hold"),
    (0x710c, Command, "memory reset"),
    (0x710d, Other, "disable test job"),
    (0x710e, Other, "enable test job"),
    (0x710f, Other, "delete test job"),
    (0x7110, Read, "read test job list"),
    (0x7111, Read, "read test job"),
    (0x7112, Other, "replace test job"),
    (0x7113, Read, "block status"),
    (0x7116, Command, "flash led"),
    (0x7201, Read, "cyclic transfer"),
    (0x7204, Session, "end cyclic transfer"),
    (0x7205, Read, "change-driven transfer"),
    (0x7207, Read, "modify change-driven transfer"),
    (0x7208, Read, "read record"),
    (0x7301, Read, "list blocks"),
    (0x7302, Read, "list blocks of type"),
    (0x7303, Read, "block information"),
    (0x7401, Read, "read system status list"),
    (0x7402, Session, "subscribe to events"),
    (0x7403, Read, "diagnostic event"),
    (0x7405, Read, "alarm"),
    (0x7406, Read, "notification"),
    (0x7407, Command, "lock alarm"),
    (0x7408, Command, "unlock alarm"),
    (0x7409, Read, "scan"),
    (0x740b, Command, "acknowledge alarm"),
    (0x740c, Read, "alarm acknowledged"),
    (0x740d, Read, "alarm locked"),
    (0x740e, Read, "alarm unlocked"),
    (0x7411, Read, "alarm"),
    (0x7412, Read, "alarm"),
    (0x7413, Read, "query alarms"),
    (0x7416, Read, "notification"),
    (0x7501, Session, "password"),
    (0x7701, Read, "read clock"),
    (0x7702, Write, "set clock"),
    (0x7703, Read, "read clock"),
    (0x7704, Write, "set clock"),
    (0x7f01, Write, "request download to numerical control"),
    (0x7f02, Write, "download block to numerical control"),
    (0x7f03, Write, "continue download to numerical control"),
    (0x7f04, Write, "download to numerical control ended"),
    (0x7f06, Read, "start upload from numerical control"),
    (0x7f07, Read, "upload from numerical control"),
    (0x7f08, Read, "continue upload from numerical control"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_told_once_and_named() {
        let names: Vec<_> = (0..=u16::MAX).filter_map(name).collect();
        assert_eq!(names.len(), FUNCTIONS.len());
        assert!(names.iter().all(|name| name.is_ascii() && !name.is_empty()));
    }

    #[test]
    fn the_same_number_refuses_a_connection_and_an_operand_for_different_reasons() {
        assert_eq!(error_name(REFUSED | 3), Some("address unknown"));
        assert_eq!(error_name(3), Some("access not allowed"));
        assert_eq!(error_name(FAILED | 3), Some("transport error"));
        assert_eq!(error_name(0x8500), Some("wrong frame"));
        assert_eq!(error_name(0xff), None);
    }
}
