//! What a tag may not say, and what it is told instead.

use std::time::Duration;

use super::{accepted, assert_refused, with_device, with_tag};

#[test]
fn a_tag_lies_at_an_address() {
    assert_refused(
        &with_tag("name = \"t\", at = \"MW1\", type = \"INT\""),
        &["8:20: `at`: `MW1` is not an address (write %MW100, %IX1.0, holding:100, input:3, \
           coil:0, discrete:5 or 40101)"],
    );
    assert_refused(
        &with_tag("name = \"t\", at = \"%IB1\", type = \"BYTE\""),
        &["8:20: `at`: `%IB1`: Modbus has no bytes: address the register (%MW) and give it the \
           type BYTE (expected an address such as %MW100, holding:100 or 40101)"],
    );
}

#[test]
fn the_type_of_a_tag_fits_its_address() {
    const HELP: &str = "(change the address or the type)";
    for (at, kind, message) in [
        ("coil:0", "INT", "coil:0 is one bit: its type is BOOL, not INT"),
        (
            "%MW5",
            "BOOL",
            "holding:5 is a whole register: a BOOL is one of its bits, such as holding:5.0",
        ),
        (
            "%MW65535",
            "REAL",
            "holding:65535 and the 2 registers of a REAL reach past 65535, the last of the table",
        ),
    ] {
        assert_refused(
            &with_tag(&format!("name = \"t\", at = \"{at}\", type = \"{kind}\"")),
            &[&format!("8:20: `at`: {message} {HELP}")],
        );
    }
}

#[test]
fn a_type_is_one_of_iec_61131_3() {
    for (kind, help) in [
        ("float", "IEC 61131-3 calls it REAL"),
        ("REEL", "did you mean REAL?"),
        ("uint16", "IEC 61131-3 calls it UINT"),
    ] {
        assert_refused(
            &with_tag(&format!("name = \"t\", at = \"%MW5\", type = \"{kind}\"")),
            &[&format!("8:35: `type`: `{kind}` is not an IEC 61131-3 elementary type ({help})")],
        );
    }
    assert_refused(
        &with_tag("name = \"t\", at = \"%MW5\""),
        &["8:1: tags = [{ … }] has no `type` \
           (add type = \"INT\", or whatever the controller keeps there)"],
    );
    assert_refused(
        &with_tag("name = \"t\", at = \"%MW5\", type = \"DINT\", order = \"ABDC\""),
        &["8:51: `order`: `ABDC` is not a byte order (write ABCD, CDAB, BADC or DCBA)"],
    );
}

#[test]
fn limits_are_in_order() {
    let limits = |limits: &str| {
        with_tag(&format!("name = \"t\", at = \"%MW5\", type = \"INT\", limits = {{ {limits} }}"))
    };
    accepted(&limits("low_low = 1, low = 1, high = 2, high_high = 2"));
    for (text, message) in [
        ("low = 2, high = 2", "8:69: `high`: 2 is not above `low`, which is 2"),
        ("low_low = 3, low = 2.5", "8:72: `low`: 2.5 is not above `low_low`, which is 3"),
        ("low_low = 3, high_high = 2", "8:78: `high_high`: 2 is not above `low_low`, which is 3"),
    ] {
        let problem = format!("{message} (expected low_low <= low < high <= high_high)");
        assert_refused(&limits(text), &[&problem]);
    }
    assert_refused(
        &limits("low = nan"),
        &["8:59: `low`: nan is not finite (write a number such as 9.5)"],
    );
}

#[test]
fn only_numbers_are_scaled_and_limited() {
    assert_refused(
        &with_tag("name = \"t\", at = \"coil:5\", scale = 2, limits = { low = 1 }"),
        &[
            "8:38: `scale`: a BOOL is not a number (remove it, or change the type)",
            "8:50: `limits`: a BOOL is not a number (remove it, or change the type)",
        ],
    );
    assert_refused(
        &with_tag("name = \"t\", at = \"%MW5\", type = \"INT\", scale = 0, deadband = -1"),
        &[
            "8:50: `scale`: 0 makes every value the offset (expected another number)",
            "8:64: `deadband`: a deadband has no sign (expected 0 or more)",
        ],
    );
}

#[test]
fn an_empty_engineering_unit_is_answered_with_a_unit() {
    assert_refused(
        &with_tag("name = \"x\", at = \"%MW1\", type = \"INT\", unit = \"\""),
        &[
            "8:49: `unit`: is empty (write something short such as \"bar\": it is in every log entry)",
        ],
    );
}

#[test]
fn a_tag_can_be_expected_to_change_as_fast_as_it_is_read() {
    let beat = "name = \"beat\", at = \"%MW99\", type = \"UINT\", expect_change = \"10s\"";
    let config = accepted(&with_tag(beat));
    let tags = config.links.values().flat_map(|link| &link.devices).flat_map(|d| &d.tags);
    let expected: Vec<_> = tags.map(|tag| tag.expect_change).collect();
    assert_eq!(expected, [Some(Duration::from_secs(10))]);
    let seldom = |every: &str| {
        with_device(&format!(
            "every = \"{every}\"\ntemplate = \"t\"\n[template.t]\ntags = [{{ {beat} }}]\n"
        ))
    };
    accepted(&seldom("5s"));
    assert_refused(
        &seldom("1m"),
        &["7:9: `every`: once in 1m is too seldom to see tag \"beat\" change within 10s \
           (read it every 5s or more often, or raise its `expect_change`)"],
    );
    assert_refused(
        &with_tag("name = \"t\", at = \"coil:1\", expect_change = \"1ms\""),
        &["8:46: `expect_change`: 1ms is out of range \
           (expected a time from 20ms to 2days, such as \"500ms\")"],
    );
}
