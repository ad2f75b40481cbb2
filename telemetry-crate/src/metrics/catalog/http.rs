//! The part of the catalogue about requests that a service answers.

use super::{Kind, Metric, buckets};

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
