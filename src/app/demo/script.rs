//! What goes wrong at the simulated site, and when. Pure.
//!
//! One round holds everything the demonstration promises within its first ten seconds; rounds
//! repeat with other values, so that a second look shows something new.

use std::time::Duration;

use super::plant::START_LEVEL_CM;

/// Length of a round.
const ROUND: Duration = Duration::from_secs(14);

/// Something that happens to the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Somebody who is not us writes the level at which the pump starts, in centimetres.
    Write { start_level_cm: u16 },
    /// Noise on the serial line flips this bit of a reply.
    FlipBit { bit: usize },
    /// A reply arrives this long after it was due.
    DelayReply(Duration),
    /// A frame damaged by this bit crosses the network.
    CorruptFrame { bit: usize },
}

/// Acts of one round: offset from its start, in milliseconds.
fn acts_of_round(round: u32) -> [(u64, Act); 5] {
    let nth = usize::try_from(round).unwrap_or(0);
    let raised = 435 + 5 * u16::try_from(round % 4).unwrap_or(0);
    [
        (1_500, Act::Write { start_level_cm: raised }),
        (2_500, Act::FlipBit { bit: 27 + 5 * (nth % 3) }),
        (5_500, Act::DelayReply(Duration::from_millis(500 + 40 * u64::from(round % 3)))),
        (8_000, Act::CorruptFrame { bit: 11 + 7 * (nth % 5) }),
        (9_500, Act::Write { start_level_cm: START_LEVEL_CM }),
    ]
}

/// Every act with the time since the start at which it is due; never ends.
pub(super) fn acts() -> impl Iterator<Item = (Duration, Act)> {
    (0..).flat_map(|round| {
        acts_of_round(round)
            .map(|(offset_ms, act)| (ROUND * round + Duration::from_millis(offset_ms), act))
    })
}

impl Act {
    /// What to look at, for somebody who sees it for the first time.
    pub(super) fn narration(self) -> String {
        match self {
            Self::Write { start_level_cm: START_LEVEL_CM } => {
                "somebody writes the old start level back → modbus.write again".into()
            }
            Self::Write { start_level_cm } => format!(
                "somebody else writes the pump's start level, {:.2} m → modbus.write, and soon \
                 limit.exceeded",
                f64::from(start_level_cm) / 100.0
            ),
            Self::FlipBit { bit } => {
                format!("noise on the serial line flips bit {bit} of a reply → reply.corrupt")
            }
            Self::DelayReply(delay) => format!(
                "a reply on the serial line takes {} ms, longer than we wait → reply.late",
                delay.as_millis()
            ),
            Self::CorruptFrame { .. } => {
                "a packet with one flipped bit crosses the network → checksum.invalid".into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ten_seconds_hold_every_kind_of_act() {
        let early: Vec<Act> = acts()
            .take_while(|(due, _)| *due < Duration::from_secs(10))
            .map(|(_, act)| act)
            .collect();
        for kind in ["Write", "FlipBit", "DelayReply", "CorruptFrame"] {
            assert!(early.iter().any(|act| format!("{act:?}").starts_with(kind)), "{kind}");
        }
    }

    #[test]
    fn acts_come_in_order_and_rounds_differ() {
        let first_rounds: Vec<_> = acts().take(20).collect();
        assert!(first_rounds.is_sorted_by_key(|(due, _)| *due));
        assert_ne!(first_rounds[0].1, first_rounds[5].1);
        assert_ne!(first_rounds[1].1, first_rounds[6].1);
    }
}
