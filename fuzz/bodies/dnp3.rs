//! A stream of DNP3 frames: they end where their lengths say, wherever the stream is cut, and one
//! whose CRCs hold is read the same with a bit of noise taken back.
//!
//! Two bytes choose the cut and the noise. The rest was seen on the wire.

use infra_monitor::wire::Checksum;
use infra_monitor::wire::dnp3;
use infra_monitor::wire::dnp3::link::{Body, Frame, MAX_BODY, MAX_LEN};
use infra_monitor::wire::message::Extent;

pub(crate) fn run(bytes: &[u8]) {
    let Some(([cut, noise], stream)) = bytes.split_first_chunk() else { return };
    let cut = usize::from(*cut).min(stream.len());
    match (dnp3::extent(&stream[..cut]), dnp3::extent(stream)) {
        (Extent::Short, _) => (),
        (early, late) => assert_eq!(early, late, "at {cut}"),
    }
    let mut rest = stream;
    while let Ok((frame, behind)) = Frame::parse(rest) {
        let len = rest.len() - behind.len();
        assert_eq!(dnp3::extent(rest), Extent::Whole(len));
        assert!(len <= MAX_LEN && Body::of(&frame).as_bytes().len() <= MAX_BODY);
        judge(&rest[..len], &frame, usize::from(*noise));
        rest = behind;
    }
    let _ = dnp3::message(rest);
}

fn judge(bytes: &[u8], frame: &Frame<'_>, noise: usize) {
    let _ = (dnp3::read(frame), dnp3::sequence(frame));
    match frame.checksum() {
        Checksum::Valid => {
            assert_eq!(dnp3::message(bytes), dnp3::read(frame));
            let mut damaged = bytes.to_vec();
            damaged[noise / 8 % bytes.len()] ^= 1 << (noise % 8);
            assert_eq!(dnp3::message(&damaged), None, "one bit is always found");
        }
        Checksum::Invalid(mismatch) => {
            assert_ne!(mismatch.stored, mismatch.computed);
            assert_eq!(dnp3::message(bytes), None);
        }
        Checksum::Unverified(why) => panic!("{why:?}"),
    }
}
