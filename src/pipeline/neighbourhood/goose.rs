//! Sentences and fields of GOOSE streams.

use std::time::Duration;

use crate::pipeline::words::{latency_ms, whole_ms};
use crate::record::{Event, GooseChange, GooseFlags, GooseNumber, SourceId, Stream};
use crate::wire::mac::Mac;

/// Gaps that the ring knows of are no finding; of those of a mirror nobody knows.
const EVIDENCE: &str = "the mirror may have lost frames";

pub(super) fn sentence(
    source: &SourceId,
    mac: Mac,
    stream: &Stream,
    change: &GooseChange,
) -> String {
    let who = format!("GOOSE {} of {mac} on {source}", stream.reference);
    let time = |time: Duration| humantime::format_duration(whole_ms(time));
    match change {
        GooseChange::State { before, now, missed: 0, flags } => format!(
            "{who} has other values: state {} after {}{}",
            now.state,
            before.state,
            remark(*flags)
        ),
        GooseChange::State { before, now, missed, flags } => format!(
            "{who} has other values: state {} after {}{}; frames not seen on the way: {missed} at \
             least, lost by the network or by the mirror",
            now.state,
            before.state,
            remark(*flags)
        ),
        GooseChange::Flags { now, flags } => {
            let remark = match remark(*flags) {
                "" => ", for operation",
                remark => remark,
            };
            format!("{who} is marked otherwise{remark}, in state {}", now.state)
        }
        GooseChange::Restarted { before, now } => format!(
            "{who} begins again with state {} after {}: its device was started, or somebody else \
             sends in its name",
            now.state, before.state
        ),
        GooseChange::Backwards { before, now } => format!(
            "{who} goes back from state {}, number {} to state {}, number {}: old frames are sent \
             again, or two devices send in one name; subscribers may act on them",
            before.state, before.sequence, now.state, now.sequence
        ),
        GooseChange::Skipped { missed, now, .. } => format!(
            "{who} skipped frames in state {}: {missed}; lost by the network or by the mirror, see \
             the counters of the switch ports",
            now.state
        ),
        GooseChange::Lost { allowed } => format!(
            "{who} is silent for longer than the {} it allows: its subscribers block or fall back; \
             see the device, its cable and the VLAN",
            time(*allowed)
        ),
        GooseChange::Back { silent, allowed, is_late: true } => format!(
            "{who} was silent for {} and allows {}: its subscribers may have fallen back meanwhile; \
             see the load of the network and of the device",
            time(*silent),
            time(*allowed)
        ),
        GooseChange::Back { silent, .. } => {
            format!("{who} is heard again after {}", time(*silent))
        }
    }
}

fn remark(flags: GooseFlags) -> &'static str {
    match (flags.test, flags.needs_commissioning) {
        (false, false) => "",
        (true, false) => ", marked as a test",
        (false, true) => ", marked as not commissioned",
        (true, true) => ", marked as a test and as not commissioned",
    }
}

pub(super) fn with_fields(event: Event, stream: &Stream, change: &GooseChange) -> Event {
    let event = event.with("appid", stream.appid).with("reference", &*stream.reference);
    match change {
        GooseChange::State { before, now, missed, flags } => {
            let event = with_numbers(event.with("change", "state"), Some(*before), *now);
            with_missed(with_flags(event, *flags), *missed)
        }
        GooseChange::Flags { now, flags } => {
            with_flags(with_numbers(event.with("change", "flags"), None, *now), *flags)
        }
        GooseChange::Restarted { before, now } => {
            with_numbers(event.with("change", "restarted"), Some(*before), *now)
        }
        GooseChange::Backwards { before, now } => {
            with_numbers(event.with("change", "backwards"), Some(*before), *now)
        }
        GooseChange::Skipped { before, now, missed } => {
            with_missed(with_numbers(event.with("change", "skipped"), Some(*before), *now), *missed)
        }
        GooseChange::Lost { allowed } => event
            .with("change", "lost")
            .with("allowed_ms", latency_ms(*allowed))
            .with("evidence", EVIDENCE),
        GooseChange::Back { silent, allowed, is_late } => {
            let (name, event) =
                if *is_late { ("late", event) } else { ("back", event.as_good_news()) };
            event
                .with("change", name)
                .with("silent_ms", latency_ms(*silent))
                .with("allowed_ms", latency_ms(*allowed))
        }
    }
}

fn with_numbers(event: Event, before: Option<GooseNumber>, now: GooseNumber) -> Event {
    let event = event.with("state", now.state).with("sequence", now.sequence);
    match before {
        Some(before) => {
            event.with("state_before", before.state).with("sequence_before", before.sequence)
        }
        None => event,
    }
}

fn with_flags(event: Event, flags: GooseFlags) -> Event {
    event.with("test", flags.test).with("needs_commissioning", flags.needs_commissioning)
}

fn with_missed(event: Event, missed: u32) -> Event {
    match missed {
        0 => event,
        missed => event.with("missed", missed).with("evidence", EVIDENCE),
    }
}
