//! A controller served by `tokio-modbus`: every holding register holds its own address, except
//! 500 and 501, which hold 4.21; 600 to 999 do not exist. Odd coils are on. There are no input
//! registers.

use std::future;
use std::net::SocketAddr;

use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::server::tcp::accept_tcp_connection;
use tokio_modbus::{ExceptionCode, Request, Response};

pub(super) struct Controller {
    address: SocketAddr,
    /// Dropping it ends the server.
    _runtime: tokio::runtime::Runtime,
}

impl Controller {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let _served = runtime.spawn(async move {
            let connected = |stream, peer| async move {
                accept_tcp_connection(stream, peer, |_| Ok(Some(Registers)))
            };
            Server::new(listener).serve(&connected, |_| ()).await
        });
        Self { address, _runtime: runtime }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("tcp://{}", self.address)
    }
}

#[derive(Clone)]
struct Registers;

impl Service for Registers {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = future::Ready<Result<Response, ExceptionCode>>;

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a controller refuses what it does not know"
    )]
    fn call(&self, request: Request<'static>) -> Self::Future {
        future::ready(match request {
            Request::ReadHoldingRegisters(first, quantity)
                if (600..1000).contains(&(first + quantity - 1)) =>
            {
                Err(ExceptionCode::IllegalDataAddress)
            }
            Request::ReadHoldingRegisters(first, quantity) => {
                let registers = (first..first + quantity).map(register).collect();
                Ok(Response::ReadHoldingRegisters(registers))
            }
            Request::ReadCoils(first, quantity) => {
                Ok(Response::ReadCoils((first..first + quantity).map(|at| at % 2 == 1).collect()))
            }
            _ => Err(ExceptionCode::IllegalFunction),
        })
    }
}

fn register(address: u16) -> u16 {
    let [a, b, c, d] = 4.21_f32.to_be_bytes();
    match address {
        500 => u16::from_be_bytes([a, b]),
        501 => u16::from_be_bytes([c, d]),
        address => address,
    }
}
