//! What dissection and verification of one packet cost, next to summing its bytes and no more.
//!
//! Frames lie back to back in one buffer, as in a block of the ring. Rounds alternate between the
//! two, so that a slow moment of the machine hits both; the medians are shown.
#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::hint::black_box;
use std::time::Instant;

use infra_monitor_core::wire::Checksum;
use infra_monitor_core::wire::checksum;
use infra_monitor_core::wire::packet::Captured;
use infra_monitor_core::wire::packet::Link;
use infra_monitor_core::wire::packet::dissect;

const N_FRAMES: u16 = 4096;
const N_ROUNDS: usize = 101;
const SHORTEST_FRAME: usize = 60;
const SOURCE: [u8; 4] = [192, 0, 2, 10];
const DESTINATION: [u8; 4] = [192, 0, 2, 20];

fn main() {
    println!("{:<28} {:>6} {:>8} {:>16}", "frames", "bytes", "sum, ns", "dissect + verify");
    compare("Modbus/TCP requests", |_| 12);
    compare("Modbus/TCP, both directions", conversation);
    compare("full-sized segments", |_| 1448);
}

/// Print one row for frames whose TCP payload has the given length.
fn compare(name: &str, payload_len: fn(u16) -> usize) {
    let lens: Vec<usize> = (0..N_FRAMES).map(payload_len).collect();
    let frames: Vec<Vec<u8>> = (0..N_FRAMES).zip(lens).map(|(n, len)| frame(n, len)).collect();
    let block = frames.concat();
    let mut rest = &block[..];
    let mut in_block = vec![];
    for frame in &frames {
        let (frame, after) = rest.split_at(frame.len());
        in_block.push(frame);
        rest = after;
    }
    let (mut summing, mut dissecting) = (vec![], vec![]);
    for _ in 0..N_ROUNDS {
        summing.push(ns_per_frame(&in_block, |frame| checksum::sum(0, frame) != 0));
        dissecting.push(ns_per_frame(&in_block, is_valid));
    }
    let (sum, dissect) = (median(summing), median(dissecting));
    println!("{name:<28} {:>6} {sum:>8.1} {dissect:>16.1}", block.len() / frames.len());
}

fn is_valid(frame: &[u8]) -> bool {
    let packet = dissect(&Captured {
        link: Link::Ethernet,
        bytes: frame,
        wire_len: u32::try_from(frame.len()).unwrap_or(u32::MAX),
        stripped_vlan: None,
        checksum_pending: false,
    });
    matches!(black_box(&packet).l4, Some((_, Checksum::Valid)))
}

fn ns_per_frame(frames: &[&[u8]], judge: impl Fn(&[u8]) -> bool) -> f64 {
    let begin = Instant::now();
    let n_valid = frames.iter().filter(|frame| judge(black_box(frame))).count();
    let elapsed = begin.elapsed();
    assert_eq!(n_valid, frames.len(), "every frame is intact");
    elapsed.as_secs_f64() * 1e9 / f64::from(N_FRAMES)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Payload lengths of polling: requests, answers of 5 to 125 registers, bare acknowledgments.
fn conversation(n: u16) -> usize {
    match n % 5 {
        0 | 2 => 12,
        1 | 3 => 9 + 2 * (5 + usize::from(n.wrapping_mul(40_503) >> 7) % 121),
        _ => 0,
    }
}

/// An intact TCP segment over IPv4 and Ethernet, padded as the wire pads it.
fn frame(n: u16, payload_len: usize) -> Vec<u8> {
    let tcp_len = u16::try_from(20 + payload_len).unwrap_or(u16::MAX);
    let ports = [0x9c, 0x40, 0x01, 0xf6];
    let mut tcp = [&ports[..], &[0, 0], &n.to_be_bytes(), &[0; 4], &[0x50, 0x18, 1, 0]].concat();
    tcp.extend([0; 4]);
    tcp.extend((0..payload_len).map(|at| at.to_le_bytes()[0] ^ n.to_le_bytes()[0]));
    let pseudo = [&SOURCE[..], &DESTINATION, &[0, 6], &tcp_len.to_be_bytes()].concat();
    fill_in(&mut tcp, 16, checksum::sum(0, &pseudo));

    let total_len = (20 + tcp_len).to_be_bytes();
    let mut ip = [&[0x45, 0], &total_len[..], &n.to_be_bytes(), &[0x40, 0, 64, 6, 0, 0]].concat();
    ip.extend(SOURCE.into_iter().chain(DESTINATION));
    fill_in(&mut ip, 10, 0);

    let mut frame = [&[2; 12], &[0x08, 0x00][..], &ip, &tcp].concat();
    frame.resize(frame.len().max(SHORTEST_FRAME), 0);
    frame
}

/// Store the checksum of `bytes` at `at`.
fn fill_in(bytes: &mut [u8], at: usize, seed: u32) {
    let stored = checksum::finish(checksum::sum(seed, bytes)).to_be_bytes();
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&stored);
    }
}
