//! Every metric that this crate emits, once: name, kind, unit, labels, buckets, help.
//!
//! The recorder takes kinds, buckets and help texts from here, and the documentation, the dashboards and the alerts are
//! generated from it or tested against it. What it leaves out: the metrics of the service itself, which belong to the
//! service, and values, which live where they are counted.
//!
//! Names and labels are the OpenTelemetry semantic conventions in their Prometheus spelling (dots become underscores,
//! units and `_total` become suffixes). The process has the classic `process_*` names, because every dashboard in
//! circulation asks for those.

mod calls;
mod database;

pub use self::calls::{
    HTTP_CLIENT_REQUEST_DURATION, RPC_CLIENT_CALL_DURATION, RPC_SERVER_CALL_DURATION,
};
pub use self::database::{
    DB_CLIENT_CONNECTION_COUNT, DB_CLIENT_CONNECTION_MAX, DB_CLIENT_CONNECTION_TIMEOUTS,
    DB_CLIENT_CONNECTION_WAIT_TIME, DB_CLIENT_OPERATION_DURATION, DB_N_PLUS_ONE,
    DB_QUERIES_PER_REQUEST, DB_TRANSACTION_DURATION,
};
use super::buckets;

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
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
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

/// How long requests took, from the first byte of the head to the last byte of the answer's body.
///
/// [HTTP server conventions](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration),
/// stable, with their buckets. It is the metric that carries exemplars.
pub const HTTP_SERVER_REQUEST_DURATION: Metric = Metric {
    name: "http_server_request_duration_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &[
        "http_request_method",
        "url_scheme",
        "http_route",
        "http_response_status_code",
        "network_protocol_version",
        "error_type",
    ],
    buckets: Some(&buckets::SECONDS),
    help: "Duration of HTTP server requests.",
};

/// Requests that are being served now.
///
/// [HTTP server conventions](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserveractive_requests).
pub const HTTP_SERVER_ACTIVE_REQUESTS: Metric = Metric {
    name: "http_server_active_requests",
    kind: Kind::Gauge,
    unit: "{request}",
    labels: &["http_request_method", "url_scheme"],
    buckets: None,
    help: "Number of active HTTP server requests.",
};

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

