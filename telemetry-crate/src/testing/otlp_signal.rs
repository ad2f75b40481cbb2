//! The three signals: paths, decoding and responses.

use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    },
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::{DecodeError, Message};

use super::{
    CollectorAnswer, ReceivedLog, ReceivedMetric, ReceivedSpan, log::logs_of, metric::metrics_of,
    span::spans_of,
};

/// The signal of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
}

/// The content of one export.
#[derive(Debug)]
pub(super) enum Received {
    Spans(Vec<ReceivedSpan>),
    Logs(Vec<ReceivedLog>),
    Metrics(Vec<ReceivedMetric>),
}

impl Signal {
    pub(super) const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// The default path of the signal.
    ///
    /// See [OTLP/HTTP request](https://opentelemetry.io/docs/specs/otlp/#otlphttp-request).
    pub(super) fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// The path of the only method of the signal's service.
    pub(super) fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    /// Decodes an export; the error is a sentence.
    pub(super) fn read(self, body: &[u8]) -> Result<Received, String> {
        let (read, name): (Result<_, DecodeError>, _) = match self {
            Self::Traces => (
                ExportTraceServiceRequest::decode(body).map(|all| Received::Spans(spans_of(all))),
                "ExportTraceServiceRequest",
            ),
            Self::Logs => (
                ExportLogsServiceRequest::decode(body).map(|all| Received::Logs(logs_of(all))),
                "ExportLogsServiceRequest",
            ),
            Self::Metrics => (
                ExportMetricsServiceRequest::decode(body)
                    .map(|all| Received::Metrics(metrics_of(all))),
                "ExportMetricsServiceRequest",
            ),
        };
        read.map_err(|error| format!("not an {name}: {error}"))
    }

    /// Encodes the response of a success, which may be partial.
    pub(super) fn response(self, answer: &CollectorAnswer) -> Vec<u8> {
        let partial = match answer {
            CollectorAnswer::Partial { rejected, message } => Some((*rejected, message.clone())),
            _ => None,
        };
        match self {
            Self::Traces => ExportTraceServiceResponse {
                partial_success: partial.map(|(rejected_spans, error_message)| {
                    ExportTracePartialSuccess {
                        rejected_spans,
                        error_message,
                    }
                }),
            }
            .encode_to_vec(),
            Self::Logs => ExportLogsServiceResponse {
                partial_success: partial.map(|(rejected_log_records, error_message)| {
                    ExportLogsPartialSuccess {
                        rejected_log_records,
                        error_message,
                    }
                }),
            }
            .encode_to_vec(),
            Self::Metrics => ExportMetricsServiceResponse {
                partial_success: partial.map(|(rejected_data_points, error_message)| {
                    ExportMetricsPartialSuccess {
                        rejected_data_points,
                        error_message,
                    }
                }),
            }
            .encode_to_vec(),
        }
    }
}
