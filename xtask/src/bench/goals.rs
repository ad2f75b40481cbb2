//! What the library sets out to be: a fraction of what the others cost.

use super::{
    cell::Cell,
    results::Results,
    variant::{BY_HAND, OURS, OURS_WITH_EVENTS, OURS_WITHOUT_ACCESS_LINE, VARIANTS, Variant},
};

/// One goal and how near we are.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) cell: Cell,
    pub(crate) variant: &'static Variant,
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

    /// Whether both write an access line, or neither.
    pub(crate) fn like_for_like(&self) -> bool {
        self.variant.access_line == self.than.access_line
    }

    pub(crate) fn reached(&self) -> bool {
        self.part() <= self.at_most
    }
}

/// Against the stack assembled by hand, and against the cheapest peer with the same signals.
///
/// The goals are the default's. The set-ups that write no access line, as the stack assembled by hand does not, and that
/// write log lines on spans, as the peers do, are held against them as well; each goal says whether it compares like with
/// like.
pub(crate) fn all(results: &Results) -> Vec<Goal> {
    let conditions = [
        (Cell::TYPICAL, 1.0 / 4.0, 1.0 / 2.0),
        (Cell::BUSY, 1.0 / 6.0, 1.0 / 3.0),
    ];
    let mut goals = Vec::new();
    for variant in VARIANTS.iter().filter(|variant| is_ours(variant)) {
        for (cell, than_by_hand, than_cheapest) in conditions {
            let cost = |variant: &Variant| results.added(variant, cell).map(|added| added.median);
            let peers = || {
                VARIANTS
                    .iter()
                    .filter(|peer| peer.same_signals && !is_ours(peer))
            };
            let by_hand = peers().find(|peer| peer.title == BY_HAND);
            let cheapest = peers()
                .filter_map(|peer| Some((peer, cost(peer)?)))
                .min_by(|(_, a), (_, b)| a.total_cmp(b))
                .map(|(peer, _)| peer);
            for (than, at_most) in [(by_hand, than_by_hand), (cheapest, than_cheapest)] {
                let goal = than.and_then(|than| {
                    let (ours, theirs) = (cost(variant)?, cost(than)?);
                    Some(Goal {
                        cell,
                        variant,
                        than,
                        at_most,
                        ours,
                        theirs,
                    })
                });
                goals.extend(goal);
            }
        }
    }
    goals
}

fn is_ours(variant: &Variant) -> bool {
    [OURS, OURS_WITHOUT_ACCESS_LINE, OURS_WITH_EVENTS].contains(&variant.title)
}
