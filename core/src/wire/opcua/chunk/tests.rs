use proptest::prelude::*;

use super::super::connection::Limits;
use super::super::conversation::Policy;
use super::super::service::{Content, Service};
use super::*;
use crate::wire::fixture;

const LIMITS: [u32; 5] = [0, 65_535, 65_536, 0x0100_0000, 5];

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A string or byte string.
fn text(text: Option<&[u8]>) -> Vec<u8> {
    let len = text.map_or(u32::MAX, |text| u32::try_from(text.len()).unwrap());
    [&len.to_le_bytes(), text.unwrap_or_default()].concat()
}

fn chunk(letters: [u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(HEADER_LEN + body.len()).unwrap();
    [&letters, &size.to_le_bytes()[..], body].concat()
}

fn policy(name: &str) -> Vec<u8> {
    format!("http://opcfoundation.org/UA/SecurityPolicy#{name}").into_bytes()
}

/// The opening of channel 7.
fn opening(
    policy: Option<&[u8]>,
    certificate: Option<&[u8]>,
    thumbprint: Option<&[u8]>,
) -> Vec<u8> {
    let security = [text(policy), text(certificate), text(thumbprint)].concat();
    // The request: sequence 51, request 1, OpenSecureChannelRequest.
    let body = [words(&[7]), security, words(&[51, 1]), vec![1, 0, 0xbe, 1]].concat();
    chunk(*b"OPNF", &body)
}

/// A chunk on channel 7 with token 1: sequence 52, request 2.
fn conversation(letters: [u8; 4], body: &[u8]) -> Vec<u8> {
    chunk(letters, &[&words(&[7, 1, 52, 2])[..], body].concat())
}

const READ_REQUEST: [u8; 4] = [1, 0, 0x77, 2];

/// One chunk of each sort.
fn examples() -> Vec<Vec<u8>> {
    let url = text(Some(b"opc.tcp://192.0.2.10:4840"));
    vec![
        chunk(*b"HELF", &[words(&LIMITS), url.clone()].concat()),
        chunk(*b"ACKF", &words(&LIMITS)),
        chunk(*b"ERRF", &[words(&[0x807d_0000]), text(Some(b"too many"))].concat()),
        chunk(*b"RHEF", &[text(Some(b"urn:plant")), url].concat()),
        opening(Some(&policy("None")), None, None),
        opening(Some(&policy("Basic256Sha256")), Some(b"certificate"), Some(&[9; 20])),
        conversation(*b"MSGF", &READ_REQUEST),
        conversation(*b"MSGC", b"in the middle"),
        conversation(*b"MSGA", &[words(&[0x8008_0000]), text(None)].concat()),
        conversation(*b"CLOF", &[1, 0, 0xc4, 1]),
    ]
}

fn read(bytes: &[u8]) -> Result<Body<'_>, WireError> {
    let (chunk, rest) = Chunk::parse(bytes)?;
    assert_eq!(rest, b"");
    chunk.read()
}

/// Everything that can be asked of a stream.
fn read_all(mut stream: &[u8]) -> Result<(), WireError> {
    loop {
        let (chunk, rest) = Chunk::parse(stream)?;
        assert_eq!(stream.len(), HEADER_LEN + chunk.body.len() + rest.len());
        stream = rest;
        let sequenced = match chunk.read() {
            Ok(Body::Open(open)) => open.sequenced(),
            Ok(Body::Service(symmetric) | Body::Close(symmetric)) => Some(symmetric.sequenced()),
            Ok(Body::Hello(_) | Body::Acknowledge(_) | Body::Error(_) | Body::ReverseHello(_))
            | Err(_) => None,
        };
        if let Some(Ok(sequenced)) = sequenced {
            let _ = (sequenced.content(), sequenced.abort());
        }
    }
}

#[test]
fn the_connection_protocol_is_read_field_by_field() {
    let [protocol_version, receive_buffer, send_buffer, max_len, max_chunks] = LIMITS;
    let limits = Limits { protocol_version, receive_buffer, send_buffer, max_len, max_chunks };
    let endpoint_url = Some(&b"opc.tcp://192.0.2.10:4840"[..]);
    let examples = examples();
    assert_eq!(read(&examples[0]), Ok(Body::Hello(Hello { limits, endpoint_url })));
    assert_eq!(read(&examples[1]), Ok(Body::Acknowledge(Acknowledge { limits })));
    let refusal = Refusal { status: 0x807d_0000, reason: Some(b"too many") };
    assert_eq!(read(&examples[2]), Ok(Body::Error(refusal)));
    let reverse = ReverseHello { server_uri: Some(b"urn:plant"), endpoint_url };
    assert_eq!(read(&examples[3]), Ok(Body::ReverseHello(reverse)));
}

#[test]
fn a_channel_without_protection_is_read_to_its_service() {
    let examples = examples();
    let Ok(Body::Open(open)) = read(&examples[4]) else { panic!("{:02x?}", examples[4]) };
    assert_eq!((open.channel, open.policy, open.sender_certificate), (7, Policy::None, None));
    let first = open.sequenced().unwrap().unwrap();
    assert_eq!((first.number, first.request), (51, 1));
    assert_eq!(first.content(), Ok(Content::Request(Service::OpenSecureChannel)));
    let Ok(Body::Service(service)) = read(&examples[6]) else { panic!("{:02x?}", examples[6]) };
    let second = service.sequenced().unwrap();
    assert_eq!((service.channel, service.token, second.number, second.request), (7, 1, 52, 2));
    assert_eq!(second.content(), Ok(Content::Request(Service::Read)));
    let Ok(Body::Close(close)) = read(&examples[9]) else { panic!("{:02x?}", examples[9]) };
    let last = close.sequenced().unwrap().content();
    assert_eq!(last, Ok(Content::Request(Service::CloseSecureChannel)));
}

