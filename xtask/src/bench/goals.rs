//! What the library sets out to be: a fraction of what the others cost.

use super::{
    cell::Cell,
    results::Results,
    variant::{BY_HAND, OURS, VARIANTS, Variant},
};

/// One goal and how near we are.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) cell: Cell,
    pub(crate) than: &'static Variant,
    /// The largest part of the other's cost that still reaches it.
    pub(crate) at_most: f64,
    /// Microseconds of processor time per request over bare, ours and theirs.
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
}

impl Goal {
    pub(crate) fn part(&self) -> f64 {
        self.ours / self.theirs
    }

    pub(crate) fn reached(&self) -> bool {
        self.part() <= self.at_most
    }
}

/// Against the stack assembled by hand, and against the cheapest peer with the same signals.
pub(crate) fn all(results: &Results) -> Vec<Goal> {
    let added = |variant: &Variant, cell| results.added(variant, cell).map(|added| added.median);
    let mut goals = Vec::new();
    for (cell, than_by_hand, than_cheapest) in [
        (Cell::TYPICAL, 1.0 / 4.0, 1.0 / 2.0),
        (Cell::BUSY, 1.0 / 6.0, 1.0 / 3.0),
    ] {
        let peers = || {
            VARIANTS
                .iter()
                .filter(|variant| variant.same_signals && variant.title != OURS)
        };
        let by_hand = peers().find(|variant| variant.title == BY_HAND);
        let cost = |variant: &&Variant| added(variant, cell).unwrap_or(f64::INFINITY);
        let cheapest = peers().min_by(|a, b| cost(a).total_cmp(&cost(b)));
        let ours = VARIANTS.iter().find(|variant| variant.title == OURS);
        for (than, at_most) in [(by_hand, than_by_hand), (cheapest, than_cheapest)] {
            let (Some(than), Some(ours)) = (than, ours) else {
                continue;
            };
            let (Some(ours), Some(theirs)) = (added(ours, cell), added(than, cell)) else {
                continue;
            };
            goals.push(Goal {
                cell,
                than,
                at_most,
                ours,
                theirs,
            });
        }
    }
    goals
}
