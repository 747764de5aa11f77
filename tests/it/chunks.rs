//! OPC UA chunks of public captures, against what tshark reads in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use infra_monitor::block::Block;
use infra_monitor::capture::file::CaptureFile;
use infra_monitor::wire::WireError;
use infra_monitor::wire::opcua::chunk::{Body, Chunk, HEADER_LEN, Kind};
use infra_monitor::wire::opcua::service::Content;
use infra_monitor::wire::packet::{Captured, Flags, Network, Segment, Transport, dissect};

use crate::replay::captures;

const PORT: u16 = 4840;
/// Letters, size, channel, policy URI, token, sequence, request, end point; and a line for people
/// that ends with the name of a service.
const FIELDS: [&str; 9] = [
    "opcua.transport.type",
    "opcua.transport.size",
    "opcua.transport.scid",
    "opcua.security.spu",
    "opcua.security.tokenid",
    "opcua.security.seq",
    "opcua.security.rqid",
    "opcua.transport.endpoint",
    "_ws.col.Info",
];

/// What tshark says of each chunk, in the order of the file; `None` if it is not installed.
fn theirs(path: &Path) -> Option<Vec<Vec<String>>> {
    let mut tshark = Command::new("tshark");
    // An answer of this capture was written down after its acknowledgement; by default tshark takes
    // that for a retransmission and loses the chunk.
    tshark.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    tshark.arg("-r").arg(path).args(["-d", "tcp.port==4840,opcua", "-Y", "opcua", "-T", "fields"]);
    tshark.args(["-E", "occurrence=a", "-E", "aggregator=|"]);
    let output = tshark.args(FIELDS.iter().flat_map(|field| ["-e", *field])).output().ok()?;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| {
        let mut row: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let shown = row.pop().unwrap();
        let service = shown.rsplit_once(": ").map_or("", |(_, service)| service);
        row.push(service.to_owned());
        row
    };
    Some(text.lines().map(row).collect())
}

/// The same fields as we read them.
fn ours(chunk: &Chunk<'_>) -> Vec<String> {
    let mut row = vec![String::new(); FIELDS.len()];
    letters(chunk.kind).clone_into(&mut row[0]);
    row[1] = (HEADER_LEN + chunk.body.len()).to_string();
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    let sequenced = match chunk.read().unwrap() {
        Body::Hello(hello) => {
            row[7] = text(hello.endpoint_url);
            return row;
        }
        Body::Acknowledge(_) => return row,
        Body::Open(open) => {
            (row[2], row[3]) = (open.channel.to_string(), text(open.policy_uri));
            open.sequenced().unwrap().unwrap()
        }
        Body::Service(symmetric) | Body::Close(symmetric) => {
            (row[2], row[4]) = (symmetric.channel.to_string(), symmetric.token.to_string());
            symmetric.sequenced().unwrap()
        }
        body @ (Body::Error(_) | Body::ReverseHello(_)) => panic!("{body:?} was not expected"),
    };
    (row[5], row[6]) = (sequenced.number.to_string(), sequenced.request.to_string());
    row[8] = match sequenced.content().unwrap() {
        Content::Request(service) => format!("{service}Request"),
        Content::Response(service) => format!("{service}Response"),
        Content::Fault => "ServiceFault".to_owned(),
        Content::Unknown => panic!("{sequenced:02x?} is unknown"),
    };
    row
}

fn letters(kind: Kind) -> &'static str {
    match kind {
        Kind::Hello => "HEL",
        Kind::Acknowledge => "ACK",
        Kind::Error => "ERR",
        Kind::ReverseHello => "RHE",
        Kind::Open => "OPN",
        Kind::Service => "MSG",
        Kind::Close => "CLO",
    }
}

/// What one side of a connection said: as much as is no whole chunk yet, and what comes next.
#[derive(Default)]
struct Side {
    kept: Vec<u8>,
    next: Option<u32>,
}

impl Side {
    /// Take a segment in; the chunks that are whole with it. After a hole a chunk begins anew.
    fn take(&mut self, segment: &Segment<'_>) -> Vec<Vec<String>> {
        if self.next.is_some_and(|next| next != segment.sequence) {
            self.kept.clear();
        }
        let len = u32::try_from(segment.payload.len()).unwrap();
        let syn = u32::from(segment.flags.any(Flags::SYN));
        self.next = Some(segment.sequence.wrapping_add(len + syn));
        self.kept.extend(segment.payload);
        let mut rest = &self.kept[..];
        let mut rows = vec![];
        let why = loop {
            match Chunk::parse(rest) {
                Ok((chunk, behind)) => {
                    rows.push(ours(&chunk));
                    rest = behind;
                }
                Err(why) => break why,
            }
        };
        let n_kept = if matches!(why, WireError::Truncated { .. }) { rest.len() } else { 0 };
        self.kept.drain(..self.kept.len() - n_kept);
        rows
    }
}

fn chunks(path: &Path) -> Vec<Vec<String>> {
    let mut file = CaptureFile::open(path).unwrap();
    let mut sides: BTreeMap<_, Side> = BTreeMap::new();
    let mut rows = vec![];
    while let Some(Block::File(block)) = file.next_block().unwrap() {
        block.for_each(|frame| {
            let packet = dissect(&Captured {
                link: frame.link.unwrap(),
                bytes: frame.bytes,
                wire_len: frame.wire_len,
                stripped_vlan: None,
                checksum_pending: false,
            });
            if let (Network::Ip { source, destination }, Transport::Tcp(segment)) =
                (packet.network, packet.transport)
                && [segment.source_port, segment.destination_port].contains(&PORT)
            {
                let ends = (source, segment.source_port, destination, segment.destination_port);
                rows.extend(sides.entry(ends).or_default().take(&segment));
            }
        });
    }
    rows
}

#[test]
fn chunks_of_a_public_capture_are_read_as_tshark_reads_them() {
    let Some(path) = captures().map(|folder| folder.join("icsnpp-opcua_with_gap.pcap")) else {
        return;
    };
    let Some(theirs) = theirs(&path) else {
        eprintln!("skipped: no tshark; .ci/run installs it");
        return;
    };
    let ours = chunks(&path);
    for (nth, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "chunk {nth}");
    }
    assert_eq!(ours.len(), theirs.len());
    let services: BTreeSet<_> = ours.iter().map(|row| &row[8]).collect();
    assert!(ours.len() == 240 && services.len() > 20, "{services:?}");
    eprintln!("{} chunks, {services:?}", ours.len());
}
