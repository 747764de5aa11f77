//! The controllers of the simulated site, as `tokio-modbus` services: registers in front of the
//! plant.

use std::future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_modbus::server::Service;
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

use super::plant::Plant;

/// Unit of the motor relay on the serial line; other units of the line stay silent.
pub(super) const RELAY_UNIT: u8 = 17;
/// Register of the pump's start level, in centimetres.
pub(super) const START_LEVEL: u16 = 200;
/// First register of the measured values.
const MEASURED: u16 = 100;

/// The plant, as its controllers share it.
#[derive(Clone)]
pub(super) struct SharedPlant(Arc<Mutex<Plant>>);

impl SharedPlant {
    pub(super) fn new(plant: Plant) -> Self {
        Self(Arc::new(Mutex::new(plant)))
    }

    /// Look at the plant, or change it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Plant) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The station's controller: Modbus/TCP, any unit.
#[derive(Clone)]
pub(super) struct Controller(pub(super) SharedPlant);

impl Service for Controller {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Request<'static>) -> Self::Future {
        future::ready(self.0.with(|plant| controller_reply(plant, &request)))
    }
}

/// The motor relay: Modbus RTU, one unit.
pub(super) struct Relay(pub(super) SharedPlant);

impl Service for Relay {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = future::Ready<Result<Option<Response>, ExceptionCode>>;

    fn call(&self, SlaveRequest { slave, request }: SlaveRequest<'static>) -> Self::Future {
        let reply =
            (slave == RELAY_UNIT).then(|| self.0.with(|plant| relay_reply(plant, &request)));
        future::ready(reply.transpose())
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a controller rejects what it does not know")]
fn controller_reply(plant: &mut Plant, request: &Request<'_>) -> Result<Response, ExceptionCode> {
    match *request {
        Request::ReadCoils(first, quantity) => {
            window(&[plant.running], 0, first, quantity).map(Response::ReadCoils)
        }
        Request::ReadHoldingRegisters(first @ START_LEVEL.., quantity) => {
            window(&[plant.start_level_cm], START_LEVEL, first, quantity)
                .map(Response::ReadHoldingRegisters)
        }
        Request::ReadHoldingRegisters(first, quantity) => {
            let measured: Vec<u16> = [plant.level_m, plant.pressure_bar, plant.flow_m3_h]
                .into_iter()
                .flat_map(|value| registers_of((value * 1000.0).round() / 1000.0))
                .collect();
            window(&measured, MEASURED, first, quantity).map(Response::ReadHoldingRegisters)
        }
        Request::WriteSingleRegister(START_LEVEL, level) => {
            plant.start_level_cm = level;
            Ok(Response::WriteSingleRegister(START_LEVEL, level))
        }
        Request::WriteSingleRegister(..) => Err(ExceptionCode::IllegalDataAddress),
        _ => Err(ExceptionCode::IllegalFunction),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a relay rejects what it does not know")]
fn relay_reply(plant: &Plant, request: &Request<'_>) -> Result<Response, ExceptionCode> {
    match *request {
        Request::ReadInputRegisters(first, quantity) => {
            let measured = [
                scaled(plant.motor_c, 10.0),
                scaled(plant.vibration_mm_s(), 100.0),
                u16::from(plant.running),
            ];
            window(&measured, 0, first, quantity).map(Response::ReadInputRegisters)
        }
        _ => Err(ExceptionCode::IllegalFunction),
    }
}

/// The `quantity` values from address `first` of a table that begins at address `base`.
fn window<T: Copy>(
    table: &[T],
    base: u16,
    first: u16,
    quantity: u16,
) -> Result<Vec<T>, ExceptionCode> {
    let start = first.checked_sub(base).map(usize::from);
    start
        .and_then(|start| table.get(start..start + usize::from(quantity)))
        .filter(|values| !values.is_empty())
        .map(<[T]>::to_vec)
        .ok_or(ExceptionCode::IllegalDataAddress)
}

/// Two registers of a REAL, high word first.
fn registers_of(value: f32) -> [u16; 2] {
    let [a, b, c, d] = value.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

/// A small positive value as a register in units of 1/`factor`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a plant's values are small and positive"
)]
fn scaled(value: f32, factor: f32) -> u16 {
    (value * factor).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_serves_what_the_plant_measures_and_nothing_else() {
        let mut plant = Plant::new();
        plant.level_m = 3.100_04; // The sensor's resolution is a millimetre.
        let mut ask = |request| controller_reply(&mut plant, &request);
        let level = registers_of(3.1);
        assert_eq!(
            ask(Request::ReadHoldingRegisters(100, 2)),
            Ok(Response::ReadHoldingRegisters(level.to_vec()))
        );
        assert_eq!(ask(Request::ReadCoils(0, 1)), Ok(Response::ReadCoils(vec![false])));
        for beyond in [(99, 1), (100, 7), (105, 2), (199, 1), (200, 2), (65535, 1), (100, 0)] {
            assert_eq!(
                ask(Request::ReadHoldingRegisters(beyond.0, beyond.1)),
                Err(ExceptionCode::IllegalDataAddress),
                "{beyond:?}"
            );
        }
    }

    #[test]
    fn only_the_start_level_can_be_written() {
        let mut plant = Plant::new();
        controller_reply(&mut plant, &Request::WriteSingleRegister(START_LEVEL, 440)).unwrap();
        assert_eq!(plant.start_level_cm, 440);
        let elsewhere = Request::WriteSingleRegister(100, 1);
        assert_eq!(
            controller_reply(&mut plant, &elsewhere),
            Err(ExceptionCode::IllegalDataAddress)
        );
    }

    #[tokio::test]
    async fn the_relay_answers_to_its_own_unit_only() {
        let relay = Relay(SharedPlant::new(Plant::new()));
        let request = Request::ReadInputRegisters(0, 3);
        let ask = |slave| relay.call(SlaveRequest { slave, request: request.clone() });
        assert_eq!(ask(RELAY_UNIT + 1).await, Ok(None));
        assert!(matches!(ask(RELAY_UNIT).await, Ok(Some(Response::ReadInputRegisters(_)))));
    }
}