/// When a run last succeeded, from the store, so that a deploy does not forget it; the start of the scheduler if none ever
/// has. With several replicas the latest one is right: `max by (cron)`.
pub const CRON_LAST_SUCCESS: Metric = Metric {
    name: "cron_last_success_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["cron"],
    buckets: None,
    help: "Time of the last successful run since unix epoch in seconds.",
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

/// The longest time between two ticks, for the alert: a job that is due on workdays is not late on a Sunday.
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

/// How old the data was that was served, counted from the moment before its source was asked.
///
/// There are no semantic conventions for the age of data.
pub const DATA_SERVED_AGE: Metric = Metric {
    name: "data_served_age_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["data_type"],
    // From a query's duration to a day.
    buckets: Some(&[
        0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
        3_600.0, 86_400.0,
    ]),
    help: "Age of the data that was served.",
};

/// How old the data may be, as declared; 0 if only the source will do.
pub const DATA_STALENESS_BUDGET: Metric = Metric {
    name: "data_staleness_budget_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["data_type"],
    buckets: None,
    help: "Declared maximum age of the data in seconds.",
};

/// Reads by where the answer came from: `cache`, `source`, `shared` (another read's question to the source), `replica`; or
/// by why there was none: `refused` (a replica too far behind) and `failed` (the source's error).
pub const DATA_READS: Metric = Metric {
    name: "data_reads_total",
    kind: Kind::Counter,
    unit: "{read}",
    labels: &["data_type", "result"],
    buckets: None,
    help: "Reads of declared data by where the answer came from, or why there was none.",
};

/// Processor time, user and system, in fractions of a second. Linux only, like all of `process_*`.
pub const PROCESS_CPU_SECONDS: Metric = Metric {
    name: "process_cpu_seconds_total",
    kind: Kind::Counter,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Total user and system CPU time spent in seconds.",
};

/// Memory that is in RAM now.
pub const PROCESS_RESIDENT_MEMORY: Metric = Metric {
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Resident memory size in bytes.",
};

/// Address space that is mapped.
pub const PROCESS_VIRTUAL_MEMORY: Metric = Metric {
    name: "process_virtual_memory_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Virtual memory size in bytes.",
};

/// The lowest memory limit of the process's control groups; absent where there is none. Beyond it the kernel kills, so
/// `process_resident_memory_bytes / process_memory_limit_bytes` is how close the process is.
pub const PROCESS_MEMORY_LIMIT: Metric = Metric {
    name: "process_memory_limit_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Memory limit of the process's control group in bytes.",
};

/// File descriptors in use.
pub const PROCESS_OPEN_FDS: Metric = Metric {
    name: "process_open_fds",
    kind: Kind::Gauge,
    unit: "{file_descriptor}",
    labels: &[],
    buckets: None,
    help: "Number of open file descriptors.",
};

/// File descriptors that the process may use: its soft limit, `+Inf` when unlimited.
pub const PROCESS_MAX_FDS: Metric = Metric {
    name: "process_max_fds",
    kind: Kind::Gauge,
    unit: "{file_descriptor}",
    labels: &[],
    buckets: None,
    help: "Maximum number of open file descriptors.",
};

/// Threads of the process, of every runtime and pool.
pub const PROCESS_THREADS: Metric = Metric {
    name: "process_threads",
    kind: Kind::Gauge,
    unit: "{thread}",
    labels: &[],
    buckets: None,
    help: "Number of OS threads in the process.",
};

/// When the process started; `time() - process_start_time_seconds` is its age.
pub const PROCESS_START_TIME: Metric = Metric {
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Start time of the process since unix epoch in seconds.",
};

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

/// The resource: one label per attribute, to join onto any other series.
///
/// [Prometheus compatibility](https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#resource-attributes).
pub const TARGET_INFO: Metric = Metric {
    name: "target_info",
    kind: Kind::Info,
    unit: "1",
    labels: &[],
    buckets: None,
    help: "Target metadata: the resource attributes of this service.",
};

/// Which build is running: the service's version and revision, and the version of this crate.
pub const BUILD_INFO: Metric = Metric {
    name: "build_info",
    kind: Kind::Info,
    unit: "1",
    labels: &["version", "revision", "firstlight_version"],
    buckets: None,
    help: "The running build: version and revision of the service, and the version of firstlight.",
};

/// Spans that an export has finished with: no `error_type` means delivered.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkexporterspanexported).
pub const OTEL_SDK_EXPORTER_SPAN_EXPORTED: Metric = Metric {
    name: "otel_sdk_exporter_span_exported_total",
    kind: Kind::Counter,
    unit: "{span}",
    labels: &["error_type"],
    buckets: None,
    help: "Spans whose export has finished; error_type is set if it failed.",
};

/// Spans that the processor has finished with; `error_type="queue_full"` counts what was dropped.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorspanprocessed).
pub const OTEL_SDK_PROCESSOR_SPAN_PROCESSED: Metric = Metric {
    name: "otel_sdk_processor_span_processed_total",
    kind: Kind::Counter,
    unit: "{span}",
    labels: &["error_type"],
    buckets: None,
    help: "Spans whose processing has finished; error_type is set if they were dropped.",
};

/// Spans that wait for their export.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorspanqueuesize).
pub const OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE: Metric = Metric {
    name: "otel_sdk_processor_span_queue_size",
    kind: Kind::Gauge,
    unit: "{span}",
    labels: &[],
    buckets: None,
    help: "Spans in the export queue.",
};

/// Spans that fit into the queue; beyond it they are dropped and counted.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorspanqueuecapacity).
pub const OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY: Metric = Metric {
    name: "otel_sdk_processor_span_queue_capacity",
    kind: Kind::Gauge,
    unit: "{span}",
    labels: &[],
    buckets: None,
    help: "Maximum number of spans in the export queue.",
};

/// Log records whose export has finished, successfully or not; there if they are exported.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkexporterlogexported).
pub const OTEL_SDK_EXPORTER_LOG_EXPORTED: Metric = Metric {
    name: "otel_sdk_exporter_log_exported_total",
    kind: Kind::Counter,
    unit: "{log_record}",
    labels: &["error_type"],
    buckets: None,
    help: "Log records whose OTLP export has finished; error_type is set if it failed.",
};

/// Log records that the processor has finished with; `error_type="queue_full"` counts what was dropped.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorlogprocessed).
pub const OTEL_SDK_PROCESSOR_LOG_PROCESSED: Metric = Metric {
    name: "otel_sdk_processor_log_processed_total",
    kind: Kind::Counter,
    unit: "{log_record}",
    labels: &["error_type"],
    buckets: None,
    help: "Log records whose processing has finished; error_type is set if they were dropped.",
};

/// Log records that wait for their export.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorlogqueuesize).
pub const OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE: Metric = Metric {
    name: "otel_sdk_processor_log_queue_size",
    kind: Kind::Gauge,
    unit: "{log_record}",
    labels: &[],
    buckets: None,
    help: "Log records in the export queue.",
};

/// Log records that fit into the queue; beyond it they are dropped and counted.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorlogqueuecapacity).
pub const OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY: Metric = Metric {
    name: "otel_sdk_processor_log_queue_capacity",
    kind: Kind::Gauge,
    unit: "{log_record}",
    labels: &[],
    buckets: None,
    help: "Maximum number of log records in the export queue.",
};

/// Data points whose push has finished, successfully or not; there if metrics are pushed.
///
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkexportermetric_data_pointexported).
pub const OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED: Metric = Metric {
    name: "otel_sdk_exporter_metric_data_point_exported_total",
    kind: Kind::Counter,
    unit: "{data_point}",
    labels: &["error_type"],
    buckets: None,
    help: "Data points whose OTLP push has finished; error_type is set if it failed.",
};

