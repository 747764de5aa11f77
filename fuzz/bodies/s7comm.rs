//! A stream of S7 frames: they end where their headers say, and what follows one says nothing of it.

use infra_monitor::wire::message::Extent;
use infra_monitor::wire::{s7comm, tpkt};

pub(crate) fn run(bytes: &[u8]) {
    let mut stream = bytes;
    while let Extent::Whole(len) = s7comm::extent(stream) {
        assert!(len >= tpkt::MIN_LEN);
        let Some((frame, rest)) = stream.split_at_checked(len) else { break };
        assert_eq!(s7comm::message(frame), s7comm::message(stream));
        assert_eq!(s7comm::reference(frame), s7comm::reference(stream));
        assert_eq!(s7comm::is_continued(frame), s7comm::is_continued(stream));
        stream = rest;
    }
    // The last may be the beginning of one, as long ones are shown.
    if let Ok(Some(said)) = s7comm::message(stream) {
        let _ = s7comm::function::name(said.code);
        let _ = said.error.and_then(s7comm::function::error_name);
    }
}
