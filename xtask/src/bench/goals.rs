//! The goals of the library: fractions of the cost of other set-ups.

use super::{
    condition::Condition,
    results::Results,
    variant::{BY_HAND, OURS, OURS_WITH_EVENTS, OURS_WITHOUT_ACCESS_LINE, VARIANTS, Variant},
};

/// A goal and the measured costs.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) condition: Condition,
    pub(crate) variant: &'static Variant,
    pub(crate) than: &'static Variant,
    /// The largest fraction of the other's cost that reaches the goal.
    pub(crate) at_most: f64,
    /// Processor time per request over `bare`, in microseconds.
    pub(crate) ours: f64,
    /// The same for `than`.
    pub(crate) theirs: f64,
}

impl Goal {
    pub(crate) fn part(&self) -> f64 {
        self.ours / self.theirs
    }

    /// Whether both or neither write an access line.
    pub(crate) fn like_for_like(&self) -> bool {
        self.variant.access_line == self.than.access_line
    }

    pub(crate) fn reached(&self) -> bool {
        self.part() <= self.at_most
    }
}

/// Compares with the stack assembled by hand and with the cheapest equal peer.
///
/// A peer is equal if it has the same signals. The goals are set for the default set-up. The set-ups without an access
/// line, like the stack assembled by hand, and with log lines on spans, like the peers, are compared with the same
/// goals. [`Goal::like_for_like`] tells whether both sides do the same work.
pub(crate) fn all(results: &Results) -> Vec<Goal> {
    let conditions = [
        (Condition::TYPICAL, 1.0 / 4.0, 1.0 / 2.0),
        (Condition::BUSY, 1.0 / 6.0, 1.0 / 3.0),
    ];
    let mut goals = Vec::new();
    for variant in VARIANTS.iter().filter(|variant| is_ours(variant)) {
        for (condition, than_by_hand, than_cheapest) in conditions {
            let cost =
                |variant: &Variant| results.added(variant, condition).map(|added| added.median);
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
                        condition,
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
