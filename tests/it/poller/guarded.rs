//! A controller that keeps a checksum of its block, as a server on loopback that is not ours.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use infra_monitor::config::{Config, parse};
use infra_monitor::poller;
use infra_monitor::record::{BlockChecksum, Doubt, Fault, Quality, Reading};
use infra_monitor::tag::Value;
use infra_monitor::wire::checksum::crc16_modbus;
use tokio::net::TcpListener;
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};

/// First register of the block, and of what the controller says of it: CRC, then sequence.
const BLOCK: u16 = 100;
const N_REGISTERS: usize = 200;
const SAID: u16 = 300;

/// When the controller writes its block: whenever one of these many requests was served.
#[derive(Clone, Copy)]
enum Writes {
    Never,
    After(u32),
    AfterEach,
}

/// The block with the CRC and the sequence that belong to it.
struct Memory {
    block: Vec<u16>,
    crc: u16,
    sequence: u16,
    writes: Writes,
    n_served: u32,
    /// The CRC is over the block from here on.
    summed_from: usize,
}

#[derive(Clone)]
struct Controller(Arc<Mutex<Memory>>);

impl Controller {
    fn new(writes: Writes) -> Self {
        let block = (0..200).collect();
        let mut memory = Memory { block, crc: 0, sequence: 6, writes, n_served: 0, summed_from: 0 };
        memory.write();
        Self(Arc::new(Mutex::new(memory)))
    }
}

impl Memory {
    /// A new state: every register moves by the same, and the CRC and the sequence with them.
    fn write(&mut self) {
        self.block.iter_mut().for_each(|register| *register += 1000);
        self.sequence += 1;
        self.sum_from(self.summed_from);
    }

    fn sum_from(&mut self, first: usize) {
        let summed = self.block[first..].iter();
        self.crc = crc16_modbus(&summed.flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>());
        self.summed_from = first;
    }

    fn register(&self, index: u16) -> u16 {
        match index {
            SAID => self.crc,
            301 => self.sequence,
            _ => self.block.get(usize::from(index.wrapping_sub(BLOCK))).copied().unwrap_or(0),
        }
    }

    fn serve(&mut self, first: u16, count: u16) -> Vec<u16> {
        let registers = (first..first + count).map(|index| self.register(index)).collect();
        self.n_served += 1;
        match self.writes {
            Writes::After(n) if n == self.n_served => self.write(),
            Writes::AfterEach => self.write(),
            Writes::Never | Writes::After(_) => (),
        }
        registers
    }
}

impl Service for Controller {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Pin<Box<dyn Future<Output = Result<Response, ExceptionCode>> + Send>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        let Request::ReadHoldingRegisters(first, count) = request.request else {
            return Box::pin(async { Err(ExceptionCode::IllegalFunction) });
        };
        let registers = self.0.lock().unwrap().serve(first, count);
        Box::pin(async move { Ok(Response::ReadHoldingRegisters(registers)) })
    }
}

/// Two devices that share a template with this checksum, at `address`.
fn site(address: SocketAddr, checksum: &str) -> Config {
    let text = format!(
        r#"
[[modbus]]
name = "plc"
tcp = "{address}"
[[modbus.device]]
name = "pump-1"
unit = 1
template = "acme-pump"
[[modbus.device]]
name = "pump-2"
unit = 2
template = "acme-pump"
tags = [{{ name = "elsewhere", at = "%MW500", type = "UINT" }}]
[template.acme-pump]
checksum = {{ algorithm = "crc16-modbus", {checksum} }}
tags = [
  {{ name = "first", at = "%MW100", type = "UINT" }},
  {{ name = "middle", at = "%MW224", type = "UDINT" }},
  {{ name = "last", at = "%MW299", type = "UINT" }},
  {{ name = "crc", at = "%MW300", type = "WORD" }},
]
"#
    );
    parse("site.toml", text).unwrap_or_else(|rejected| panic!("{rejected}"))
}

/// What both devices say in their first turn, by device: the block, then the tags beside it.
async fn read(controller: Controller, checksum: &str) -> [[Reading; 2]; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = site(listener.local_addr().unwrap(), checksum);
    let link = config.links.values().next().unwrap();
    let server = Server::new(listener);
    let connected = |stream, peer| {
        let controller = controller.clone();
        async move { accept_tcp_connection(stream, peer, |_| Ok(Some(controller.clone()))) }
    };
    let readings = tokio::select! {
        _ = server.serve(&connected, |_| ()) => panic!("the server ended"),
        readings = poller::read_once(link) => readings.unwrap(),
    };
    let of = |device: &str| {
        let of_device = readings.iter().filter(|reading| &*reading.device == device).cloned();
        let (block, beside): (Vec<_>, Vec<_>) =
            of_device.partition(|r| r.samples.iter().any(|sample| &*sample.tag.name == "last"));
        assert_eq!(block.len(), 1, "{readings:?}");
        [block[0].clone(), beside[0].clone()]
    };
    [of("pump-1"), of("pump-2")]
}

fn values(reading: &Reading) -> Vec<Option<u64>> {
    let value = |value: &Value| {
        let Value::Unsigned(value) = value else { panic!("{value} is not unsigned") };
        *value
    };
    reading.samples.iter().map(|sample| sample.value.as_ref().map(value)).collect()
}

