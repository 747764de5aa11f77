use super::*;
use crate::wire::checksum::Mismatch;
use crate::wire::fixture;
use crate::wire::payload::Extent;

const OPTIONS: [u8; 3] = [7, 3, 4];

fn read(bytes: &[u8]) -> Result<Payload<'_>, WireError> {
    let ip = Ipv4::parse(bytes)?;
    let _ = (ip.checksum(), ip.pseudo_header(), ip.fragmentation(), ip.source(), ip.destination());
    ip.payload(bytes.len())
}

#[test]
fn a_header_with_options_verifies_and_gives_its_payload() {
    for options in [&[][..], &OPTIONS] {
        let bytes = fixture::ipv4(17, options, b"payload");
        let ip = Ipv4::parse(&bytes).unwrap();
        assert_eq!(
            (ip.source().octets(), ip.destination().octets()),
            (fixture::SOURCE, fixture::DESTINATION)
        );
        assert_eq!((ip.checksum(), ip.protocol()), (Checksum::Valid, 17));
        assert_eq!(ip.payload(bytes.len()).unwrap().bytes, b"payload");
    }
}

#[test]
fn every_flipped_bit_of_the_header_is_an_error_or_a_mismatch() {
    let intact = fixture::ipv4(17, &OPTIONS, b"");
    for bit in 0..intact.len() * 8 {
        let mut bytes = intact.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(ip) = Ipv4::parse(&bytes) {
            assert!(matches!(ip.checksum(), Checksum::Invalid(_)), "bit {bit}");
        }
    }
}

#[test]
fn a_mismatch_states_both_values() {
    let mut bytes = fixture::ipv4(17, &[], b"");
    let computed = u16::from_be_bytes([bytes[10], bytes[11]]);
    bytes[10..12].copy_from_slice(&[0xab, 0xcd]);
    let mismatch = Mismatch { stored: 0xabcd, computed };
    assert_eq!(Ipv4::parse(&bytes).unwrap().checksum(), Checksum::Invalid(mismatch));
}

#[test]
fn a_header_checksum_of_zero_was_left_to_the_card() {
    let mut bytes = fixture::ipv4(17, &[], b"");
    bytes[10..12].fill(0);
    let verdict = Ipv4::parse(&bytes).unwrap().checksum();
    assert_eq!(verdict, Checksum::Unverified(Unverified::Offloaded));
}

#[test]
fn the_length_field_cuts_padding_and_betrays_a_short_frame() {
    let bytes = fixture::ipv4(17, &[], b"payload");
    let padded = [&bytes[..], &[0; 19]].concat();
    assert_eq!(read(&padded).unwrap().bytes, b"payload");
    assert!(matches!(read(&bytes[..25]).unwrap().extent, Extent::Overrun(_)));
    let cut = Ipv4::parse(&bytes[..25]).unwrap().payload(bytes.len()).unwrap();
    assert_eq!((cut.bytes, cut.extent), (&b"paylo"[..], Extent::Cut));
}

#[test]
fn a_total_length_of_zero_is_a_super_frame_of_tcp_and_an_error_of_all_else() {
    for (protocol, whole) in [(6, true), (17, false)] {
        let mut bytes = fixture::ipv4(protocol, &[], b"payload");
        bytes[2..4].fill(0);
        assert_eq!(read(&bytes).is_ok_and(|payload| payload.bytes == b"payload"), whole);
    }
}

#[test]
fn dont_fragment_is_no_fragment_but_an_offset_or_a_successor_is() {
    let mut bytes = fixture::ipv4(17, &[], b"");
    let part = |offset_and_flags| Fragmentation::Part { identification: 0x1234, offset_and_flags };
    for (flags, expected) in [
        (0x0000, Fragmentation::None),
        (0x4000, Fragmentation::None),
        (0x2000, part(0x2000)),
        (0x0001, part(0x0001)),
    ] {
        bytes[6..8].copy_from_slice(&u16::to_be_bytes(flags));
        assert_eq!(Ipv4::parse(&bytes).unwrap().fragmentation(), expected, "{flags:#x}");
    }
}

#[test]
fn spoiled_bytes_never_panic() {
    fixture::spoil(&fixture::ipv4(6, &OPTIONS, b"payload"), |bytes| {
        let _ = read(bytes);
    });
}
