//! `checksum`, in devices and templates.

use std::sync::Arc;

use infra_monitor::config::{Change, Checksum, Config, Expect, RegisterRange, diff};
use infra_monitor::tag::{Address, Algorithm, ByteOrder, Order, Registers, Table, Type};

use super::{SITE, accepted, assert_refused, with_device};

const TAGS: &str = r#"tags = [
  { name = "a", at = "%MW100", type = "INT" },
  { name = "b", at = "%MW118", type = "REAL" },
  { name = "crc", at = "%MW122", type = "UINT", order = "BADC" },
  { name = "crc32", at = "%MW124", type = "DWORD", order = "CDAB" },
  { name = "level", at = "%MW126", type = "REAL" },
]
"#;

/// A device with `TAGS` and this checksum, which is on line 7 from column 12.
fn with(checksum: &str) -> String {
    with_device(&format!("checksum = {{ {checksum} }}\n{TAGS}"))
}

/// The same, where only `expect` and what follows it is to be shown.
fn expecting(expect: &str) -> String {
    with(&format!("algorithm = \"crc16-ccitt\", over = \"%MW100..%MW119\", expect = {expect}"))
}

fn checksum_of(config: &Config, device: &str) -> Option<Arc<Checksum>> {
    let mut devices = config.links.values().flat_map(|link| &link.devices);
    devices.find(|known| &*known.name == device)?.checksum.clone()
}

fn read(text: &str) -> Checksum {
    Checksum::clone(&checksum_of(&accepted(text), "d").expect("there is one"))
}

fn holding(first: u16, count: u16) -> RegisterRange {
    RegisterRange { table: Table::Holding, first, count }
}

fn kept(index: u16, kind: Type, order: Order) -> Expect {
    let address = Address { table: Table::Holding, index, bit: None };
    Expect::Kept(Registers { address, kind, order })
}

#[test]
fn the_example_of_the_design_is_read_as_it_was_meant() {
    let line = "checksum = { algorithm = \"crc16-modbus\", over = \"%MW100..%MW119\", expect = \"%MW120\" }\n";
    let checksum = checksum_of(&accepted(&format!("{SITE}{line}")), "pump-1");
    let expected = Checksum {
        algorithm: Algorithm::Crc16Modbus,
        over: vec![holding(100, 20)],
        order: ByteOrder::Big,
        expect: kept(120, Type::Word, Order::Abcd),
        sequence: None,
    };
    assert_eq!(checksum.as_deref(), Some(&expected));
}

#[test]
fn the_expected_value_is_an_address_a_tag_or_a_number() {
    for (text, expect) in [
        ("\"40121\", expect_order = \"BADC\"", kept(120, Type::Word, Order::Badc)),
        ("\"crc\"", kept(122, Type::Word, Order::Badc)),
        ("\"crc32\"", kept(124, Type::Dword, Order::Cdab)),
        ("0xBEEF", Expect::Constant(0xbeef)),
        ("0", Expect::Constant(0)),
    ] {
        assert_eq!(read(&expecting(text)).expect, expect, "{text}");
    }
    let wide = "algorithm = \"crc32\", over = \"%MW100..%MW119\", expect = ";
    for (text, expect) in [
        ("\"%MW120\", expect_order = \"CDAB\"", kept(120, Type::Dword, Order::Cdab)),
        ("\"%MD60\"", kept(120, Type::Dword, Order::Abcd)),
        ("0xFFFFFFFF", Expect::Constant(u32::MAX)),
    ] {
        assert_eq!(read(&with(&format!("{wide}{text}"))).expect, expect, "{text}");
    }
}

#[test]
fn ranges_are_written_in_any_notation_and_keep_their_order() {
    for (over, ranges) in [
        ("\"%MW100\"", vec![holding(100, 1)]),
        ("\"%MD50..%MD59\"", vec![holding(100, 20)]),
        ("\"40101 .. 40120\"", vec![holding(100, 20)]),
        ("[\"%MW100..%MW109\", \"holding:110..holding:119\"]", vec![holding(100, 20)]),
        ("[\"%MW118..%MW119\", \"%MW100..%MW109\"]", vec![holding(118, 2), holding(100, 10)]),
        (
            "[\"%MW100..%MW119\", \"%IW7\"]",
            vec![holding(100, 20), RegisterRange { table: Table::Input, first: 7, count: 1 }],
        ),
    ] {
        let text = with(&format!(
            "algorithm = \"sum16\", over = {over}, order = \"little\", expect = 1, sequence = \"%IW9\""
        ));
        let checksum = read(&text);
        assert_eq!((checksum.over, checksum.order), (ranges, ByteOrder::Little), "{over}");
        assert_eq!(checksum.sequence.map(|at| at.to_string()).as_deref(), Some("input:9"));
    }
}

