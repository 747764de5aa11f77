//! Why something was refused, in the protocol's one number space for it: the error codes of
//! ASHRAE 135, section 18, which have a number too for each reason of a rejection, an abort and a
//! refusal of the lower layers.

/// The error code of a reason in a Reject PDU.
pub fn of_reject(reason: u8) -> u16 {
    match reason {
        0 => 69,
        1..=9 => 58 + u16::from(reason),
        _ => 68,
    }
}

/// Of a reason in an Abort PDU.
pub fn of_abort(reason: u8) -> u16 {
    match reason {
        0 => 56,
        1..=4 => 50 + u16::from(reason),
        5 => 136,
        6 => 135,
        7 => 127,
        8..=10 => 116 + u16::from(reason),
        11 => 123,
        _ => 55,
    }
}

/// Of a reason in Reject-Message-To-Network (section 6.4.4).
pub fn of_network(reason: u8) -> u16 {
    match reason {
        1..=6 => 109 + u16::from(reason),
        _ => OTHER,
    }
}

/// Of a result of the virtual link layer (annex J.2.1); `None` of success.
pub fn of_link(result: u16) -> Option<u16> {
    match result {
        0 => None,
        0x10 | 0x20 | 0x30 | 0x40 | 0x50 | 0x60 => Some(115 + (result >> 4)),
        _ => Some(OTHER),
    }
}

/// What an error is that says no more.
pub const OTHER: u16 = 0;

/// An error code in words; `None` if it is a vendor's, or of matters that are not told apart here.
pub fn error_name(code: u16) -> Option<&'static str> {
    match code {
        0..=50 => service_error_name(code),
        51..=69 | 123..=127 | 135 | 136 => pdu_error_name(code),
        110..=121 => lower_error_name(code),
        _ => later_error_name(code),
    }
}

fn service_error_name(code: u16) -> Option<&'static str> {
    let name = match code {
        OTHER => "other",
        2 => "configuration in progress",
        3 => "device busy",
        4 => "dynamic creation not supported",
        5 => "file access denied",
        7 => "inconsistent parameters",
        8 => "inconsistent selection criterion",
        9 => "invalid data type",
        10 => "invalid file access method",
        11 => "invalid file start position",
        13 => "invalid parameter data type",
        14 => "invalid time stamp",
        16 => "missing required parameter",
        17 => "no objects of specified type",
        18 => "no space for object",
        19 => "no space to add list element",
        20 => "no space to write property",
        22 => "property is not a list",
        23 => "object deletion not permitted",
        24 => "object identifier already exists",
        25 => "operational problem",
        26 => "password failure",
        27 => "read access denied",
        29 => "service request denied",
        30 => "timeout",
        31 => "unknown object",
        32 => "unknown property",
        36 => "unsupported object type",
        37 => "value out of range",
        40 => "write access denied",
        41 => "character set not supported",
        42 => "invalid array index",
        43 => "COV subscription failed",
        44 => "not a COV property",
        45 => "optional functionality not supported",
        46 => "invalid configuration data",
        47 => "datatype not supported",
        48 => "duplicate name",
        49 => "duplicate object id",
        50 => "property is not an array",
        _ => return None,
    };
    Some(name)
}

/// Rejections and aborts.
fn pdu_error_name(code: u16) -> Option<&'static str> {
    let name = match code {
        51 => "aborted: buffer overflow",
        52 => "aborted: invalid APDU in this state",
        53 => "aborted: preempted by higher priority task",
        54 => "aborted: segmentation not supported",
        55 => "aborted: proprietary reason",
        56 => "aborted: other",
        57 => "invalid tag",
        58 => "network down",
        59 => "rejected: buffer overflow",
        60 => "rejected: inconsistent parameters",
        61 => "rejected: invalid parameter data type",
        62 => "rejected: invalid tag",
        63 => "rejected: missing required parameter",
        64 => "rejected: parameter out of range",
        65 => "rejected: too many arguments",
        66 => "rejected: undefined enumeration",
        67 => "rejected: unrecognized service",
        68 => "rejected: proprietary reason",
        69 => "rejected: other",
        123 => "aborted: APDU too long",
        124 => "aborted: application exceeded reply time",
        125 => "aborted: out of resources",
        126 => "aborted: transaction timeout",
        127 => "aborted: window size out of range",
        135 => "aborted: insufficient security",
        136 => "aborted: security error",
        _ => return None,
    };
    Some(name)
}

/// Of routers and of the virtual link layer.
fn lower_error_name(code: u16) -> Option<&'static str> {
    let name = match code {
        110 => "no route to the network",
        111 => "router busy",
        112 => "unknown network message",
        113 => "message too long",
        114 => "security error",
        115 => "addressing error",
        116 => "broadcast distribution table not written",
        117 => "broadcast distribution table not read",
        118 => "foreign device not registered",
        119 => "foreign device table not read",
        120 => "foreign device not deleted",
        121 => "broadcast not distributed",
        _ => return None,
    };
    Some(name)
}

fn later_error_name(code: u16) -> Option<&'static str> {
    let name = match code {
        70 => "unknown device",
        71 => "unknown route",
        72 => "value not initialized",
        80 => "parameter out of range",
        81 => "list element not found",
        82 => "busy",
        83 => "communication disabled",
        85 => "access denied",
        128 => "file full",
        129 => "inconsistent configuration",
        131 => "internal error",
        132 => "not configured",
        133 => "out of memory",
        134 => "value too long",
        138 => "invalid value in this state",
        139 => "invalid operation in this state",
        _ => return None,
    };
    Some(name)
}
