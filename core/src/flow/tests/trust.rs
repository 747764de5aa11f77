//! What a transaction's connection and segments say for it.

use crate::record::Trust;

use super::order::permutations;
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

/// The same, and the connection is known.
fn spoken() -> Wire {
    let mut wire = opened();
    assert_eq!(write(&mut wire, 77), Trust::FULL);
    wire.next_block();
    wire
}

/// Parts of a stream in this order, each with its evidence; then the stream stands behind them.
fn say(wire: &mut Wire, side: usize, parts: &[(&[u8], Evidence)], order: &[usize]) {
    for nth in order {
        let before: usize = parts[..*nth].iter().map(|(part, _)| part.len()).sum();
        wire.evidence = parts[*nth].1;
        wire.segment(side, i32::try_from(before).unwrap(), Flags::ACK, parts[*nth].0);
    }
    wire.evidence = Evidence::Verified;
    wire.skip(side, parts.iter().map(|(part, _)| part.len()).sum());
}

#[test]
fn what_came_in_several_segments_is_verified_if_all_of_them_are_in_whatever_order() {
    let asked = adu(1, &WRITE);
    for (order, spoiled, evidence) in permutations(3).into_iter().flat_map(|order| {
        [(0, Evidence::Verified), (0, Evidence::Intact), (1, Evidence::Unverified)]
            .into_iter()
            .chain([(2, Evidence::Unverified), (0, Evidence::Unverified)])
            .map(move |(spoiled, evidence)| (order.clone(), spoiled, evidence))
    }) {
        for side in [CLIENT, SERVER] {
            let mut wire = spoken();
            let mut parts =
                [&asked[..4], &asked[4..9], &asked[9..]].map(|part| (part, Evidence::Verified));
            parts[spoiled].1 = evidence;
            if side == SERVER {
                wire.send(CLIENT, &asked);
            }
            say(&mut wire, side, &parts, &order);
            if side == CLIENT {
                wire.send(SERVER, &asked);
            }
            let trust = if evidence == Evidence::Verified { Trust::FULL } else { UNVERIFIED };
            let seen = wire.transactions();
            assert_eq!((seen.len(), seen[0].trust), (1, trust), "{order:?} {spoiled} {evidence:?}");
            assert!(seen[0].latency.is_some(), "{order:?}");
            assert_eq!(write(&mut wire, 2), Trust::FULL, "of what came before, nothing is left");
        }
    }
}

#[test]
fn what_waited_is_judged_by_its_own_segment_and_not_by_the_one_it_waited_for() {
    let [first, second] = [adu(1, &WRITE), adu(2, &WRITE)];
    for (evidence, trust) in [
        ([Evidence::Verified, Evidence::Unverified], [Trust::FULL, UNVERIFIED]),
        ([Evidence::Unverified, Evidence::Verified], [UNVERIFIED, Trust::FULL]),
    ] {
        let mut wire = spoken();
        let parts = [(&first[..], evidence[0]), (&second[..], evidence[1])];
        say(&mut wire, CLIENT, &parts, &[1, 0]);
        assert_eq!(wire.transactions().iter().map(|seen| seen.trust).collect::<Vec<_>>(), trust);
    }
    // Nor by an answer that shows that nothing more will come, or by the end of the block.
    let mut wire = spoken();
    wire.skip(CLIENT, 12); // missed
    say(&mut wire, CLIENT, &[(&second, Evidence::Unverified)], &[0]);
    assert_eq!(wire.transactions(), []);
    wire.send(SERVER, &second);
    let seen = wire.transactions();
    assert_eq!((seen.len(), seen[0].trust), (1, Trust::default()));
    let mut wire = spoken();
    wire.skip(CLIENT, 12);
    say(&mut wire, CLIENT, &[(&second, Evidence::Verified)], &[0]);
    wire.table.finish(&mut wire.report);
    assert_eq!(wire.transactions()[0].trust, MIDSTREAM);
}

#[test]
fn a_refusal_is_verified_if_what_it_refuses_is() {
    let mut wire = spoken();
    wire.evidence = Evidence::Unverified;
    wire.send(CLIENT, &read(1));
    wire.evidence = Evidence::Verified;
    wire.send(SERVER, &adu(1, &[0x83, 2]));
    assert_eq!(wire.transactions()[0].trust, UNVERIFIED);
    wire.send(CLIENT, &read(2));
    wire.send(SERVER, &adu(2, &[0x83, 2]));
    assert_eq!(wire.transactions()[1].trust, Trust::FULL);
}

#[test]
fn messages_of_other_protocols_and_who_asks_are_trusted_as_their_segments_are() {
    let mut wire = opened();
    wire.server_port = 4840;
    open(&mut wire);
    // A write service of OPC UA, of channel 1.
    let mut chunk = b"MSGF\x28\0\0\0\x01\0\0\0\x01\0\0\0\x33\0\0\0\x01\0\0\0".to_vec();
    chunk.extend([1, 0, 0xa1, 2]);
    chunk.resize(40, 0);
    let spoken = |wire: &Wire| {
        let trust =
            |note: &Note| if let Note::Message(said) = note { Some(said.trust) } else { None };
        wire.report.notes.iter().filter_map(trust).next_back().unwrap()
    };
    wire.send(CLIENT, &chunk);
    assert_eq!((spoken(&wire), wire.report.usages[0].trust), (Trust::FULL, Trust::FULL));
    wire.client_port += 1; // met under way
    say(
        &mut wire,
        CLIENT,
        &[(&chunk[..9], Evidence::Intact), (&chunk[9..], Evidence::Verified)],
        &[0, 1],
    );
    assert_eq!(spoken(&wire), Trust::default());
}
