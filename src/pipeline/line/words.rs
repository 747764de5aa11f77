//! A line's score, its cause and the next step, as an operator reads them.

use std::time::SystemTime;

use crate::record::{Event, Kind, LineReport, Uart, UnitCount};

use super::super::words::{elapsed, latency_ms};
use super::pace::Pace;
use super::score::{Cause, Verdict, Whose};
use super::window::Period;

/// What there is to tell of a line.
#[derive(Clone, Copy)]
pub(super) struct Story<'a> {
    pub(super) report: &'a LineReport,
    pub(super) period: &'a Period,
    pub(super) pace: Option<Pace>,
    pub(super) verdict: Verdict,
}

impl Story<'_> {
    pub(super) fn degraded(&self) -> Event {
        let Self { report, period, verdict, .. } = self;
        let total = period.count.total();
        let why = verdict.cause.map_or_else(String::new, |cause| cause.sentence(period.count.uart));
        let failed = match total {
            UnitCount { answers: 0, .. } => {
                format!("none of {} requests was answered", total.requests() + total.ignored_probes)
            }
            UnitCount { answers, .. } => {
                let n = total.requests();
                format!("{} of the last {n} requests failed", n - answers)
            }
        };
        let text =
            format!("{}: line quality {} of 100, {failed}: {why}", report.source, verdict.score);
        self.event(Kind::LineDegraded, text)
    }

    pub(super) fn recovered(&self, since: SystemTime) -> Event {
        let Self { report, verdict, .. } = self;
        let lasted = elapsed(since, report.at);
        let text = format!(
            "{}: line quality {} of 100 again, after {}",
            report.source,
            verdict.score,
            humantime::format_duration(lasted)
        );
        self.event(Kind::LineRecovered, text).with("degraded_ms", latency_ms(lasted))
    }

    fn event(&self, kind: Kind, text: String) -> Event {
        let Self { report, period, pace, verdict } = self;
        let total = period.count.total();
        let event = Event::new(kind, report.at, report.source.clone(), text)
            .with("score", verdict.score)
            .with("cause", verdict.cause.map_or("none", Cause::name))
            .with("requests", total.requests())
            .with("crc_errors", total.damaged)
            .with("timeouts", total.timeouts)
            .with("foreign", total.foreign + period.count.strays)
            .with("probes", total.probes)
            .with("discarded_bytes", period.count.discarded_bytes);
        let event = with_port(event, period.count.uart);
        match pace {
            Some(pace) => event
                .with("reply_ms", to_microseconds(pace.now_ms()))
                .with("usual_reply_ms", to_microseconds(pace.usual_ms())),
            None => event,
        }
    }
}

/// What was not counted is not 0.
fn with_port(event: Event, uart: Uart) -> Event {
    match uart {
        Uart::Counted(uart) => event
            .with("uart", "counted")
            .with("framing", uart.framing)
            .with("parity", uart.parity)
            .with("overruns", uart.overruns)
            .with("breaks", uart.breaks),
        Uart::Refused => event.with("uart", "not counted"),
        Uart::Remote => event.with("uart", "remote"),
    }
}

fn to_microseconds(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

impl Cause {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mute => "mute",
            Self::Silence => "silence",
            Self::LateReplies => "late_replies",
            Self::Babble => "babble",
            Self::Framing => "framing",
            Self::Parity => "parity",
            Self::Overrun => "overrun",
            Self::Break => "break",
            Self::Corruption(_) => "corruption",
            Self::Damage(_) => "damage",
            Self::Noise => "noise",
            Self::Strays => "strays",
            Self::Slowness => "slowness",
        }
    }

    /// The likely cause and the next step.
    pub(super) fn sentence(self, uart: Uart) -> String {
        match self {
            Self::Corruption(whose) => format!("{}, {}", whose.words(), self.hint(uart)),
            Self::Damage(whose) => format!("{}: {}", whose.words(), self.hint(uart)),
            Self::Mute
            | Self::Silence
            | Self::LateReplies
            | Self::Babble
            | Self::Framing
            | Self::Parity
            | Self::Overrun
            | Self::Break
            | Self::Noise
            | Self::Strays
            | Self::Slowness => self.hint(uart).to_owned(),
        }
    }

    fn hint(self, uart: Uart) -> &'static str {
        match (self, uart) {
            (Self::Mute, Uart::Remote) => {
                "the gateway takes requests, and nothing was ever received: its serial settings, \
                 TX and RX (A and B) swapped behind it, or devices without power; measured idle, \
                 A to B is above 200 mV (RS-485), TX to ground -3 to -15 V (RS-232)"
            }
            (Self::Mute, Uart::Counted(_) | Uart::Refused) => {
                "requests go out and nothing was ever received: TX and RX (A and B) swapped, or no \
                 power; measured idle, A to B is above 200 mV (RS-485), TX to ground -3 to -15 V \
                 (RS-232): if not, the driver on that side is off or the wire broken"
            }
            (Self::Silence, Uart::Remote) => {
                "time-outs of most units: the wiring behind the gateway, its serial settings, or \
                 the power of the devices"
            }
            (Self::Silence, Uart::Counted(_) | Uart::Refused) => {
                "time-outs of most units: a loose wire, TX and RX (A and B) swapped, power, or \
                 wrong addresses; check in this order, from the near end of the cable"
            }
            (Self::LateReplies, _) => {
                "replies come after their time-out: raise `timeout`, or find what makes the \
                 devices or the gateway slow"
            }
            (Self::Babble, _) => {
                "never silent: another master, noise, or wrong polarity; disconnect devices one \
                 by one to find it"
            }
            (Self::Framing, _) => {
                "framing errors: another baud rate or number of stop bits at the other end, or \
                 reflections; compare the settings, then check termination (120 ohm at both ends) \
                 and bias"
            }
            (Self::Parity, _) => {
                "parity errors: another parity or number of stop bits at the other end; compare \
                 the settings (Modbus: even parity and 1 stop bit, or none and 2)"
            }
            (Self::Overrun, _) => {
                "overruns: this host takes bytes too late; look for what loads its processors, or \
                 lower the baud rate"
            }
            (Self::Break, _) => {
                "breaks: something holds the line low: A and B swapped, a short circuit, or no \
                 bias (idle, A to B is above 200 mV)"
            }
            (Self::Corruption(_), _) => {
                "though the port saw no fault in their bytes: a device, or a gateway or converter \
                 on the way, corrupts them; exchange it, or update its firmware"
            }
            (Self::Damage(_), Uart::Remote) => {
                "noise on the line behind the gateway, its serial settings, or a device that \
                 corrupts; the gateway's own error counters tell which"
            }
            (Self::Damage(_), Uart::Counted(_) | Uart::Refused) => {
                "noise on the line (check shield, termination, baud rate and parity), or a device \
                 or gateway that corrupts; this port has no UART counters that would tell which"
            }
            (Self::Noise, _) => {
                "bytes arrive while nothing is due: no bias on the line (idle, A to B is above 200 \
                 mV), or interference"
            }
            (Self::Strays, _) => {
                "frames arrive that nobody here asked for: another master, two devices with one \
                 address, or an adapter that echoes (`local_echo`)"
            }
            (Self::Slowness, _) => {
                "replies take many times as long as they used to: the devices or the gateway are \
                 overloaded, or another master uses the line"
            }
        }
    }
}

impl Whose {
    fn words(self) -> String {
        match self {
            Self::OneUnit(unit) => {
                format!("replies of unit {unit}, hardly of others, are damaged")
            }
            Self::Any => "replies are damaged".to_owned(),
        }
    }
}
