//! The choice among failed traces, by their ids.
//!
//! The level above which traces are chosen follows the rate of failures.
//!
//! Services do not talk about the choice. They agree because each trace has the same rank in all of them, and because
//! services along one failing path see the same failures in the same order, so that their levels are equal. A service
//! that sees fewer failures has a lower level, and chooses all traces that the others choose.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use opentelemetry::trace::TraceId;

/// The time in seconds over which the rates of failures are averaged.
const AVERAGED: f64 = 1.0;

/// How long a level holds after the failures have become fewer.
///
/// Each change of the level may break traces that fail at that moment. Without this time, a rate near a threshold or a
/// pause of one process would change the level often.
const HELD: Duration = Duration::from_secs(5);

/// The largest rate of exported roots, in multiples of the limit.
///
/// When failures begin, the level follows their number so far, and lets more than the limit through.
const BURST: f64 = 4.0;

/// The number of traces whose choice is remembered.
///
/// A caller that tries again fails several times in one trace.
const REMEMBERED: usize = 256;

/// What happens to a failed local root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Its spans are exported.
    Chosen,
    /// Its trace has a lower rank than the level.
    OtherTrace,
    /// The burst is used up.
    OverLimit,
}

/// Chooses about as many failed roots a second as the limit says.
#[derive(Debug)]
pub(super) struct Chooser {
    limit: f64,
    /// Failures, each trace counted once.
    failures: Rate,
    /// The lowest rank that is chosen.
    level: u32,
    /// The time from which the level may fall.
    falls: Option<Instant>,
    exported: Rate,
    /// The last traces, with whether they were chosen.
    remembered: VecDeque<(TraceId, bool)>,
}

impl Chooser {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit: limit.into(),
            failures: Rate::default(),
            level: 0,
            falls: None,
            exported: Rate::default(),
            remembered: VecDeque::with_capacity(REMEMBERED),
        }
    }

    /// Decides about a local root of this trace that failed at `now`.
    pub(super) fn choose(&mut self, trace: TraceId, now: Instant) -> Choice {
        let earlier = self.remembered.iter().find(|(id, _)| *id == trace);
        if let Some((_, is_chosen)) = earlier {
            return self.limited(*is_chosen, now);
        }
        self.adapt(now);
        let choice = self.limited(rank(trace) >= self.level, now);
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        let remembered = (trace, choice == Choice::Chosen);
        self.remembered.push_back(remembered);
        choice
    }

    /// Counts a failure, and changes the level.
    fn adapt(&mut self, now: Instant) {
        let level = level(self.failures.add(now), self.limit);
        if level >= self.level || self.falls.is_none_or(|falls| falls <= now) {
            self.level = level;
            self.falls = now.checked_add(HELD);
        }
    }

    /// Applies the largest rate to a root of a trace that may be chosen.
    fn limited(&mut self, is_chosen: bool, now: Instant) -> Choice {
        if !is_chosen {
            return Choice::OtherTrace;
        }
        // Callers choose their trace ids, so the rank alone does not limit what is exported.
        if self.exported.at(now) + 1.0 / AVERAGED > self.limit * BURST {
            return Choice::OverLimit;
        }
        self.exported.add(now);
        Choice::Chosen
    }
}

/// The rank of a trace.
///
/// Half of all traces have rank 0, a quarter have rank 1, and so on.
///
/// Computed from the lower 56 bits of the id, which
/// [are random](https://www.w3.org/TR/trace-context-2/#random-trace-id-flag). Samplers compare these bits with a threshold,
/// so they are mixed first. Otherwise, the ids that a sampler rejects would have other ranks than all ids.
fn rank(trace: TraceId) -> u32 {
    let bytes = trace.to_bytes();
    let low = u64::from_be_bytes(std::array::from_fn(|index| bytes[8 + index]));
    mix(low << 8 >> 8).leading_zeros()
}

