use proptest::prelude::*;

use super::super::tests::framed;
use super::*;

fn request() -> Vec<u8> {
    framed(17, &[3, 0, 107, 0, 3])
}

fn response() -> Vec<u8> {
    framed(17, &[3, 6, 2, 43, 0, 0, 0, 100])
}

/// What comes of `parts`, heard one after another, and then of silence. Each line is a frame's
/// direction and length, or why so many bytes were discarded.
fn read(parts: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new();
    let mut found = vec![];
    let _ = framer.step(Flow::Silent, None, &mut vec![]);
    for part in parts {
        for part in part.chunks(Framer::ROOM) {
            framer.push(part, Duration::ZERO);
            steps(&mut framer, Flow::Going, &mut found);
        }
    }
    steps(&mut framer, Flow::Silent, &mut found);
    assert!(framer.bytes.is_empty());
    found
}

fn steps(framer: &mut Framer, flow: Flow, found: &mut Vec<String>) {
    let mut taken = vec![];
    loop {
        match framer.step(flow, None, &mut taken) {
            Step::Frame { direction, bytes, .. } => {
                found.push(format!("{direction:?} {}", bytes.len()));
            }
            Step::Discarded { n_bytes, why: Discard::Damaged(_) } => {
                found.push(format!("Damaged {n_bytes}"));
            }
            Step::Discarded { n_bytes, why } => found.push(format!("{why:?} {n_bytes}")),
            Step::Wait => return,
        }
    }
}

#[test]
fn a_request_glued_to_its_reply_is_split_wherever_the_clump_is_cut() {
    let line = [request(), response()].concat();
    for cut in 0..=line.len() {
        let (first, second) = line.split_at(cut);
        assert_eq!(read(&[first, second]), ["Request 8", "Response 11"], "cut at {cut}");
    }
    let bytes: Vec<_> = line.chunks(1).collect();
    assert_eq!(read(&bytes), ["Request 8", "Response 11"]);
    assert_eq!(read(&[&line.repeat(50)]).len(), 100);
}

#[test]
fn noise_before_between_and_behind_frames_is_counted_and_costs_no_frame_that_can_be_proven() {
    let (request, response) = (request(), response());
    let pair = [&request[..], &response].concat();
    assert_eq!(read(&[&[0, 0xff], &pair]), ["Noise 2", "Request 8", "Response 11"]);
    assert_eq!(read(&[&pair, &[0]]), ["Request 8", "Response 11", "Noise 1"]);
    let between = [&request[..], &[0], &response].concat();
    assert_eq!(read(&[&between]), ["Request 8", "Noise 1", "Response 11"]);
    let long = [&[0x55; 300][..], &pair].concat();
    assert_eq!(read(&[&long]), ["Noise 300", "Request 8", "Response 11"]);
}

#[test]
fn a_damaged_frame_is_found_once_and_the_frames_around_it_too() {
    let mut damaged = response();
    damaged[5] ^= 4;
    let line = [request(), damaged.clone(), request(), response()].concat();
    assert_eq!(read(&[&line]), ["Request 8", "Damaged 11", "Request 8", "Response 11"]);
    assert_eq!(read(&[&damaged]), ["Damaged 11"]);
}

#[test]
fn a_frame_within_a_damaged_one_is_not_believed() {
    // Registers that hold a whole request to write, with its CRC.
    let inner = framed(9, &[6, 0, 1, 0, 3]);
    let mut outer = framed(17, &[&[3, 10][..], &inner, &[1, 2]].concat());
    assert_eq!(read(&[&outer]), ["Response 15"]);
    outer[12] ^= 1;
    assert_eq!(read(&[&outer]), ["Damaged 15"]);
}

#[test]
fn every_prefix_of_a_frame_is_noise_or_damage_and_never_a_frame() {
    for frame in [request(), response()] {
        for len in 1..frame.len() {
            let found = read(&[&frame[..len]]);
            let expected = if len < 4 { "Noise" } else { "Damaged" };
            assert_eq!(found, [format!("{expected} {len}")]);
        }
    }
}

#[test]
fn functions_of_a_maker_are_not_modbus_and_not_damage() {
    let (request, response) = (framed(17, &[65, 1, 2]), framed(17, &[65, 9, 9, 9]));
    assert_eq!(read(&[&request]), ["Foreign 6"]);
    assert_eq!(read(&[&request, &response]), ["Foreign 13"]);
    assert_eq!(read(&[&framed(17, &[0xc1, 1])]), ["Foreign 5"]);
}

#[test]
fn who_joins_in_the_middle_of_a_frame_takes_its_end_for_no_damage() {
    let line = [request(), response(), request(), response()].concat();
    for from in 0..line.len() {
        let (mut framer, mut found) = (Framer::new(), vec![]);
        framer.push(&line[from..], Duration::ZERO);
        steps(&mut framer, Flow::Going, &mut found);
        steps(&mut framer, Flow::Silent, &mut found);
        assert!(found.iter().all(|found| !found.starts_with("Damaged")), "{from}: {found:?}");
        assert!(found.ends_with(&["Response 11".to_owned()]) || from > 27, "{from}: {found:?}");
    }
}

#[test]
fn endless_garbage_is_let_go_and_held_in_bounded_memory() {
    let garbage: Vec<u8> = (0..100_000_u32).map(|n| (n * 7919).to_be_bytes()[2]).collect();
    let mut framer = Framer::new();
    let mut n_bytes = 0;
    for part in garbage.chunks(100) {
        framer.push(part, Duration::ZERO);
        let mut taken = vec![];
        loop {
            match framer.step(Flow::Going, None, &mut taken) {
                Step::Discarded { n_bytes: n, .. } => n_bytes += n,
                Step::Frame { bytes, .. } => n_bytes += bytes.len(),
                Step::Wait => break,
            }
        }
        assert!(framer.bytes.len() < FULL && framer.bytes.capacity() <= FULL + Framer::ROOM);
    }
    assert_eq!(n_bytes + framer.bytes.len(), garbage.len());
}

proptest! {
    #[test]
    fn every_byte_is_in_a_frame_or_discarded(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..12),
        frames in proptest::collection::vec(any::<bool>(), 12),
    ) {
        // Half of the parts are followed by frames.
        let parts: Vec<_> = parts.into_iter().zip(frames).map(|(part, framed)| {
            if framed { [part, request(), response()].concat() } else { part }
        }).collect();
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        let n_bytes: usize = read(&parts).iter().map(|found| {
            found.split(' ').next_back().unwrap().parse::<usize>().unwrap()
        }).sum();
        prop_assert_eq!(n_bytes, parts.iter().map(|part| part.len()).sum::<usize>());
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut(
        registers in proptest::collection::vec(1_u16..=125, 1..20),
        seed in any::<u8>(),
        cuts in proptest::collection::vec(1_usize..200, 1..40),
    ) {
        let mut line = vec![];
        let mut expected = vec![];
        for n in registers {
            let [high, low] = n.to_be_bytes();
            line.extend(framed(1, &[3, 0, seed, high, low]));
            let values = vec![seed; usize::from(n) * 2];
            line.extend(framed(1, &[&[3, low * 2][..], &values].concat()));
            expected.push("Request 8".to_owned());
            expected.push(format!("Response {}", n * 2 + 5));
        }
        let mut parts = vec![];
        let mut rest = &line[..];
        for cut in cuts.into_iter().cycle() {
            let (part, behind) = rest.split_at(cut.min(rest.len()));
            parts.push(part);
            rest = behind;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(read(&parts), expected);
    }
}
