//! The `cron_*` metrics of one job.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use metrics::{Counter, Gauge, Histogram};

use crate::catalog;

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
    /// Absent before the first success: none is not one at some time.
    last_success: OnceLock<Gauge>,
    success_due: OnceLock<Gauge>,
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
            last_success: OnceLock::new(),
            success_due: OnceLock::new(),
            last_duration: OnceLock::new(),
            name: name.to_owned(),
            start_delay: metrics::histogram!(catalog::CRON_START_DELAY.name, "cron" => name.to_owned()),
        }
    }

    pub(super) fn succeeded_at(&self, at: SystemTime) {
        self.set(&self.last_success, catalog::CRON_LAST_SUCCESS, seconds(at));
    }

    pub(super) fn success_is_due(&self, at: SystemTime) {
        self.set(&self.success_due, catalog::CRON_SUCCESS_DUE, seconds(at));
    }

    /// A job that has not run yet has no last duration, not one of zero.
    pub(super) fn ran_for(&self, duration: Duration) {
        let duration = duration.as_secs_f64();
        self.set(&self.last_duration, catalog::CRON_LAST_DURATION, duration);
    }

    fn set(&self, gauge: &OnceLock<Gauge>, metric: catalog::Metric, value: f64) {
        let make = || metrics::gauge!(metric.name, "cron" => self.name.clone());
        gauge.get_or_init(make).set(value);
    }

    pub(super) fn count(&self, outcome: Outcome, ticks: u64) {
        if let Some(counter) = self.runs.get(outcome as usize) {
            counter.increment(ticks);
        }
    }
}

/// Since the Unix epoch.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
