//! The part of the catalogue about telemetry itself, and about who is speaking.

use super::{Kind, Metric};

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
pub const LOGGING_EVENTS: Metric = Metric {
    name: "logging_events_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &["level"],
    buckets: None,
    help: "Log lines written, by level.",
};

/// Log lines of which something was cut or left out, because a value was longer than 8 KiB, the line longer than 16 KiB, or
/// two fields had one name. The line says what.
pub const LOGGING_EVENTS_TRUNCATED: Metric = Metric {
    name: "logging_events_truncated_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &[],
    buckets: None,
    help: "Log lines of which something was cut or left out, and that say so.",
};

/// Log lines lost, because the pipe that they go to was full or closed.
pub const LOGGING_EVENTS_DROPPED: Metric = Metric {
    name: "logging_events_dropped_total",
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

/// Histogram samples that were negative, infinite or not a number. The sum, which is a counter, has no place for them.
pub const METRICS_SAMPLES_DROPPED: Metric = Metric {
    name: "metrics_samples_dropped_total",
    kind: Kind::Counter,
    unit: "{sample}",
    labels: &["metric"],
    buckets: None,
    help: "Histogram samples dropped because they were negative or not finite.",
};

/// Checks of the telemetry, each of which counts here to see whether the count arrives on the page.
pub const FIRSTLIGHT_CHECKS: Metric = Metric {
    name: "firstlight_checks_total",
    kind: Kind::Counter,
    unit: "{check}",
    labels: &[],
    buckets: None,
    help: "Checks of the telemetry by firstlight itself.",
};
