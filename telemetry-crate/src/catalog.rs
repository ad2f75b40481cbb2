//! Every metric that this crate emits, once: name, kind, unit, labels, buckets, help.
//!
//! The recorder takes kinds, buckets and help texts from here, and the documentation, the dashboards and the alerts are
//! generated from it or tested against it. What it leaves out: the metrics of the service itself, which belong to the
//! service, and values, which live where they are counted.
//!
//! Names and labels are the OpenTelemetry semantic conventions in their Prometheus spelling (dots become underscores,
//! units and `_total` become suffixes). The process has the classic `process_*` names, because every dashboard in
//! circulation asks for those.

pub(crate) mod buckets;
mod calls;
mod cron;
mod data;
mod database;
mod http;
mod jobs;
mod process;
mod runtime;
mod telemetry;

pub use self::{
    calls::{HTTP_CLIENT_REQUEST_DURATION, RPC_CLIENT_CALL_DURATION, RPC_SERVER_CALL_DURATION},
    cron::{
        CRON_EXPECTED_DURATION, CRON_LAST_DURATION, CRON_LAST_SUCCESS, CRON_RUNNING, CRON_RUNS,
        CRON_SCHEDULE_INTERVAL, CRON_START_DELAY, CRON_SUCCESS_DUE,
    },
    data::{DATA_READS, DATA_SERVED_AGE, DATA_STALENESS_BUDGET},
    database::{
        DB_CLIENT_CONNECTION_COUNT, DB_CLIENT_CONNECTION_LIMIT, DB_CLIENT_CONNECTION_TIMEOUTS,
        DB_CLIENT_CONNECTION_WAIT_TIME, DB_CLIENT_OPERATION_DURATION, SQL_N_PLUS_ONE,
        SQL_QUERIES_PER_REQUEST, SQL_TRANSACTION_DURATION,
    },
    http::{
        HTTP_SERVER_ACTIVE_REQUESTS, HTTP_SERVER_REQUEST_DURATION, SERVE_LIMITED,
        SERVE_OPEN_CONNECTIONS,
    },
    jobs::{
        WORKER_QUEUE_DEPTH, WORKER_QUEUE_LATENCY_BUDGET, WORKER_QUEUE_OLDEST_AGE, WORKER_QUEUE_UP,
        WORKER_TASK_ACCEPTED_TO_DONE, WORKER_TASK_RUN, WORKER_TASK_WAIT, WORKER_TASKS,
        WORKER_TASKS_ENQUEUED,
    },
    process::{
        CGROUP_MEMORY_LIMIT, PROCESS_CPU_SECONDS, PROCESS_MAX_FDS, PROCESS_OPEN_FDS,
        PROCESS_RESIDENT_MEMORY, PROCESS_START_TIME, PROCESS_THREADS, PROCESS_VIRTUAL_MEMORY,
    },
    runtime::{
        TOKIO_ALIVE_TASKS, TOKIO_GLOBAL_QUEUE_DEPTH, TOKIO_SCHEDULER_DELAY,
        TOKIO_SCHEDULER_STALLED, TOKIO_WORKER_BUSY_SECONDS, TOKIO_WORKER_PARK, TOKIO_WORKERS,
    },
    telemetry::{
        BUILD_INFO, FIRSTLIGHT_CHECKS, LOGGING_EVENTS, LOGGING_EVENTS_DROPPED,
        LOGGING_EVENTS_TRUNCATED, METRICS_REJECTED, METRICS_SAMPLES_DROPPED,
        METRICS_SERIES_OVER_BUDGET, OTEL_SDK_EXPORTER_LOG_EXPORTED,
        OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED, OTEL_SDK_EXPORTER_SPAN_EXPORTED,
        OTEL_SDK_PROCESSOR_LOG_PROCESSED, OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
        OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE, OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
        OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY, OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE, TARGET_INFO,
    },
};

/// What a metric's number means, and so what may be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Only rises, except at a restart; ask for its `rate()`.
    Counter,
    /// Rises and falls; ask for its value.
    Gauge,
    /// Counts samples per bucket; ask for `histogram_quantile()`.
    Histogram,
    /// Always 1; its labels are the information. OpenMetrics calls it `info`, the older text format a gauge.
    Info,
}

impl Kind {
    /// The word of the exposition formats for this kind.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }

    /// The kind in a sentence: `info` is no noun that is counted.
    pub(crate) fn with_article(self) -> &'static str {
        match self {
            Self::Counter => "a counter",
            Self::Gauge => "a gauge",
            Self::Histogram => "a histogram",
            Self::Info => "an info metric",
        }
    }
}

