//! What is written down for one who reads a file.

use super::*;

impl Wire {
    fn transcribing(capacity: usize) -> Self {
        let mut wire = Self::with_capacity(capacity);
        wire.table.transcribe();
        wire
    }
}

/// Identifiers of the requests and of the responses.
fn ids(turns: &[Turn]) -> Vec<(u16, bool, bool)> {
    let id =
        |turn: &Turn| (turn.transaction.unwrap(), turn.request.is_some(), turn.response.is_some());
    turns.iter().map(id).collect()
}

#[test]
fn turns_are_given_word_by_word_in_the_order_of_their_responses() {
    let mut wire = Wire::transcribing(4);
    wire.vlan = Vlan { outer: 7, inner: 0 };
    wire.send(CLIENT, &[read(1), read(2)].concat());
    wire.send(SERVER, &values(2));
    wire.next_block();
    wire.send(SERVER, &values(1));
    let turns = wire.table.take_turns();
    assert_eq!(ids(&turns), [(2, true, true), (1, true, true)]);
    let Turn { vlan, client, server, unit, request, response, .. } = turns[1].clone();
    assert_eq!((vlan, client.port(), server.port(), unit), (wire.vlan, 40_000, 502, 1));
    let (request, response) = (request.unwrap(), response.unwrap());
    assert_eq!((request.at_ns, response.at_ns), (1_000_000, 3_000_000));
    assert_eq!((&request.pdu[..], &response.pdu[..]), (&read(1)[7..], &values(1)[7..]));
    assert_eq!(wire.table.take_turns(), [], "given once");
}

#[test]
fn a_request_without_response_is_told_at_the_end_and_a_response_without_request_at_once() {
    let mut wire = Wire::transcribing(4);
    wire.send(CLIENT, &[read(1), read(2)].concat());
    wire.send(SERVER, &values(9));
    assert_eq!(ids(&wire.table.take_turns()), [(9, false, true)]);
    assert_eq!(ids(&wire.table.take_unanswered()), [(1, true, false), (2, true, false)]);
    assert_eq!(wire.table.take_unanswered(), []);
}

#[test]
fn requests_that_make_room_or_whose_connection_does_are_told_as_unanswered() {
    let mut wire = Wire::transcribing(1);
    (1..=17).for_each(|id| wire.send(CLIENT, &read(id)));
    assert_eq!(ids(&wire.table.take_turns()), [(1, true, false)], "sixteen may be open");
    // In a window of 32 places, the 33rd connection makes the first one leave.
    for port in 1..=32 {
        wire.client_port = port;
        wire.send(CLIENT, &read(100 + port));
    }
    let evicted = ids(&wire.table.take_turns());
    assert_eq!(evicted, (2..=17).map(|id| (id, true, false)).collect::<Vec<_>>());
    wire.segment(CLIENT, 0, Flags::SYN, &[]);
    assert_eq!(ids(&wire.table.take_turns()), [(132, true, false)], "begun anew");
}

#[test]
fn nothing_is_written_down_unless_somebody_asked_for_it() {
    let mut wire = Wire::new();
    wire.send(CLIENT, &[read(1), read(2)].concat());
    wire.send(SERVER, &values(1));
    assert_eq!((wire.table.take_turns(), wire.table.take_unanswered()), (vec![], vec![]));
}
