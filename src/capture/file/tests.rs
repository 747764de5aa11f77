use std::io::Write as _;

use proptest::prelude::*;
use tempfile::NamedTempFile;

use crate::block::Frame;

use super::*;

/// What a frame of a file is known by.
#[derive(Debug, PartialEq)]
struct Seen {
    at_ns: u64,
    link: Option<Link>,
    bytes: Vec<u8>,
    wire_len: u32,
}

fn saved(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// All frames of a file, how it ended, and how many records were cut off.
fn read(bytes: &[u8]) -> (Vec<Seen>, Result<(), FileError>, u64) {
    let file = saved(bytes);
    let mut seen = vec![];
    let mut keep = |frame: Frame<'_>| {
        let Frame { at_ns, link, bytes, wire_len, .. } = frame;
        seen.push(Seen { at_ns, link, bytes: bytes.to_vec(), wire_len });
    };
    let mut capture = match CaptureFile::open(file.path()) {
        Ok(capture) => capture,
        Err(error) => return (vec![], Err(error), 0),
    };
    let end = loop {
        match capture.next_block() {
            Ok(Some(block)) => block.for_each(&mut keep),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    (seen, end, capture.n_truncated())
}

/// 32-bit words in one byte order.
fn words(order: Endian, words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| order.bytes(*word)).collect()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Endian {
    Little,
    Big,
}

impl Endian {
    fn bytes(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }

    /// Two 16-bit fields as the word they share.
    fn halves(self, first: u16, second: u16) -> u32 {
        match self {
            Self::Little => u32::from(first) | u32::from(second) << 16,
            Self::Big => u32::from(first) << 16 | u32::from(second),
        }
    }
}

/// A pcap file of two frames of 5 and 3 bytes.
fn pcap(order: Endian, magic: u32, linktype: u32) -> Vec<u8> {
    let mut file = words(order, &[magic, order.halves(2, 4), 0, 0, 65535, linktype]);
    file.extend(words(order, &[1, 500_000, 5, 60]));
    file.extend(b"first");
    file.extend(words(order, &[2, 7, 3, 3]));
    file.extend(b"2nd");
    file
}

fn block(order: Endian, kind: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 12).unwrap();
    [&words(order, &[kind, len]), body, &words(order, &[len])].concat()
}

fn section(order: Endian) -> Vec<u8> {
    let words = words(order, &[0x1a2b_3c4d, order.halves(1, 0), u32::MAX, u32::MAX]);
    block(order, 0x0a0d_0d0a, &words)
}

fn interface(order: Endian, linktype: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
    let body = [&words(order, &[order.halves(linktype, 0), snaplen]), options].concat();
    block(order, 1, &body)
}

/// `if_tsresol` and the end of options.
fn resolution(order: Endian, exponent: u8) -> Vec<u8> {
    let head = order.bytes(order.halves(9, 1));
    [&head[..], &[exponent, 0, 0, 0], &[0; 4]].concat()
}

fn enhanced(order: Endian, interface: u32, ticks: u64, frame: &[u8]) -> Vec<u8> {
    let len = u32::try_from(frame.len()).unwrap();
    let (high, low) = ((ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32);
    let mut body = words(order, &[interface, high, low, len, len + 100]);
    body.extend(frame);
    body.resize(body.len().next_multiple_of(4), 0);
    block(order, 6, &body)
}

/// Two interfaces of different links and clocks, every kind of packet block, a block to skip.
fn pcapng(order: Endian) -> Vec<u8> {
    [
        section(order),
        interface(order, 1, 6, &[]),
        interface(order, 113, 0, &resolution(order, 9)),
        enhanced(order, 0, 1_500_000, b"micro"),
        block(order, 0x0bad_cafe, b"skip"),
        enhanced(order, 1, 1_500_000, b"nano"),
        block(order, 3, &[&words(order, &[10]), &b"simple--"[..]].concat()),
        block(
            order,
            2,
            &[&words(order, &[order.halves(1, 0), 0, 9, 3, 3]), &b"old\0"[..]].concat(),
        ),
    ]
    .concat()
}

fn seen(at_ns: u64, link: Link, bytes: &[u8], wire_len: u32) -> Seen {
    Seen { at_ns, link: Some(link), bytes: bytes.to_vec(), wire_len }
}

#[test]
fn pcap_is_read_in_either_byte_order_and_resolution() {
    for order in [Endian::Little, Endian::Big] {
        for (magic, unit_ns) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1)] {
            let (frames, end, n_truncated) = read(&pcap(order, magic, 1));
            let first = seen(1_000_000_000 + 500_000 * unit_ns, Link::Ethernet, b"first", 60);
            let second = seen(2_000_000_000 + 7 * unit_ns, Link::Ethernet, b"2nd", 3);
            assert_eq!(frames, [first, second], "{order:?} {magic:x}");
            assert!(end.is_ok() && n_truncated == 0);
        }
    }
}