#[test]
fn a_protected_opening_shows_its_certificates_and_nothing_behind_them() {
    let bytes = &examples()[5];
    let Ok(Body::Open(open)) = read(bytes) else { panic!("{bytes:02x?}") };
    assert_eq!(open.policy, Policy::Basic256Sha256);
    assert_eq!(open.sender_certificate, Some(&b"certificate"[..]));
    assert_eq!(open.receiver_thumbprint, Some(&[9; 20][..]));
    assert_eq!(open.sequenced(), None);
    for (uri, expected) in [
        (Some(policy("Aes256_Sha256_RsaPss")), Policy::Aes256Sha256RsaPss),
        (Some(policy("Nonesuch")), Policy::Other),
        (Some(b"None".to_vec()), Policy::Other),
        (None, Policy::Other),
    ] {
        let bytes = opening(uri.as_deref(), None, None);
        let Ok(Body::Open(open)) = read(&bytes) else { panic!("{uri:?}") };
        assert_eq!((open.policy, open.sequenced().is_some()), (expected, false), "{uri:?}");
    }
}

#[test]
fn a_sender_that_gives_up_says_why() {
    let bytes = &examples()[8];
    let (chunk, _) = Chunk::parse(bytes).unwrap();
    assert_eq!((chunk.kind, chunk.part), (Kind::Service, Part::Abort));
    let Ok(Body::Service(service)) = chunk.read() else { panic!("{bytes:02x?}") };
    let abort = service.sequenced().unwrap().abort();
    assert_eq!(abort, Ok(Refusal { status: 0x8008_0000, reason: None }));
}

#[test]
fn fields_longer_than_their_bounds_are_refused() {
    let layer = Layer::OpcUa;
    let long = [b'x'; 256];
    let too_long = WireError::TooLong { layer, stated: 256, maximum: 255 };
    assert_eq!(read(&opening(Some(&long), None, None)), Err(too_long));
    let too_short = WireError::BadLength { layer, stated: 19, minimum: 20 };
    assert_eq!(read(&opening(None, None, Some(&[0; 19]))), Err(too_short));
    let too_long = WireError::TooLong { layer, stated: 21, maximum: 20 };
    assert_eq!(read(&opening(None, None, Some(&[0; 21]))), Err(too_long));
    let reason = [words(&[0]), text(Some(&[b'x'; 4097]))].concat();
    let too_long = WireError::TooLong { layer, stated: 4097, maximum: 4096 };
    assert_eq!(read(&chunk(*b"ERRF", &reason)), Err(too_long));
}

#[test]
fn a_header_that_begins_no_chunk_is_refused_at_once() {
    let layer = Layer::OpcUa;
    let header = |letters: [u8; 4], size: u32| [&letters[..], &size.to_le_bytes()].concat();
    for (bytes, error) in [
        (header(*b"GETF", 8), WireError::UnknownCode { layer, code: b'G' }),
        (header(*b"HEXF", 8), WireError::UnknownCode { layer, code: b'X' }),
        (header(*b"MSGf", 8), WireError::UnknownCode { layer, code: b'f' }),
        (header(*b"HELC", 8), WireError::UnknownCode { layer, code: b'C' }),
        (header(*b"ACKA", 8), WireError::UnknownCode { layer, code: b'A' }),
        (header(*b"MSGF", 7), WireError::BadLength { layer, stated: 7, minimum: 8 }),
        (
            header(*b"MSGF", 0x0010_0001),
            WireError::TooLong { layer, stated: 0x0010_0001, maximum: MAX_LEN },
        ),
        (header(*b"MSGF", 0x0010_0000), WireError::Truncated { layer, need: MAX_LEN, have: 8 }),
    ] {
        assert_eq!(Chunk::parse(&bytes).map(|_| ()), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn no_prefix_of_a_chunk_passes_for_it_and_each_asks_for_more() {
    for example in examples() {
        for len in 0..example.len() {
            let Err(WireError::Truncated { need, have, .. }) = Chunk::parse(&example[..len]) else {
                panic!("{len} bytes of {example:02x?}");
            };
            assert!(have == len && need > len && need <= example.len());
        }
    }
}

#[test]
fn a_stream_is_cut_where_its_headers_say_whatever_follows() {
    let stream = examples().concat();
    let mut rest = &stream[..];
    for example in examples() {
        let (chunk, behind) = Chunk::parse(rest).unwrap();
        assert_eq!(chunk.body, &example[HEADER_LEN..]);
        rest = behind;
    }
    assert_eq!(rest, b"");
}

#[test]
fn spoiled_bytes_never_panic() {
    for example in examples() {
        fixture::spoil(&example, |bytes| assert!(read_all(bytes).is_err()));
        // A body cut short by its own size is short for good.
        for len in 0..example.len() - HEADER_LEN {
            let body = &example[HEADER_LEN..][..len];
            let letters = *example.first_chunk().unwrap();
            let _ = read_all(&chunk(letters, body));
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_behind_any_header_are_read_without_a_panic(
        kind in 0..10_usize,
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let letters = *examples()[kind].first_chunk().unwrap();
        prop_assert!(read_all(&chunk(letters, &body)).is_err());
        let _ = read_all(&body);
    }
}
