//! A datagram of BACnet/IP: it ends where its length says, and what is read of it is the same
//! whatever follows.
//!
//! One byte chooses how much of it there is. The rest was seen on the wire.

use infra_monitor::wire::bacnet;
use infra_monitor::wire::message::{Extent, Role};

pub(crate) fn run(bytes: &[u8]) {
    let Some((cut, datagram)) = bytes.split_first() else { return };
    let cut = usize::from(*cut).min(datagram.len());
    match (bacnet::extent(&datagram[..cut]), bacnet::extent(datagram)) {
        (Extent::Short, _) => (),
        (early, late) => assert_eq!(early, late, "at {cut}"),
    }
    let message = bacnet::message(datagram);
    match bacnet::extent(datagram) {
        Extent::Whole(len) => match datagram.get(..len) {
            Some(whole) => assert_eq!(bacnet::message(whole), message),
            None => assert_eq!(message, None, "{len} bytes are not there"),
        },
        Extent::Short | Extent::Foreign => assert_eq!(message, None),
    }
    if let Some(message) = message {
        assert!(message.error.is_none() || message.role == Role::Response);
        let _ = bacnet::name::function_name(message.code);
    }
    let _ = bacnet::message(&datagram[..cut]);
}
