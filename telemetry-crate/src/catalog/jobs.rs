//! The part of the catalogue about asynchronous work. No convention names these; the label is `queue` and `kind`, never
//! `job`, which Prometheus owns.

use super::{Kind, Metric, buckets};

/// How old the oldest waiting job of a queue may become, as the program declares it. What the alert on
/// [`WORKER_QUEUE_OLDEST_AGE`] compares with.
pub const WORKER_QUEUE_LATENCY_BUDGET: Metric = Metric {
    name: "worker_queue_latency_budget_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["queue"],
    buckets: None,
    help: "How old the oldest waiting job may become, as declared.",
};

/// Jobs in the store, as of the last look: `ready`, `scheduled`, `running`, `retry`, `stuck` or `dead`. NaN if the store could
/// not be read.
pub const WORKER_QUEUE_DEPTH: Metric = Metric {
    name: "worker_queue_depth",
    kind: Kind::Gauge,
    unit: "{job}",
    labels: &["queue", "status"],
    buckets: None,
    help: "Number of jobs in the store, NaN if it could not be read.",
};

/// For how long the oldest job has been due and waits, as of the last look at the store; 0 if none does. NaN if the store could
/// not be read.
pub const WORKER_QUEUE_OLDEST_AGE: Metric = Metric {
    name: "worker_queue_oldest_age_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["queue"],
    buckets: None,
    help: "Age of the oldest waiting job, NaN if the store could not be read.",
};

/// Whether the last look at the store was a success: 1 or 0. A comparison with NaN is never true, so this is what an alert on
/// an unwatched queue calls for.
pub const WORKER_QUEUE_UP: Metric = Metric {
    name: "worker_queue_up",
    kind: Kind::Gauge,
    unit: "1",
    labels: &["queue"],
    buckets: None,
    help: "Whether the state of the queue could be read, 1 or 0.",
};

/// Jobs handed to the store. A transaction that is rolled back afterwards has been counted.
pub const WORKER_TASKS_ENQUEUED: Metric = Metric {
    name: "worker_tasks_enqueued_total",
    kind: Kind::Counter,
    unit: "{job}",
    labels: &["queue", "kind"],
    buckets: None,
    help: "Total number of jobs handed to the store.",
};

/// Attempts that ended: `ok`, `retry` or `dead`. What failed says why in `error_type`.
pub const WORKER_TASKS: Metric = Metric {
    name: "worker_tasks_total",
    kind: Kind::Counter,
    unit: "{attempt}",
    labels: &["queue", "kind", "outcome", "error_type"],
    buckets: None,
    help: "Total number of attempts at jobs, by outcome.",
};

/// How long jobs waited from when they were due until their first attempt. The pause before a retry is meant, so it is not
/// counted.
pub const WORKER_TASK_WAIT: Metric = Metric {
    name: "worker_task_wait_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["queue", "kind"],
    buckets: Some(&buckets::PATIENT_SECONDS),
    help: "Time that jobs waited for their first attempt.",
};

/// How long attempts took.
pub const WORKER_TASK_RUN: Metric = Metric {
    name: "worker_task_run_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["queue", "kind", "outcome"],
    buckets: Some(&buckets::PATIENT_SECONDS),
    help: "Duration of attempts at jobs.",
};

/// How long it took from accepting a job until it was done: wait, runs and the pauses between them. What the user sees of
/// a `202 Accepted`.
pub const WORKER_TASK_ACCEPTED_TO_DONE: Metric = Metric {
    name: "worker_task_accepted_to_done_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["queue", "kind"],
    buckets: Some(&buckets::PATIENT_SECONDS),
    help: "Time from accepting jobs until they were done.",
};
