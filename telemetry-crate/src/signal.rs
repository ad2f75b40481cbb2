//! The three signals, with their names, OTLP paths and metrics.

use crate::{
    LostKind,
    catalog::{self, Metric},
};

/// Traces, metrics or logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The items of which the signal consists.
    pub(crate) fn unit(self) -> LostKind {
        self.into()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The path that is appended to a base address.
    ///
    /// The OTLP specification defines the paths in "OTLP/HTTP Request".
    pub(crate) fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    /// The gRPC method of the signal's service, from the OTLP specification.
    #[cfg(feature = "otlp-grpc")]
    pub(crate) fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }

    /// The counter of exported items, from "SDK metrics" of the semantic conventions.
    pub(super) fn exported(self) -> &'static Metric {
        match self {
            Self::Traces => &catalog::OTEL_SDK_EXPORTER_SPAN_EXPORTED,
            Self::Metrics => &catalog::OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED,
            Self::Logs => &catalog::OTEL_SDK_EXPORTER_LOG_EXPORTED,
        }
    }

    /// The metrics and the variable of the signal's queue, if it has one.
    pub(super) fn queue(self) -> Option<QueueFacts> {
        match self {
            Self::Metrics => None,
            Self::Traces => Some(QueueFacts {
                variable: "OTEL_BSP_MAX_QUEUE_SIZE",
                processed: &catalog::OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
                size: &catalog::OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
                capacity: &catalog::OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
            }),
            Self::Logs => Some(QueueFacts {
                variable: "OTEL_BLRP_MAX_QUEUE_SIZE",
                processed: &catalog::OTEL_SDK_PROCESSOR_LOG_PROCESSED,
                size: &catalog::OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE,
                capacity: &catalog::OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
            }),
        }
    }
}

impl From<Signal> for LostKind {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Traces => Self::Spans,
            Signal::Metrics => Self::DataPoints,
            Signal::Logs => Self::LogRecords,
        }
    }
}

/// The metrics and the variable of a queue.
pub(super) struct QueueFacts {
    /// The variable that sets the capacity.
    pub(super) variable: &'static str,
    pub(super) processed: &'static Metric,
    pub(super) size: &'static Metric,
    pub(super) capacity: &'static Metric,
}