#[test]
fn a_template_is_guarded_for_all_its_devices_unless_one_has_its_own() {
    let text = format!(
        "{SITE}checksum = {{ algorithm = \"xor16\", over = \"%MW100..%MW119\", expect = \"crc\" }}
[[modbus]]
name = \"b\"
tcp = \"192.0.2.10\"
[[modbus.device]]
name = \"pump-2\"
unit = 2
template = \"acme-pump\"
tags = [{{ name = \"crc\", at = \"%MW200\", type = \"WORD\" }}]
[[modbus.device]]
name = \"pump-3\"
unit = 3
addressing = \"openplc\"
template = \"acme-pump\"
checksum = {{ algorithm = \"sum16\", over = \"%MW100..%MW119\", expect = \"%MW120\" }}
"
    );
    let own = "tags = [{ name = \"crc\", at = \"%MW120\", type = \"WORD\" }]\n";
    let text = text.replace("\n[template", &format!("{own}\n[template"));
    let config = accepted(&text);
    let expect = |device| checksum_of(&config, device).unwrap().expect;
    assert_eq!(expect("pump-1"), kept(120, Type::Word, Order::Abcd));
    assert_eq!(expect("pump-2"), kept(200, Type::Word, Order::Abcd));
    let third = checksum_of(&config, "pump-3").unwrap();
    assert_eq!((third.algorithm, &third.over[..]), (Algorithm::Sum16, &[holding(1124, 20)][..]));
}

#[test]
fn a_reload_sees_that_a_checksum_changed() {
    let [old, new] = ["1", "2"].map(|expect| accepted(&expecting(expect)));
    let changes = diff(&old.links, &new.links);
    assert!(matches!(changes[..], [Change::Restart(..)]), "{changes:?}");
    assert_eq!(diff(&old.links, &accepted(&expecting("1")).links), []);
}

/// Assert that `over`, whose value is on line 7 from column 49, is refused so.
fn assert_over_refused(over: &str, problem: &str) {
    let text = with(&format!("algorithm = \"crc16-modbus\", over = {over}, expect = 1"));
    assert_refused(&text, &[problem]);
}

#[test]
fn a_range_is_of_registers_in_one_table_and_in_order() {
    const REGISTERS: &str = "(write registers, such as %MW100, %IW3, holding:100 or input:3)";
    for (over, problem) in [
        (
            "\"%MW119..%MW100\"",
            "7:49: `over`: `%MW119..%MW100` ends before it begins (exchange the two addresses)",
        ),
        (
            "\"%MW100..%IW119\"",
            "7:49: `over`: `%MW100..%IW119` begins and ends in different tables \
             (write two ranges)",
        ),
        (
            "\"%MW100..%MX119.3\"",
            &format!(
                "7:49: `over`: `%MX119.3` is a bit, and checksums are over registers {REGISTERS}"
            ),
        ),
        (
            "\"coil:0..coil:9\"",
            &format!(
                "7:49: `over`: `coil:0` is a bit, and checksums are over registers {REGISTERS}"
            ),
        ),
        ("\"%MW100..119\"", &format!("7:49: `over`: `119` is not an address {REGISTERS}")),
        (
            "\"%MW0..%MW1000\"",
            "7:49: `over`: 1001 registers are too many for one checksum (sum at most 1000)",
        ),
        (
            "\"%MW0..%MW65535\"",
            "7:49: `over`: `%MW0..%MW65535` is the whole table (sum at most 1000)",
        ),
        ("\"%MW65530..%MD32768\"", "7:49: `over`: `%MD32768` lies outside 0..=65535"),
        (
            "[\"%MW100..%MW119\", \"%MW119..%MW130\"]",
            "7:49: `over`: holding:119..holding:130 and holding:100..holding:119 overlap \
             (sum each register once)",
        ),
        (
            "[\"%MW100..%MW119\", 7]",
            "7:68: `over`: found a whole number (expected text such as \"%MW100..%MW119\")",
        ),
        ("[]", "7:49: `over`: 0 ranges will not do (write 1 to 16)"),
    ] {
        if problem.contains("outside") {
            assert_over_refused(over, &format!("{problem} {REGISTERS}"));
        } else {
            assert_over_refused(over, problem);
        }
    }
}

#[test]
fn a_checksum_is_over_whole_tags_and_over_one_at_least() {
    assert_over_refused(
        "\"%MW50..%MW99\"",
        "7:49: `over`: no tag of the device lies inside it, so nothing would be verified \
         (extend the range over tags, or remove `checksum`)",
    );
    assert_over_refused(
        "\"%MW100..%MW118\"",
        "7:49: `over`: tag `b` (holding:118..holding:119) lies inside it only in part \
         (extend the range, or correct the tag)",
    );
}

#[test]
fn the_expected_value_fits_the_algorithm() {
    for (expect, problem) in [
        (
            "\"%MW119\"",
            "7:75: `expect`: holding:119 lies inside `over`: the checksum would sum itself \
             (end the range before it, or split it around it)",
        ),
        (
            "\"a\"",
            "7:75: `expect`: holding:100 lies inside `over`: the checksum would sum itself \
             (end the range before it, or split it around it)",
        ),
        (
            "\"crd\"",
            "7:75: `expect`: `crd` is neither a tag of the device nor an address (write the name \
             of a tag, an address such as %MW120, or a number without quotes such as 0x1234)",
        ),
        (
            "\"level\"",
            "7:75: `expect`: tag `level` is a REAL, which holds no checksum (give the tag the \
             type WORD or DWORD)",
        ),
        (
            "\"%MD61\"",
            "7:75: `expect`: `%MD61` is 2 registers, a crc16-ccitt takes 1 (write the register it \
             lies in, such as %MW120)",
        ),
        (
            "\"coil:1\"",
            "7:75: `expect`: `coil:1` is a bit, and checksums are over registers (write \
             registers, such as %MW100, %IW3, holding:100 or input:3)",
        ),
        (
            "65536",
            "7:75: `expect`: 65536 is out of range (expected a whole number from 0 to 65535)",
        ),
        (
            "\"crc\", expect_order = \"ABCD\"",
            "7:75: `expect`: a tag has an order of its own (remove `expect_order`: it belongs to \
             an address)",
        ),
        (
            "7, expect_order = \"ABCD\"",
            "7:75: `expect`: a number has no order (remove `expect_order`: it belongs to an \
             address)",
        ),
        (
            "\"%MW120\", sequence = \"%MW110\"",
            "7:96: `sequence`: holding:110 lies inside `over` (the sequence is read apart; take \
             it out of the range)",
        ),
        (
            "\"%MW120\", sequence = \"%MW120\"",
            "7:96: `sequence`: holding:120 is the checksum itself (write a register that changes \
             with each write, or remove it)",
        ),
        (
            "\"%MW120\", sequence = \"%MD61\"",
            "7:96: `sequence`: `%MD61` is 2 registers (write the one that changes, such as \
             %MW121)",
        ),
    ] {
        assert_refused(&expecting(expect), &[problem]);
    }
}

#[test]
fn a_checksum_of_32_bits_needs_two_registers() {
    assert_refused(
        &with("algorithm = \"crc32\", over = \"%MW100..%MW119\", expect = \"crc\""),
        &["7:69: `expect`: tag `crc` is too short for a crc32 (give the tag the type DWORD)"],
    );
    assert_refused(
        &with("algorithm = \"crc32\", over = \"%MW100..%MW119\", expect = \"%MW65535\""),
        &["7:69: `expect`: holding:65535 and the 2 registers of a DWORD reach past 65535, the \
           last of the table (the checksum cannot lie there)"],
    );
}

#[test]
fn what_is_missing_or_misspelt_in_a_checksum_is_named() {
    assert_refused(
        &with("algorithm = \"crc16-modbuss\", ovr = \"%MW100..%MW119\""),
        &[
            "7:12: checksum = { … } has no `expect` (add expect = \"%MW120\")",
            "7:26: `algorithm`: \"crc16-modbuss\" is not known here (did you mean \"crc16-modbus\"?)",
            "7:43: checksum = { … } has no key `ovr` (did you mean `over`?)",
        ],
    );
}

#[test]
fn a_mistake_in_a_tag_is_not_told_again_as_one_of_the_checksum() {
    let text = with("algorithm = \"sum16\", over = \"%MW100..%MW101\", expect = \"crc\"")
        .replace("name = \"a\", at = \"%MW100\"", "name = \"a\", at = \"MW100\"");
    assert_refused(
        &text,
        &["9:22: `at`: `MW100` is not an address (write %MW100, %IX1.0, holding:100, input:3, \
           coil:0, discrete:5 or 40101)"],
    );
}

#[test]
fn a_template_that_nobody_uses_is_read_all_the_same() {
    assert_refused(
        "[template.t]
tags = [{ name = \"a\", at = \"%MW1\", type = \"INT\" }]
checksum = { algorithm = \"sum16\", over = \"%MW9..%MW1\", expect = \"crc\" }
",
        &["3:42: `over`: `%MW9..%MW1` ends before it begins (exchange the two addresses)"],
    );
}
