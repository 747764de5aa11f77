//! What a transaction's connection and segments say for it.

use crate::record::Trust;

use super::*;

/// A client and a server whose SYNs were seen, with right checksums.
fn opened() -> Wire {
    let mut wire = Wire { evidence: Evidence::Verified, ..Wire::new() };
    open(&mut wire);
    wire
}

fn open(wire: &mut Wire) {
    wire.segment(CLIENT, 0, Flags::SYN, &[]);
    wire.skip(CLIENT, 1);
    wire.segment(SERVER, 0, Flags::SYN | Flags::ACK, &[]);
    wire.skip(SERVER, 1);
    wire.segment(CLIENT, 0, Flags::ACK, &[]);
}

fn write(wire: &mut Wire, transaction: u16) -> Trust {
    wire.send(CLIENT, &adu(transaction, &WRITE));
    wire.send(SERVER, &adu(transaction, &WRITE));
    wire.transactions().last().unwrap().trust
}

const MIDSTREAM: Trust = Trust { verified: true, from_start: false };
const UNVERIFIED: Trust = Trust { verified: false, from_start: true };

#[test]
fn a_connection_met_at_its_syn_is_trusted_until_bytes_are_missed() {
    let mut wire = opened();
    assert_eq!(write(&mut wire, 1), Trust::FULL);
    assert_eq!(write(&mut wire, 2), Trust::FULL);
    wire.skip(CLIENT, 12);
    wire.send(SERVER, &[]); // acknowledges what was missed
    wire.now_ns += 4_000_000_000;
    assert_eq!(write(&mut wire, 3), MIDSTREAM);
    assert_eq!(write(&mut wire, 4), MIDSTREAM);
    open(&mut wire); // between the same ports
    assert_eq!(write(&mut wire, 5), Trust::FULL);
}

#[test]
fn a_connection_met_under_way_or_after_a_gap_is_not_from_its_start() {
    let mut wire = Wire { evidence: Evidence::Verified, ..Wire::new() };
    assert_eq!(write(&mut wire, 1), MIDSTREAM);
    let mut wire = opened();
    wire.skip(CLIENT, 5); // its first bytes were missed
    assert_eq!(write(&mut wire, 1), MIDSTREAM);
    let mut wire = opened();
    assert_eq!(write(&mut wire, 1), Trust::FULL);
    wire.table.start_block(Gap::Before);
    assert_eq!(write(&mut wire, 2), MIDSTREAM);
}

#[test]
fn a_request_and_an_answer_are_verified_together_or_not_at_all() {
    for (asked, answered, trust) in [
        (Evidence::Verified, Evidence::Verified, Trust::FULL),
        (Evidence::Intact, Evidence::Verified, UNVERIFIED),
        (Evidence::Verified, Evidence::Intact, UNVERIFIED),
        (Evidence::Verified, Evidence::Unverified, UNVERIFIED),
    ] {
        let mut wire = opened();
        wire.evidence = asked;
        wire.send(CLIENT, &adu(1, &WRITE));
        wire.evidence = answered;
        wire.send(SERVER, &adu(1, &WRITE));
        assert_eq!(wire.transactions()[0].trust, trust);
    }
}

#[test]
fn a_gap_is_none_of_a_connection_that_is_opened_after_it() {
    let mut wire = opened();
    assert_eq!(write(&mut wire, 1), Trust::FULL);
    wire.table.start_block(Gap::Before);
    open(&mut wire); // between the same ports
    assert_eq!(write(&mut wire, 2), Trust::FULL);
    wire.client_port += 1;
    open(&mut wire);
    assert_eq!(write(&mut wire, 3), Trust::FULL);
    wire.table.start_block(Gap::Before);
    assert_eq!(write(&mut wire, 4), MIDSTREAM);
}
