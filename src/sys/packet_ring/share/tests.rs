use proptest::prelude::*;

use super::*;

/// The machine of `filter.rst`, as far as the program needs it. What it is given lies in no device.
fn accepts(filter: &[sock_filter], hardware: u32, frame: &[u8]) -> bool {
    let (mut a, mut x, mut memory) = (0u32, 0u32, [0u32; 16]);
    let load = |at: usize, n: usize| {
        let bytes = frame.get(at..at + n)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    };
    let mut line = 0;
    loop {
        let sock_filter { code, jt, jf, k } = filter[line];
        let code = u32::from(code);
        line += 1;
        let loaded = match code {
            _ if code == LOAD | BPF_ABS => Some(if k == HARDWARE { hardware } else { panic!() }),
            LENGTH => u32::try_from(frame.len()).ok(),
            LOAD_HALF => load(k as usize, 2),
            LOAD_BYTE => load(k as usize, 1),
            LOAD_FROM_X => load((x + k) as usize, 4),
            _ => Some(a),
        };
        let Some(loaded) = loaded else { return false };
        a = loaded;
        match code {
            INDEX => x = k,
            RECALL => x = memory[k as usize],
            BPF_ST => memory[k as usize] = a,
            XOR => a ^= x,
            _ if code == BPF_LD | BPF_W | BPF_IMM => a = k,
            _ if code == BPF_ALU | BPF_SUB | BPF_X => a -= x,
            _ if code == BPF_ALU | BPF_RSH | BPF_K => a >>= k,
            _ if code == BPF_ALU | BPF_MUL | BPF_K => a = a.wrapping_mul(k),
            _ if code == BPF_JMP | BPF_JA => line += k as usize,
            _ if code == BPF_JMP | BPF_K | BPF_JEQ => {
                line += usize::from(if a == k { jt } else { jf });
            }
            _ if code == BPF_JMP | BPF_K | BPF_JGE => {
                line += usize::from(if a >= k { jt } else { jf });
            }
            _ if code == BPF_RET | BPF_K => return k != 0,
            _ => assert!(
                [LENGTH, LOAD_HALF, LOAD_BYTE, LOAD_FROM_X, LOAD | BPF_ABS].contains(&code),
                "line {}: {code:#x}",
                line - 1
            ),
        }
    }
}

const ON_ETHERNET: u32 = 1;
const ON_A_TUN: u32 = 0xfffe;

/// The ring that takes the frame; fails if none or two do.
fn ring(of: u8, hardware: u32, frame: &[u8]) -> u8 {
    let is_taken_by = |ring: &u8| accepts(&Share { ring: *ring, of }.filter(), hardware, frame);
    let takers: Vec<_> = (0..of).filter(is_taken_by).collect();
    let [taker] = takers[..] else { panic!("{takers:?} of {of} take {frame:02x?}") };
    taker
}

/// Tags and EtherType behind two hardware addresses.
fn linked(types: &[u8]) -> Vec<u8> {
    [&[0; 12], types].concat()
}

fn ipv4(link: &[u8], addresses: [u32; 2], rest: &[u8]) -> Vec<u8> {
    let addresses = addresses.map(u32::to_be_bytes).concat();
    [link, &[0x45; 12], &addresses[..], rest].concat()
}

fn ipv6(link: &[u8], addresses: [u128; 2], rest: &[u8]) -> Vec<u8> {
    let addresses = addresses.map(u128::to_be_bytes).concat();
    [link, &[0x60; 8], &addresses[..], rest].concat()
}

/// What may stand before an IP packet, by its EtherType.
fn links(ethertype: [u8; 2]) -> Vec<(u32, Vec<u8>)> {
    let tag = |kind: [u8; 2]| [kind, [0, 7]].concat();
    let [plain, service, old] = [tag([0x81, 0]), tag([0x88, 0xa8]), tag([0x91, 0])];
    let stacks = [vec![], plain.clone(), service.clone(), old, [service, plain].concat()];
    let tagged = stacks.map(|tags| (ON_ETHERNET, linked(&[&tags[..], &ethertype].concat())));
    tagged.into_iter().chain([(ON_A_TUN, vec![])]).collect()
}

proptest! {
    #[test]
    fn every_frame_is_one_ring_s_and_no_other_s(
        of in 2..=16u8,
        hardware in prop_oneof![Just(ON_ETHERNET), Just(772), Just(ON_A_TUN), 0..=0xffffu32],
        link in prop_oneof![
            Just(vec![]),
            Just(linked(&[8, 0])),
            Just(linked(&[0x86, 0xdd])),
            Just(linked(&[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x86, 0xdd])),
        ],
        rest in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        ring(of, hardware, &[link, rest].concat());
    }

    #[test]
    fn only_the_addresses_decide_and_not_who_sends(
        of in 2..=16u8,
        v4 in any::<[u32; 2]>(),
        v6 in any::<[u128; 2]>(),
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let expected = ring(of, ON_A_TUN, &ipv4(&[], v4, &[]));
        for (hardware, link) in links([8, 0]) {
            prop_assert_eq!(ring(of, hardware, &ipv4(&link, v4, &rest)), expected);
            prop_assert_eq!(ring(of, hardware, &ipv4(&link, [v4[1], v4[0]], &[])), expected);
        }
        let expected = ring(of, ON_A_TUN, &ipv6(&[], v6, &[]));
        for (hardware, link) in links([0x86, 0xdd]) {
            prop_assert_eq!(ring(of, hardware, &ipv6(&link, v6, &rest)), expected);
            prop_assert_eq!(ring(of, hardware, &ipv6(&link, [v6[1], v6[0]], &[])), expected);
        }
    }
}

#[test]
fn what_has_no_addresses_is_the_first_ring_s_and_so_is_what_is_cut_off() {
    let arp = [&linked(&[8, 6])[..], &[0x5a; 46]].concat();
    assert_eq!(ring(16, ON_ETHERNET, &arp), 0);
    let whole = ipv6(&linked(&[0x86, 0xdd]), [1 << 99, 7], &[]);
    let rings: Vec<_> = (0..=whole.len()).map(|n| ring(16, ON_ETHERNET, &whole[..n])).collect();
    let (last, cut) = rings.split_last().unwrap();
    assert!(*last != 0 && cut.iter().all(|ring| *ring == 0), "{rings:?}");
}

#[test]
fn neighbours_are_spread_over_all_rings() {
    for of in 2..=16u8 {
        let mut n_of = vec![0; usize::from(of)];
        for host in 0..4096 {
            let frame = ipv4(&linked(&[8, 0]), [0x0a00_0001, 0x0a01_0000 + host], &[]);
            n_of[usize::from(ring(of, ON_ETHERNET, &frame))] += 1;
        }
        let fair = 4096 / usize::from(of);
        assert!(n_of.iter().all(|n| (fair / 2..fair * 2).contains(n)), "{of}: {n_of:?}");
    }
}

#[test]
fn every_load_of_the_program_has_its_length_asked_before() {
    for n in 0..64 {
        for hardware in [ON_ETHERNET, ON_A_TUN] {
            for fill in [0x45, 0x60, 0x81, 0x88] {
                ring(3, hardware, &vec![fill; n]);
            }
        }
    }
}
