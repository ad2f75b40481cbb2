//! The catalog of all metrics of this crate.
//!
//! Each entry has the name, kind, unit, labels, buckets and help of one metric.
//!
//! The recorder takes kinds, buckets and help texts from here. The documentation, the dashboards and the alerts are
//! generated from the catalog or tested against it.
//!
//! Names and labels come from the OpenTelemetry semantic conventions, in Prometheus' spelling: dots become underscores, and
//! units and `_total` become suffixes. Metrics of the process have the classic `process_*` names, which existing dashboards
//! query.

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
        CRON_EXPECTED_DURATION, CRON_LAST_DURATION, CRON_LAST_SUCCESS, CRON_NEXT_RUN, CRON_RUNNING,
        CRON_RUNS, CRON_SCHEDULE_INTERVAL, CRON_START_DELAY, CRON_SUCCESS_DUE,
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
        ADMIN_STREAMS_CUT_OFF, BUILD_INFO, FIRSTLIGHT_CHECKS, LOGGING_EVENTS,
        LOGGING_EVENTS_DROPPED, LOGGING_EVENTS_TRUNCATED, METRICS_CARDINALITY_OVERFLOW,
        METRICS_REJECTED, METRICS_SAMPLES_DROPPED, OTEL_SDK_EXPORTER_LOG_EXPORTED,
        OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED, OTEL_SDK_EXPORTER_SPAN_EXPORTED,
        OTEL_SDK_PROCESSOR_LOG_PROCESSED, OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
        OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE, OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
        OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY, OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
        RECORDER_LOSSES, RECORDER_OPEN_ROOTS, RECORDER_SNAPSHOTS_LOST, RECORDER_USED, TARGET_INFO,
        TRACE_FAILED_ROOTS,
    },
};

/// The kind of a metric, which decides how to query it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Only increases, except at a restart. Query its `rate()`.
    Counter,
    /// Increases and decreases. Query its value.
    Gauge,
    /// Counts samples per bucket. Query `histogram_quantile()`.
    Histogram,
    /// Always 1, with the information in its labels.
    ///
    /// The type is `info` in OpenMetrics, and `gauge` in the text format.
    Info,
}

impl Kind {
    /// The type of this kind in the exposition formats.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }

    /// The kind with its article, for a sentence.
    pub(crate) fn with_article(self) -> &'static str {
        match self {
            Self::Counter => "a counter",
            Self::Gauge => "a gauge",
            Self::Histogram => "a histogram",
            Self::Info => "an info metric",
        }
    }
}

/// One entry of the catalog.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The name in the exposition, with its suffixes.
    ///
    /// A histogram adds `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// Counter, gauge, histogram or info.
    pub kind: Kind,
    /// The unit in UCUM, as in the semantic conventions.
    ///
    /// Examples are `s`, `By`, `1`, or an annotation such as `{request}`.
    pub unit: &'static str,
    /// All labels that a series can have. A label without a value is left out.
    ///
    /// The list is empty for `target_info`, whose labels are the resource.
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram's buckets, or `None` for the defaults of its unit.
    pub buckets: Option<&'static [f64]>,
    /// One sentence, which is the text of `# HELP`.
    pub help: &'static str,
}

/// All metrics of the catalog.
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
    &CRON_NEXT_RUN,
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
    &METRICS_CARDINALITY_OVERFLOW,
    &METRICS_SAMPLES_DROPPED,
    &RECORDER_USED,
    &RECORDER_OPEN_ROOTS,
    &RECORDER_LOSSES,
    &TRACE_FAILED_ROOTS,
    &RECORDER_SNAPSHOTS_LOST,
    &FIRSTLIGHT_CHECKS,
    &ADMIN_STREAMS_CUT_OFF,
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

/// The gauges that are an `UpDownCounter` in the conventions.
///
/// Their sum over instances is meaningful. OTLP distinguishes such metrics from gauges, and Prometheus does not.
pub const UP_DOWN_COUNTERS: &[&str] = &[
    HTTP_SERVER_ACTIVE_REQUESTS.name,
    DB_CLIENT_CONNECTION_COUNT.name,
    DB_CLIENT_CONNECTION_LIMIT.name,
    OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE.name,
    OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY.name,
    OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE.name,
    OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY.name,
];

/// The entry with this name, if there is one.
pub(crate) fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().copied().find(|metric| metric.name == name)
}
