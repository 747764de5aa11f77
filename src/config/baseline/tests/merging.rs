//! What was learnt, added to a file that somebody keeps.

use super::*;

fn addition(parties: Parties, usages: &[Usage]) -> Addition {
    let grants =
        usages.iter().map(|usage| (Grant::of(usage), format!("function {}", usage.function)));
    Addition { parties, grants: grants.collect() }
}

fn learnt(usages: &[Usage]) -> Addition {
    addition(Parties::of(&usages[0]), usages)
}

const KEPT: &str = r#"# Agreed with the plant on 2026-03-01.

[[talk]]                # the SCADA server
client = "192.0.2.7"
server = "192.0.2.10:502"
protocol = "modbus"
allow = [
    # set points
    {function=16,station = 1,  addresses = 8},   # the "night" one, not [more]
    { station = 1, function = 3 }    # and no comma, though one, stands here
    # the end
]

[[talk]] # engineering
client = "10.0.0.0/8"
server = "192.0.2.11:502"
protocol = "modbus"
allow = []
"#;

#[test]
fn nothing_that_stands_in_a_file_changes_when_more_is_added() {
    let new = learnt(&[usage(4, 1..=2), usage(23, 3..=3)]);
    let other = Usage { client: [10, 0, 0, 9].into(), ..usage(3, 0..=9) };
    let text = merged("kept.toml", KEPT, &[new, learnt(&[other])]).unwrap();
    insta::assert_snapshot!(text);
    let mut rest = text.chars();
    assert!(
        KEPT.chars().all(|kept| rest.any(|c| c == kept)),
        "every byte is still there, in order"
    );
}

#[test]
fn a_grant_is_added_to_an_array_however_it_is_written() {
    let head =
        "[[talk]]\nclient = \"192.0.2.7\"\nserver = \"192.0.2.10:502\"\nprotocol = \"modbus\"\n";
    let old = "{ function = 4 }";
    for (array, expected) in [
        ("[]".to_owned(), "[\n  NEW]".to_owned()),
        (format!("[{old}]"), format!("[{old},\n  NEW]")),
        (format!("[ {old}, ]"), format!("[ {old}, \n  NEW]")),
        (format!("[\n\t{old}\n]"), format!("[\n\t{old},\n\tNEW]")),
        (format!("[\n  {old},\n  ]"), format!("[\n  {old},\n  NEW  ]")),
        (format!("[\n  {old} # a, b\n]"), format!("[\n  {old}, # a, b\n  NEW]")),
        (format!("[\n  {old}\n  , ]"), format!("[\n  {old}\n  , \n  NEW]")),
        (format!("[\r\n  {old},\r\n]"), format!("[\r\n  {old},\r\n  NEW]")),
    ] {
        let new = "{ station = 1, function = 3, addresses = 7 },   # function 3\n";
        let text =
            merged("a.toml", &format!("{head}allow = {array}\n"), &[learnt(&[usage(3, 7..=7)])]);
        assert_eq!(text.unwrap(), format!("{head}allow = {}\n", expected.replace("NEW", new)));
    }
}

#[test]
fn a_file_that_cannot_be_added_to_is_left_and_named() {
    let new = [learnt(&[usage(3, 7..=7)])];
    let error = merged("b.toml", "talk = []\n", &new).unwrap_err();
    assert!(matches!(&error, MergeError::Inline(file) if file == "b.toml"), "{error}");
    let error = merged("b.toml", "[[talk]]\nclient = 1\n", &new).unwrap_err();
    assert!(matches!(error, MergeError::Rejected(_)), "{error}");
}

#[test]
fn with_nothing_to_add_a_file_stays_as_it_is() {
    assert_eq!(merged("c.toml", "# no end of line", &[]).unwrap(), "# no end of line");
    let nothing = Addition { parties: Parties::of(&usage(3, 0..=0)), grants: vec![] };
    assert_eq!(merged("c.toml", KEPT, &[nothing]).unwrap(), KEPT);
}
