//! A job of a schedule: its name, and what it may do.

use std::time::Duration;

use jiff::Timestamp;

use super::{Schedule, jitter::Jitter};

/// The share of the interval that a run is expected to take at most, where nothing is declared.
const EXPECTED_SHARE: f64 = 0.1;

/// What happens at start when ticks have passed that no run has served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MisfirePolicy {
    /// One run makes up for all of them, spread like any other. The default: most jobs catch up with whatever there is to
    /// do, and a deploy at the wrong minute must not cost a day.
    #[default]
    FireOnce,
    /// They are counted and logged, and the next tick is the next run: for work that is of no use when late.
    Skip,
}

/// A declared job, made with [`Schedule::named`].
#[derive(Debug, Clone)]
#[must_use = "add it to a `Scheduler`"]
pub struct Cron {
    pub(super) name: String,
    pub(super) schedule: Schedule,
    pub(super) jitter: Jitter,
    pub(super) misfire_policy: MisfirePolicy,
    time_limit: Option<Duration>,
    expected_duration: Option<Duration>,
}

impl Cron {
    pub(super) fn new(name: String, schedule: Schedule) -> Self {
        Self {
            name,
            schedule,
            jitter: Jitter::Default,
            misfire_policy: MisfirePolicy::default(),
            time_limit: None,
            expected_duration: None,
        }
    }

    /// Starts each run up to this long after its tick, and never more than half of the interval. The default is a tenth
    /// of the interval, at most five minutes.
    pub fn jitter(mut self, at_most: Duration) -> Self {
        self.jitter = Jitter::AtMost(at_most);
        self
    }

    /// Starts each run at its tick: for what must happen on the second, and for nothing else. All jobs without jitter, on
    /// all replicas, start together.
    pub fn without_jitter(mut self) -> Self {
        self.jitter = Jitter::Off;
        self
    }

    /// How long a run may take; then it is cancelled at its next `await` and counted as `timed_out`. The default is the
    /// time from its tick to the next one: a run that takes longer falls behind for ever. A run that never awaits cannot
    /// be cancelled; it keeps its place, and the ticks that pass are counted as `skipped_overlap`.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// How long a run is expected to take: the alert on missed runs waits this much longer than two intervals. The
    /// default is a tenth of the interval, and never more than the time limit. It cancels nothing.
    pub fn expected_duration(mut self, expected: Duration) -> Self {
        self.expected_duration = Some(expected);
        self
    }

    /// What happens at start with ticks that passed while nothing ran. The default is [`MisfirePolicy::FireOnce`].
    pub fn misfire_policy(mut self, policy: MisfirePolicy) -> Self {
        self.misfire_policy = policy;
        self
    }

    pub(super) fn limit_of(&self, tick: Timestamp) -> Duration {
        self.time_limit.unwrap_or_else(|| self.schedule.gap(tick))
    }

    pub(super) fn expected(&self, interval: Duration) -> Duration {
        let expected = self
            .expected_duration
            .unwrap_or_else(|| interval.mul_f64(EXPECTED_SHARE));
        self.time_limit
            .map_or(expected, |limit| expected.min(limit))
    }
}
