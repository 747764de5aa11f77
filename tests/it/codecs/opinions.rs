//! What each of the three makes of the same bytes.

use infra_monitor::wire::modbus::mbap::Mbap;
use infra_monitor::wire::modbus::reply::{self, Answer, NotTheAnswer};
use infra_monitor::wire::modbus::request::{ReadRequest, Span};
use infra_monitor::wire::modbus::rtu::Frame;
use rmodbus::client::ModbusRequest;
use rmodbus::{ErrorKind, ModbusProto};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_modbus::client::{Client, Context, rtu, tcp};
use tokio_modbus::prelude::{Request, Response, Slave};

use super::frames::{Carrier, Exchange, TRANSACTION, UNIT};

/// A reply that was believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// Registers, or bits as 0 and 1.
    Values(Vec<u16>),
    Exception(u8),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Other {
    Rmodbus,
    TokioModbus,
}

/// Why we do not believe a reply.
#[derive(Debug)]
pub(super) enum Refusal {
    /// More was to come.
    Incomplete,
    /// The MBAP header states a length that no Modbus frame has.
    Length,
    Protocol,
    Transaction,
    Unit,
    /// Short, or its CRC does not hold.
    Frame,
    Proof(NotTheAnswer),
}

/// As the poller judges what it received.
pub(super) fn ours(exchange: &Exchange) -> Result<Opinion, Refusal> {
    let bytes = &exchange.received;
    let (unit, pdu) = match exchange.carrier {
        Carrier::Rtu => {
            let frame = Frame::parse(bytes).map_err(|_| Refusal::Frame)?;
            (frame.unit, frame.pdu)
        }
        Carrier::Tcp => {
            let (mbap, rest) = Mbap::parse(bytes).map_err(|_| Refusal::Incomplete)?;
            if mbap.protocol != 0 {
                return Err(Refusal::Protocol);
            }
            let pdu_len = mbap.pdu_len().ok_or(Refusal::Length)?;
            let pdu = rest.get(..pdu_len).ok_or(Refusal::Incomplete)?;
            if mbap.transaction != TRANSACTION {
                return Err(Refusal::Transaction);
            }
            (mbap.unit, pdu)
        }
    };
    if unit != UNIT {
        return Err(Refusal::Unit);
    }
    match reply::prove(exchange.request, pdu).map_err(Refusal::Proof)? {
        Answer::Registers(registers) => Ok(Opinion::Values(registers.iter().collect())),
        Answer::Bits(bits) => Ok(Opinion::Values(bits.iter().map(u16::from).collect())),
        Answer::Exception(code) => Ok(Opinion::Exception(code)),
        Answer::Echo => unreachable!("none was asked for"),
    }
}

/// `None` if it refuses.
pub(super) fn theirs(other: Other, exchange: &Exchange) -> Option<Opinion> {
    match other {
        Other::Rmodbus => of_rmodbus(exchange),
        Other::TokioModbus => of_tokio_modbus(exchange),
    }
}

/// What it would send.
pub(super) fn encoded_by_rmodbus(exchange: &Exchange) -> Vec<u8> {
    rmodbus_request(exchange).1
}

fn of_rmodbus(exchange: &Exchange) -> Option<Opinion> {
    let bytes = first_frame(exchange);
    let (asked, _) = rmodbus_request(exchange);
    match asked.parse_slice(bytes) {
        // Not `parse_u16`, which cannot bear a reply without values.
        Ok(values) => Some(Opinion::Values(unpacked(exchange.request, values))),
        Err(ErrorKind::FrameBroken | ErrorKind::FrameCRCError) => None,
        Err(exception) => {
            let code = bytes[if exchange.carrier == Carrier::Tcp { 8 } else { 2 }];
            assert_eq!(exception, ErrorKind::from_modbus_error(code));
            Some(Opinion::Exception(code))
        }
    }
}

/// It asks to be given one frame: without what follows on the stream, that is.
fn first_frame(exchange: &Exchange) -> &[u8] {
    let bytes = &exchange.received[..];
    let mbap = Mbap::parse(bytes).ok().filter(|_| exchange.carrier == Carrier::Tcp);
    let frame_len = mbap.map_or(bytes.len(), |(mbap, _)| 6 + usize::from(mbap.len));
    bytes.get(..frame_len).unwrap_or(bytes)
}

