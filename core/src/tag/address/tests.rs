use proptest::prelude::*;

use super::*;

fn direct(text: &str) -> Result<String, AddressError> {
    Address::parse(text, Addressing::Direct).map(|address| address.to_string())
}

fn openplc(text: &str) -> Result<String, AddressError> {
    Address::parse(text, Addressing::OpenPlc).map(|address| address.to_string())
}

#[test]
fn each_notation_names_a_place_in_a_table() {
    for (text, place) in [
        ("%MW100", "holding:100"),
        ("%mw100", "holding:100"),
        ("%QW5", "holding:5"),
        ("%IW3", "input:3"),
        ("%QX0.3", "coil:3"),
        ("%QX2.7", "coil:23"),
        ("%IX1.0", "discrete:8"),
        ("%MX12.5", "holding:12.5"),
        ("%MX12.15", "holding:12.15"),
        ("%MW12.5", "holding:12.5"),
        ("%IW12.5", "input:12.5"),
        ("%MD50", "holding:100"),
        ("%QD50", "holding:100"),
        ("%ID1", "input:2"),
        ("%ML25", "holding:100"),
        ("%MW65535", "holding:65535"),
        ("%QX8191.7", "coil:65535"),
        ("holding:100", "holding:100"),
        ("holding:100.5", "holding:100.5"),
        ("Holding:007", "holding:7"),
        ("input:3", "input:3"),
        ("coil:0", "coil:0"),
        ("discrete:5", "discrete:5"),
        ("40101", "holding:100"),
        ("400101", "holding:100"),
        ("465536", "holding:65535"),
        ("40101.5", "holding:100.5"),
        ("00001", "coil:0"),
        ("10006", "discrete:5"),
        ("30004", "input:3"),
    ] {
        assert_eq!(direct(text).as_deref(), Ok(place), "{text}");
    }
}

#[test]
fn openplc_keeps_each_kind_in_a_range_of_its_own() {
    for (text, place) in [
        ("%QW0", "holding:0"),
        ("%QW1023", "holding:1023"),
        ("%MW0", "holding:1024"),
        ("%MW100", "holding:1124"),
        ("%MD0", "holding:2048"),
        ("%MD10", "holding:2068"),
        ("%ML0", "holding:4096"),
        ("%ML1023", "holding:8188"),
        ("%IW3", "input:3"),
        ("%QX0.3", "coil:3"),
        ("%IX1.0", "discrete:8"),
        ("%MX12.5", "holding:1036.5"),
        ("holding:100", "holding:100"),
        ("40101", "holding:100"),
    ] {
        assert_eq!(openplc(text).as_deref(), Ok(place), "{text}");
    }
    for text in ["%QW1024", "%MW1024", "%MD1024", "%ML1024", "%QD0", "%ID0", "%IL0"] {
        assert!(matches!(openplc(text), Err(AddressError::Unmapped { .. })), "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_as_a_form() {
    for text in [
        "",
        "%",
        "%M",
        "%MW",
        "%MW-1",
        "%MW+1",
        "%MW 1",
        "%MW1.",
        "%MW.1",
        "%MW1.2.3",
        "%ZW1",
        "%MZ1",
        "holding",
        "holding:",
        "holding:x",
        "holding:1:2",
        "register:1",
        "100",
        "4010",
        "20001",
        "50001",
        "4000001",
        "%ÄW1",
        "４0001",
    ] {
        assert_eq!(direct(text), Err(AddressError::Form(text.to_owned())));
    }
}

#[test]
fn what_lies_outside_the_table_is_refused_as_a_range() {
    for text in [
        "%MW65536",
        "%MD32768",
        "%ML16384",
        "%QX8192.0",
        "coil:65536",
        "465537",
        "input:99999999999",
    ] {
        assert_eq!(direct(text), Err(AddressError::Range(text.to_owned())));
    }
}

#[test]
fn what_modbus_cannot_address_is_refused_with_the_reason() {
    for (text, reason) in [
        ("%IB3", "Modbus has no bytes"),
        ("%QB3", "Modbus has no bytes"),
        ("%MB3", "Modbus has no bytes"),
        ("%QX3", "a bit is missing"),
        ("%MX12", "a bit is missing"),
        ("%QX0.8", "a byte has bits 0 to 7"),
        ("%MX12.16", "a register has bits 0 to 15"),
        ("holding:1.16", "a register has bits 0 to 15"),
        ("holding:1.999", "a register has bits 0 to 15"),
        ("%MD5.3", "only a single register has bits"),
        ("coil:1.0", "a coil or input has no bits"),
        ("00001.1", "a coil or input has no bits"),
        ("40000", "Modicon numbers count from 1"),
        ("400000", "Modicon numbers count from 1"),
    ] {
        let error = direct(text).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

proptest! {
    #[test]
    fn an_address_is_read_back_as_written(table in 0..4_usize, index: u16, bit in 0..16_u8) {
        let table = [Table::Coil, Table::Discrete, Table::Input, Table::Holding][table];
        for bit in [None, (!table.is_bit()).then_some(bit)] {
            let address = Address { table, index, bit };
            prop_assert_eq!(Address::parse(&address.to_string(), Addressing::Direct), Ok(address));
            prop_assert_eq!(Address::parse(&address.to_string(), Addressing::OpenPlc), Ok(address));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[%IQMXWDL0-9.:]{0,12}|\\PC*") {
        let _ = (direct(&text), openplc(&text));
    }
}
