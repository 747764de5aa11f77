//! A stream of EtherNet/IP frames: they end where their headers say, and what follows one says
//! nothing of it. The same bytes are a datagram, and a request or an answer of CIP.

use infra_monitor::wire::message::{Extent, Message};
use infra_monitor::wire::{cip, enip};

pub(crate) fn run(bytes: &[u8]) {
    let mut stream = bytes;
    while let Extent::Whole(len) = enip::extent(stream) {
        assert!(len >= enip::HEADER_LEN);
        let Some((frame, rest)) = stream.split_at_checked(len) else { break };
        assert_eq!(enip::message(frame), enip::message(stream));
        assert_eq!(enip::exchange(frame), enip::exchange(stream));
        stream = rest;
    }
    let told = [enip::message(stream), enip::datagram(bytes), cip::message(bytes)];
    for Message { code, error, .. } in told.into_iter().flatten() {
        let _ = (enip::name(code), error.and_then(enip::error_name));
    }
    let services = cip::services(bytes).map(<[u8]>::len);
    assert!(services.sum::<usize>() <= bytes.len(), "each byte belongs to one service at most");
}
