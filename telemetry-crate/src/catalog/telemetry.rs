//! The catalog's metrics of telemetry itself, of the service and of its build.

use super::{Kind, Metric};

/// The resource, with one label per attribute, to join onto other series.
///
/// The metric is defined in
/// [Prometheus compatibility](https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#resource-attributes).
pub const TARGET_INFO: Metric = Metric {
    name: "target_info",
    kind: Kind::Info,
    unit: "1",
    labels: &[],
    buckets: None,
    help: "Target metadata: the resource attributes of this service.",
};

/// The version and revision of the service, and the version of this crate.
pub const BUILD_INFO: Metric = Metric {
    name: "build_info",
    kind: Kind::Info,
    unit: "1",
    labels: &["version", "revision", "firstlight_version"],
    buckets: None,
    help: "The running build: version and revision of the service, and the version of firstlight.",
};

/// Spans whose export has finished.
///
/// Spans without an `error_type` were delivered.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkexporterspanexported).
pub const OTEL_SDK_EXPORTER_SPAN_EXPORTED: Metric = Metric {
    name: "otel_sdk_exporter_span_exported_total",
    kind: Kind::Counter,
    unit: "{span}",
    labels: &["error_type"],
    buckets: None,
    help: "Spans whose export has finished; error_type is set if it failed.",
};

/// Spans whose processing has finished.
///
/// Dropped spans have `error_type="queue_full"`.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorspanprocessed).
pub const OTEL_SDK_PROCESSOR_SPAN_PROCESSED: Metric = Metric {
    name: "otel_sdk_processor_span_processed_total",
    kind: Kind::Counter,
    unit: "{span}",
    labels: &["error_type"],
    buckets: None,
    help: "Spans whose processing has finished; error_type is set if they were dropped.",
};

/// Number of spans in the export queue.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorspanqueuesize).
pub const OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE: Metric = Metric {
    name: "otel_sdk_processor_span_queue_size",
    kind: Kind::Gauge,
    unit: "{span}",
    labels: &[],
    buckets: None,
    help: "Spans in the export queue.",
};

/// Capacity of the export queue in spans.
///
/// Further spans are dropped and counted.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorspanqueuecapacity).
pub const OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY: Metric = Metric {
    name: "otel_sdk_processor_span_queue_capacity",
    kind: Kind::Gauge,
    unit: "{span}",
    labels: &[],
    buckets: None,
    help: "Maximum number of spans in the export queue.",
};

/// Log records whose export has finished, if log records are exported.
///
/// Records whose export failed have an `error_type`.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkexporterlogexported).
pub const OTEL_SDK_EXPORTER_LOG_EXPORTED: Metric = Metric {
    name: "otel_sdk_exporter_log_exported_total",
    kind: Kind::Counter,
    unit: "{log_record}",
    labels: &["error_type"],
    buckets: None,
    help: "Log records whose OTLP export has finished; error_type is set if it failed.",
};

/// Log records whose processing has finished.
///
/// Dropped records have `error_type="queue_full"`.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorlogprocessed).
pub const OTEL_SDK_PROCESSOR_LOG_PROCESSED: Metric = Metric {
    name: "otel_sdk_processor_log_processed_total",
    kind: Kind::Counter,
    unit: "{log_record}",
    labels: &["error_type"],
    buckets: None,
    help: "Log records whose processing has finished; error_type is set if they were dropped.",
};

/// Number of log records in the export queue.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorlogqueuesize).
pub const OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE: Metric = Metric {
    name: "otel_sdk_processor_log_queue_size",
    kind: Kind::Gauge,
    unit: "{log_record}",
    labels: &[],
    buckets: None,
    help: "Log records in the export queue.",
};

/// Capacity of the export queue in log records.
///
/// Further records are dropped and counted.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkprocessorlogqueuecapacity).
pub const OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY: Metric = Metric {
    name: "otel_sdk_processor_log_queue_capacity",
    kind: Kind::Gauge,
    unit: "{log_record}",
    labels: &[],
    buckets: None,
    help: "Maximum number of log records in the export queue.",
};

/// Data points whose push has finished, if metrics are pushed.
///
/// Points whose push failed have an `error_type`.
///
/// The metric is defined in the
/// [SDK conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#metric-otelsdkexportermetric_data_pointexported).
pub const OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED: Metric = Metric {
    name: "otel_sdk_exporter_metric_data_point_exported_total",
    kind: Kind::Counter,
    unit: "{data_point}",
    labels: &["error_type"],
    buckets: None,
    help: "Data points whose OTLP push has finished; error_type is set if it failed.",
};

/// Log lines by level, including dropped lines.
///
/// Dropped lines are also counted in [`LOGGING_EVENTS_DROPPED`].
pub const LOGGING_EVENTS: Metric = Metric {
    name: "logging_events_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &["level"],
    buckets: None,
    help: "Log lines by level, including dropped lines.",
};

/// Log lines with a truncated value or without some field.
///
/// A value was longer than 8 KiB, the line was longer than 16 KiB, two fields became one label, or a record of the `log`
/// crate had more than 128 key-values. The line marks truncated values, and has the number of dropped fields.
pub const LOGGING_EVENTS_TRUNCATED: Metric = Metric {
    name: "logging_events_truncated_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &[],
    buckets: None,
    help: "Log lines with a truncated value or without some of their fields.",
};

