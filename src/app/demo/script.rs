//! What goes wrong at the simulated site, and when. Pure.
//!
//! A round lasts a cycle of the plant and shows everything the demonstration promises in its first
//! ten seconds. Rounds repeat with other values, so that a second look shows something new.

use std::time::Duration;

use super::plant::CYCLE;
use super::plant::START_LEVEL_CM;

/// Something that happens to the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Somebody who is not us writes the level at which the pump starts, in centimetres.
    Write { start_level_cm: u16 },
    /// Noise on the serial line flips this bit of a reply.
    FlipBit { bit: usize },
    /// A reply takes this long.
    DelayReply(Duration),
    /// A frame damaged by this bit crosses the network.
    CorruptFrame { bit: usize },
}

/// Acts of one round: offset from its start, in milliseconds.
fn acts_of_round(round: u32) -> [(u64, Act); 5] {
    let nth = usize::try_from(round).unwrap_or(0);
    let raised = 430 + 5 * u16::try_from(round % 4).unwrap_or(0);
    [
        (1_500, Act::Write { start_level_cm: raised }),
        (2_500, Act::FlipBit { bit: 27 + 5 * (nth % 3) }),
        (5_500, Act::DelayReply(Duration::from_millis(420 + 30 * u64::from(round % 3)))),
        (8_000, Act::CorruptFrame { bit: 11 + 7 * (nth % 5) }),
        (9_500, Act::Write { start_level_cm: START_LEVEL_CM }),
    ]
}

/// An act of a round, and the time since the start at which it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) due: Duration,
    round: u32,
    pub(super) act: Act,
}

/// Every act in its order; never ends.
pub(super) fn cues() -> impl Iterator<Item = Cue> {
    (0..).flat_map(|round| {
        acts_of_round(round).map(|(offset_ms, act)| {
            let due = CYCLE * round + Duration::from_millis(offset_ms);
            Cue { due, round, act }
        })
    })
}

impl Cue {
    /// What to look at, for somebody who sees it for the first time. Frames are promised only
    /// where they are captured.
    pub(super) fn narration(self, is_captured: bool) -> String {
        match self.act {
            Act::Write { start_level_cm: START_LEVEL_CM } => {
                let seen = if is_captured { " → modbus.write again" } else { "" };
                format!("somebody writes the old start level back{seen}")
            }
            Act::Write { start_level_cm } => format!(
                "somebody else writes the pump's start level, {:.2} m → {}limit.exceeded",
                f64::from(start_level_cm) / 100.0,
                if is_captured { "modbus.write, and soon " } else { "soon " }
            ),
            Act::FlipBit { bit } => format!(
                "noise on the serial line flips bit {bit} of a reply → {}",
                self.told_as("reply.corrupt")
            ),
            Act::DelayReply(delay) => format!(
                "a reply on the serial line takes {} ms, longer than we wait → {}",
                delay.as_millis(),
                self.told_as("reply.late")
            ),
            Act::CorruptFrame { .. } => {
                "a packet with one flipped bit crosses the network → checksum.invalid".into()
            }
        }
    }

    /// Replies that go wrong again within minutes are counted, not told again.
    fn told_as(self, kind: &str) -> String {
        if self.round == 0 { kind.into() } else { format!("counted: {kind} was told before") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ten_seconds_hold_every_kind_of_act() {
        let is_early = |cue: &Cue| cue.due < Duration::from_secs(10);
        let early: Vec<String> =
            cues().take_while(is_early).map(|cue| format!("{:?}", cue.act)).collect();
        for kind in ["Write", "FlipBit", "DelayReply", "CorruptFrame"] {
            assert!(early.iter().any(|act| act.starts_with(kind)), "{kind}");
        }
    }

    #[test]
    fn acts_come_in_order_and_rounds_differ() {
        let cues: Vec<Cue> = cues().take(20).collect();
        assert!(cues.is_sorted_by_key(|cue| cue.due));
        assert_ne!(cues[0].act, cues[5].act);
        assert_ne!(cues[1].act, cues[6].act);
    }

    #[test]
    fn what_will_only_be_counted_is_not_promised_as_a_line() {
        let narrations: Vec<String> = cues().take(10).map(|cue| cue.narration(true)).collect();
        assert!(narrations[1].ends_with("→ reply.corrupt"), "{narrations:?}");
        assert!(narrations[6].contains("counted"), "{narrations:?}");
    }

    #[test]
    fn what_only_frames_show_is_not_promised_where_none_are_captured() {
        let writes = || cues().take(5).filter(|cue| matches!(cue.act, Act::Write { .. }));
        assert!(writes().all(|cue| cue.narration(true).contains("modbus.write")));
        assert!(writes().all(|cue| !cue.narration(false).contains("modbus.write")));
    }
}
