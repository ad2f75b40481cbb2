//! The goals of the library, judged by instructions.

use super::{
    condition::Condition,
    instructions::Counts,
    variant::{BY_HAND, OURS, OURS_WITHOUT_RECORDER, OXTEL},
};

/// A goal under one condition, and the counts that it is judged by.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) condition: Condition,
    /// The instructions per request that the goal is about.
    ///
    /// Firstlight without the recorder adds them to `bare`, or the recorder to firstlight.
    pub(crate) added: f64,
    pub(crate) limit: Limit,
}

/// The largest number of instructions that reaches a goal.
#[derive(Debug)]
pub(crate) enum Limit {
    /// One part in `parts` of the instructions that a peer adds.
    PeerFraction {
        parts: f64,
        peer: &'static str,
        peer_added: f64,
    },
    /// A number of instructions for the recorder.
    Recorder(f64),
}

impl Goal {
    pub(crate) fn reached(&self) -> bool {
        match self.limit {
            Limit::PeerFraction {
                parts, peer_added, ..
            } => self.added * parts <= peer_added,
            Limit::Recorder(most) => self.added <= most,
        }
    }
}

/// The goals under each condition.
///
/// # Errors
///
/// If a count is missing.
pub(crate) fn all(counts: &Counts) -> anyhow::Result<Vec<Goal>> {
    let mut goals = Vec::new();
    for condition in Condition::counted() {
        let added = counts.added(OURS_WITHOUT_RECORDER, condition)?;
        // An unsampled request has fewer parts that both sides have to do.
        let all_sampled = condition.sampling >= 1.0;
        for (peer, sampled, unsampled) in [(BY_HAND, 8.0, 10.0), (OXTEL, 5.0, 6.0)] {
            goals.push(Goal {
                condition,
                added,
                limit: Limit::PeerFraction {
                    parts: if all_sampled { sampled } else { unsampled },
                    peer,
                    peer_added: counts.added(peer, condition)?,
                },
            });
        }
        goals.push(Goal {
            condition,
            added: counts.added(OURS, condition)? - added,
            limit: Limit::Recorder(4_000.0),
        });
    }
    Ok(goals)
}

#[cfg(test)]
mod tests {
    use super::{BY_HAND, Goal, Limit, OURS, OURS_WITHOUT_RECORDER, OXTEL, all};
    use crate::bench::{condition::Condition, instructions::tests::counts};

    /// Goals if the variants add this number of instructions under all conditions.
    fn judged(added: [(&str, u64); 4]) -> Vec<Goal> {
        let mut counts = counts();
        for (title, added) in added {
            for count in &mut counts.counts {
                if count.variant.title == title {
                    count.instructions = counts.requests.map(|it| it * (10_000 + added));
                }
            }
        }
        all(&counts).unwrap_or_default()
    }

    #[test]
    fn goals_at_their_limits_are_reached() {
        let at_limits = [
            (OURS, 24_000),
            (OURS_WITHOUT_RECORDER, 20_000),
            (BY_HAND, 200_000),
            (OXTEL, 120_000),
        ];
        let goals = judged(at_limits);
        assert_eq!(goals.len(), 12);
        assert!(goals.iter().all(Goal::reached), "{goals:?}");
    }

    #[test]
    fn goals_beyond_their_limits_are_missed() {
        let beyond = [
            (OURS, 24_002),
            (OURS_WITHOUT_RECORDER, 20_001),
            (BY_HAND, 160_000),
            (OXTEL, 100_000),
        ];
        let goals = judged(beyond);
        assert_eq!(goals.len(), 12);
        assert!(!goals.iter().any(Goal::reached), "{goals:?}");
    }

    #[test]
    fn unsampled_requests_have_stricter_goals() {
        let goals = judged([
            (OURS, 20_000),
            (OURS_WITHOUT_RECORDER, 20_000),
            (BY_HAND, 160_000),
            (OXTEL, 100_000),
        ]);
        for goal in goals {
            let of_peer = matches!(goal.limit, Limit::PeerFraction { .. });
            let unsampled = goal.condition.sampling < Condition::TYPICAL.sampling;
            assert_eq!(goal.reached(), !of_peer || !unsampled, "{goal:?}");
        }
    }

    #[test]
    fn goals_need_all_counts() {
        let mut counts = counts();
        counts.counts.retain(|count| count.variant.title != OXTEL);
        assert!(all(&counts).is_err());
    }
}
