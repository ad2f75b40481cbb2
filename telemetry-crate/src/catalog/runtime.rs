//! The part of the catalogue about the asynchronous runtime.

use super::{Kind, Metric};

/// How long a task that was woken waited for its turn in the application's runtime, asked ten times a second.
///
/// There are no semantic conventions for tokio; the names of `tokio_*` follow those of its `RuntimeMetrics`.
pub const TOKIO_SCHEDULER_DELAY: Metric = Metric {
    name: "tokio_scheduler_delay_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &[],
    // An idle runtime answers within a tenth of a millisecond.
    buckets: Some(&[
        0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ]),
    help: "Time that a woken task waited for its turn.",
};

/// How long the runtime has owed an answer to the probe: near 0, or the length so far of a stall that goes on.
pub const TOKIO_SCHEDULER_STALLED: Metric = Metric {
    name: "tokio_scheduler_stalled_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Time since which the runtime has run no woken task in seconds.",
};

/// Threads that run tasks.
pub const TOKIO_WORKERS: Metric = Metric {
    name: "tokio_workers",
    kind: Kind::Gauge,
    unit: "{thread}",
    labels: &[],
    buckets: None,
    help: "Worker threads of the runtime.",
};

/// Tasks that have been spawned and have not ended; one of them is the probe.
pub const TOKIO_ALIVE_TASKS: Metric = Metric {
    name: "tokio_alive_tasks",
    kind: Kind::Gauge,
    unit: "{task}",
    labels: &[],
    buckets: None,
    help: "Tasks of the runtime that have not ended.",
};

/// Tasks that are ready and that no worker has taken yet; those in a worker's own queue are not in it.
pub const TOKIO_GLOBAL_QUEUE_DEPTH: Metric = Metric {
    name: "tokio_global_queue_depth",
    kind: Kind::Gauge,
    unit: "{task}",
    labels: &[],
    buckets: None,
    help: "Tasks in the global queue of the runtime.",
};

/// Time that each worker was busy. It is added when the worker goes to rest, so that of a blocked worker stands still.
pub const TOKIO_WORKER_BUSY_SECONDS: Metric = Metric {
    name: "tokio_worker_busy_seconds_total",
    kind: Kind::Counter,
    unit: "s",
    labels: &["worker"],
    buckets: None,
    help: "Time that the worker was busy in seconds.",
};

/// How often each worker went to rest.
pub const TOKIO_WORKER_PARK: Metric = Metric {
    name: "tokio_worker_park_total",
    kind: Kind::Counter,
    unit: "{park}",
    labels: &["worker"],
    buckets: None,
    help: "Times that the worker ran out of tasks and went to rest.",
};
