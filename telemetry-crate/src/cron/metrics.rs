//! The `cron_*` metrics of one job.

use std::{sync::OnceLock, time::Duration};

use metrics::{Counter, Gauge, Histogram};

use crate::metrics::catalog;

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Failed,
    TimedOut,
    /// The process stopped.
    Interrupted,
    /// The lease was lost, and with it the right to go on.
    TakenOver,
    SkippedOverlap,
    SkippedElsewhere,
    SkippedStore,
    Missed,
}

impl Outcome {
    const ALL: [Self; 9] = [
        Self::Ok,
        Self::Failed,
        Self::TimedOut,
        Self::Interrupted,
        Self::TakenOver,
        Self::SkippedOverlap,
        Self::SkippedElsewhere,
        Self::SkippedStore,
        Self::Missed,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
            Self::TakenOver => "taken_over",
            Self::SkippedOverlap => "skipped_overlap",
            Self::SkippedElsewhere => "skipped_elsewhere",
            Self::SkippedStore => "skipped_store",
            Self::Missed => "missed",
        }
    }
}

/// Handles, made when the job starts: telemetry is up by then. Every outcome has its series from the start, so that
/// `increase()` sees the first failure.
pub(super) struct CronMetrics {
    runs: [Counter; Outcome::ALL.len()],
    pub(super) running: Gauge,
    pub(super) last_success: Gauge,
    last_duration: OnceLock<Gauge>,
    name: String,
    pub(super) start_delay: Histogram,
}

impl CronMetrics {
    pub(super) fn new(name: &str, interval: Duration, expected: Duration) -> Self {
        let gauge =
            |metric: catalog::Metric| metrics::gauge!(metric.name, "cron" => name.to_owned());
        gauge(catalog::CRON_SCHEDULE_INTERVAL).set(interval);
        gauge(catalog::CRON_EXPECTED_DURATION).set(expected);
        Self {
            runs: Outcome::ALL.map(|outcome| {
                let outcome = outcome.word();
                metrics::counter!(catalog::CRON_RUNS.name, "cron" => name.to_owned(), "outcome" => outcome)
            }),
            running: gauge(catalog::CRON_RUNNING),
            last_success: gauge(catalog::CRON_LAST_SUCCESS),
            last_duration: OnceLock::new(),
            name: name.to_owned(),
            start_delay: metrics::histogram!(catalog::CRON_START_DELAY.name, "cron" => name.to_owned()),
        }
    }

    /// A job that has not run yet has no last duration, not one of zero.
    pub(super) fn ran_for(&self, duration: Duration) {
        let make =
            || metrics::gauge!(catalog::CRON_LAST_DURATION.name, "cron" => self.name.clone());
        self.last_duration.get_or_init(make).set(duration);
    }

    pub(super) fn count(&self, outcome: Outcome, ticks: u64) {
        if let Some(counter) = self.runs.get(outcome as usize) {
            counter.increment(ticks);
        }
    }
}
