//! The catalog's metrics of the asynchronous runtime.

use super::{Kind, Metric};

/// Time from waking a task to running it, probed ten times a second.
///
/// There are no semantic conventions for tokio. The names of `tokio_*` follow the methods of `RuntimeMetrics`.
pub const TOKIO_SCHEDULER_DELAY: Metric = Metric {
    name: "tokio_scheduler_delay_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &[],
    // An idle runtime runs the probe within a tenth of a millisecond.
    buckets: Some(&[
        0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ]),
    help: "Time that a woken task waited for its turn.",
};

/// Time for which the woken probe has not run yet.
///
/// The value is near 0, or the duration of the current stall so far.
pub const TOKIO_SCHEDULER_STALLED: Metric = Metric {
    name: "tokio_scheduler_stalled_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Time for which the runtime has run no woken task, in seconds.",
};

/// Number of worker threads, which run tasks.
pub const TOKIO_WORKERS: Metric = Metric {
    name: "tokio_workers",
    kind: Kind::Gauge,
    unit: "{thread}",
    labels: &[],
    buckets: None,
    help: "Worker threads of the runtime.",
};

/// Number of tasks that have not ended, including the probe.
pub const TOKIO_ALIVE_TASKS: Metric = Metric {
    name: "tokio_alive_tasks",
    kind: Kind::Gauge,
    unit: "{task}",
    labels: &[],
    buckets: None,
    help: "Tasks of the runtime that have not ended.",
};

/// Number of ready tasks in the global queue, without the workers' own queues.
pub const TOKIO_GLOBAL_QUEUE_DEPTH: Metric = Metric {
    name: "tokio_global_queue_depth",
    kind: Kind::Gauge,
    unit: "{task}",
    labels: &[],
    buckets: None,
    help: "Tasks in the global queue of the runtime.",
};

/// Time that each worker was busy.
///
/// The time is added when the worker parks, so the value of a blocked worker does not change.
pub const TOKIO_WORKER_BUSY_SECONDS: Metric = Metric {
    name: "tokio_worker_busy_seconds_total",
    kind: Kind::Counter,
    unit: "s",
    labels: &["worker"],
    buckets: None,
    help: "Time that the worker was busy in seconds.",
};

/// The number of times that each worker parked.
pub const TOKIO_WORKER_PARK: Metric = Metric {
    name: "tokio_worker_park_total",
    kind: Kind::Counter,
    unit: "{park}",
    labels: &["worker"],
    buckets: None,
    help: "Number of times that the worker ran out of tasks and parked.",
};
