//! What a controller's own checksum says, in an operator's words.

use std::sync::Arc;

use crate::config::Checksum;
use crate::config::Expect;
use crate::config::RegisterRange;
use crate::record::BlockMismatch;
use crate::tag::Algorithm;
use crate::tag::ByteOrder;
use crate::tag::Tag;

use super::super::guard::MAX_PASSES;
use super::{Prospect, Scene};

impl Scene<'_> {
    /// The registers are not what the controller says they are.
    pub(in super::super) fn mismatch(&self, checksum: &Checksum, found: &BlockMismatch) -> String {
        let BlockMismatch { algorithm, stored, computed, .. } = found;
        let width = 2 + 4 * usize::from(checksum.algorithm.n_registers());
        let kept = match &checksum.expect {
            Expect::Constant(_) => "the configuration expects".to_owned(),
            Expect::Kept(registers) => format!("the controller keeps in {}", registers.address),
        };
        format!(
            "{}: {algorithm} over {} is {computed:#0width$x}, {kept} {stored:#0width$x}: {}",
            self.place(),
            listed(&checksum.over),
            hint(checksum, found)
        )
    }

    /// The controller kept writing the block while it was read.
    pub(in super::super) fn torn(&self, checksum: &Checksum, before: u16, after: u16) -> String {
        let sequence = checksum.sequence.map(|at| at.to_string()).unwrap_or_default();
        format!(
            "{}: sequence {sequence} went from {before} to {after} while {} was read, {MAX_PASSES} \
             times in a row: the controller writes it faster than it can be read; have it written \
             less often, or sum less",
            self.place(),
            listed(&checksum.over)
        )
    }

    pub(in super::super) fn incomplete(&self) -> String {
        format!("{}: not all registers under the checksum were read", self.place())
    }

    /// What an exception code says of the requests for the block.
    pub(in super::super) fn refused_block(
        &self,
        code: u8,
        tags: &[Arc<Tag>],
        prospect: Prospect,
    ) -> String {
        let refused = self.exception(code, tags, prospect);
        format!("{refused}; they are read with all of `checksum`: check its addresses too")
    }

    fn place(&self) -> String {
        format!("unit {} on {}", self.unit, self.link.endpoint)
    }
}

/// The first ranges, of many.
fn listed(ranges: &[RegisterRange]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = ranges.iter().take(SHOWN).map(ToString::to_string).collect();
    match ranges.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        n_more => format!("{} and {n_more} more ranges", shown.join(", ")),
    }
}

/// A setting that would make them match is more likely wrong than so many registers right.
fn hint(checksum: &Checksum, found: &BlockMismatch) -> String {
    let other_order = |bytes: &[u8]| -> Vec<u8> {
        let (pairs, _) = bytes.as_chunks();
        pairs.iter().flat_map(|[first, second]| [*second, *first]).collect()
    };
    let (order, other) = match checksum.order {
        ByteOrder::Big => ("big", "little"),
        ByteOrder::Little => ("little", "big"),
    };
    let swapped = other_order(&found.block);
    // Of registers that are all 0 every sum is 0, and so is a checksum that nobody ever wrote.
    let is_telling = found.block.iter().any(|byte| *byte != 0);
    for (name, algorithm) in Algorithm::ALL.iter().filter(|_| is_telling) {
        for (order, bytes) in [(order, &found.block), (other, &swapped)] {
            if algorithm.of(bytes) == found.stored {
                return format!(
                    "{name} with order = \"{order}\" would match; if it does so again, that is \
                     what the controller sums"
                );
            }
        }
    }
    let exchanged = match checksum.algorithm.n_registers() {
        1 => found.stored.swap_bytes() >> 16 == found.computed,
        _ => [found.stored.swap_bytes(), found.stored.rotate_left(16)].contains(&found.computed),
    };
    match (&checksum.expect, exchanged) {
        (Expect::Kept(_), true) => {
            "only their bytes are exchanged; correct `expect_order`, or the order of its tag"
        }
        (Expect::Constant(_), true) => "only their bytes are exchanged; correct `expect`",
        (Expect::Kept(_) | Expect::Constant(_), false) => {
            "registers were changed on the way, or the controller has not summed them yet; if it \
             never matches, compare `checksum` with the controller's program"
        }
    }
    .to_owned()
}
