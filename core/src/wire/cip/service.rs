//! Services: what each is for, and its name. Codes up to 0x32 mean the same everywhere, those from
//! 0x4b what the class says (CIP networks library, volume 1, appendix A; Rockwell's manual
//! 1756-PM020 for the tags of a Logix controller).

use super::super::message::Operation::{self, Command, Other, Read, Session, Write};
use super::path::Path;
use super::pccc;

/// Several services in one packet.
pub const MULTIPLE: u8 = 0x0a;
/// A request for another device, of the connection manager.
pub const UNCONNECTED_SEND: u8 = 0x52;
/// A command of older controllers.
const EXECUTE_PCCC: u8 = 0x4b;
const PCCC: u16 = 0x4b;
/// First code that a class defines.
const FIRST_OF_CLASS: u8 = 0x4b;

/// Services of every class.
const COMMON: [(u16, Operation, &str); 22] = [
    (0x01, Read, "get attributes all"),
    (0x02, Write, "set attributes all"),
    (0x03, Read, "get attribute list"),
    (0x04, Write, "set attribute list"),
    (0x05, Command, "reset"),
    (0x06, Command, "start"),
    (0x07, Command, "stop"),
    (0x08, Write, "create"),
    (0x09, Write, "delete"),
    (0x0a, Other, "multiple service packet"),
    (0x0d, Write, "apply attributes"),
    (0x0e, Read, "get attribute single"),
    (0x10, Write, "set attribute single"),
    (0x11, Read, "find next object instance"),
    (0x15, Write, "restore"),
    (0x16, Write, "save"),
    (0x17, Session, "nop"),
    (0x18, Read, "get member"),
    (0x19, Write, "set member"),
    (0x1a, Write, "insert member"),
    (0x1b, Write, "remove member"),
    (0x1c, Session, "group sync"),
];

/// Services of the connection manager.
const OF_CONNECTIONS: [(u16, Operation, &str); 7] = [
    (CONNECTIONS | 0x4e, Session, "forward close"),
    (CONNECTIONS | 0x52, Session, "unconnected send"),
    (CONNECTIONS | 0x54, Session, "forward open"),
    (CONNECTIONS | 0x56, Session, "get connection data"),
    (CONNECTIONS | 0x57, Session, "search connection data"),
    (CONNECTIONS | 0x5a, Session, "get connection owner"),
    (CONNECTIONS | 0x5b, Session, "large forward open"),
];

/// Services of tags, which are named or are instances of class 0x6b; templates, class 0x6c, are read
/// alike. And what carries the commands of older controllers, whose purpose is their own.
const OF_TAGS: [(u16, Operation, &str); 7] = [
    (0x4b, Other, "execute pccc"),
    (0x4c, Read, "read tag"),
    (0x4d, Write, "write tag"),
    (0x4e, Write, "read-modify-write tag"),
    (0x52, Read, "read tag fragmented"),
    (0x53, Write, "write tag fragmented"),
    (0x55, Read, "get instance attribute list"),
];

/// Services of files, by which firmware comes.
const OF_FILES: [(u16, Operation, &str); 7] = [
    (FILES | 0x4b, Read, "initiate upload"),
    (FILES | 0x4c, Write, "initiate download"),
    (FILES | 0x4d, Read, "initiate partial read"),
    (FILES | 0x4e, Write, "initiate partial write"),
    (FILES | 0x4f, Read, "upload transfer"),
    (FILES | 0x50, Write, "download transfer"),
    (FILES | 0x51, Write, "clear file"),
];

/// Added to a service of the connection manager, class 6.
pub const CONNECTIONS: u16 = 0x0600;
/// Added to a service of files, class 0x37.
pub const FILES: u16 = 0x3700;
/// Added to a service of a class that is not known.
pub const ELSEWHERE: u16 = 0x7f00;

/// The number of the service that a request asks for. Those that a class defines are told apart by
/// the class, added in the upper byte; those of tags stand alone.
pub(super) fn code(service: u8, path: &Path) -> u16 {
    let of_class = match path.class {
        _ if service < FIRST_OF_CLASS => 0,
        Some(0x06) => CONNECTIONS,
        Some(0x37) => FILES,
        Some(0x6b | 0x6c) => 0,
        Some(0x67) if service == EXECUTE_PCCC => 0,
        None if path.is_symbolic => 0,
        Some(_) | None => ELSEWHERE,
    };
    of_class | u16::from(service)
}

