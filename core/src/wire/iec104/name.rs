//! Types and causes in words (IEC 60870-5-101, sections 7.2.1 and 7.2.3; IEC 60870-5-104).

use super::CONTROL;

/// A type, or a function without an ASDU; `None` if the protocol does not define it.
pub fn function_name(code: u16) -> Option<&'static str> {
    match code {
        0..=44 => monitored_name(code),
        45..=64 => command_name(code),
        65..=127 => system_name(code),
        _ => control_name(code.checked_sub(CONTROL)?),
    }
}

fn monitored_name(type_id: u16) -> Option<&'static str> {
    let name = match type_id {
        1 => "single point",
        2 => "single point with time",
        3 => "double point",
        4 => "double point with time",
        5 => "step position",
        6 => "step position with time",
        7 => "bitstring",
        8 => "bitstring with time",
        9 => "measured value, normalized",
        10 => "measured value, normalized, with time",
        11 => "measured value, scaled",
        12 => "measured value, scaled, with time",
        13 => "measured value, floating point",
        14 => "measured value, floating point, with time",
        15 => "integrated totals",
        16 => "integrated totals with time",
        17 => "protection event with time",
        18 => "protection start events with time",
        19 => "protection output circuit with time",
        20 => "packed single points with change detection",
        21 => "measured value, normalized, without quality",
        30 => "single point with date",
        31 => "double point with date",
        32 => "step position with date",
        33 => "bitstring with date",
        34 => "measured value, normalized, with date",
        35 => "measured value, scaled, with date",
        36 => "measured value, floating point, with date",
        37 => "integrated totals with date",
        38 => "protection event with date",
        39 => "protection start events with date",
        40 => "protection output circuit with date",
        41 => "security statistics with date",
        _ => return None,
    };
    Some(name)
}

fn command_name(type_id: u16) -> Option<&'static str> {
    let name = match type_id {
        45 => "single command",
        46 => "double command",
        47 => "regulating step command",
        48 => "set point, normalized",
        49 => "set point, scaled",
        50 => "set point, floating point",
        51 => "bitstring command",
        58 => "single command with date",
        59 => "double command with date",
        60 => "regulating step command with date",
        61 => "set point, normalized, with date",
        62 => "set point, scaled, with date",
        63 => "set point, floating point, with date",
        64 => "bitstring command with date",
        _ => return None,
    };
    Some(name)
}

fn system_name(type_id: u16) -> Option<&'static str> {
    let name = match type_id {
        70 => "end of initialization",
        100 => "interrogation",
        101 => "counter interrogation",
        102 => "read",
        103 => "clock synchronization",
        104 => "test",
        105 => "reset process",
        106 => "delay acquisition",
        107 => "test with date",
        110 => "parameter of measured value, normalized",
        111 => "parameter of measured value, scaled",
        112 => "parameter of measured value, floating point",
        113 => "parameter activation",
        120 => "file ready",
        121 => "section ready",
        122 => "call or select of a file",
        123 => "last section or segment",
        124 => "acknowledgment of a file",
        125 => "segment of a file",
        126 => "directory",
        127 => "query of a log",
        _ => return None,
    };
    Some(name)
}

fn control_name(control: u16) -> Option<&'static str> {
    let name = match control {
        0x01 => "supervisory acknowledgment",
        0x07 => "start of data transfer",
        0x0b => "start of data transfer confirmed",
        0x13 => "stop of data transfer",
        0x23 => "stop of data transfer confirmed",
        0x43 => "test frame",
        0x83 => "test frame confirmed",
        _ => return None,
    };
    Some(name)
}

/// What a station says no to: the cause of a negative or an unknowing answer; `None` if the protocol
/// defines none.
pub fn error_name(cause: u16) -> Option<&'static str> {
    let name = match cause {
        7 => "activation refused",
        9 => "deactivation refused",
        10 => "activation terminated without success",
        44 => "type unknown",
        45 => "cause of transmission unknown",
        46 => "common address unknown",
        47 => "information object address unknown",
        _ => return None,
    };
    Some(name)
}
