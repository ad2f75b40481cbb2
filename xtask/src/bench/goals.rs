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
    pub(crate) peer: &'static Variant,
    /// The largest fraction of the peer's cost that reaches the goal.
    pub(crate) at_most: f64,
    /// Processor time per request that `variant` adds to `bare`, in microseconds.
    pub(crate) added: f64,
    /// The same for `peer`.
    pub(crate) peer_added: f64,
}

impl Goal {
    pub(crate) fn fraction(&self) -> f64 {
        self.added / self.peer_added
    }

    /// Whether both set-ups write an access line, or neither does.
    pub(crate) fn like_for_like(&self) -> bool {
        self.variant.access_line == self.peer.access_line
    }

    pub(crate) fn reached(&self) -> bool {
        self.fraction() <= self.at_most
    }
}

/// Compares firstlight with the stack assembled by hand and the cheapest peer.
///
/// Only set-ups with the same signals are peers. The goals are set for firstlight's default set-up. They are also
/// applied to its set-up without an access line, which resembles the stack assembled by hand, and to its set-up with log
/// lines on spans, which resembles the peers. [`Goal::like_for_like`] tells whether both sides or neither write an access
/// line.
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
            for (peer, at_most) in [(by_hand, than_by_hand), (cheapest, than_cheapest)] {
                let goal = peer.and_then(|peer| {
                    let (added, peer_added) = (cost(variant)?, cost(peer)?);
                    Some(Goal {
                        condition,
                        variant,
                        peer,
                        at_most,
                        added,
                        peer_added,
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
