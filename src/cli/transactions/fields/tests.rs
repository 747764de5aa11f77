use std::net::SocketAddr;

use crate::flow::Said;
use crate::wire::packet::Vlan;

use super::*;

fn fields(request: &[u8], response: &[u8]) -> Value {
    let said = |pdu: &[u8]| (!pdu.is_empty()).then(|| Said { at_ns: 0, pdu: pdu.into() });
    let host = SocketAddr::from(([192, 0, 2, 1], 502));
    let turn = Turn {
        vlan: Vlan::default(),
        client: host,
        server: host,
        transaction: Some(1),
        unit: 1,
        request: said(request),
        response: said(response),
    };
    let mut fields = serde_json::to_value(Fields::of(&turn)).unwrap();
    fields.as_object_mut().unwrap().remove("function");
    fields
}

#[test]
fn bits_are_as_many_as_were_asked_for() {
    let asked = [1, 0, 19, 0, 10];
    let told = fields(&asked, &[1, 2, 0xcd, 0xfe]);
    assert_eq!(told["values"], json!([1, 0, 1, 1, 0, 0, 1, 1, 0, 1]));
    let unasked = fields(&[], &[1, 1, 0xcd]);
    assert_eq!(unasked["values"].as_array().unwrap().len(), 8);
    let too_many = fields(&asked, &[1, 3, 1, 2, 3]);
    assert_eq!(too_many["values"].as_array().unwrap().len(), 24, "what was on the wire");
}

#[test]
fn an_echo_adds_nothing_and_one_that_differs_is_shown() {
    let asked = [6, 0, 8, 0, 17];
    let expected = json!({ "function_code": 6, "address": 8, "values": [17] });
    assert_eq!(fields(&asked, &asked), expected);
    let other = fields(&asked, &[6, 0, 8, 0, 18]);
    assert_eq!((&other["values"], &other["response_pdu"]), (&json!([17]), &json!("0600080012")));
    let several = [16, 0, 1, 0, 2, 4, 0, 10, 1, 2];
    let told = fields(&several, &[16, 0, 1, 0, 2]);
    let expected = json!({ "function_code": 16, "address": 1, "quantity": 2, "values": [10, 258] });
    assert_eq!(told, expected);
    let fewer = fields(&several, &[16, 0, 1, 0, 1]);
    assert_eq!((&fewer["quantity"], &fewer["response_pdu"]), (&json!(2), &json!("1000010001")));
}

#[test]
fn a_read_write_has_both_ranges_and_both_values() {
    let asked = [23, 0, 3, 0, 2, 0, 14, 0, 1, 2, 0, 0xff];
    let expected = json!({
        "function_code": 23, "address": 14, "quantity": 1, "values": [255],
        "read_address": 3, "read_quantity": 2, "read_values": [254, 10],
    });
    assert_eq!(fields(&asked, &[23, 4, 0, 254, 0, 10]), expected);
}

#[test]
fn file_records_of_request_and_response_stand_side_by_side() {
    let told = fields(&[20, 7, 6, 0, 4, 0, 1, 0, 2], &[20, 6, 5, 6, 0x0d, 0xfe, 0, 0x20]);
    let asked = json!([{ "reference_type": 6, "file": 4, "record": 1, "length": 2 }]);
    let given = json!([{ "reference_type": 6, "length": 2, "values": [3582, 32] }]);
    assert_eq!((&told["request_records"], &told["response_records"]), (&asked, &given));
}

#[test]
fn what_is_not_understood_is_shown_as_its_bytes() {
    let told = fields(&[100, 1, 2], &[100, 3]);
    let expected = json!({ "function_code": 100, "request_pdu": "640102", "response_pdu": "6403" });
    assert_eq!(told, expected);
    // One value less than it announces.
    let short = fields(&[16, 0, 1, 0, 2, 2, 0, 10], &[0x90, 3]);
    let expected = json!({
        "function_code": 16, "address": 1, "quantity": 2, "request_pdu": "100001000202000a",
        "exception": "illegal data value", "exception_code": 3,
    });
    assert_eq!(short, expected);
    let codeless = fields(&[], &[0x83]);
    assert_eq!((&codeless["function_code"], &codeless["exception_code"]), (&json!(3), &json!(0)));
}

#[test]
fn objects_that_are_no_text_cannot_reach_a_terminal() {
    let answer = [43, 14, 1, 1, 0, 0, 2, 0, 2, b'a', b'b', 1, 2, 0x1b, b'['];
    let objects = json!([{ "id": 0, "value": "ab" }, { "id": 1, "bytes": "1b5b" }]);
    assert_eq!(fields(&[43, 14, 1, 0], &answer)["objects"], objects);
}