fn rmodbus_request(exchange: &Exchange) -> (ModbusRequest, Vec<u8>) {
    let mut asked = match exchange.carrier {
        Carrier::Tcp => ModbusRequest::new_tcp_udp(UNIT, TRANSACTION),
        Carrier::Rtu => ModbusRequest::new(UNIT, ModbusProto::Rtu),
    };
    let mut frame = vec![];
    let Span { first, count } = span(exchange.request);
    match exchange.request {
        ReadRequest::Coils(_) => asked.generate_get_coils(first, count, &mut frame),
        ReadRequest::Discretes(_) => asked.generate_get_discretes(first, count, &mut frame),
        ReadRequest::Holding(_) => asked.generate_get_holdings(first, count, &mut frame),
        ReadRequest::Input(_) => asked.generate_get_inputs(first, count, &mut frame),
        ReadRequest::Echo { .. } => unreachable!("none was asked for"),
    }
    .unwrap();
    (asked, frame)
}

fn unpacked(request: ReadRequest, values: &[u8]) -> Vec<u16> {
    match request {
        ReadRequest::Holding(_) | ReadRequest::Input(_) => {
            values.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
        }
        ReadRequest::Coils(_) | ReadRequest::Discretes(_) | ReadRequest::Echo { .. } => {
            let bits = values.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
            bits.take(span(request).count.into()).map(u16::from).collect()
        }
    }
}

/// What it would send.
pub(super) fn encoded_by_tokio_modbus(exchange: &Exchange) -> Vec<u8> {
    exchange_with_tokio_modbus(&Exchange { received: vec![], ..exchange.clone() }).0
}

fn of_tokio_modbus(exchange: &Exchange) -> Option<Opinion> {
    match exchange_with_tokio_modbus(exchange).1.ok()? {
        Err(exception) => Some(Opinion::Exception(exception.into())),
        Ok(Response::ReadHoldingRegisters(registers) | Response::ReadInputRegisters(registers)) => {
            Some(Opinion::Values(registers))
        }
        Ok(Response::ReadCoils(bits) | Response::ReadDiscreteInputs(bits)) => {
            let count = span(exchange.request).count.into();
            Some(Opinion::Values(bits.into_iter().take(count).map(u16::from).collect()))
        }
        Ok(other) => panic!("{other:?} to a read"),
    }
}

/// Its client knows no bytes, only streams. Returns what it sent and what it made of the reply.
fn exchange_with_tokio_modbus(exchange: &Exchange) -> (Vec<u8>, tokio_modbus::Result<Response>) {
    let Span { first, count } = span(exchange.request);
    let request = match exchange.request {
        ReadRequest::Coils(_) => Request::ReadCoils(first, count),
        ReadRequest::Discretes(_) => Request::ReadDiscreteInputs(first, count),
        ReadRequest::Holding(_) => Request::ReadHoldingRegisters(first, count),
        ReadRequest::Input(_) => Request::ReadInputRegisters(first, count),
        ReadRequest::Echo { .. } => unreachable!("none was asked for"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut far, near) = tokio::io::duplex(1024);
        far.write_all(&exchange.received).await.unwrap();
        far.shutdown().await.unwrap();
        let mut client = attached(near, exchange.carrier);
        let outcome = client.call(request).await;
        drop(client);
        let mut sent = vec![];
        far.read_to_end(&mut sent).await.unwrap();
        (sent, outcome)
    })
}

fn attached(stream: DuplexStream, carrier: Carrier) -> Context {
    match carrier {
        Carrier::Tcp => tcp::attach_slave(stream, Slave(UNIT)),
        Carrier::Rtu => rtu::attach_slave(stream, Slave(UNIT)),
    }
}

fn span(request: ReadRequest) -> Span {
    match request {
        ReadRequest::Coils(span)
        | ReadRequest::Discretes(span)
        | ReadRequest::Holding(span)
        | ReadRequest::Input(span) => span,
        ReadRequest::Echo { .. } => unreachable!("none was asked for"),
    }
}
