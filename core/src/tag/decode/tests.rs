use proptest::prelude::*;

use super::super::{Address, Addressing, readable};
use super::*;

fn tag(kind: &str) -> Tag {
    let address = Address::parse("holding:0", Addressing::Direct).unwrap();
    Tag::new("t", address, kind.parse().unwrap())
}

fn registers_of(kind: &str, order: Order) -> Registers {
    Registers { order, ..tag(kind).registers().unwrap() }
}

fn value_of(tag: &Tag, registers: &[u16]) -> Result<Value, DecodeError> {
    tag.scaled(tag.registers().unwrap().decode(registers)?)
}

fn decoded(kind: &str, registers: &[u16]) -> Result<Value, DecodeError> {
    value_of(&tag(kind), registers)
}

/// What a controller would put on the wire for a value of so many bytes.
fn laid_out(value: u64, n_words: usize, order: Order) -> Vec<u16> {
    let mut words: Vec<u16> =
        (0..n_words).rev().map(|word| (value >> (16 * word) & 0xffff) as u16).collect();
    if order.swaps_words() {
        words.reverse();
    }
    if order.swaps_bytes() {
        words = words.into_iter().map(u16::swap_bytes).collect();
    }
    words
}

#[test]
fn each_type_reads_its_own_range() {
    for (kind, registers, value) in [
        ("BOOL", &[0][..], Value::Bool(false)),
        ("BOOL", &[1], Value::Bool(true)),
        ("BYTE", &[0x12ff], Value::Unsigned(0xff)),
        ("USINT", &[0x12ff], Value::Unsigned(0xff)),
        ("SINT", &[0x12ff], Value::Signed(-1)),
        ("WORD", &[0xffff], Value::Unsigned(0xffff)),
        ("UINT", &[0xffff], Value::Unsigned(0xffff)),
        ("INT", &[0xffff], Value::Signed(-1)),
        ("DWORD", &[0xffff, 0xfffe], Value::Unsigned(0xffff_fffe)),
        ("UDINT", &[0xffff, 0xfffe], Value::Unsigned(0xffff_fffe)),
        ("DINT", &[0xffff, 0xfffe], Value::Signed(-2)),
        ("LWORD", &[0xffff, 0, 0, 1], Value::Unsigned(0xffff_0000_0000_0001)),
        ("ULINT", &[0xffff, 0, 0, 1], Value::Unsigned(0xffff_0000_0000_0001)),
        ("LINT", &[0xffff, 0xffff, 0xffff, 0xfffe], Value::Signed(-2)),
        ("REAL", &[0x4086, 0xb852], Value::Real(f64::from(4.21_f32))),
        ("LREAL", &[0x4010, 0xd70a, 0x3d70, 0xa3d7], Value::Real(4.21)),
        ("STRING[5]", &[0x5075, 0x6d70, 0x3758], Value::Text("Pump7".into())),
        ("STRING[6]", &[0x4142, 0x0043, 0x4445], Value::Text("AB".into())),
        ("STRING[6]", &[0x4142, 0x2020, 0x2020], Value::Text("AB".into())),
        ("STRING[2]", &[0xc3bc], Value::Text("\u{fc}".into())),
    ] {
        assert_eq!(decoded(kind, registers), Ok(value), "{kind}");
    }
}

#[test]
fn the_order_says_where_each_byte_lies() {
    let value_of =
        |kind, order, registers: &[u16]| registers_of(kind, order).decode(registers).unwrap();
    for (order, registers) in [
        (Order::Abcd, [0x0a0b, 0x0c0d]),
        (Order::Cdab, [0x0c0d, 0x0a0b]),
        (Order::Badc, [0x0b0a, 0x0d0c]),
        (Order::Dcba, [0x0d0c, 0x0b0a]),
    ] {
        assert_eq!(value_of("UDINT", order, &registers), Value::Unsigned(0x0a0b_0c0d), "{order:?}");
    }
    for (order, registers) in [
        (Order::Abcd, [0x0102, 0x0304, 0x0506, 0x0708]),
        (Order::Cdab, [0x0708, 0x0506, 0x0304, 0x0102]),
        (Order::Badc, [0x0201, 0x0403, 0x0605, 0x0807]),
        (Order::Dcba, [0x0807, 0x0605, 0x0403, 0x0201]),
    ] {
        let value = Value::Unsigned(0x0102_0304_0506_0708);
        assert_eq!(value_of("ULINT", order, &registers), value, "{order:?}");
    }
    assert_eq!(value_of("UINT", Order::Cdab, &[0x0102]), Value::Unsigned(0x0102));
    assert_eq!(value_of("UINT", Order::Dcba, &[0x0102]), Value::Unsigned(0x0201));
    for order in [Order::Badc, Order::Dcba] {
        let text = Value::Text("Pump".into());
        assert_eq!(value_of("STRING[4]", order, &[0x7550, 0x706d]), text, "words stay in order");
    }
}

