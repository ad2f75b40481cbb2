//! Traces, metrics and warnings for queries of sqlx, and metrics of its pools.
//!
//! **A program's queries need no change.** sqlx emits a `tracing` event after every statement, with
//! the statement and its duration. With the feature `sqlx` each event becomes
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
//! `RUST_LOG` filters only the log lines. Spans and metrics do not depend on it. firstlight's
//! warnings about slow statements replace those of sqlx, which are written only if `RUST_LOG`
//! enables `sqlx::query` at `debug`.
//!
//! ```no_run
//! use firstlight::sqlx::InstrumentQuery;
//! # use sqlx::postgres::PgPoolOptions;
//!
//! # async fn example() -> Result<(), sqlx::Error> {
//! let pool = firstlight::sqlx::instrument_options(PgPoolOptions::new().max_connections(10))
//!     .connect("postgres://orders@localhost/orders")
//!     .await?;
//! // Sets the database's attributes, and exports metrics of the pool's connections.
//! firstlight::sqlx::instrument_pool(&pool);
//!
//! // Unchanged:
//! sqlx::query("SELECT * FROM orders WHERE id = $1").bind(7).fetch_one(&pool).await?;
//! // The span also has the error and includes the wait for the connection:
//! sqlx::query("DELETE FROM orders WHERE id = $1").bind(7).execute(&pool).instrumented().await?;
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `sqlx-sqlite` or `sqlx-postgres`, `DatabaseOptions` reads the settings of a
//! database from the environment, and opens, migrates and instruments the database.
//!
//! # Limits
//!
//! sqlx's events do not name the database or the pool. So spans and metrics have the database's
//! attributes only if all [instrumented](instrument_pool) pools are of the same database. With
//! several databases of one kind, only `db.system.name` remains, and with different kinds it is
//! `other_sql`. A statement is only seen if sqlx logs it at `debug` or above. Errors are only
//! seen for calls with
//! [`instrumented()`](InstrumentQuery::instrumented). The number of callers that wait for a
//! connection is not known. A pool with [instrumented options](instrument_options) measures how
//! long they have waited.
//!
//! Values that are bound to statements stay inside the process. Literals inside a statement are
//! replaced by `?`.

#[cfg(feature = "cron")]
mod cron_store;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod database;
mod error_class;
mod failure;
mod file;
mod health;
mod instrumented;
mod lease;
mod pool_timeout;
mod pools;
mod read_only;
mod transaction;
mod transaction_connection;

use std::time::Duration;

use log::LevelFilter;
use sqlx::{Database, Pool, pool::PoolOptions};

#[cfg(feature = "cron")]
pub use self::cron_store::CronStore;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
pub(crate) use self::database::size_variable;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use self::database::{DatabaseOptions, DatabaseOptionsError, OpenError, OwnedDatabase};
#[cfg(feature = "apalis")]
pub(crate) use self::health::record_storage_failure;
pub use self::{
    error_class::ErrorClass,
    file::follow_file,
    health::{StoreCheckError, reachable, writable},
    instrumented::{InstrumentQuery, InstrumentedQuery},
    transaction::{Transaction, begin},
};

/// The limit of [`close`]; requests and jobs have ended before it is called.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Exports metrics of a pool, and adds its database to the spans of statements.
///
/// The metrics are `db_client_connection_count` and `db_client_connection_limit`. The spans get
/// attributes with the database's system, name, address and port, which sqlx's events do not have.
///
/// The pool is named as the conventions say, `db:5432/orders`, or by its system if it has no address;
/// [`instrument_pool_as`] gives it another name, which one of two pools of the same database needs: a
/// pool replaces an earlier one of its name. firstlight keeps a clone of the pool until the
/// pool is closed. So close it with [`Pool::close`], because dropping it closes no connections.
/// `instrument_pool` has the same effect before and after `init()`.
pub fn instrument_pool<DB: Database>(pool: &Pool<DB>) {
    pools::add(pool, None);
}

/// Instruments a pool like [`instrument_pool`], under the given name.
///
/// Use it for one of several pools of the same database. The pool replaces an earlier pool of the same name.
pub fn instrument_pool_as<DB: Database>(pool: &Pool<DB>, name: impl Into<String>) {
    pools::add(pool, Some(name.into()));
}

/// Closes a pool, and waits up to 1 s for connections that are still in use.
///
/// [`Pool::close`] alone waits without a limit for a connection that is never returned.
pub async fn close<DB: Database>(pool: &Pool<DB>) {
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, pool.close()).await;
}

/// Instruments the pools that these options open.
///
/// The pool measures how long each call waits for a connection, as
/// `db_client_connection_wait_time_seconds`. This costs one event for each call. `connect` waits
/// for the first connection before the pool can be instrumented, so that wait has no pool name. To
/// record it with the name, call `connect_lazy`, then [`instrument_pool`], then `acquire`.
///
/// A connection that is returned in the middle of a transaction is closed, because later
/// statements on it would be lost with that transaction. This happens when a `COMMIT` or
/// `ROLLBACK` has failed, when sqlx's own `begin` was canceled, or when a `BEGIN` was executed as a
/// plain statement. So each returned connection is checked with one more statement, for which the
/// caller does not wait.
///
/// When a PostgreSQL server turns out to be read-only, connections that were open at that time are closed when they are
/// returned, because they may be connected to a former primary that is now a replica. While the
/// server stays read-only, connections are reopened at most once a second. A server turns out to be
/// read-only when it refuses a write in an [instrumented](InstrumentQuery::instrumented) call, in a
/// [transaction](begin), or in a [readiness check](writable). [`follow_file`] does the same for
/// SQLite.
///
/// This function replaces [`after_release`](PoolOptions::after_release) of the options.
pub fn instrument_options<DB: Database>(options: PoolOptions<DB>) -> PoolOptions<DB> {
    options
        .acquire_time_level(LevelFilter::Debug)
        .after_release(|connection, metadata| {
            let is_outdated = DB::NAME == "PostgreSQL" && read_only::is_outdated(metadata.age);
            Box::pin(async move {
                Ok(!is_outdated && transaction_connection::is_idle::<DB>(connection).await)
            })
        })
}
