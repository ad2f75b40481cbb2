//! Queries of sqlx: a span and a duration for each, slow ones and N+1s named, and the pools they wait for.
//!
//! **Nothing of a program's queries has to change.** sqlx says of every statement, once it is over, what it was and how long
//! it took, in a `tracing` event; with the feature `sqlx` each becomes
//!
//! * a client span, `SELECT orders`, by the
//!   [database conventions](https://opentelemetry.io/docs/specs/semconv/db/database-spans/), as a child of the current one,
//! * a sample of `db_client_operation_duration_seconds`,
//! * one of the statements of its request, see `sql_queries_per_request`. One that a request
//!   [repeats](crate::TelemetryConfig::n_plus_one) is an N+1: one WARN line, an attribute on the request's span, and a
//!   count in `sql_n_plus_one_total`,
//! * one WARN line, if it was [slow](crate::TelemetryConfig::slow_query).
//!
//! All of it whatever `RUST_LOG` says. sqlx's own lines about statements stay what `RUST_LOG` makes of them, except that
//! its warnings about slow ones give way to ours unless it lets through `sqlx::query` at `debug`.
//!
//! ```no_run
//! use firstlight::sqlx::Observe;
//! # use sqlx::postgres::PgPoolOptions;
//!
//! # async fn example() -> Result<(), sqlx::Error> {
//! let pool = firstlight::sqlx::measured(PgPoolOptions::new().max_connections(10))
//!     .connect("postgres://orders@localhost/orders")
//!     .await?;
//! // Says which database it is, and shows the pool's connections.
//! firstlight::sqlx::observe(&pool);
//!
//! // As ever.
//! sqlx::query("SELECT * FROM orders WHERE id = $1").bind(7).fetch_one(&pool).await?;
//! // With its error, its caller, and the wait for its connection.
//! sqlx::query("DELETE FROM orders WHERE id = $1").bind(7).execute(&pool).observed().await?;
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `sqlx-sqlite` or `sqlx-postgres`, `DatabaseOptions` reads the settings of a database from the environment,
//! opens it, migrates it, and does what is above.
//!
//! # What it cannot know
//!
//! sqlx does not say which database or which pool a statement was for, so spans and metrics have what all
//! [observed](observe) pools have in common; in a program with two kinds of databases, `db.system.name` is `other_sql`. A
//! statement that is logged above `debug`, or not at all, is not seen. Errors are, where calls are
//! [`observed()`](Observe::observed). How many callers wait for a connection cannot be known; how long they have waited, a
//! pool with [`measured`] options can.
//!
//! # What it leaves out
//!
//! The values that are bound to statements: they stay inside the process. Literals inside a statement are shown as `?`.

mod attributes;
mod call;
#[cfg(feature = "cron")]
mod cron_store;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod database;
mod error_class;
mod event;
mod failure;
mod file;
mod health;
mod held;
mod layer;
mod lexer;
mod lines;
mod metrics;
mod observed;
mod pools;
mod quotes;
mod read_only;
#[cfg(feature = "testing")]
pub(crate) mod recorder;
mod server;
mod span_extension;
#[cfg(feature = "testing")]
mod standalone;
mod statement;
mod summary;
mod text;
mod transaction;
mod unit;
mod unopened;

use log::LevelFilter;
use sqlx::{Database, Pool, pool::PoolOptions};

#[cfg(feature = "cron")]
pub use self::cron_store::CronStore;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use self::database::{DatabaseOptions, DatabaseOptionsError, OpenError, OwnedDatabase};
#[cfg(feature = "apalis")]
pub(crate) use self::health::note;
pub use self::{
    error_class::ErrorClass,
    file::follow_file,
    health::{StoreCheckError, reachable, writable},
    observed::{Observe, Observed},
    transaction::{Transaction, begin},
};
pub(crate) use self::{layer::QueryLayer, pools::PoolCollector};

/// The target of the spans and the log lines.
pub(crate) const TARGET: &str = "firstlight::sqlx";

/// Shows the connections of the pool as `db_client_connection_count` and `db_client_connection_limit`, and takes from it what
/// is known about the database: its system, name, address and port, on all spans.
///
/// The pool is named as the conventions say, `db:5432/orders`, or by its system if it has no address;
/// [`observe_as`] gives it another name. It is observed until it is closed: as long as it is open, it is held, so close it
/// with [`Pool::close`] rather than by dropping it. Before or after `init()` makes no difference.
pub fn observe<DB: Database>(pool: &Pool<DB>) {
    pools::add(pool, None);
}

/// Observes the pool like [`observe`], under a name of your own: for one of several pools of the same database. A pool that
/// has the name already is observed no more.
pub fn observe_as<DB: Database>(pool: &Pool<DB>, name: impl Into<String>) {
    pools::add(pool, Some(name.into()));
}

/// Makes pools with these options say how long each connection was waited for, which they keep to themselves otherwise:
/// `db_client_connection_wait_time_seconds`. Costs one event for each call.
///
/// A connection that comes back in the middle of a transaction is closed: one whose `COMMIT` or `ROLLBACK` has failed, or
/// whose `BEGIN` was a statement that no other followed. What others stored on it afterwards would be lost. For that, each
/// connection that comes back is asked once more, after its request.
///
/// When a server turns out to be read-only, connections that were open by then are closed as they come back, once a second
/// at most: one that has become a replica goes on as that. What is refused counts if it is [`observed()`](Observe::observed),
/// a [transaction](begin), or a [readiness check](writable). [`follow_file`] does the same for SQLite.
///
/// It takes the place of [`after_release`](PoolOptions::after_release).
pub fn measured<DB: Database>(options: PoolOptions<DB>) -> PoolOptions<DB> {
    options
        .acquire_time_level(LevelFilter::Debug)
        .after_release(|connection, known| {
            let is_outdated = DB::NAME == "PostgreSQL" && read_only::is_outdated(known.age);
            Box::pin(async move { Ok(!is_outdated && held::is_idle::<DB>(connection).await) })
        })
}
