//! Functions and refusals in words, as IEEE 1815 names them.

use super::{CONTROL_STATUS, LINK};

/// A function of the application (clause 4) or of the link layer (clause 9); `None` if the
/// protocol does not define it.
pub fn function_name(code: u16) -> Option<&'static str> {
    let name = match code {
        0 => "confirm",
        1 => "read",
        2 => "write",
        3 => "select",
        4 => "operate",
        5 => "direct operate",
        6 => "direct operate without response",
        7 => "immediate freeze",
        8 => "immediate freeze without response",
        9 => "freeze and clear",
        10 => "freeze and clear without response",
        11 => "freeze at time",
        12 => "freeze at time without response",
        13 => "cold restart",
        14 => "warm restart",
        15 => "initialize data",
        16 => "initialize application",
        17 => "start application",
        18 => "stop application",
        19 => "save configuration",
        20 => "enable unsolicited responses",
        21 => "disable unsolicited responses",
        22 => "assign class",
        23 => "delay measurement",
        24 => "record current time",
        25 => "open file",
        26 => "close file",
        27 => "delete file",
        28 => "get file information",
        29 => "authenticate file",
        30 => "abort file transfer",
        31 => "activate configuration",
        32 => "authentication request",
        33 => "authentication request without response",
        129 => "response",
        130 => "unsolicited response",
        131 => "authentication response",
        _ => return link_name(code.checked_sub(LINK)?),
    };
    Some(name)
}

fn link_name(function: u16) -> Option<&'static str> {
    let name = match function {
        0x40 => "reset link states",
        0x42 => "test link states",
        0x49 => "request link status",
        0x00 => "link acknowledgment",
        0x01 => "link negative acknowledgment",
        0x0b => "link status",
        0x0f => "link function not supported",
        _ => return None,
    };
    Some(name)
}

/// Why a request was refused: the gravest of the indications (clause 4), or the status of a
/// control (clause 11); `None` if the protocol does not define it.
pub fn error_name(error: u16) -> Option<&'static str> {
    let name = match error {
        _ if error >= LINK => return link_name(error - LINK),
        _ if error >= CONTROL_STATUS => return status_name(error - CONTROL_STATUS),
        _ if error & 0x01 != 0 => "function code not supported",
        _ if error & 0x02 != 0 => "object unknown",
        _ if error & 0x04 != 0 => "parameter error",
        _ if error & 0x10 != 0 => "already executing",
        _ => return None,
    };
    Some(name)
}

fn status_name(status: u16) -> Option<&'static str> {
    let name = match status {
        1 => "timeout: the operate came too late after its select, or selects are not supported",
        2 => "no select before the operate",
        3 => "format error",
        4 => "control not supported",
        5 => "already active, or too many at once",
        6 => "hardware error",
        7 => "the station is in local mode",
        8 => "too many objects",
        9 => "not authorized",
        10 => "automation inhibited it",
        11 => "processing limited",
        12 => "out of range",
        13 => "downstream device in local mode",
        14 => "already complete",
        15 => "blocked",
        16 => "canceled",
        17 => "blocked by another master",
        18 => "downstream device failed",
        126 => "not participating",
        127 => "undefined",
        _ => return None,
    };
    Some(name)
}
