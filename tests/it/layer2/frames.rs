//! Frames that are not IP.

fn ethernet(source: [u8; 6], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[0xff; 6][..], &source, &ethertype.to_be_bytes(), payload].concat()
}

/// An ARP reply to everybody: this host has this address.
pub(crate) fn claim(host: [u8; 6], address: [u8; 4]) -> Vec<u8> {
    let fixed = [0, 1, 8, 0, 6, 4, 0, 2];
    ethernet(host, 0x0806, &[&fixed[..], &host, &address, &[0xff; 6], &address].concat())
}

/// PROFINET: a device is to have this name.
pub(crate) fn set_name(name: &[u8]) -> Vec<u8> {
    let len = u8::try_from(name.len()).unwrap();
    let padding = &[0][..usize::from(len % 2)];
    let block = [&[2, 2, 0, len + 2, 0, 1], name, padding].concat();
    let n_bytes = u8::try_from(block.len()).unwrap();
    let header = [0xfe, 0xfd, 4, 0, 0, 0, 0, 1, 0, 0, 0, n_bytes];
    ethernet([2, 0, 0, 0, 0, 1], 0x8892, &[&header[..], &block].concat())
}

/// A frame of the stream of this number, which allows two seconds.
pub(crate) fn goose(stream: u32, state: u32, sequence: u32) -> Vec<u8> {
    let field =
        |tag: u8, value: &[u8]| [&[tag, u8::try_from(value.len()).unwrap()], value].concat();
    let number = |tag, n: u32| field(tag, &[&[0][..], &n.to_be_bytes()].concat());
    let content = [
        field(0x80, format!("IED{stream}/LLN0$GO$A").as_bytes()),
        number(0x81, 2000),
        field(0x82, b"IED/LLN0$A"),
        field(0x84, &[0; 8]),
        number(0x85, state),
        number(0x86, sequence),
        field(0x87, &[0]),
        number(0x88, 1),
        field(0x89, &[0]),
        field(0x8a, &[1]),
        field(0xab, &[0x83, 1, 0]),
    ];
    let apdu = field(0x61, &content.concat());
    let len = u16::try_from(8 + apdu.len()).unwrap();
    let payload = [&[0x30, 1][..], &len.to_be_bytes(), &[0; 4], &apdu].concat();
    ethernet([2, 0, 0, 0, 0, 1], 0x88b8, &payload)
}
