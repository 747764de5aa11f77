use proptest::prelude::*;

use super::*;
use crate::wire::checksum::crc16_modbus;

fn framed(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut bytes = [&[unit], pdu].concat();
    bytes.extend(crc16_modbus(&bytes).to_le_bytes());
    bytes
}

fn values(n: u8) -> Vec<u8> {
    let registers: Vec<_> = (0..n).flat_map(|register| [register, n]).collect();
    framed(17, &[&[3, 2 * n][..], &registers].concat())
}

/// What is found in segments that a server sends, each word by word.
fn read(frames: &mut RtuFrames, segments: &[&[u8]]) -> Vec<String> {
    let mut found = vec![];
    for segment in segments {
        frames.accept((segment, true), Direction::Response, |piece, _| {
            found.push(match piece {
                Found::Frame(frame) => format!("frame {}", frame.pdu.len()),
                Found::Damaged(_) => "damaged".to_owned(),
                Found::Foreign => "foreign".to_owned(),
            });
        });
        assert!(frames.tail.len() < MAX_LEN, "less than a frame waits");
        assert!(frames.tail.capacity() <= MAX_TAIL);
    }
    found
}

fn read_from_the_start(segments: &[&[u8]]) -> Vec<String> {
    let mut frames = RtuFrames::default();
    frames.lock();
    read(&mut frames, segments)
}

#[test]
fn frames_are_read_however_they_are_cut_and_glued() {
    let stream = [values(1), values(125), framed(17, &[0x83, 2]), values(3)].concat();
    let whole = ["frame 4", "frame 252", "frame 2", "frame 8"];
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        assert_eq!(read_from_the_start(&[first, second]), whole, "cut at {cut}");
    }
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(read_from_the_start(&bytes), whole);
    assert_eq!(read_from_the_start(&[&stream.repeat(40)]).len(), 160);
}

#[test]
fn a_damaged_frame_costs_itself_wherever_it_is_damaged() {
    for bit in 0..values(2).len() * 8 {
        let mut bad = values(2);
        bad[bit / 8] ^= 1 << (bit % 8);
        let found = read_from_the_start(&[&values(1), &bad, &values(3), &values(4)]);
        let frames: Vec<_> = found.iter().filter(|found| found.starts_with("frame")).collect();
        assert_eq!(frames, ["frame 4", "frame 8", "frame 10"], "bit {bit}: {found:?}");
        assert_eq!(found.len(), 4, "it is told once, bit {bit}: {found:?}");
    }
}

#[test]
fn a_damaged_frame_is_told_as_such_if_its_length_is_known() {
    let mut bad = values(2);
    bad[4] ^= 1;
    assert_eq!(read_from_the_start(&[&bad]), ["damaged"]);
}

#[test]
fn after_a_hole_reading_goes_on_where_a_segment_starts_or_ends_with_a_frame() {
    let cases: [(&[&[u8]], &[&str]); 5] = [
        (&[&values(2)], &["frame 6"]),
        (&[&values(2)[3..], &values(1)], &["foreign", "frame 4"]),
        // The rest of one and all of the next.
        (&[&[&values(2)[3..], &values(1)].concat()], &["frame 4"]),
        (&[&values(2)[..5], &values(2)[5..]], &["foreign", "frame 6"]),
        // In the middle of a segment it could be there by chance.
        (&[&[&[0], &values(2)[..], &[0]].concat()], &["foreign"]),
    ];
    for (segments, expected) in cases {
        assert_eq!(read(&mut RtuFrames::default(), segments), expected, "{segments:?}");
    }
}

#[test]
fn functions_of_the_makers_own_are_foreign_and_not_damaged() {
    let own = framed(17, &[65, 1, 2, 3]);
    assert_eq!(read_from_the_start(&[&own, &values(1)]), ["foreign", "frame 4"]);
    // A quantity that is no whole number of registers, with a good CRC.
    assert_eq!(read_from_the_start(&[&framed(17, &[3, 3, 1, 2, 3])]), ["foreign"]);
    // ROC Plus: the right CRC, in another place than its second byte would call for.
    assert_eq!(read_from_the_start(&[&framed(1, &[2, 3, 4, 8, 3, 1, 2, 3])]), ["foreign"]);
}

proptest! {
    /// Whatever comes, the next frame that has a segment of its own is read at the latest when it is
    /// said twice, and nothing is read that was not sent.
    #[test]
    fn noise_is_survived(
        noise in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..600), 0..10,
        ),
        lock in any::<bool>(),
    ) {
        let mut frames = RtuFrames::default();
        if lock {
            frames.lock();
        }
        let segments: Vec<_> = noise.iter().map(Vec::as_slice).collect();
        read(&mut frames, &segments);
        let last = values(20);
        let found = read(&mut frames, &[&last[..], &last, &last, &last, &last, &last]);
        prop_assert_eq!(found.last().map(String::as_str), Some("frame 42"));
    }
}

/// Whether each frame is verified, if the segments are.
fn verified(frames: &mut RtuFrames, segments: &[(&[u8], bool)]) -> Vec<bool> {
    let mut verified = vec![];
    for segment in segments {
        frames.accept(*segment, Direction::Response, |found, is_verified| {
            assert!(matches!(found, Found::Frame(_)), "{found:?}");
            verified.push(is_verified);
        });
    }
    verified
}

#[test]
fn a_frame_is_verified_if_every_segment_is_that_it_came_in() {
    let stream = [values(2), values(3), values(4)].concat();
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        // 9, 11 and 13 bytes long.
        let in_first = [cut >= 9, cut >= 20, cut >= 33];
        let in_second = [cut == 0, cut <= 9, cut <= 20];
        for (trust, expected) in [([true, false], in_first), ([false, true], in_second)] {
            let mut frames = RtuFrames::default();
            frames.lock();
            let segments = [(first, trust[0]), (second, trust[1])];
            assert_eq!(verified(&mut frames, &segments), expected, "cut at {cut}: {trust:?}");
            let frame = values(1);
            assert_eq!(verified(&mut frames, &[(&frame, true)]), [true], "nothing is left");
        }
    }
}
