//! Functions and exceptions in words, as the specification names them.

/// A function (Application Protocol V1.1b3, section 6); `None` if the protocol does not define it.
pub fn function_name(code: u8) -> Option<&'static str> {
    let name = match code {
        1 => "read coils",
        2 => "read discrete inputs",
        3 => "read holding registers",
        4 => "read input registers",
        5 => "write single coil",
        6 => "write single register",
        7 => "read exception status",
        8 => "diagnostics",
        11 => "get comm event counter",
        12 => "get comm event log",
        15 => "write multiple coils",
        16 => "write multiple registers",
        17 => "report server id",
        20 => "read file record",
        21 => "write file record",
        22 => "mask write register",
        23 => "read/write multiple registers",
        24 => "read fifo queue",
        43 => "encapsulated interface transport",
        _ => return None,
    };
    Some(name)
}

/// An exception (Application Protocol V1.1b3, section 7); `None` if the protocol does not define it.
pub fn exception_name(code: u8) -> Option<&'static str> {
    let name = match code {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "server device failure",
        5 => "acknowledge",
        6 => "server device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "gateway target device failed to respond",
        _ => return None,
    };
    Some(name)
}

/// A sub-function of diagnostics (Application Protocol V1.1b3, section 6.8.1); `None` if reserved.
pub fn diagnostic_name(code: u16) -> Option<&'static str> {
    let name = match code {
        0 => "return query data",
        1 => "restart communications option",
        2 => "return diagnostic register",
        3 => "change ascii input delimiter",
        4 => "force listen only mode",
        10 => "clear counters and diagnostic register",
        11 => "return bus message count",
        12 => "return bus communication error count",
        13 => "return bus exception error count",
        14 => "return server message count",
        15 => "return server no response count",
        16 => "return server nak count",
        17 => "return server busy count",
        18 => "return bus character overrun count",
        20 => "clear overrun counter and flag",
        _ => return None,
    };
    Some(name)
}

/// A transport that is encapsulated (Application Protocol V1.1b3, section 6.19).
pub fn mei_name(code: u8) -> Option<&'static str> {
    match code {
        13 => Some("canopen general reference"),
        14 => Some("read device identification"),
        _ => None,
    }
}
