use super::*;
use crate::config::{Checksum, Expect, RegisterRange};
use crate::tag::{Address, Algorithm, ByteOrder, Table, Tag, Type};
use crate::wire::modbus::request::Span;

const MS: Duration = Duration::from_millis(1);

fn serial(query: &str) -> Serial {
    let endpoint: Endpoint = format!("rtu:///dev/ttyS0?{query}").parse().unwrap();
    let Endpoint::Serial(serial) = endpoint else { panic!("{endpoint}") };
    serial
}

/// A device that takes one request for so many holding registers.
fn device(name: &str, n_registers: u16, every: Duration) -> Arc<Device> {
    let word = |index| {
        let address = Address { table: Table::Holding, index, bit: None };
        Arc::new(Tag::new(&format!("w{index}"), address, Type::Uint))
    };
    Arc::new(Device { every, tags: (0..n_registers).map(word).collect(), ..Device::new(name, 1) })
}

fn line(query: &str, devices: Vec<Arc<Device>>) -> Link {
    Link { devices, ..Link::new(Endpoint::Serial(serial(query))) }
}

#[test]
fn a_character_is_as_long_as_its_format_says() {
    for (query, bits, format) in [
        ("baud=9600&parity=none", 10, "9600 8N1"),
        ("baud=9600&parity=even", 11, "9600 8E1"),
        ("baud=19200&parity=odd", 11, "19200 8O1"),
        ("baud=9600&parity=none&stop=2", 11, "9600 8N2"),
        ("baud=9600&parity=even&stop=2", 12, "9600 8E2"),
    ] {
        let line = serial(query);
        assert_eq!((character_bits(&line), format_of(&line).as_str()), (bits, format));
    }
}

#[test]
fn a_request_takes_its_bytes_the_answering_and_the_silences() {
    let request = ReadRequest::Holding(Span { first: 0, count: 100 });
    // 8 + 205 characters of 11 bits at 9600 take 244.06 ms, a gap of 3.5 characters 4.01 ms.
    let line = serial("baud=9600&parity=even");
    let took = request_time(&line, Duration::ZERO, request, REPLY_TIME);
    assert_eq!(took.as_micros(), 258_072);
    // A pause is kept instead of a shorter silence, not on top of it.
    let rested = request_time(&line, 30 * MS, request, REPLY_TIME);
    assert_eq!(rested.as_nanos() - took.as_nanos(), 30_000_000 - 4_010_415);
}

#[test]
fn probes_are_line_time_too() {
    let line = serial("baud=9600&parity=even");
    let time = |request| request_time(&line, Duration::ZERO, request, REPLY_TIME);
    let holding = |count| time(ReadRequest::Holding(Span { first: 0, count }));
    let probe = time(ReadRequest::Echo { nonce: 0 });
    let turn = |n_registers| turn_time(&line, Duration::ZERO, &device("d", n_registers, 1000 * MS));
    assert_eq!(turn(100), holding(100) + probe);
    assert_eq!(turn(200), holding(125) + holding(75) + probe, "of different lengths");
    assert_eq!(turn(250), holding(125) + probe + holding(125) + probe);
    assert_eq!(turn(0), Duration::ZERO);
}

#[test]
fn what_a_checksum_is_over_takes_line_time_though_few_tags_lie_in_it() {
    let block = RegisterRange { table: Table::Holding, first: 0, count: 250 };
    let checksum = Checksum {
        algorithm: Algorithm::Sum16,
        over: vec![block],
        order: ByteOrder::Big,
        expect: Expect::Constant(7),
        sequence: None,
    };
    let load = |device| Load::of(&line("baud=9600&parity=even", vec![Arc::new(device)])).unwrap();
    let few = Device::clone(&device("d", 3, 1000 * MS));
    let guarded = Device { checksum: Some(Arc::new(checksum.clone())), ..few.clone() };
    // Two requests of 125 registers, each with a probe after it: the words take 573 ms, the rest 123.
    assert_eq!((load(few).percent, load(guarded.clone()).percent), (7, 70));
    // A sequence elsewhere is read before and after.
    let sequence = Some(Address { table: Table::Holding, index: 999, bit: None });
    let checksum = Some(Arc::new(Checksum { sequence, ..checksum }));
    assert_eq!(load(Device { checksum, ..guarded }).percent, 76);
}

#[test]
fn a_line_that_fits_is_told_in_a_few_words() {
    let load = Load::of(&line("baud=9600&parity=even", vec![device("d", 100, 1000 * MS)])).unwrap();
    assert_eq!(
        (load.to_string().as_str(), load.strain()),
        ("needs 30 % of 9600 8E1", Strain::Fits)
    );
}

#[test]
fn an_overloaded_line_is_told_with_the_devices_to_slow_down_and_to_what_period() {
    let often = (1..=5).map(|nth| device(&format!("pump-{nth}"), 100, 1000 * MS));
    let devices: Vec<_> = often.chain([device("meter", 100, 10_000 * MS)]).collect();
    let load = Load::of(&line("baud=9600&parity=even", devices.clone())).unwrap();
    assert_eq!(load.strain(), Strain::Overloaded);
    assert_eq!(
        load.to_string(),
        "needs 149 % of 9600 8E1, so turns will be missed: set every = \"2s\" for pump-1, pump-2, \
         pump-3, pump-4, pump-5, or raise the baud rate (devices are taken to answer within 10ms)"
    );
    let slower = |device: &Arc<Device>| {
        Arc::new(Device { every: device.every.max(2000 * MS), ..Device::clone(device) })
    };
    let relieved = line("baud=9600&parity=even", devices.iter().map(slower).collect());
    assert_eq!(Load::of(&relieved).unwrap().strain(), Strain::Fits);
}

#[test]
fn a_line_that_is_nearly_full_is_told_too() {
    let devices = (1..=2).map(|nth| device(&format!("pump-{nth}"), 100, 700 * MS)).collect();
    let load = Load::of(&line("baud=9600&parity=even", devices)).unwrap();
    assert_eq!((load.percent, load.strain()), (83, Strain::Tight));
    assert!(load.to_string().contains("leaves little for lost replies: set every = \"1s\" for"));
}

#[test]
fn only_serial_lines_have_a_speed_that_is_known() {
    let tcp = Link::new("tcp://192.0.2.10:502".parse().unwrap());
    let converter = Link::new("rtu+tcp://192.0.2.10:4001".parse().unwrap());
    let serial = line("baud=9600", vec![]);
    let links = [("a", tcp), ("b", converter), ("c", serial)];
    let links = links.map(|(id, link)| (SourceId::from(id), Arc::new(link)));
    let loads = loads(&links.into());
    let loads: Vec<_> = loads.iter().map(|(id, load)| (id.as_str(), load.percent)).collect();
    assert_eq!(loads, [("c", 0)]);
}
