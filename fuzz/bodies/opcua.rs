//! A stream of OPC UA chunks: they end where their headers say, wherever the stream is cut, and
//! whatever is read out of one lies inside it.
//!
//! Two bytes choose the cut. The rest was seen on the wire.

use infra_monitor::wire::WireError;
use infra_monitor::wire::opcua::chunk::{Body, Chunk, HEADER_LEN, MAX_LEN};
use infra_monitor::wire::opcua::conversation::Sequenced;

pub(crate) fn run(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first_chunk() else { return };
    let cut = usize::from(u16::from_le_bytes(*cut));
    let (whole, _) = chunks(stream);
    let (pieces, why) = chunks(stream.get(..cut).unwrap_or(stream));
    assert_eq!(whole.get(..pieces.len()), Some(&pieces[..]), "{why}");
    if cut < stream.len() && pieces.len() < whole.len() {
        assert!(matches!(why, WireError::Truncated { .. }), "{why} where a chunk was cut");
    }
    for chunk in whole {
        read(&chunk);
    }
}

/// The chunks at the front of `stream`, and why there is no more.
fn chunks(mut stream: &[u8]) -> (Vec<Chunk<'_>>, WireError) {
    let mut found = vec![];
    loop {
        match Chunk::parse(stream) {
            Ok((chunk, rest)) => {
                let len = HEADER_LEN + chunk.body.len();
                assert!(len <= MAX_LEN && len + rest.len() == stream.len());
                found.push(chunk);
                stream = rest;
            }
            Err(WireError::Truncated { layer, need, have }) => {
                assert!(have == stream.len() && have < need && need <= MAX_LEN);
                return (found, WireError::Truncated { layer, need, have });
            }
            Err(error) => return (found, error),
        }
    }
}

fn read(chunk: &Chunk<'_>) {
    let (texts, sequenced) = match chunk.read() {
        Ok(Body::Hello(hello)) => (vec![hello.endpoint_url], None),
        Ok(Body::Acknowledge(_)) | Err(_) => (vec![], None),
        Ok(Body::Error(refusal)) => (vec![refusal.reason], None),
        Ok(Body::ReverseHello(hello)) => (vec![hello.server_uri, hello.endpoint_url], None),
        Ok(Body::Open(open)) => {
            let texts = vec![open.policy_uri, open.sender_certificate, open.receiver_thumbprint];
            (texts, open.sequenced())
        }
        Ok(Body::Service(symmetric) | Body::Close(symmetric)) => {
            (vec![], Some(symmetric.sequenced()))
        }
    };
    texts.into_iter().flatten().for_each(|text| assert_lies_in(chunk, text));
    if let Some(Ok(Sequenced { body, .. })) = sequenced {
        assert_lies_in(chunk, body);
    }
    if let Some(Ok(sequenced)) = sequenced {
        let _ = sequenced.content();
        if let Some(reason) = sequenced.abort().ok().and_then(|refusal| refusal.reason) {
            assert_lies_in(chunk, reason);
        }
    }
}

fn assert_lies_in(chunk: &Chunk<'_>, part: &[u8]) {
    let (inner, outer) = (part.as_ptr_range(), chunk.body.as_ptr_range());
    assert!(outer.start <= inner.start && inner.end <= outer.end);
}
