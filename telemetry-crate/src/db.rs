//! Traces, metrics and warnings for queries, without a dependency on a client.
//!
//! **The queries of sqlx need no change.** sqlx 0.8 and 0.9 emit a `tracing` event after every statement, with the
//! statement and its duration. With the feature `db` each event becomes
//!
//! * a client span, such as `SELECT orders`, by the [database
//!   conventions](https://opentelemetry.io/docs/specs/semconv/db/database-spans/), as a child of
//!   the current span,
//! * a sample of `db_client_operation_duration_seconds`,
//! * a count toward the statements of the current request. Their total is a sample of
//!   `sql_queries_per_request`. A statement that a request
//!   [repeats](crate::TelemetryConfig::n_plus_one) is an N+1: one WARN log line, attributes on the
//!   request's span, and a count in `sql_n_plus_one_total`,
//! * one WARN log line, if the statement was [slow](crate::TelemetryConfig::slow_query).
//!
//! The events do not name the database. [`describe`] sets it from a URL. The features `sqlx` and `sqlx-08` take it from
//! pools, and add what needs the types of sqlx.
//!
//! **The calls of any other client are wrapped** by [`client`], with the same result. Pools of other clients are
//! exported by [`instrument_pool`].
//!
//! ```
//! # use std::io;
//! # struct Postgres;
//! # impl Postgres { async fn query(&self, _: &str) -> io::Result<Vec<u64>> { Ok(vec![7]) } }
//! # async fn example(postgres: Postgres) -> io::Result<()> {
//! let calls = firstlight::db::client("postgresql").url("postgres://ada:secret@db:5432/orders");
//!
//! let sql = "SELECT id FROM orders";
//! let orders = calls.query(sql, postgres.query(sql)).await?; // the span `SELECT orders`
//! # drop(orders);
//! # Ok(())
//! # }
//! ```
//!
//! `RUST_LOG` filters only the log lines. Spans and metrics do not depend on it. firstlight's
//! warnings about slow statements replace those of sqlx, which are written only if `RUST_LOG`
//! enables `sqlx::query` at `debug`.
//!
//! Values that are bound to statements stay inside the process. Literals inside a statement are
//! replaced by `?`.

mod attributes;
mod call;
mod call_future;
#[cfg_attr(
    not(feature = "sqlx"),
    expect(dead_code, reason = "for calls of sqlx 0.9")
)]
mod call_sites;
mod client;
mod connection_uses;
mod event;
mod failure;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod layer;
mod lexer;
mod log_events;
mod metrics;
mod place;
mod pools;
mod quotes;
mod recorded_statement;
#[cfg(feature = "testing")]
pub(crate) mod recording;
mod run_cache;
mod server;
mod span_extension;
#[cfg(feature = "testing")]
mod standalone;
mod statement;
#[cfg(feature = "testing")]
mod statement_recorder;
mod statement_text;
mod summary;
mod unit_of_work;

#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(crate) use self::pools::opening;
#[cfg(feature = "sqlx")]
pub(crate) use self::{
    attributes::site_attributes,
    call::Call,
    call_future::CallFuture,
    connection_uses::{UsesConnection, list as list_use},
    failure::Failure,
    pools::{ExtraConnection, OpenFuture, extra_connections},
    server::system_name,
    statement::{Statement, statement},
};
pub use self::{
    client::{Client, ClientCall, client},
    pools::{Connections, instrument_pool},
    server::describe,
};
pub(crate) use self::{
    connection_uses::{ConnectionUse, UseState},
    layer::QueryLayer,
    pools::{PoolCollector, pool_uses},
};
#[cfg(any(feature = "sqlx", feature = "sqlx-08"))]
pub(crate) use self::{
    pools::{InstrumentedPool, PoolKey, StatementPool, add as add_pool},
    server::Server,
};

/// Target of the spans and the log lines.
///
/// Log filters name it, so it stays what it was when only sqlx's queries were instrumented.
pub(crate) const TARGET: &str = "firstlight::sqlx";
