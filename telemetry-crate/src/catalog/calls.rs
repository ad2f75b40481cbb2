//! The catalog's metrics of HTTP client requests and of gRPC calls.

use super::{Kind, Metric, buckets};

/// Duration of HTTP client requests, until the head of the response.
///
/// Each retry and each redirect is a sample of its own. Addresses beyond the first hundred of a layer are `_OTHER`.
///
/// The name, the labels and the buckets are defined in the stable
/// [HTTP client conventions](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpclientrequestduration).
pub const HTTP_CLIENT_REQUEST_DURATION: Metric = Metric {
    name: "http_client_request_duration_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &[
        "http_request_method",
        "server_address",
        "server_port",
        "http_response_status_code",
        "error_type",
    ],
    buckets: Some(&buckets::SECONDS),
    help: "Duration of HTTP client requests.",
};

/// Duration of incoming gRPC calls, until the end of the response.
///
/// Methods that the service does not have are `_OTHER`.
///
/// The name, the labels and the buckets are defined in the
/// [RPC conventions](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/#metric-rpcservercallduration), which are
/// a release candidate.
pub const RPC_SERVER_CALL_DURATION: Metric = Metric {
    name: "rpc_server_call_duration_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &[
        "rpc_system_name",
        "rpc_method",
        "rpc_status_code",
        "error_type",
    ],
    buckets: Some(&buckets::SECONDS),
    help: "Duration of incoming gRPC calls.",
};

/// Duration of outgoing gRPC calls, until the end of the response.
///
/// The name, the labels and the buckets are defined in the
/// [RPC conventions](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/#metric-rpcclientcallduration), which are
/// a release candidate.
pub const RPC_CLIENT_CALL_DURATION: Metric = Metric {
    name: "rpc_client_call_duration_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &[
        "rpc_system_name",
        "rpc_method",
        "rpc_status_code",
        "error_type",
        "server_address",
        "server_port",
    ],
    buckets: Some(&buckets::SECONDS),
    help: "Duration of outgoing gRPC calls.",
};
