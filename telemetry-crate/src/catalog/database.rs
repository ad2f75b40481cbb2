//! The catalog's metrics of databases: statements, connections and transactions.

use super::{Kind, Metric, buckets};

/// Buckets for durations: the nine of the conventions, and three more.
///
/// The conventions recommend 1 ms, 5 ms, 10 ms and so on up to 10 s. With only these, a regression within a factor of five
/// would be hidden.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0,
];

/// Buckets for the statements of one request.
///
/// They are dense around the threshold of an N+1.
const QUERIES: [f64; 11] = [
    1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0, 100.0, 500.0,
];

/// Duration of statements, from sending them to their last row.
///
/// Statements beyond the first 200 kinds are `_OTHER`. The status code, which is an SQLSTATE, and the type of the error are
/// set only for calls that are `instrumented()`.
///
/// The metric is defined in the stable
/// [database conventions](https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#metric-dbclientoperationduration).
pub const DB_CLIENT_OPERATION_DURATION: Metric = Metric {
    name: "db_client_operation_duration_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &[
        "db_system_name",
        "db_operation_name",
        "db_collection_name",
        "db_query_summary",
        "db_response_status_code",
        "error_type",
    ],
    buckets: Some(&SECONDS),
    help: "Duration of database client operations.",
};

/// Number of connections of a pool, by state.
///
/// All `db_client_connection_*` metrics are defined in the
/// [database conventions](https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#metric-dbclientconnectioncount),
/// where they are in development.
pub const DB_CLIENT_CONNECTION_COUNT: Metric = Metric {
    name: "db_client_connection_count",
    kind: Kind::Gauge,
    unit: "{connection}",
    labels: &[
        "db_client_connection_pool_name",
        "db_client_connection_state",
    ],
    buckets: None,
    help: "Connections of the pool that are idle or used.",
};

/// Maximum number of connections of a pool.
pub const DB_CLIENT_CONNECTION_LIMIT: Metric = Metric {
    name: "db_client_connection_limit",
    kind: Kind::Gauge,
    unit: "{connection}",
    labels: &["db_client_connection_pool_name"],
    buckets: None,
    help: "Maximum number of connections of the pool.",
};

/// Time to acquire a connection from a pool.
///
/// Recorded only for pools whose options went through `sqlx::instrument_options`. The pool's name is set only if a single
/// pool is observed, because sqlx does not report to which pool a connection belongs.
pub const DB_CLIENT_CONNECTION_WAIT_TIME: Metric = Metric {
    name: "db_client_connection_wait_time_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["db_client_connection_pool_name"],
    buckets: Some(&SECONDS),
    help: "Time that it took to obtain a connection from the pool.",
};

/// Calls that timed out waiting for a connection, if they are `instrumented()`.
pub const DB_CLIENT_CONNECTION_TIMEOUTS: Metric = Metric {
    name: "db_client_connection_timeouts_total",
    kind: Kind::Counter,
    unit: "{timeout}",
    labels: &["db_client_connection_pool_name"],
    buckets: None,
    help: "Timeouts that occurred while waiting for a connection of the pool.",
};

/// Duration of the transactions of `sqlx::begin`, by outcome.
///
/// The outcome is `commit`, `rollback`, `error`, or `dropped`, which is a rollback because the transaction was dropped. The
/// conventions have no such metric.
pub const SQL_TRANSACTION_DURATION: Metric = Metric {
    name: "sql_transaction_duration_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["db_system_name", "outcome"],
    buckets: Some(&buckets::SECONDS),
    help: "Duration of database transactions, by outcome.",
};

/// Number of statements per request, for requests with at least one.
///
/// A gRPC call has `rpc_method` instead of the route. Any other root span, such as the span of a job, has `span_name`, its
/// name in the code. The conventions have no such metric.
pub const SQL_QUERIES_PER_REQUEST: Metric = Metric {
    name: "sql_queries_per_request",
    kind: Kind::Histogram,
    unit: "{query}",
    labels: &["http_route", "rpc_method", "span_name"],
    buckets: Some(&QUERIES),
    help: "Database statements that one request ran.",
};

/// Statements that one request ran at least `FIRSTLIGHT_N_PLUS_ONE` times.
///
/// The conventions have no such metric.
pub const SQL_N_PLUS_ONE: Metric = Metric {
    name: "sql_n_plus_one_total",
    kind: Kind::Counter,
    unit: "{query}",
    labels: &["http_route", "rpc_method", "span_name", "db_query_summary"],
    buckets: None,
    help: "Database statements that one request repeated too often.",
};
