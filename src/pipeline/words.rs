//! Devices, values and numbers as they stand in sentences and fields.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::record::{Event, Kind, Reading, Scalar, SourceId};
use crate::tag::{Tag, Value, readable};
use crate::wire::modbus::name;

/// An event about one device, with the fields that name it.
pub(super) fn about_device(kind: Kind, reading: &Reading, text: String) -> Event {
    with_device(Event::new(kind, reading.at, reading.source.clone(), text), reading)
        .with("quality", reading.quality.to_string())
}

/// The fields that name the device.
pub(super) fn with_device(event: Event, reading: &Reading) -> Event {
    let event = event.with("device", reading.device.clone());
    match reading.unit {
        Some(unit) => event.with("unit", unit),
        None => event,
    }
}

/// The device in a sentence: "pump-1 (unit 1)".
pub(super) fn device_of(reading: &Reading) -> String {
    match reading.unit {
        Some(unit) => format!("{} (unit {unit})", reading.device),
        None => reading.device.to_string(),
    }
}

/// The poller's words on what failed, or the quality where it has none.
pub(super) fn detail(reading: &Reading) -> String {
    reading.detail.as_deref().map_or_else(|| reading.quality.to_string(), str::to_owned)
}

/// A capture, or a line that is listened to, goes on. `how`: "captured", "heard".
pub(super) fn up((source, at): (&SourceId, SystemTime), since: SystemTime, how: &str) -> Event {
    let down = elapsed(since, at);
    let text = format!(
        "{source} is {how} again; nothing was {how} for {}",
        humantime::format_duration(down)
    );
    Event::new(Kind::CaptureUp, at, source.clone(), text)
        .with("state", "up")
        .with("down_ms", latency_ms(down))
}

/// A value as a field, without digits that its registers never held.
pub(super) fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Signed(value) => Scalar::Signed(*value),
        Value::Unsigned(value) => Scalar::Unsigned(*value),
        Value::Real(value) => Scalar::Real(readable(*value)),
        Value::Text(value) => Scalar::Text(value.clone()),
    }
}

/// A value with its engineering unit: "4.2 bar".
pub(super) fn quantity(value: &Value, tag: &Tag) -> String {
    match &tag.unit {
        Some(unit) => format!("{value} {unit}"),
        None => value.to_string(),
    }
}

/// Milliseconds, to the microsecond.
pub(super) fn latency_ms(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 1e6).round() / 1e3
}

/// From `since` to `now`, in whole milliseconds; zero if the clock was set back in between.
pub(super) fn elapsed(since: SystemTime, now: SystemTime) -> Duration {
    whole_ms(now.duration_since(since).unwrap_or_default())
}

/// Milliseconds are enough for people.
pub(super) fn whole_ms(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// A Modbus function in words.
pub(super) fn function_name(code: u8) -> Cow<'static, str> {
    name::function_name(code).map_or_else(|| format!("function {code}").into(), Cow::from)
}

/// A Modbus exception in words.
pub(super) fn exception_name(code: u8) -> Cow<'static, str> {
    name::exception_name(code).map_or_else(|| format!("exception {code}").into(), Cow::from)
}