#[test]
fn modified_pcap_has_longer_record_headers() {
    let mut file = words(Endian::Little, &[0xa1b2_cd34, 0x0004_0002, 0, 0, 65535, 101]);
    file.extend(words(Endian::Little, &[1, 0, 2, 2, 0, 0]));
    file.extend(b"ip");
    assert_eq!(read(&file).0, [seen(1_000_000_000, Link::Raw, b"ip", 2)]);
}

#[test]
fn link_types_are_told_apart_and_unknown_ones_kept() {
    for (linktype, link) in [
        (1, Some(Link::Ethernet)),
        (101, Some(Link::Raw)),
        (113, Some(Link::Sll)),
        (276, Some(Link::Sll2)),
        (0x2400_0001, Some(Link::Ethernet)), // with four bytes of frame check sequence
        (147, None),
    ] {
        let (frames, ..) = read(&pcap(Endian::Little, 0xa1b2_c3d4, linktype));
        assert_eq!(frames.len(), 2);
        assert!(frames.iter().all(|frame| frame.link == link), "{linktype}");
    }
}

#[test]
fn pcapng_is_read_with_its_interfaces_clocks_and_kinds_of_block() {
    for order in [Endian::Little, Endian::Big] {
        let (frames, end, _) = read(&pcapng(order));
        assert!(end.is_ok(), "{end:?}");
        let expected = [
            seen(1_500_000_000, Link::Ethernet, b"micro", 105),
            seen(1_500_000, Link::Sll, b"nano", 104),
            seen(0, Link::Ethernet, b"simple", 10), // cut to the interface's snaplen
            seen(9, Link::Sll, b"old", 3),
        ];
        assert_eq!(frames, expected, "{order:?}");
    }
}

#[test]
fn a_new_section_has_a_byte_order_and_interfaces_of_its_own() {
    let mut file = pcapng(Endian::Little);
    file.extend(section(Endian::Big));
    file.extend(interface(Endian::Big, 101, 0, &resolution(Endian::Big, 0x8a)));
    file.extend(enhanced(Endian::Big, 0, 1024 + 512, b"ip"));
    let last = read(&file).0.pop().unwrap();
    assert_eq!(last, seen(1_500_000_000, Link::Raw, b"ip", 102));
    file.extend(enhanced(Endian::Big, 1, 0, b"of the section before"));
    assert!(read(&file).1.unwrap_err().to_string().contains("not described"));
}

#[test]
fn a_file_cut_anywhere_gives_its_whole_records_and_counts_the_cut_one() {
    // Records that end before the last one does, the section's or file's header aside.
    for (file, n_inner) in [(pcap(Endian::Little, 0xa1b2_c3d4, 1), 1), (pcapng(Endian::Big), 6)] {
        let whole = read(&file).0;
        let mut n_clean = 0;
        for len in 29..file.len() {
            let (frames, end, n_truncated) = read(&file[..len]);
            assert!(end.is_ok(), "{len}: {end:?}");
            assert!(frames.len() < whole.len());
            assert_eq!(frames, whole[..frames.len()]);
            n_clean += 1 - n_truncated;
        }
        assert_eq!(n_clean, n_inner);
    }
}

#[test]
fn a_corrupt_record_is_named_with_file_and_byte_after_the_frames_before_it() {
    let mut file = pcap(Endian::Little, 0xa1b2_c3d4, 1);
    let at = file.len();
    file.extend(words(Endian::Little, &[3, 0, 0x7fff_ffff, 60, 0, 0]));
    let saved = saved(&file);
    let mut capture = CaptureFile::open(saved.path()).unwrap();
    assert!(capture.next_block().unwrap().is_some());
    let error = capture.next_block().unwrap_err().to_string();
    assert!(error.contains(&format!("byte {at} ")), "{error}");
    assert!(error.contains(&saved.path().display().to_string()), "{error}");
}

#[test]
fn a_section_of_nothing_but_interfaces_does_not_fill_the_memory() {
    let header = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28];
    let interface = words(Endian::Little, &[1, 20, 1, 0, 20]);
    let file = [words(Endian::Little, &header), interface.repeat(70_000)].concat();
    let error = read(&file).1.unwrap_err().to_string();
    assert!(error.contains(&format!("byte {} is corrupt", 28 + 20 * 65_536)), "{error}");
}

#[test]
fn what_is_not_a_capture_is_said_to_be_what_it_is() {
    for (bytes, found) in
        [(&b""[..], "empty"), (b"\x1f\x8b\x08", "gunzip"), (b"#!/bin/sh\n", "no format")]
    {
        let error = read(bytes).1.unwrap_err().to_string();
        assert!(error.contains(found), "{error}");
    }
    let missing = CaptureFile::open(Path::new("/nonexistent")).unwrap_err().to_string();
    assert!(missing.contains("/nonexistent: cannot be opened"), "{missing}");
}