/// The finalizer of SplitMix64.
///
/// It changes about half of the bits if one bit of `bits` changes.
///
/// A change of this function breaks the agreement with services of other versions.
fn mix(bits: u64) -> u64 {
    let mut bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The lowest level that chooses at most `limit` of `rate` failures.
fn level(rate: f64, limit: f64) -> u32 {
    let (mut level, mut chosen) = (0, rate);
    while chosen > limit && level < u64::BITS {
        level += 1;
        chosen /= 2.0;
    }
    level
}

/// A rate per second.
///
/// Events count less the older they are.
/// It has no windows. The windows of two services would begin at different times, and their levels would differ.
#[derive(Debug, Default)]
struct Rate {
    rate: f64,
    /// The time of the last event.
    last: Option<Instant>,
}

impl Rate {
    fn at(&self, now: Instant) -> f64 {
        let Some(last) = self.last else { return 0.0 };
        let elapsed = now.saturating_duration_since(last).as_secs_f64();
        self.rate * (-elapsed / AVERAGED).exp()
    }

    /// Adds an event, and returns the rate with it.
    fn add(&mut self, now: Instant) -> f64 {
        self.rate = self.at(now) + 1.0 / AVERAGED;
        self.last = Some(now);
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

    use super::*;

    /// The chosen ones of these failures in one service.
    ///
    /// The times are in milliseconds.
    fn chosen(limit: u32, failures: &[(TraceId, u64)]) -> Vec<TraceId> {
        let start = Instant::now();
        let mut chooser = Chooser::new(limit);
        let chosen = failures.iter().filter(|(trace, time)| {
            let now = start + Duration::from_millis(*time);
            chooser.choose(*trace, now) == Choice::Chosen
        });
        chosen.map(|(trace, _)| *trace).collect()
    }

    /// Failures of new traces, `per_second` for `seconds`.
    fn storm(per_second: u64, seconds: u64) -> Vec<(TraceId, u64)> {
        let ids = RandomIdGenerator::default();
        (0..per_second * seconds)
            .map(|number| (ids.new_trace_id(), number * 1000 / per_second))
            .collect()
    }

    #[test]
    fn few_failures_are_all_chosen() {
        assert_eq!(chosen(5, &storm(4, 60)).len(), 240);
    }

    #[test]
    fn storms_are_limited() {
        for factor in [10, 100, 1_000] {
            let failures = storm(5 * factor, 60);
            let count = chosen(5, &failures).len();
            // A level chooses between half of the limit and the limit.
            assert!((75..=400).contains(&count), "{factor}: {count}");
            let first = &failures[..failures.len() / 60];
            assert!(chosen(5, first).len() <= 40, "{factor}");
        }
    }

    /// A random number from 0 to `below`.
    fn random(below: u64) -> u64 {
        let bytes = RandomIdGenerator::default().new_span_id().to_bytes();
        u64::from_be_bytes(bytes) % (below + 1)
    }

    /// The numbers of exported and of broken traces in 20 storms.
    ///
    /// A storm passes through three services for 30 s.
    /// Each call takes `delay` to twice `delay` milliseconds, and one of 300 takes 300 ms more.
    fn storms(delay: u64) -> (usize, usize) {
        let (mut exported, mut broken) = (0, 0);
        for _ in 0..20 {
            let mut failures = storm(50, 30);
            let mut choices = Vec::new();
            for _ in 0..3 {
                choices.push(chosen(5, &failures).into_iter().collect::<HashSet<_>>());
                for (_, time) in &mut failures {
                    let pause = if random(300) == 0 { 300 } else { 0 };
                    *time += delay + random(delay) + pause;
                }
                failures.sort_by_key(|(_, time)| *time);
            }
            let all: HashSet<_> = choices.iter().flatten().collect();
            exported += all.len();
            let is_whole = |trace: &TraceId| choices.iter().all(|chosen| chosen.contains(trace));
            broken += all.iter().filter(|trace| !is_whole(trace)).count();
        }
        (exported, broken)
    }

    #[test]
    fn services_along_a_path_agree() {
        for (delay, most_of_thousand) in [(2, 10), (50, 50)] {
            let (exported, broken) = storms(delay);
            // Each storm exports some 100 traces: 2 to 5 a second, and 15 in the first one.
            assert!((1_400..4_000).contains(&exported), "{exported}");
            assert!(
                broken * 1_000 <= exported * most_of_thousand,
                "{broken} of {exported}"
            );
        }
    }

    #[test]
    fn fewer_failures_choose_a_superset() {
        let failures = storm(400, 10);
        let some: Vec<_> = failures.iter().step_by(4).copied().collect();
        let all = chosen(5, &failures);
        let of_some = chosen(5, &some);
        // Both begin with a burst.
        let steady = some.iter().filter(|(_, time)| *time > 3_000);
        for (trace, _) in steady.filter(|(trace, _)| all.contains(trace)) {
            assert!(of_some.contains(trace));
        }
    }

    #[test]
    fn repeated_traces_are_decided_once() {
        // Below the limit, and the repeated ones are below the cap.
        let failures = storm(4, 10);
        let twice: Vec<_> = failures.iter().flat_map(|one| [*one, *one]).collect();
        let mut repeated = chosen(5, &twice);
        repeated.dedup();
        assert_eq!(repeated, chosen(5, &failures));
    }

    #[test]
    fn callers_cannot_exceed_the_limit() {
        let ids = RandomIdGenerator::default();
        let best = (0..100_000)
            .map(|_| ids.new_trace_id())
            .max_by_key(|id| rank(*id));
        let best = best.unwrap_or(TraceId::INVALID);
        assert!(rank(best) > 10);
        let failures: Vec<_> = (0..10_000).map(|time| (best, time / 10)).collect();
        assert!(chosen(5, &failures).len() <= 40);
    }

    #[test]
    fn ranks_are_those_of_other_versions() {
        let rank_of = |id: u128| rank(TraceId::from_bytes(id.to_be_bytes()));
        assert_eq!(
            mix(0),
            0xe220_a839_7b1d_cdaf,
            "the first output of SplitMix64"
        );
        // Only the lower 56 bits count.
        assert_eq!(rank_of(7), rank_of(7 | 0xff << 56 | 1 << 100));
        let ranks: Vec<_> = (1..=16).map(rank_of).collect();
        assert_eq!(ranks, [0, 0, 3, 1, 1, 0, 1, 0, 0, 4, 1, 0, 0, 1, 0, 1]);
    }
}
