//! The catalog's metrics of job queues.
//!
//! There are no semantic conventions for job queues. The label `kind` says what a job does, such as `welcome`. It is not
//! called `job`, because Prometheus reserves that label.

use super::{Kind, Metric, buckets};

/// The age that the oldest waiting job of a queue may reach.
///
/// The program declares it with `QueueBuilder::latency_budget`. The alert `WorkerQueueStalled` compares
/// [`WORKER_QUEUE_OLDEST_AGE`] with it.
pub const WORKER_QUEUE_LATENCY_BUDGET: Metric = Metric {
    name: "worker_queue_latency_budget_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["queue"],
    buckets: None,
    help: "Declared limit on the age of the oldest waiting job.",
};

/// Number of jobs in the store by status, when the store was last read.
///
/// The status is `ready`, `scheduled`, `running`, `retry`, `stuck` or `dead_lettered`. The value is NaN if
/// the store could not be read.
pub const WORKER_QUEUE_DEPTH: Metric = Metric {
    name: "worker_queue_depth",
    kind: Kind::Gauge,
    unit: "{job}",
    labels: &["queue", "status"],
    buckets: None,
    help: "Number of jobs in the store, NaN if it could not be read.",
};

/// Time since the oldest waiting job was due, when the store was last read.
///
/// 0 if no job waits, and NaN if the store could not be read.
pub const WORKER_QUEUE_OLDEST_AGE: Metric = Metric {
    name: "worker_queue_oldest_age_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["queue"],
    buckets: None,
    help: "Age of the oldest waiting job, NaN if the store could not be read.",
};

/// Whether the last reading of the store succeeded: 1 or 0.
///
/// After a failure, [`WORKER_QUEUE_DEPTH`] and [`WORKER_QUEUE_OLDEST_AGE`] are NaN, and a comparison with NaN is never
/// true. The alert `WorkerQueueUnreadable` therefore uses this metric.
pub const WORKER_QUEUE_UP: Metric = Metric {
    name: "worker_queue_up",
    kind: Kind::Gauge,
    unit: "1",
    labels: &["queue"],
    buckets: None,
    help: "Whether the state of the queue could be read, 1 or 0.",
};

/// Jobs that were stored.
///
/// A job stays counted if the transaction that stored it is rolled back.
pub const WORKER_TASKS_ENQUEUED: Metric = Metric {
    name: "worker_tasks_enqueued_total",
    kind: Kind::Counter,
    unit: "{job}",
    labels: &["queue", "kind"],
    buckets: None,
    help: "Total number of jobs handed to the store.",
};

/// Attempts that have ended, by outcome.
///
/// The outcome is `ok`, `retry` or `dead_lettered`. Failed attempts have an `error_type`.
pub const WORKER_TASKS: Metric = Metric {
    name: "worker_tasks_total",
    kind: Kind::Counter,
    unit: "{attempt}",
    labels: &["queue", "kind", "outcome", "error_type"],
    buckets: None,
    help: "Total number of attempts at jobs, by outcome.",
};

/// Time from when a job was due to its first attempt.
///
/// Retries are not measured, because they wait on purpose.
pub const WORKER_TASK_WAIT: Metric = Metric {
    name: "worker_task_wait_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["queue", "kind"],
    buckets: Some(&buckets::BACKGROUND_SECONDS),
    help: "Time that jobs waited for their first attempt.",
};

/// Duration of attempts.
pub const WORKER_TASK_RUN: Metric = Metric {
    name: "worker_task_run_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["queue", "kind", "outcome"],
    buckets: Some(&buckets::BACKGROUND_SECONDS),
    help: "Duration of attempts at jobs.",
};

/// Time from accepting a job to its success.
///
/// Includes the wait, all attempts and the delays before retries. This is the latency that the user sees after a
/// `202 Accepted`.
pub const WORKER_TASK_ACCEPTED_TO_DONE: Metric = Metric {
    name: "worker_task_accepted_to_done_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["queue", "kind"],
    buckets: Some(&buckets::BACKGROUND_SECONDS),
    help: "Time from accepting jobs until they were done.",
};