#[test]
fn a_bit_is_counted_from_the_least_significant() {
    for (bit, value) in [(0, true), (1, false), (15, true)] {
        let mut bits = registers_of("BOOL", Order::Abcd);
        bits.address.bit = Some(bit);
        assert_eq!(bits.decode(&[0x8001]), Ok(Value::Bool(value)), "{bit}");
    }
}

#[test]
fn scaling_makes_a_real_without_noise_and_integers_stay_integers_without_it() {
    assert_eq!(decoded("INT", &[42]), Ok(Value::Signed(42)));
    let scaled = Tag { scale: 0.1, offset: -10.0, ..tag("INT") };
    let value = value_of(&scaled, &[421]).unwrap();
    assert_eq!(value.to_string(), "32.1");
    let tripled = Tag { scale: 3.0, ..tag("REAL") };
    let value = value_of(&tripled, &[0x3dcc, 0xcccd]); // 0.1
    assert_eq!(value, Ok(Value::Real(0.3)));
    let shifted = Tag { offset: 1.0, ..tag("UINT") };
    assert_eq!(value_of(&shifted, &[1]), Ok(Value::Real(2.0)));
    let counter = Tag { offset: 1.0, ..tag("ULINT") };
    let value = value_of(&counter, &[4, 0x62d5, 0x3c8a, 0xbac0]); // 1234567890123456
    assert_eq!(value, Ok(Value::Real(1_234_567_890_123_457.0)));
}

#[test]
fn what_is_not_a_finite_number_is_no_value() {
    for registers in [[0x7f80, 0], [0xff80, 0], [0x7fc0, 0]] {
        assert_eq!(decoded("REAL", &registers), Err(DecodeError::NotFinite));
    }
    assert_eq!(decoded("LREAL", &[0x7ff8, 0, 0, 0]), Err(DecodeError::NotFinite));
    let scaled = Tag { scale: 10.0, ..tag("LREAL") };
    assert_eq!(value_of(&scaled, &[0x7fef, 0, 0, 0]), Err(DecodeError::NotFinite));
}

#[test]
fn registers_that_are_missing_are_no_value() {
    for (kind, need) in [("INT", 1), ("REAL", 2), ("LREAL", 4), ("STRING[5]", 3)] {
        for have in 0..need {
            let registers = vec![0; have];
            assert_eq!(decoded(kind, &registers), Err(DecodeError::TooShort { need, have }));
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_no_value() {
    assert_eq!(decoded("STRING[2]", &[0xff41]), Err(DecodeError::NotText));
}

fn finite(value: f64) -> Result<Value, DecodeError> {
    if value.is_finite() { Ok(Value::Real(value)) } else { Err(DecodeError::NotFinite) }
}

proptest! {
    #[test]
    fn what_a_controller_lays_out_is_read_back(value: u64, order in 0..4_usize) {
        let (_, order) = Order::ALL[order];
        let read = |kind: &str, n_words| {
            let raw = registers_of(kind, order).decode(&laid_out(value, n_words, order))?;
            tag(kind).scaled(raw)
        };
        prop_assert_eq!(read("LWORD", 4), Ok(Value::Unsigned(value)));
        prop_assert_eq!(read("LINT", 4), Ok(Value::Signed(value.cast_signed())));
        prop_assert_eq!(read("LREAL", 4), finite(f64::from_bits(value)));
        let low = u32::try_from(value & 0xffff_ffff).unwrap();
        prop_assert_eq!(read("DWORD", 2), Ok(Value::Unsigned(low.into())));
        prop_assert_eq!(read("DINT", 2), Ok(Value::Signed(low.cast_signed().into())));
        prop_assert_eq!(read("REAL", 2), finite(f32::from_bits(low).into()));
    }

    #[test]
    fn a_real_is_written_with_the_digits_it_holds(value: f32) {
        prop_assume!(value.is_finite());
        prop_assert_eq!(readable(f64::from(value)).to_string().parse(), Ok(value));
    }

    #[test]
    fn no_registers_make_it_panic(registers in proptest::collection::vec(any::<u16>(), 0..130)) {
        for name in Type::names().chain(["STRING[250]"]).filter(|name| *name != "STRING[n]") {
            let _ = decoded(name, &registers);
        }
    }
}
