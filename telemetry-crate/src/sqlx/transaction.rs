//! Transactions, from their begin to their end: how long they were open, and how they ended.
//!
//! A transaction that is open keeps its locks and its connection, so its time is worth more than the sum of its
//! statements'. Savepoints, and transactions that are begun otherwise, are not instrumented.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    panic::Location,
    time::Instant,
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Status, TraceContextExt},
};
use sqlx::{Database, Error, Pool};
use tracing::Span;

use super::{TARGET, held::Held, instrumented::InstrumentedQuery, metrics, server::system_name};
use crate::traces::SPAN_LEVEL;

/// Begins an instrumented transaction: a span named `transaction`, from here to its end, with its outcome, and a sample
/// of `sql_transaction_duration_seconds`. `BEGIN`, `COMMIT` and `ROLLBACK` are spans of their own, with their errors.
///
/// Use it like sqlx's own, `&mut *transaction` being the connection. One that is dropped is rolled back, and its outcome is
/// `dropped`.
///
/// A connection whose `BEGIN`, `COMMIT` or `ROLLBACK` fails, or is cancelled, is closed and never returns to the pool. With
/// sqlx's own [`Pool::begin`] it returns, unless the pool has [instrumented options](super::instrument_options), and what it is said to
/// commit afterwards may be lost.
///
/// # Errors
///
/// Those of [`Pool::begin`].
///
/// ```no_run
/// # async fn example(pool: sqlx::SqlitePool) -> Result<(), sqlx::Error> {
/// let mut transaction = firstlight::sqlx::begin(&pool).await?;
/// sqlx::query("INSERT INTO orders (id) VALUES (?)").bind(7).execute(&mut *transaction).await?;
/// transaction.commit().await
/// # }
/// ```
#[track_caller]
pub fn begin<DB: Database>(
    pool: &Pool<DB>,
) -> impl Future<Output = Result<Transaction<DB>, Error>> + Send + use<'_, DB> {
    let site = Location::caller();
    async move {
        let held = InstrumentedQuery::new(Held::begin(pool), site, Some("BEGIN")).await?;
        // The wait for a connection is no part of it.
        let open = Open::new(site, system_name::<DB>());
        Ok(Transaction { held, open })
    }
}

/// An open transaction, see [`begin`].
pub struct Transaction<DB: Database> {
    held: Held<DB>,
    open: Open,
}

impl<DB: Database> fmt::Debug for Transaction<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl<DB: Database> Transaction<DB> {
    /// Makes its changes last.
    ///
    /// # Errors
    ///
    /// Those of the database; a serialization failure often shows here, and nowhere earlier. It is rolled back then, unless
    /// the connection was lost: whether the commit had arrived is unknown then, as it is of a commit that is cancelled.
    ///
    /// Fails as well if there is nothing to commit: a statement has failed, which ends a transaction of PostgreSQL (25P02),
    /// or has ended it (`COMMIT` or `ROLLBACK` as text), or a savepoint has failed or is still open ([`Error::Protocol`]). On
    /// PostgreSQL this takes one more round trip; its own answer to such a `COMMIT` is a success.
    pub async fn commit(self) -> Result<(), Error> {
        let Self { mut held, open } = self;
        let committed = InstrumentedQuery::new(held.commit(), open.site, Some("COMMIT")).await;
        open.end("commit", committed)
    }

    /// Takes its changes back.
    ///
    /// # Errors
    ///
    /// Those of the database, or of the connection to it; it is rolled back in any case.
    pub async fn rollback(self) -> Result<(), Error> {
        let Self { mut held, open } = self;
        let rolled_back =
            InstrumentedQuery::new(held.rollback(), open.site, Some("ROLLBACK")).await;
        open.end("rollback", rolled_back)
    }
}

impl<DB: Database> Deref for Transaction<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.held
    }
}

impl<DB: Database> DerefMut for Transaction<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.held
    }
}

/// Counts when it is dropped.
struct Open {
    site: &'static Location<'static>,
    span: Span,
    started: Instant,
    system: &'static str,
    outcome: &'static str,
}

impl Open {
    fn new(site: &'static Location<'static>, system: &'static str) -> Self {
        Self {
            site,
            span: tracing::span!(target: TARGET, SPAN_LEVEL, "transaction"),
            started: Instant::now(),
            system,
            outcome: "dropped",
        }
    }

    fn end(mut self, outcome: &'static str, result: Result<(), Error>) -> Result<(), Error> {
        self.outcome = if result.is_ok() { outcome } else { "error" };
        result
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let outcome = self.outcome;
        let duration = self.started.elapsed();
        self.span.in_scope(|| {
            metrics::transaction(self.system, outcome, duration);
            if self.span.is_disabled() {
                return;
            }
            let context = Context::current();
            let span = context.span();
            // No convention has it.
            span.set_attribute(KeyValue::new("sql.transaction.outcome", outcome));
            if outcome == "error" {
                span.set_status(Status::error(""));
            }
        });
    }
}