/// The tags of the block after so many writes.
fn block_after(n_writes: u64) -> Vec<Option<u64>> {
    let register = |index: u64| index - 100 + 1000 * n_writes;
    let middle = register(224) << 16 | register(225);
    [register(100), middle, register(299)].map(Some).to_vec()
}

const WHOLE: &str = "over = \"%MW100..%MW299\", expect = \"%MW300\"";

#[tokio::test]
async fn a_block_longer_than_a_request_is_good_if_its_checksum_is() {
    for checksum in [
        WHOLE,
        "over = \"%MW100..%MW299\", expect = \"crc\"",
        "over = [\"%MW100..%MW199\", \"%MW200..%MW299\"], expect = \"crc\", sequence = \"%MW301\"",
    ] {
        for [block, beside] in read(Controller::new(Writes::Never), checksum).await {
            assert_eq!((block.quality, &block.checksum), (Quality::Good, &BlockChecksum::Valid));
            assert_eq!(values(&block), block_after(1), "{checksum}");
            assert_eq!(
                (beside.quality, beside.checksum),
                (Quality::Good, BlockChecksum::Unverified)
            );
        }
    }
}

#[tokio::test]
async fn one_wrong_register_takes_every_value_of_the_block_and_no_other() {
    let controller = Controller::new(Writes::Never);
    controller.0.lock().unwrap().block[57] ^= 1; // no tag lies there
    for [block, beside] in read(controller.clone(), WHOLE).await {
        assert_eq!(block.quality, Quality::Bad(Fault::ChecksumMismatch));
        assert_eq!(values(&block), [None; 3]);
        let BlockChecksum::Invalid(found) = &block.checksum else { panic!("{block:?}") };
        let stored = controller.0.lock().unwrap().crc;
        assert_eq!((found.stored, found.block.len()), (stored.into(), 2 * N_REGISTERS));
        assert_eq!(found.computed, u32::from(crc16_modbus(&found.block)));
        let detail = block.detail.unwrap();
        assert!(detail.contains("over holding:100..holding:299 is 0x"), "{detail}");
        assert!(detail.contains("keeps in holding:300"), "{detail}");
        assert_eq!(beside.quality, Quality::Good);
    }
    // Each block twice: it might have been written meanwhile.
    assert_eq!(controller.0.lock().unwrap().n_served, 2 * (2 * 2 + 1) + 1);
}

#[tokio::test]
async fn a_byte_order_that_would_match_is_named() {
    let wrong = format!("{WHOLE}, order = \"little\"");
    let [[block, _], _] = read(Controller::new(Writes::Never), &wrong).await;
    let detail = block.detail.unwrap();
    assert!(detail.contains("crc16-modbus with order = \"big\" would match"), "{detail}");
    let exchanged = format!("{WHOLE}, expect_order = \"BADC\"");
    let [[block, _], _] = read(Controller::new(Writes::Never), &exchanged).await;
    assert!(block.detail.unwrap().contains("correct `expect_order`"));
}

#[tokio::test]
async fn a_block_written_once_while_it_is_read_is_read_again() {
    let guarded = format!("{WHOLE}, sequence = \"%MW301\"");
    for (checksum, n_served) in [(WHOLE, 1), (&*guarded, 1), (&*guarded, 2)] {
        let controller = Controller::new(Writes::After(n_served));
        let [[block, _], _] = read(controller, checksum).await;
        assert_eq!(block.quality, Quality::Good, "{checksum} {n_served} {:?}", block.detail);
        assert_eq!(values(&block), block_after(2), "{checksum} {n_served}");
    }
}

#[tokio::test]
async fn a_block_written_for_ever_is_uncertain_with_a_sequence_and_bad_without() {
    let guarded = format!("{WHOLE}, sequence = \"%MW301\"");
    for [block, beside] in read(Controller::new(Writes::AfterEach), &guarded).await {
        assert_eq!(block.quality, Quality::Uncertain(Doubt::Torn));
        assert!(block.samples.iter().all(|sample| sample.quality == block.quality));
        assert!(block.detail.unwrap().contains("3 times in a row"));
        assert_eq!(beside.quality, Quality::Good);
    }
    for [block, _] in read(Controller::new(Writes::AfterEach), WHOLE).await {
        assert_eq!(block.quality, Quality::Bad(Fault::ChecksumMismatch));
        assert_eq!(values(&block), [None; 3]);
    }
}

#[tokio::test]
async fn a_block_in_one_request_is_never_between_two_writes() {
    let controller = Controller::new(Writes::AfterEach);
    controller.0.lock().unwrap().sum_from(100);
    let checksum = "over = \"%MW200..%MW299\", expect = \"%MW300\"";
    let [[block, beside], [of_other, _]] = read(controller, checksum).await;
    assert_eq!(values(&block), block_after(1)[1..]);
    for reading in [&block, &of_other] {
        assert_eq!((reading.quality, &reading.checksum), (Quality::Good, &BlockChecksum::Valid));
    }
    assert_eq!(values(&beside), block_after(2)[..1], "read after the block, and not verified");
}
