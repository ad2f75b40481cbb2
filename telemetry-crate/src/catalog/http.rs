//! The catalog's metrics of HTTP server requests and connections.

use super::{Kind, Metric, buckets};

/// Duration of requests, including the body of the response.
///
/// The time starts once the request's head is parsed, and ends with the last byte of the response's body. The buckets carry
/// exemplars.
///
/// The name, the labels and the buckets are defined in the stable
/// [HTTP server conventions](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration).
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

/// Number of requests in progress.
///
/// The metric is defined in the
/// [HTTP server conventions](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserveractive_requests).
pub const HTTP_SERVER_ACTIVE_REQUESTS: Metric = Metric {
    name: "http_server_active_requests",
    kind: Kind::Gauge,
    unit: "{request}",
    labels: &["http_request_method", "url_scheme"],
    buckets: None,
    help: "Number of active HTTP server requests.",
};

/// Number of open connections of `http::serve`, including upgraded connections.
pub const SERVE_OPEN_CONNECTIONS: Metric = Metric {
    name: "serve_open_connections",
    kind: Kind::Gauge,
    unit: "{connection}",
    labels: &[],
    buckets: None,
    help: "Open connections of the HTTP server.",
};

/// Number of times that a limit of `http::serve` took effect.
///
/// A connection is ended by `header_timeout`, `drain`, and over HTTP/1.1 by `write_timeout`, `header_size` (a head that is
/// too large) and `invalid_head` (a head that is not HTTP). A request is ended by `body_timeout`, `body_size`,
/// `body_memory`, `requests`, and over HTTP/2 by `write_timeout`. `connections` and `accept` pause the accepting of
/// connections.
pub const SERVE_LIMITED: Metric = Metric {
    name: "serve_limited_total",
    kind: Kind::Counter,
    unit: "{event}",
    labels: &["limit"],
    buckets: None,
    help: "Number of times that a limit of the HTTP server took effect, by limit.",
};