/// The same of an answer, which does not say of which class it is: the likeliest.
pub(super) fn code_of_reply(service: u8, is_refused: bool) -> u16 {
    let of_connections = CONNECTIONS | u16::from(service);
    match service {
        // A request that got through is answered with its own service, not with the router's.
        UNCONNECTED_SEND if !is_refused => service.into(),
        FIRST_OF_CLASS.. if find(of_connections).is_some() => of_connections,
        _ => service.into(),
    }
}

/// What a request is for; [`Other`] if it is not known.
pub(super) fn operation(code: u16, body: &[u8]) -> Operation {
    match code {
        PCCC => pccc::operation(body),
        _ => find(code).map_or(Other, |(_, operation, _)| *operation),
    }
}

/// A service in words; `None` if it is not known.
pub fn name(code: u16) -> Option<&'static str> {
    find(code).map(|(.., name)| *name)
}

fn find(code: u16) -> Option<&'static (u16, Operation, &'static str)> {
    let tables: [&[_]; 4] = [&COMMON, &OF_TAGS, &OF_CONNECTIONS, &OF_FILES];
    tables.into_iter().flatten().find(|(known, ..)| *known == code)
}

/// A general status (volume 1, appendix B) in words; `None` if it is not known.
pub fn status_name(status: u8) -> Option<&'static str> {
    const NAMES: [&str; 45] = [
        "success",
        "connection failure",
        "resource unavailable",
        "invalid parameter value",
        "path segment error",
        "path destination unknown",
        "partial transfer",
        "connection lost",
        "service not supported",
        "invalid attribute value",
        "attribute list error",
        "already in the requested state",
        "object state conflict",
        "object already exists",
        "attribute not settable",
        "privilege violation",
        "device state conflict",
        "reply too large",
        "fragmentation of a primitive value",
        "not enough data",
        "attribute not supported",
        "too much data",
        "object does not exist",
        "no fragmentation in progress",
        "no stored attributes",
        "store operation failed",
        "routing failed, request too large",
        "routing failed, reply too large",
        "missing attribute list entry",
        "invalid attribute value list",
        "embedded service error",
        "vendor-specific error",
        "invalid parameter",
        "write-once value already written",
        "invalid reply received",
        "buffer overflow",
        "invalid format",
        "key failure in path",
        "path size invalid",
        "unexpected attribute in list",
        "invalid member",
        "member not settable",
        "group 2 server failure",
        "unknown modbus error",
        "attribute not gettable",
    ];
    match status {
        0xff => Some("general error"), // with details in an extended status, at Logix controllers
        _ => NAMES.get(usize::from(status)).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_what_its_class_says() {
        let class = |class| Path { class: Some(class), ..Path::default() };
        let named = Path { is_symbolic: true, ..Path::default() };
        for (service, path, expected) in [
            (0x4e, class(6), (Session, Some("forward close"))),
            (0x4e, named, (Write, Some("read-modify-write tag"))),
            (0x52, class(6), (Session, Some("unconnected send"))),
            (0x52, class(0x6b), (Read, Some("read tag fragmented"))),
            (0x4c, class(0x37), (Write, Some("initiate download"))),
            (0x4c, named, (Read, Some("read tag"))),
            (0x05, class(1), (Command, Some("reset"))),
            (0x4b, class(0x67), (Other, Some("execute pccc"))),
            (0x4c, class(0xff), (Other, None)),
            (0x32, class(1), (Other, None)),
        ] {
            let code = code(service, &path);
            assert_eq!((operation(code, &[]), name(code)), expected, "{service:#04x}");
            assert_eq!(code.to_be_bytes()[1], service);
        }
    }

    #[test]
    fn a_router_answers_for_itself_only_if_it_failed() {
        for (service, is_refused, operation_of) in [
            (0x52, false, Read),
            (0x52, true, Session),
            (0x4e, false, Session),
            (0x4d, true, Write),
            (0x0e, true, Read),
            (0x63, true, Other),
        ] {
            let code = code_of_reply(service, is_refused);
            assert_eq!(operation(code, &[]), operation_of, "{service:#04x}");
        }
    }

    #[test]
    fn every_service_is_told_once() {
        let names: Vec<_> = (0..=u16::MAX).filter_map(name).collect();
        let n_services = COMMON.len() + OF_TAGS.len() + OF_CONNECTIONS.len() + OF_FILES.len();
        assert_eq!(names.len(), n_services);
    }

    #[test]
    fn statuses_are_named_at_their_numbers() {
        assert_eq!(status_name(0x00), Some("success"));
        assert_eq!(status_name(0x08), Some("service not supported"));
        assert_eq!(status_name(0x1e), Some("embedded service error"));
        assert_eq!(status_name(0x2c), Some("attribute not gettable"));
        assert_eq!(status_name(0xff), Some("general error"));
        assert_eq!(status_name(0x2d), None);
    }
}
