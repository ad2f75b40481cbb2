//! A scheduled job: its name and its limits.

use std::time::Duration;

use jiff::Timestamp;

use super::{CronError, Schedule, jitter::Jitter};

/// Share of the interval that a run is expected to take by default.
const EXPECTED_SHARE: f64 = 0.1;

/// What happens at start to ticks that passed without a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MisfirePolicy {
    /// One run, with jitter, makes up for all missed ticks.
    ///
    /// This is the default. Most jobs process everything that has accumulated, and a deploy at the
    /// wrong minute must not delay that by a day.
    #[default]
    FireOnce,
    /// The missed ticks are counted and logged, and the job waits for its next tick.
    ///
    /// Use it for work that is useless when it is late.
    Skip,
}

/// A declared job: a name with a schedule.
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
    /// Declares a job with a cron expression, see [`Schedule::cron`].
    ///
    /// The name is the label `cron` of its metrics and its key in the [`Store`](super::Store).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Schedule::cron`], with the name.
    ///
    /// ```
    /// use firstlight::cron::Cron;
    ///
    /// let error = Cron::parse("cleanup", "0 25 * * *").unwrap_err();
    /// assert!(error.to_string().starts_with("cron \"cleanup\", expression: found \"0 25 * * *\": "));
    /// ```
    pub fn parse(name: impl Into<String>, expression: &str) -> Result<Self, CronError> {
        let name = name.into();
        match Schedule::cron(expression) {
            Ok(schedule) => Ok(schedule.named(name)),
            Err(error) => Err(error.named(&name)),
        }
    }

    /// Declares a job with an interval, see [`Schedule::every`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Schedule::every`], with the name.
    pub fn every(name: impl Into<String>, interval: Duration) -> Result<Self, CronError> {
        let name = name.into();
        match Schedule::every(interval) {
            Ok(schedule) => Ok(schedule.named(name)),
            Err(error) => Err(error.named(&name)),
        }
    }

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

    /// Sets the longest delay between a tick and the start of its run.
    ///
    /// It is never more than half of the interval. The default is a tenth of the interval, at most
    /// five minutes.
    pub fn jitter(mut self, at_most: Duration) -> Self {
        self.jitter = Jitter::AtMost(at_most);
        self
    }

    /// Starts each run at its tick.
    ///
    /// Use it only for jobs that must run at the exact second, because all jobs without jitter that
    /// are due at that second start together.
    pub fn without_jitter(mut self) -> Self {
        self.jitter = Jitter::Off;
        self
    }

    /// Sets how long a run may take.
    ///
    /// A run that takes longer is canceled at its next `await` and counted as `timed_out`. The
    /// default is the time from the run's tick to the next, because a job whose runs take longer
    /// falls further and further behind. A run that never awaits cannot be canceled. It keeps
    /// running, and the ticks that pass are counted as `skipped_overlap`.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Sets how long a run is expected to take.
    ///
    /// The second run after the last success may take this long before the alert on missed runs
    /// fires. The default is a tenth of the interval, and never more than the time
    /// limit. It does not cancel a run.
    pub fn expected_duration(mut self, expected: Duration) -> Self {
        self.expected_duration = Some(expected);
        self
    }

    /// Sets what happens at start to ticks that passed without a run.
    ///
    /// The default is [`MisfirePolicy::FireOnce`].
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
