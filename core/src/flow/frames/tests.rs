use proptest::prelude::*;

use super::*;

/// A frame of a test: `!`, its length in two bytes, and letters.
fn extent(bytes: &[u8]) -> Extent {
    match bytes {
        [b'!', high, low, ..] => match u16::from_be_bytes([*high, *low]) {
            0..3 => Extent::Foreign,
            len => Extent::Whole(len.into()),
        },
        [] | [b'!', ..] => Extent::Short,
        _ => Extent::Foreign,
    }
}

fn frame(len: u16) -> Vec<u8> {
    let [high, low] = len.to_be_bytes();
    let mut frame = vec![b'!', high, low];
    frame.resize(len.into(), b'a');
    frame
}

/// Lengths of the frames shown, and of what was shown of them.
fn shown(frames: &mut Frames, bytes: &[u8]) -> (Vec<(usize, usize)>, Taken) {
    let mut seen = vec![];
    let taken =
        frames.accept((bytes, true), extent, |frame| seen.push((frame.len, frame.head.len())));
    (seen, taken)
}

#[test]
fn glued_frames_are_told_apart() {
    let mut frames = Frames::default();
    let bytes = [frame(3), frame(10), frame(600), frame(4)].concat();
    let all = vec![(3, 3), (10, 10), (600, HEAD), (4, 4)];
    assert_eq!(shown(&mut frames, &bytes), (all, Taken::All));
}

#[test]
fn a_stranger_costs_its_segment_and_not_the_connection() {
    let mut frames = Frames::default();
    assert_eq!(shown(&mut frames, b"?"), (vec![], Taken::Partly));
    assert_eq!(shown(&mut frames, &frame(5)), (vec![(5, 5)], Taken::All));
    let stray = [&frame(5)[..], b"?"].concat();
    assert_eq!(shown(&mut frames, &stray), (vec![(5, 5)], Taken::Partly));
    assert_eq!(shown(&mut frames, &frame(7)), (vec![(7, 7)], Taken::All));
}

#[test]
fn after_a_hole_reading_starts_where_a_segment_starts_like_a_frame() {
    let mut frames = Frames::default();
    assert_eq!(shown(&mut frames, &frame(9)[..6]), (vec![], Taken::All));
    frames.lose();
    assert_eq!(shown(&mut frames, b"aaa"), (vec![], Taken::Partly));
    assert_eq!(shown(&mut frames, &[frame(9), frame(8)].concat()).0, [(9, 9), (8, 8)]);
}

#[test]
fn a_frame_is_verified_if_every_segment_is_that_brought_its_head() {
    let stream = [frame(4), frame(600), frame(5)].concat();
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        let in_first = [cut >= 4, cut >= 4 + HEAD, cut >= 609];
        let in_second = [cut == 0, cut <= 4, cut <= 604];
        for (trust, expected) in [([true, false], in_first), ([false, true], in_second)] {
            let mut frames = Frames::default();
            frames.lock();
            let mut verified = vec![];
            for segment in [(first, trust[0]), (second, trust[1])] {
                frames.accept(segment, extent, |frame| verified.push(frame.is_verified));
            }
            assert_eq!(verified, expected, "cut at {cut}: {trust:?}");
        }
    }
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_the_same_frames_are_shown(
        lens in prop::collection::vec(3_u16..2000, 1..8),
        cuts in prop::collection::vec(1_usize..700, 0..40),
    ) {
        let bytes = lens.iter().flat_map(|len| frame(*len)).collect::<Vec<_>>();
        let mut frames = Frames::default();
        frames.lock();
        let mut seen = vec![];
        let mut rest = &bytes[..];
        for cut in cuts {
            let (segment, behind) = rest.split_at(cut.min(rest.len()));
            seen.extend(shown(&mut frames, segment).0);
            prop_assert!(frames.tail.capacity() <= HEAD);
            rest = behind;
        }
        seen.extend(shown(&mut frames, rest).0);
        let want = lens.iter().map(|len| usize::from(*len)).map(|len| (len, len.min(HEAD)));
        prop_assert_eq!(seen, want.collect::<Vec<_>>());
    }
}
