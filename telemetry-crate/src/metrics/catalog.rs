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
mod jobs;

pub use self::calls::{
    HTTP_CLIENT_REQUEST_DURATION, RPC_CLIENT_CALL_DURATION, RPC_SERVER_CALL_DURATION,
};
pub use self::jobs::{
    WORKER_QUEUE_DEPTH, WORKER_QUEUE_LATENCY_BUDGET, WORKER_QUEUE_OLDEST_AGE, WORKER_QUEUE_UP,
    WORKER_TASK_ACCEPTED_TO_DONE, WORKER_TASK_RUN, WORKER_TASK_WAIT, WORKER_TASKS,
    WORKER_TASKS_ENQUEUED,
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
    &PROCESS_CPU_SECONDS,
    &PROCESS_RESIDENT_MEMORY,
    &PROCESS_VIRTUAL_MEMORY,
    &PROCESS_OPEN_FDS,
    &PROCESS_MAX_FDS,
    &PROCESS_THREADS,
    &PROCESS_START_TIME,
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