/// One entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The name on the page, with its suffixes; a histogram adds `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// Counter, gauge, histogram or info.
    pub kind: Kind,
    /// The unit in UCUM, as the semantic conventions write it: `s`, `By`, `1`, or an annotation such as `{request}`.
    pub unit: &'static str,
    /// All labels that it can have; a label without a value is left out. Empty for the two `info` metrics that take
    /// their labels from the resource.
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram's buckets, or `None` for those of its unit.
    pub buckets: Option<&'static [f64]>,
    /// One sentence, shown as `# HELP`.
    pub help: &'static str,
}

/// The whole catalogue, in the order of this page.
pub const ALL: &[&Metric] = &[
    &HTTP_SERVER_REQUEST_DURATION,
    &HTTP_SERVER_ACTIVE_REQUESTS,
    &SERVE_OPEN_CONNECTIONS,
    &SERVE_LIMITED,
    &HTTP_CLIENT_REQUEST_DURATION,
    &RPC_SERVER_CALL_DURATION,
    &RPC_CLIENT_CALL_DURATION,
    &DB_CLIENT_OPERATION_DURATION,
    &DB_CLIENT_CONNECTION_COUNT,
    &DB_CLIENT_CONNECTION_LIMIT,
    &DB_CLIENT_CONNECTION_WAIT_TIME,
    &DB_CLIENT_CONNECTION_TIMEOUTS,
    &SQL_TRANSACTION_DURATION,
    &SQL_QUERIES_PER_REQUEST,
    &SQL_N_PLUS_ONE,
    &CRON_START_DELAY,
    &CRON_RUNS,
    &CRON_RUNNING,
    &CRON_LAST_SUCCESS,
    &CRON_SUCCESS_DUE,
    &CRON_LAST_DURATION,
    &CRON_SCHEDULE_INTERVAL,
    &CRON_EXPECTED_DURATION,
    &DATA_SERVED_AGE,
    &DATA_STALENESS_BUDGET,
    &DATA_READS,
    &PROCESS_CPU_SECONDS,
    &PROCESS_RESIDENT_MEMORY,
    &PROCESS_VIRTUAL_MEMORY,
    &CGROUP_MEMORY_LIMIT,
    &PROCESS_OPEN_FDS,
    &PROCESS_MAX_FDS,
    &PROCESS_THREADS,
    &PROCESS_START_TIME,
    &TOKIO_SCHEDULER_DELAY,
    &TOKIO_SCHEDULER_STALLED,
    &TOKIO_WORKERS,
    &TOKIO_ALIVE_TASKS,
    &TOKIO_GLOBAL_QUEUE_DEPTH,
    &TOKIO_WORKER_BUSY_SECONDS,
    &TOKIO_WORKER_PARK,
    &TARGET_INFO,
    &BUILD_INFO,
    &OTEL_SDK_EXPORTER_SPAN_EXPORTED,
    &OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
    &OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
    &OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
    &OTEL_SDK_EXPORTER_LOG_EXPORTED,
    &OTEL_SDK_PROCESSOR_LOG_PROCESSED,
    &OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE,
    &OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
    &OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED,
    &LOGGING_EVENTS,
    &LOGGING_EVENTS_TRUNCATED,
    &LOGGING_EVENTS_DROPPED,
    &METRICS_REJECTED,
    &METRICS_SERIES_OVER_BUDGET,
    &METRICS_SAMPLES_DROPPED,
    &FIRSTLIGHT_CHECKS,
    &WORKER_QUEUE_LATENCY_BUDGET,
    &WORKER_QUEUE_DEPTH,
    &WORKER_QUEUE_OLDEST_AGE,
    &WORKER_QUEUE_UP,
    &WORKER_TASKS_ENQUEUED,
    &WORKER_TASKS,
    &WORKER_TASK_WAIT,
    &WORKER_TASK_RUN,
    &WORKER_TASK_ACCEPTED_TO_DONE,
];

/// The gauges that the conventions call `UpDownCounter`: a sum over instances means something. OTLP tells them apart, and
/// Prometheus does not.
pub const UP_DOWN_COUNTERS: &[&str] = &[
    HTTP_SERVER_ACTIVE_REQUESTS.name,
    DB_CLIENT_CONNECTION_COUNT.name,
    DB_CLIENT_CONNECTION_LIMIT.name,
    OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE.name,
    OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY.name,
    OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE.name,
    OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY.name,
];

/// The entry of that name, if we emit it.
pub(crate) fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().copied().find(|metric| metric.name == name)
}
