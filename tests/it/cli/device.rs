//! A device to be probed, over TCP served by `tokio-modbus`, or on a pseudo-terminal by hand.
//!
//! Holding registers 0 to 199 hold their own address, except 37 to 39, which do not exist, and
//! 100 and 101, which hold 4.21 with its words swapped. Input registers are zero everywhere,
//! there are five discrete inputs and no coils. No request may ask for more than 60 registers.
//! Units 1 and 7 are the device; a gateway answers for the others, a line is silent.

use std::future;
use std::net::SocketAddr;
use std::time::Duration;

use infra_monitor::wire::checksum::crc16_modbus;
use infra_monitor::wire::modbus::rtu::Frame;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::server::tcp::accept_tcp_connection;
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_serial::SerialPort;
use tokio_serial::SerialStream;

/// On the line, unit 7 takes longer than a unit is waited for when many are called.
const SLOW: Duration = Duration::from_millis(320);
/// What the device calls its maker: an attack on terminals and configuration files.
pub(super) const VENDOR: &[u8] = b"Acme\n[[modbus]]\nname = \"x\"\x1b[2J";

pub(super) struct Device {
    pub(super) endpoint: String,
    /// Dropping it ends the server.
    runtime: Runtime,
}

impl Device {
    pub(super) fn on_tcp() -> Self {
        Self::on_port(0)
    }

    pub(super) fn on_port(port: u16) -> Self {
        let runtime = runtime();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let _served = runtime.spawn(async move {
            let connected = |stream, peer| async move {
                accept_tcp_connection(stream, peer, |_| Ok(Some(Units)))
            };
            Server::new(listener).serve(&connected, |_| ()).await
        });
        Self { endpoint: format!("tcp://{address}"), runtime }
    }

    pub(super) fn port(&self) -> u16 {
        self.endpoint.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Stop, and let go of the port.
    pub(super) fn stop(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }

    pub(super) fn on_a_line() -> Self {
        let runtime = runtime();
        let (mut far, near) = runtime.block_on(async { SerialStream::pair().unwrap() });
        let path = near.name().unwrap();
        let _served = runtime.spawn(async move {
            let _held_open = near;
            let mut received = vec![];
            while far.read_buf(&mut received).await.is_ok() {
                // A request is complete as soon as its CRC holds.
                let Ok(frame) = Frame::parse(&received) else { continue };
                if let 1 | 7 = frame.unit {
                    let mut reply = vec![frame.unit];
                    reply.extend(
                        answer(frame.pdu).unwrap_or_else(|code| vec![frame.pdu[0] | 0x80, code]),
                    );
                    reply.extend(crc16_modbus(&reply).to_le_bytes());
                    if frame.unit == 7 {
                        tokio::time::sleep(SLOW).await;
                    }
                    far.write_all(&reply).await.unwrap();
                }
                received.clear();
            }
        });
        Self { endpoint: format!("rtu://{path}?baud=115200&parity=none"), runtime }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

struct Units;

impl Service for Units {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = future::Ready<Result<Response, ExceptionCode>>;

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest goes by its bytes")]
    fn call(&self, request: Self::Request) -> Self::Future {
        if !matches!(request.slave, 1 | 7) {
            return future::ready(Err(ExceptionCode::GatewayTargetDevice));
        }
        let pdu = match request.request {
            Request::ReadCoils(first, count) => read(1, first, count),
            Request::ReadDiscreteInputs(first, count) => read(2, first, count),
            Request::ReadHoldingRegisters(first, count) => read(3, first, count),
            Request::ReadInputRegisters(first, count) => read(4, first, count),
            Request::ReportServerId => vec![17],
            Request::ReadDeviceIdentification(level, object) => vec![43, 14, level.value(), object],
            Request::Custom(function, rest) => [&[function], &rest[..]].concat(),
            other => panic!("a probe asks only what reads: {other:?}"),
        };
        future::ready(match answer(&pdu) {
            Ok(reply) => Ok(Response::Custom(reply[0], reply[1..].to_vec().into())),
            Err(2) => Err(ExceptionCode::IllegalDataAddress),
            Err(3) => Err(ExceptionCode::IllegalDataValue),
            Err(_) => Err(ExceptionCode::IllegalFunction),
        })
    }
}

fn read(function: u8, first: u16, count: u16) -> Vec<u8> {
    [&[function], &first.to_be_bytes()[..], &count.to_be_bytes()].concat()
}

/// The PDU of the reply, or the exception code.
fn answer(pdu: &[u8]) -> Result<Vec<u8>, u8> {
    match *pdu {
        [function @ 1..=4, a, b, c, d] => {
            let first = usize::from(u16::from_be_bytes([a, b]));
            values(function, first, usize::from(u16::from_be_bytes([c, d])))
        }
        [8, 0, 0, ..] => Ok(pdu.to_vec()),
        [17] => Ok(vec![17, 4, 0x2a, 0xff, b'P', b'7']),
        [43, 14, level, object] => identity(level, object),
        [5 | 6 | 15 | 16 | 21 | 22 | 23, ..] => panic!("a probe never writes: {pdu:?}"),
        _ => Err(1),
    }
}

fn values(function: u8, first: usize, count: usize) -> Result<Vec<u8>, u8> {
    let places = first..first + count;
    let register = |at: usize| {
        let [a, b, c, d] = 4.21_f32.to_be_bytes();
        match at {
            100 => [c, d],
            101 => [a, b],
            _ => u16::try_from(at).unwrap().to_be_bytes(),
        }
    };
    let counted = |bytes: Vec<u8>| {
        let n_bytes = u8::try_from(bytes.len()).unwrap();
        Ok([&[function, n_bytes][..], &bytes].concat())
    };
    match function {
        1 => Err(1),
        2 if places.end <= 5 => counted(vec![0; count.div_ceil(8)]),
        3 | 4 if count > 60 => Err(3),
        3 if places.end <= 200 && !places.clone().any(|at| (37..=39).contains(&at)) => {
            counted(places.flat_map(register).collect())
        }
        4 if places.end <= 65_536 => counted(vec![0; count * 2]),
        _ => Err(2),
    }
}

/// The vendor alone, then the rest of the basic objects, then a regular one.
fn identity(level: u8, object: u8) -> Result<Vec<u8>, u8> {
    let (more, next, objects): (u8, u8, &[(u8, &[u8])]) = match (level, object) {
        (1, 0) => (0xff, 1, &[(0, VENDOR)]),
        (1, 1) => (0, 0, &[(1, b"P-7"), (2, b"V1.\xff")]),
        (2, 3) => (0, 0, &[(3, "Pump\u{202e}\"7\"".as_bytes())]),
        _ => return Err(2),
    };
    let mut reply = vec![43, 14, level, 0x82, more, next, u8::try_from(objects.len()).unwrap()];
    for (number, text) in objects {
        reply.extend([*number, u8::try_from(text.len()).unwrap()]);
        reply.extend(*text);
    }
    Ok(reply)
}