/// Log lines written, by level.
pub const LOG_EVENTS: Metric = Metric {
    name: "log_events_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &["level"],
    buckets: None,
    help: "Log lines written, by level.",
};

/// Log lines lost, because the pipe that they go to was full or closed.
pub const LOG_EVENTS_DROPPED: Metric = Metric {
    name: "log_events_dropped_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &[],
    buckets: None,
    help: "Log lines lost because standard output was full or closed.",
};

/// Uses of a metric that cannot be recorded, by reason: `kind_conflict` (its name belongs to a metric of another kind)
/// or `too_many_names`. A use is one `counter!`, `gauge!` or `histogram!`, or all uses of a handle that is kept.
pub const METRICS_REJECTED: Metric = Metric {
    name: "metrics_rejected_total",
    kind: Kind::Counter,
    unit: "{use}",
    labels: &["reason"],
    buckets: None,
    help: "Uses of a metric that was refused, by reason.",
};

/// Uses of a series beyond its metric's budget, which went to the series `otel_metric_overflow="true"` instead.
pub const METRICS_SERIES_OVER_BUDGET: Metric = Metric {
    name: "metrics_series_over_budget_total",
    kind: Kind::Counter,
    unit: "{use}",
    labels: &["metric"],
    buckets: None,
    help: "Uses of a series beyond the budget of its metric, folded into its overflow series.",
};

/// Histogram samples that were not a number. One of them would make the histogram's sum NaN for ever.
pub const METRICS_SAMPLES_DROPPED: Metric = Metric {
    name: "metrics_samples_dropped_total",
    kind: Kind::Counter,
    unit: "{sample}",
    labels: &["metric"],
    buckets: None,
    help: "Histogram samples dropped because they were not a number.",
};

/// Checks of the telemetry, each of which counts here to see whether the count arrives on the page.
pub const TELEMETRY_CHECKS: Metric = Metric {
    name: "telemetry_checks_total",
    kind: Kind::Counter,
    unit: "{check}",
    labels: &[],
    buckets: None,
    help: "Checks of the telemetry by firstlight itself.",
};

/// The whole catalogue, in the order of this page.
pub const ALL: &[&Metric] = &[
    &HTTP_SERVER_REQUEST_DURATION,
    &HTTP_SERVER_ACTIVE_REQUESTS,
    &HTTP_CLIENT_REQUEST_DURATION,
    &RPC_SERVER_CALL_DURATION,
    &RPC_CLIENT_CALL_DURATION,
    &DB_CLIENT_OPERATION_DURATION,
    &DB_CLIENT_CONNECTION_COUNT,
    &DB_CLIENT_CONNECTION_MAX,
    &DB_CLIENT_CONNECTION_WAIT_TIME,
    &DB_CLIENT_CONNECTION_TIMEOUTS,
    &DB_TRANSACTION_DURATION,
    &DB_QUERIES_PER_REQUEST,
    &DB_N_PLUS_ONE,
    &CRON_START_DELAY,
    &CRON_RUNS,
    &CRON_RUNNING,
    &CRON_LAST_SUCCESS,
    &CRON_LAST_DURATION,
    &CRON_SCHEDULE_INTERVAL,
    &CRON_EXPECTED_DURATION,
    &DATA_SERVED_AGE,
    &DATA_STALENESS_BUDGET,
    &DATA_READS,
    &PROCESS_CPU_SECONDS,
    &PROCESS_RESIDENT_MEMORY,
    &PROCESS_VIRTUAL_MEMORY,
    &PROCESS_MEMORY_LIMIT,
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
    &LOG_EVENTS,
    &LOG_EVENTS_DROPPED,
    &METRICS_REJECTED,
    &METRICS_SERIES_OVER_BUDGET,
    &METRICS_SAMPLES_DROPPED,
    &TELEMETRY_CHECKS,
];

/// The entry of that name, if we emit it.
pub(super) fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().copied().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail")]

    use super::{ALL, Kind};
    use crate::metrics::{buckets, canonical};

    #[test]
    fn every_name_and_label_is_already_canonical() {
        for metric in ALL {
            if metric.kind != Kind::Info {
                assert_eq!(
                    canonical::metric_name(metric.kind, metric.name),
                    metric.name
                );
            }
            for label in metric.labels {
                assert_eq!(canonical::label_name(metric.kind, label), *label);
            }
        }
    }

    #[test]
    fn names_suffixes_and_kinds_agree() {
        for metric in ALL {
            let name = metric.name;
            assert_eq!(
                name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{name}"
            );
            assert_eq!(name.ends_with("_info"), metric.kind == Kind::Info, "{name}");
            let stem = name.strip_suffix("_total").unwrap_or(name);
            assert_eq!(stem.ends_with("_seconds"), metric.unit == "s", "{name}");
            assert_eq!(stem.ends_with("_bytes"), metric.unit == "By", "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
            if let Some(bounds) = metric.buckets {
                buckets::validate(name, bounds).unwrap();
            }
        }
    }
}
