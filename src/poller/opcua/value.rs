//! From a server's value to ours: type, grade, time. Pure.
//!
//! Whatever a server sends ends as a value, or as none with a reason; a time out of the range of
//! calendars is not taken over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opcua::types::{DataValue, DateTime, StatusCode, Variant};

use crate::record::{Doubt, Fault, Quality, Sample, Status};
use crate::tag::{Tag, Value};

/// Longest text taken for a value, in bytes: it goes into a log entry.
const MAX_TEXT: usize = 1024;
/// Ticks of 100 ns from 1601, where OPC UA begins to count, to 1970.
const EPOCH_TICKS: i64 = 116_444_736_000_000_000;
const TICKS_PER_SECOND: u64 = 10_000_000;
/// 9999-01-01: what comes later cannot be written as RFC 3339.
const END_OF_CALENDARS: u64 = 253_370_764_800;

pub(super) fn status_of(value: &DataValue) -> StatusCode {
    value.status.unwrap_or(StatusCode::Good)
}

/// The server's grade. Its finer shades of good are good.
pub(super) fn quality(status: StatusCode) -> Quality {
    let named = Status { code: status.bits(), name: status.sub_code().name() };
    if status.is_good() {
        Quality::Good
    } else if status.is_uncertain() {
        Quality::Uncertain(Doubt::Status(named))
    } else {
        Quality::Bad(Fault::Status(named))
    }
}

/// One reading of one tag: `None` exactly when the quality is `Bad`.
pub(super) fn sample(tag: &Arc<Tag>, value: &DataValue) -> Sample {
    let tag = Arc::clone(tag);
    let quality = quality(status_of(value));
    if matches!(quality, Quality::Bad(_)) {
        return Sample { tag, value: None, quality };
    }
    let raw = value.value.as_ref().and_then(raw);
    let value = raw.and_then(|raw| tag.scaled(raw).ok());
    let quality = if value.is_some() { quality } else { Quality::Bad(Fault::NotAValue) };
    Sample { tag, value, quality }
}

/// When the source took the value; when the server did, if the source does not say.
pub(super) fn time(value: &DataValue) -> Option<SystemTime> {
    [value.source_timestamp, value.server_timestamp].into_iter().flatten().find_map(system_time)
}

fn system_time(time: DateTime) -> Option<SystemTime> {
    let ticks = u64::try_from(time.ticks().checked_sub(EPOCH_TICKS)?).ok()?;
    let (seconds, rest) = (ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND);
    let since_1970 = Duration::from_secs(seconds) + Duration::from_nanos(rest * 100);
    (seconds > 0 && seconds < END_OF_CALENDARS).then(|| SystemTime::UNIX_EPOCH + since_1970)
}

/// A scalar as one of our values. Arrays and structures are none.
#[expect(clippy::wildcard_enum_match_arm, reason = "not our enum, and most of it is no value")]
fn raw(value: &Variant) -> Option<Value> {
    Some(match value {
        Variant::Boolean(value) => Value::Bool(*value),
        Variant::SByte(value) => Value::Signed((*value).into()),
        Variant::Int16(value) => Value::Signed((*value).into()),
        Variant::Int32(value) => Value::Signed((*value).into()),
        Variant::Int64(value) => Value::Signed(*value),
        Variant::Byte(value) => Value::Unsigned((*value).into()),
        Variant::UInt16(value) => Value::Unsigned((*value).into()),
        Variant::UInt32(value) => Value::Unsigned((*value).into()),
        Variant::UInt64(value) => Value::Unsigned(*value),
        Variant::Float(value) => Value::Real((*value).into()),
        Variant::Double(value) => Value::Real(*value),
        Variant::String(text) => text_of(text.value().as_deref()?)?,
        Variant::LocalizedText(text) => text_of(text.text.value().as_deref()?)?,
        Variant::DateTime(time) => text_of(&time.to_rfc3339())?,
        Variant::StatusCode(status) => text_of(status.sub_code().name())?,
        _ => return None,
    })
}