/// Log lines that were lost because their output was full or closed.
pub const LOGGING_EVENTS_DROPPED: Metric = Metric {
    name: "logging_events_dropped_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &[],
    buckets: None,
    help: "Log lines lost because their output was full or closed.",
};

/// Uses of metrics that were rejected, by reason.
///
/// The reason is `kind_conflict`, if the name belongs to a metric of another kind, or `too_many_names`. One use is one
/// `counter!`, `gauge!` or `histogram!`. All recordings through one stored handle count as one use.
pub const METRICS_REJECTED: Metric = Metric {
    name: "metrics_rejected_total",
    kind: Kind::Counter,
    unit: "{use}",
    labels: &["reason"],
    buckets: None,
    help: "Rejected uses of metrics, by reason.",
};

/// Uses of series beyond the metric's cardinality limit.
///
/// The uses were recorded in the series `otel_metric_overflow="true"` instead.
pub const METRICS_CARDINALITY_OVERFLOW: Metric = Metric {
    name: "metrics_cardinality_overflow_total",
    kind: Kind::Counter,
    unit: "{use}",
    labels: &["metric"],
    buckets: None,
    help: "Uses of series beyond the cardinality limit of a metric, recorded in its overflow series.",
};

/// Histogram samples that were dropped: negative, infinite, or not a number.
///
/// The sum of a histogram is a counter, to which such samples cannot be added.
pub const METRICS_SAMPLES_DROPPED: Metric = Metric {
    name: "metrics_samples_dropped_total",
    kind: Kind::Counter,
    unit: "{sample}",
    labels: &["metric"],
    buckets: None,
    help: "Histogram samples dropped because they were negative or not finite.",
};

/// Memory that the flight recorder takes, if it is on.
pub const RECORDER_USED: Metric = Metric {
    name: "recorder_used_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Memory that the flight recorder takes, of FIRSTLIGHT_RECORDER_BYTES.",
};

/// Requests, jobs, runs and other local roots that are open now.
pub const RECORDER_OPEN_ROOTS: Metric = Metric {
    name: "recorder_open_roots",
    kind: Kind::Gauge,
    unit: "{root}",
    labels: &[],
    buckets: None,
    help: "Requests, jobs, runs and other local roots in the flight recorder that are open.",
};

/// What the flight recorder did not keep, by reason.
///
/// `contention`: a record whose lock was taken. `record_limit`: a record of a root that has reached its limit, which is also
/// one that made room for a newer one, or a record for which no memory was left. `value_limit`: a record that was kept
/// without the end of a long value. `span_limit` and `root_limit`: a span or a root for which no memory was left. `eviction`: the detail
/// of a root that made room for newer ones. `error_limit`: an error for whose group no memory was left. `log_limit`: a
/// withheld event of a failed root that was not logged.
pub const RECORDER_LOSSES: Metric = Metric {
    name: "recorder_losses_total",
    kind: Kind::Counter,
    unit: "{loss}",
    labels: &["reason"],
    buckets: None,
    help: "Records, spans and roots that the flight recorder did not keep, or not whole, by reason.",
};

/// Failed local roots that were not sampled, if their spans are exported.
///
/// Beyond the limit, the trace id chooses which ones are exported. Those of other traces have the result `other_trace`.
/// `over_limit` are chosen ones beyond four times the limit, in the second in which failures begin.
pub const TRACE_FAILED_ROOTS: Metric = Metric {
    name: "trace_failed_roots_total",
    kind: Kind::Counter,
    unit: "{root}",
    labels: &["result"],
    buckets: None,
    help: "Failed requests, jobs and runs that were not sampled: exported, of other traces, or over the limit.",
};

/// Snapshots of the recorder's file that failed or were late, if it is written.
///
/// A snapshot is due every 125 ms. It is late if an event is in the file more than 250 ms after it occurred, because of the disk or of a busy machine. The next process reads the file. It misses the time since the last snapshot.
pub const RECORDER_SNAPSHOTS_LOST: Metric = Metric {
    name: "recorder_snapshots_lost_total",
    kind: Kind::Counter,
    unit: "{snapshot}",
    labels: &[],
    buckets: None,
    help: "Snapshots for the recorder's file that failed or were late.",
};

/// Checks of the telemetry.
///
/// Each check increments this counter, and verifies that the exposition has the new value.
pub const FIRSTLIGHT_CHECKS: Metric = Metric {
    name: "firstlight_checks_total",
    kind: Kind::Counter,
    unit: "{check}",
    labels: &[],
    buckets: None,
    help: "Checks of the telemetry by firstlight itself.",
};

/// Streams of the admin listener that ended because the client did not keep up.
///
/// The limit is `queue`, if too much was waiting for the client, or `write_timeout`, if the client took no byte for 10 s.
/// A client that leaves, and a stream that ends after its longest duration, are not counted.
pub const ADMIN_STREAMS_CUT_OFF: Metric = Metric {
    name: "admin_streams_cut_off_total",
    kind: Kind::Counter,
    unit: "{stream}",
    labels: &["limit"],
    buckets: None,
    help: "Streams of the admin listener cut off because the client did not keep up, by limit.",
};
