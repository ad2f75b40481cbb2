//! The catalog's metrics of scheduled jobs.

use super::{Kind, Metric};

/// Time from a tick to the start of its run: the jitter and any further delay.
///
/// There are no semantic conventions for scheduled jobs. The label is `cron`, because Prometheus reserves `job`.
pub const CRON_START_DELAY: Metric = Metric {
    name: "cron_start_delay_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["cron"],
    // The jitter is at most 300 s by default.
    buckets: Some(&[
        0.1, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 600.0, 1_800.0, 3_600.0,
    ]),
    help: "Time from a scheduled tick to the start of its run.",
};

/// Ticks of a scheduled job, by outcome.
///
/// * `ok`
/// * `failed`: an error or a panic.
/// * `timed_out`
/// * `interrupted`: canceled by a shutdown.
/// * `taken_over`: the run lost its lease.
/// * `skipped_overlap`: the previous run had not ended.
/// * `skipped_elsewhere`: another replica had the run.
/// * `skipped_store`: the store was down until the next tick.
/// * `missed`: no process ran at the time, or the process was suspended.
pub const CRON_RUNS: Metric = Metric {
    name: "cron_runs_total",
    kind: Kind::Counter,
    unit: "{run}",
    labels: &["cron", "outcome"],
    buckets: None,
    help: "Scheduled runs by outcome, skipped and missed ones included.",
};

/// 1 while a run is in progress in this process.
pub const CRON_RUNNING: Metric = Metric {
    name: "cron_running",
    kind: Kind::Gauge,
    unit: "{run}",
    labels: &["cron"],
    buckets: None,
    help: "Scheduled runs that are under way.",
};

/// Time of the last successful run. Absent before the first success.
///
/// The time is read from the store, so it survives a deployment.
pub const CRON_LAST_SUCCESS: Metric = Metric {
    name: "cron_last_success_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Time of the last successful run since unix epoch in seconds.",
};

/// Time at which the next run starts here, with its jitter.
///
/// While a run is under way, it is the start of the one after it. Each replica has its own jitter, so replicas that share
/// a store run the job next at the smallest value: query `min by (cron)`.
pub const CRON_NEXT_RUN: Metric = Metric {
    name: "cron_next_run_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Time of the next scheduled run since unix epoch in seconds.",
};

/// Time by which a run must have succeeded, for the alert.
///
/// It is the expected end of the second run after the last success, or after the job was first
/// scheduled if no run has ever succeeded. It follows the calendar of the schedule. A restart does
/// not change it, because the store has the time of the last success and of the first scheduling.
///
/// All replicas of a shared store have the same value. Replicas with a store of their own have different values, so query
/// `min by (cron)`.
pub const CRON_SUCCESS_DUE: Metric = Metric {
    name: "cron_success_due_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Time since unix epoch by which a run must have succeeded, in seconds.",
};

/// Duration of the last run, whatever its outcome. Absent before the first run.
pub const CRON_LAST_DURATION: Metric = Metric {
    name: "cron_last_duration_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Duration of the last run in seconds.",
};

/// The longest time between two ticks of the schedule.
///
/// It is three days, for example, for a job that is due once on each workday.
pub const CRON_SCHEDULE_INTERVAL: Metric = Metric {
    name: "cron_schedule_interval_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Longest time between two scheduled runs in seconds.",
};

/// The declared duration of a run.
pub const CRON_EXPECTED_DURATION: Metric = Metric {
    name: "cron_expected_duration_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Declared duration of a scheduled run in seconds.",
};