fn text_of(text: &str) -> Option<Value> {
    (text.len() <= MAX_TEXT).then(|| Value::Text(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> Arc<Tag> {
        let node: crate::tag::NodeId = "i=1".parse().unwrap();
        Arc::new(Tag::at("t", node.into()))
    }

    fn value(variant: impl Into<Variant>) -> DataValue {
        DataValue { value: Some(variant.into()), ..DataValue::default() }
    }

    #[test]
    fn each_type_keeps_its_kind_of_number() {
        for (variant, expected) in [
            (Variant::Boolean(true), Value::Bool(true)),
            (Variant::SByte(-3), Value::Signed(-3)),
            (Variant::Byte(200), Value::Unsigned(200)),
            (Variant::Int64(i64::MIN), Value::Signed(i64::MIN)),
            (Variant::UInt64(u64::MAX), Value::Unsigned(u64::MAX)),
            (Variant::Float(4.5), Value::Real(4.5)),
            (Variant::Double(-0.25), Value::Real(-0.25)),
            (Variant::from("on"), Value::Text("on".into())),
        ] {
            let sample = sample(&tag(), &value(variant));
            assert_eq!((sample.value, sample.quality), (Some(expected), Quality::Good));
        }
    }

    #[test]
    fn what_is_no_single_finite_value_is_none() {
        let long = "x".repeat(MAX_TEXT + 1);
        for variant in [
            Variant::Empty,
            Variant::Double(f64::NAN),
            Variant::Float(f32::INFINITY),
            Variant::from(vec![1_i32, 2]),
            Variant::from(long.as_str()),
        ] {
            let sample = sample(&tag(), &value(variant));
            assert_eq!((sample.value, sample.quality), (None, Quality::Bad(Fault::NotAValue)));
        }
        assert_eq!(sample(&tag(), &DataValue::default()).value, None);
    }

    #[test]
    fn the_servers_grades_are_kept_with_their_names() {
        let graded =
            |status: StatusCode| sample(&tag(), &DataValue { status: Some(status), ..value(1.5) });
        let clamped = graded(StatusCode::GoodClamped);
        assert_eq!((clamped.value.is_some(), clamped.quality), (true, Quality::Good));
        let substitute = graded(StatusCode::UncertainSubNormal);
        let status = Status { code: 0x4095_0000, name: "UncertainSubNormal" };
        assert_eq!(substitute.quality, Quality::Uncertain(Doubt::Status(status)));
        assert_eq!(substitute.value, Some(Value::Real(1.5)));
        let unknown = graded(StatusCode::BadNodeIdUnknown);
        let status = Status { code: 0x8034_0000, name: "BadNodeIdUnknown" };
        assert_eq!((unknown.value, unknown.quality), (None, Quality::Bad(Fault::Status(status))));
        assert!(matches!(graded(StatusCode::from(0xffff_ffff)).quality, Quality::Bad(_)));
    }

    #[test]
    fn two_bits_of_a_status_decide_whatever_the_others_say() {
        // OPC 10000-4, section 7.39.1: 00 good, 01 uncertain, 10 bad; 11 is reserved.
        for high in 0..=u16::MAX {
            for low in [0, 0x0480, u16::MAX] {
                let status = StatusCode::from(u32::from(high) << 16 | u32::from(low));
                let sample = sample(&tag(), &DataValue { status: Some(status), ..value(1.5) });
                let (is_good, has_value) = (sample.quality.is_good(), sample.value.is_some());
                assert_eq!((is_good, has_value), (high >> 14 == 0, high >> 14 < 2), "{status:?}");
            }
        }
    }

    #[test]
    fn the_sources_time_is_kept_and_times_outside_calendars_are_not() {
        let at = |ticks: i64| system_time(DateTime::from(ticks));
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(at(EPOCH_TICKS + 10_000_001), Some(second + Duration::from_nanos(100)));
        let end = EPOCH_TICKS + 253_370_764_800 * 10_000_000;
        let last = Duration::new(253_370_764_799, 999_999_900);
        assert_eq!(at(end - 1), Some(SystemTime::UNIX_EPOCH + last), "the end of 9998");
        for ticks in [i64::MIN, -1, 0, 1, EPOCH_TICKS, end, i64::MAX] {
            assert_eq!(at(ticks), None, "{ticks}");
        }
        let both = DataValue {
            source_timestamp: Some(DateTime::from(0)),
            server_timestamp: Some(DateTime::from(EPOCH_TICKS + 10_000_000)),
            ..value(1)
        };
        assert_eq!(time(&both), Some(second));
    }
}
