//! The `cron_*` metrics of one job.

use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge, Histogram};

use crate::{catalog, metrics::Kept};

/// What happened to a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TickOutcome {
    Ok,
    Failed,
    TimedOut,
    /// The process stopped.
    Interrupted,
    /// The lease was lost, so the run had to end.
    TakenOver,
    SkippedOverlap,
    SkippedElsewhere,
    SkippedStore,
    Missed,
}

impl TickOutcome {
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

    pub(super) fn as_str(self) -> &'static str {
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

/// Handles of a job's metrics, created when the scheduler starts the job.
///
/// They record only if telemetry already runs at that time. Every outcome has its series from the
/// start, so that `increase()` sees the first failure.
pub(super) struct CronMetrics {
    runs: [Counter; TickOutcome::ALL.len()],
    pub(super) running: Gauge,
    /// Absent before the first success, because any value would be a wrong time.
    last_success: Kept<Gauge>,
    next_run: Kept<Gauge>,
    success_due: Kept<Gauge>,
    last_duration: Kept<Gauge>,
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
            runs: TickOutcome::ALL.map(|outcome| {
                let outcome = outcome.as_str();
                metrics::counter!(catalog::CRON_RUNS.name, "cron" => name.to_owned(), "outcome" => outcome)
            }),
            running: gauge(catalog::CRON_RUNNING),
            last_success: Kept::new(),
            next_run: Kept::new(),
            success_due: Kept::new(),
            last_duration: Kept::new(),
            name: name.to_owned(),
            start_delay: metrics::histogram!(catalog::CRON_START_DELAY.name, "cron" => name.to_owned()),
        }
    }

    pub(super) fn set_last_success(&self, at: SystemTime) {
        self.set(&self.last_success, catalog::CRON_LAST_SUCCESS, seconds(at));
    }

    pub(super) fn set_next_run(&self, at: SystemTime) {
        self.set(&self.next_run, catalog::CRON_NEXT_RUN, seconds(at));
    }

    pub(super) fn set_success_due(&self, at: SystemTime) {
        self.set(&self.success_due, catalog::CRON_SUCCESS_DUE, seconds(at));
    }

    /// Sets the last duration, which is absent before the first run.
    pub(super) fn set_last_duration(&self, duration: Duration) {
        let duration = duration.as_secs_f64();
        self.set(&self.last_duration, catalog::CRON_LAST_DURATION, duration);
    }

    fn set(&self, gauge: &Kept<Gauge>, metric: catalog::Metric, value: f64) {
        let make = || metrics::gauge!(metric.name, "cron" => self.name.clone());
        gauge.set(make, value);
    }

    pub(super) fn count(&self, outcome: TickOutcome, ticks: u64) {
        if let Some(counter) = self.runs.get(outcome as usize) {
            counter.increment(ticks);
        }
    }
}

/// Returns the seconds since the Unix epoch.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
