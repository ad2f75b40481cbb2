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

/// Connections that `http::serve` holds open, upgraded ones included.
pub const SERVE_OPEN_CONNECTIONS: Metric = Metric {
    name: "serve_open_connections",
    kind: Kind::Gauge,
    unit: "{connection}",
    labels: &[],
    buckets: None,
    help: "Open connections of the HTTP server.",
};

/// How often a limit of `http::serve` has ended something: a connection (`header_timeout`, `write_timeout` over
/// HTTP/1.1, `drain`), a request (`body_timeout`, `body_size`, `body_memory`, `requests`, `write_timeout` over HTTP/2),
/// or the accepting of connections for a while (`connections`, `accept`).
pub const SERVE_LIMITED: Metric = Metric {
    name: "serve_limited_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &["limit"],
    buckets: None,
    help: "Connections and requests that a limit of the HTTP server has ended, by limit.",
};
