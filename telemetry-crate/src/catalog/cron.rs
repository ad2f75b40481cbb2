//! The part of the catalogue about scheduled work.

use super::{Kind, Metric};

/// How long after its tick a run of a scheduled job started: its jitter, and what it waited for beyond that.
///
/// There are no semantic conventions for scheduled work; the label is `cron`, because Prometheus owns `job`.
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

/// Ticks of a scheduled job by what became of them: `ok`, `failed` (an error or a panic), `timed_out`, `interrupted` (cut
/// short by a shutdown), `taken_over` (its lease was lost), `skipped_overlap` (the run before it went on), `skipped_elsewhere` (another replica's),
/// `skipped_store` (the store was down until the next tick) and `missed` (nothing ran at all).
pub const CRON_RUNS: Metric = Metric {
    name: "cron_runs_total",
    kind: Kind::Counter,
    unit: "{run}",
    labels: &["cron", "outcome"],
    buckets: None,
    help: "Scheduled runs by outcome, skipped and missed ones included.",
};

/// 1 while a run goes on in this process.
pub const CRON_RUNNING: Metric = Metric {
    name: "cron_running",
    kind: Kind::Gauge,
    unit: "{run}",
    labels: &["cron"],
    buckets: None,
    help: "Scheduled runs that are under way.",
};

/// When a run last succeeded, from the store, so that a deploy does not forget it. Absent if none ever has.
pub const CRON_LAST_SUCCESS: Metric = Metric {
    name: "cron_last_success_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Time of the last successful run since unix epoch in seconds.",
};

/// When a run has to have succeeded by, for the alert: the end of the second run after the last success, or after the job was first
/// scheduled if none has ever succeeded. It follows the calendar of the schedule, and the store keeps both over restarts. All replicas
/// of a shared store say the same, and each for itself where the store is its own: `min by (cron)`.
pub const CRON_SUCCESS_DUE: Metric = Metric {
    name: "cron_success_due_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Time by which a run must have succeeded since unix epoch in seconds.",
};

/// How long the last run took, whatever its outcome. Absent before the first.
pub const CRON_LAST_DURATION: Metric = Metric {
    name: "cron_last_duration_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Duration of the last run in seconds.",
};

/// The longest time between two ticks of the schedule: three days for one that is due once on each workday.
pub const CRON_SCHEDULE_INTERVAL: Metric = Metric {
    name: "cron_schedule_interval_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Longest time between two scheduled runs in seconds.",
};

/// How long a run is expected to take, as declared.
pub const CRON_EXPECTED_DURATION: Metric = Metric {
    name: "cron_expected_duration_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Declared duration of a scheduled run in seconds.",
};
