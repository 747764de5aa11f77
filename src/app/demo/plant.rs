//! The simulated pump station: a wet well that fills, and a pump that empties it.
//!
//! Pure: time goes in, values come out. A second here is about a minute of a real station, so
//! that a run of a quarter of a minute shows a whole cycle.

use std::time::Duration;

/// Level at which the pump starts unless somebody writes another one.
pub(super) const START_LEVEL_CM: u16 = 360;
/// Level at which it stops.
const STOP_LEVEL_M: f32 = 2.6;
/// Water comes in surges, one in each cycle, at its beginning. The pump is done before the next.
pub(super) const CYCLE: Duration = Duration::from_secs(14);
const SURGE: Duration = Duration::from_secs(6);
/// Metres per second.
const INFLOW: f32 = 0.32;
const OUTFLOW: f32 = 0.55;

/// State of the station.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plant {
    elapsed: Duration,
    pub(super) level_m: f32,
    pub(super) pressure_bar: f32,
    pub(super) flow_m3_h: f32,
    pub(super) motor_c: f32,
    pub(super) running: bool,
    /// The one register of the station that can be written: at this level the pump starts.
    pub(super) start_level_cm: u16,
}

impl Plant {
    /// At rest, with the first surge to come.
    pub(super) fn new() -> Self {
        Self {
            elapsed: Duration::ZERO,
            level_m: STOP_LEVEL_M,
            pressure_bar: 1.8,
            flow_m3_h: 0.0,
            motor_c: 41.0,
            running: false,
            start_level_cm: START_LEVEL_CM,
        }
    }

    /// Let `step` pass, a fraction of a second.
    pub(super) fn advance(&mut self, step: Duration) {
        self.elapsed += step;
        let seconds = step.as_secs_f32();
        self.running = self.runs();
        let (outflow, pressure, flow, motor) =
            if self.running { (OUTFLOW, 6.2, 42.0, 68.0) } else { (0.0, 1.8, 0.0, 40.0) };
        self.level_m = (self.level_m + (self.inflow() - outflow) * seconds).max(0.0);
        self.pressure_bar = approach(self.pressure_bar, pressure, 2.0 * seconds);
        self.flow_m3_h = approach(self.flow_m3_h, flow, 1.5 * seconds);
        self.motor_c = approach(self.motor_c, motor, 0.3 * seconds);
    }

    fn inflow(&self) -> f32 {
        let into_cycle = self.elapsed.as_millis() % CYCLE.as_millis();
        if into_cycle < SURGE.as_millis() { INFLOW } else { 0.0 }
    }

    /// Two-point control: starts at the start level, then runs down to the stop level.
    fn runs(&self) -> bool {
        let start_level_m = f32::from(self.start_level_cm) / 100.0;
        self.level_m >= start_level_m || (self.running && self.level_m > STOP_LEVEL_M)
    }

    /// Vibration of the motor, which never stands quite still.
    pub(super) fn vibration_mm_s(&self) -> f32 {
        let ripple = (self.elapsed.as_secs_f32() * 5.3).sin();
        if self.running { 2.1 + 0.2 * ripple } else { 0.2 + 0.02 * ripple }
    }
}

/// First-order lag: `value` moved towards `target` by the fraction `share`.
fn approach(value: f32, target: f32, share: f32) -> f32 {
    value + (target - value) * share.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(50);

    fn highest_level_over(plant: &mut Plant, time: Duration) -> f32 {
        let n_steps = time.as_millis() / STEP.as_millis();
        (0..n_steps).fold(0.0, |highest, _| {
            plant.advance(STEP);
            plant.level_m.max(highest)
        })
    }

    #[test]
    fn the_level_stays_below_the_alarm_while_nobody_interferes() {
        let mut plant = Plant::new();
        assert!(highest_level_over(&mut plant, Duration::from_secs(60)) < 3.9);
    }

    #[test]
    fn a_raised_start_level_lets_each_surge_exceed_the_limit_and_the_pump_brings_it_back() {
        for start_level_cm in [430, 435, 440, 445] {
            let mut plant = Plant::new();
            plant.start_level_cm = start_level_cm;
            for _ in 0..5 {
                assert!(highest_level_over(&mut plant, CYCLE / 2) > 4.3, "{plant:?}");
                assert!(plant.level_m < 4.3, "{plant:?}");
                highest_level_over(&mut plant, CYCLE / 2);
                assert!(plant.level_m < 2.7, "{plant:?}");
            }
        }
    }

    #[test]
    fn pressure_and_flow_follow_the_pump() {
        let mut plant = Plant::new();
        highest_level_over(&mut plant, Duration::from_secs(5));
        assert!(plant.running && plant.pressure_bar > 5.0 && plant.flow_m3_h > 30.0, "{plant:?}");
        highest_level_over(&mut plant, Duration::from_secs(7));
        assert!(!plant.running && plant.pressure_bar < 3.0 && plant.flow_m3_h < 10.0, "{plant:?}");
    }
}