#[test]
fn blocks_are_bounded_and_progress_reaches_the_end() {
    let mut file = pcap(Endian::Little, 0xa1b2_c3d4, 1);
    for _ in 0..300 {
        file.extend(words(Endian::Little, &[1, 0, 1, 1]));
        file.push(b'x');
    }
    let saved = saved(&file);
    let mut capture = CaptureFile::open(saved.path()).unwrap();
    let mut lens = vec![];
    while let Some(block) = capture.next_block().unwrap() {
        let mut n_frames = 0;
        block.for_each(|_| n_frames += 1);
        lens.push(n_frames);
    }
    assert_eq!(lens, [128, 128, 46]);
    assert_eq!((capture.position(), capture.is_empty()), (capture.len(), false));
}

/// A pcap file whose frames have these lengths.
fn pcap_of(lens: &[u32]) -> Vec<u8> {
    let mut file = words(Endian::Little, &[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1]);
    for len in lens {
        file.extend(words(Endian::Little, &[1, 0, *len, *len]));
        file.extend((0..*len).map(|at| at.to_le_bytes()[0] ^ len.to_le_bytes()[0]));
    }
    file
}

/// Lengths that put records across every kind of border between two reads.
const LENS: [u32; 9] = [60_000, 200_000, 262_144, 1, 262_144, 262_144, 0, 65_000, 131_000];

#[test]
fn a_frame_is_whole_however_the_file_is_read() {
    let (frames, end, n_truncated) = read(&pcap_of(&LENS));
    let lens: Vec<_> = frames.iter().map(|frame| frame.wire_len).collect();
    assert_eq!((lens.as_slice(), n_truncated), (&LENS[..], 0));
    assert!(end.is_ok());
    for Seen { bytes, wire_len, .. } in frames {
        let expected = (0..wire_len).map(|at| at.to_le_bytes()[0] ^ wire_len.to_le_bytes()[0]);
        assert!(bytes.into_iter().eq(expected), "{wire_len}");
    }
}

#[test]
fn a_block_that_is_kept_stays_as_it_was() {
    let file = saved(&pcap_of(&[1_000; 2_000]));
    let mut capture = CaptureFile::open(file.path()).unwrap();
    let first = capture.next_block().unwrap().unwrap();
    let bytes_of = |block: &Block| {
        let mut all = vec![];
        block.for_each(|frame| all.extend_from_slice(frame.bytes));
        all
    };
    let before = bytes_of(&first);
    let mut n_bytes = before.len();
    while let Some(block) = capture.next_block().unwrap() {
        n_bytes += bytes_of(&block).len();
    }
    assert_eq!((n_bytes, bytes_of(&first) == before), (2_000_000, true));
}

#[test]
fn a_pipe_is_read_as_it_fills() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let file = pcap_of(&LENS);
    let n_frames = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.chunks(7_777).for_each(|chunk| pipe.write_all(chunk).unwrap());
        });
        let mut capture = CaptureFile::open(&path).unwrap();
        let mut n_frames = 0;
        while let Some(block) = capture.next_block().unwrap() {
            block.for_each(|_| n_frames += 1);
        }
        n_frames
    });
    assert_eq!(n_frames, LENS.len());
}

#[test]
fn every_flipped_byte_is_read_or_refused() {
    for file in [pcap(Endian::Big, 0xa1b2_3c4d, 1), pcapng(Endian::Little)] {
        for at in 0..file.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut file = file.clone();
                file[at] ^= flip;
                let (frames, ..) = read(&file);
                assert!(frames.len() <= 4);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_behind_a_header_are_read_or_refused(
        tail in proptest::collection::vec(any::<u8>(), 0..200),
        order in prop_oneof![Just(Endian::Little), Just(Endian::Big)],
    ) {
        let mut plain = pcap(order, 0xa1b2_c3d4, 1);
        plain.extend(&tail);
        prop_assert!(read(&plain).0.len() >= 2);
        let mut ng = pcapng(order);
        ng.extend(&tail);
        prop_assert!(read(&ng).0.len() >= 4);
    }
}

#[test]
fn a_block_of_a_file_ends_when_its_second_is_over_and_no_frame_is_read_twice() {
    let order = Endian::Little;
    let mut file = words(order, &[0xa1b2_c3d4, order.halves(2, 4), 0, 0, 65535, 1]);
    for (seconds, micros) in [(1, 500_000), (2, 499_999), (2, 500_000), (900, 0), (3, 0)] {
        file.extend(words(order, &[seconds, micros, 1, 1]));
        file.extend(b"x");
    }
    let file = saved(&file);
    let mut capture = CaptureFile::open(file.path()).unwrap();
    let mut blocks = vec![];
    while let Some(block) = capture.next_block().unwrap() {
        let mut n_frames = 0;
        block.for_each(|_| n_frames += 1);
        blocks.push(n_frames);
    }
    assert_eq!(blocks, [2, 1, 2]);
}
