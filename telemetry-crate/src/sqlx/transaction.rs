//! Transactions: how long they were open, and how they ended.
//!
//! An open transaction holds its locks and its connection, so its duration matters more than the
//! sum of its statements'. Savepoints, and transactions that are begun in other ways, are not
//! instrumented.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    panic::Location,
    sync::LazyLock,
    time::Instant,
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Status, TraceContextExt},
};
use sqlx::{Database, Error, Pool};
use tracing::Span;

use super::{
    instrumented::InstrumentedQuery, lease::Lease, pools,
    transaction_connection::TransactionConnection,
};
use crate::{
    catalog,
    db::{TARGET, site_attributes, system_name},
    metrics::Durations,
    span_end::SpanEnd,
    traces::SPAN_LEVEL,
};

static DURATIONS: LazyLock<Durations> =
    LazyLock::new(|| Durations::new(&catalog::SQL_TRANSACTION_DURATION));

/// Begins an instrumented transaction.
///
/// The span `transaction` lasts from the end of `BEGIN` to the end of the transaction, and has its
/// outcome. The duration is a sample of `sql_transaction_duration_seconds`. `BEGIN`, `COMMIT` and
/// `ROLLBACK` have spans of their own, with their errors.
///
/// Use the transaction like sqlx's: `&mut *transaction` is the connection. If it is dropped, it is
/// rolled back, and its outcome is `dropped`.
///
/// A connection whose `BEGIN`, `COMMIT` or `ROLLBACK` fails or is canceled is closed, and never
/// returns to the pool. With sqlx's own [`Pool::begin`] such a connection returns to the pool,
/// unless the pool has [instrumented options](super::instrument_options), and changes that are
/// committed on it later may be lost.
///
/// # Errors
///
/// Returns the errors of [`Pool::begin`].
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
        let lease = Lease::ask(site, || pools::key(pool));
        let begin = TransactionConnection::begin(pool, lease.clone());
        let connection = InstrumentedQuery::new(begin, site, Some("BEGIN")).await?;
        // Created after `BEGIN`, so the wait for a connection does not count.
        let open = Open::new(site, system_name(DB::NAME), lease.as_deref());
        Ok(Transaction { connection, open })
    }
}

/// An open transaction, begun by [`begin`].
pub struct Transaction<DB: Database> {
    connection: TransactionConnection<DB>,
    open: Open,
}

impl<DB: Database> fmt::Debug for Transaction<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl<DB: Database> Transaction<DB> {
    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// Returns an error of the database. A serialization failure often shows only here. The
    /// transaction is then rolled back, unless the connection was lost. In that case, and if the
    /// commit is canceled, it is unknown whether the commit succeeded.
    ///
    /// Also returns an error if the transaction is no longer open for a commit:
    ///
    /// * A statement has failed, which ends a transaction of PostgreSQL (25P02).
    /// * A statement, `COMMIT` or `ROLLBACK` as text, has ended the transaction.
    /// * A savepoint has failed or is still open ([`Error::Protocol`]).
    ///
    /// On PostgreSQL this check takes one more round trip, because PostgreSQL itself reports such a
    /// `COMMIT` as a success.
    pub async fn commit(self) -> Result<(), Error> {
        let Self {
            mut connection,
            open,
        } = self;
        let committed =
            InstrumentedQuery::new(connection.commit(), open.site, Some("COMMIT")).await;
        open.end("commit", committed)
    }

    /// Rolls back the transaction.
    ///
    /// # Errors
    ///
    /// Returns an error of the database or the connection; the transaction is rolled back in any
    /// case.
    pub async fn rollback(self) -> Result<(), Error> {
        let Self {
            mut connection,
            open,
        } = self;
        let rolled_back =
            InstrumentedQuery::new(connection.rollback(), open.site, Some("ROLLBACK")).await;
        open.end("rollback", rolled_back)
    }
}

impl<DB: Database> Deref for Transaction<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Transaction<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

/// The measurement of a transaction, recorded when it is dropped.
struct Open {
    site: &'static Location<'static>,
    span: Span,
    started: Instant,
    system: &'static str,
    outcome: &'static str,
}

impl Open {
    fn new(site: &'static Location<'static>, system: &'static str, lease: Option<&Lease>) -> Self {
        let span = tracing::span!(target: TARGET, SPAN_LEVEL, "transaction");
        if let Some(lease) = lease {
            note_start(&span, site, lease);
        }
        Self {
            site,
            span,
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

/// Starts the span in the flight recorder, with its place.
///
/// Otherwise the span starts when it is first entered, at its end, and the recorder does not see the open transaction.
fn note_start(span: &Span, site: &'static Location<'static>, lease: &Lease) {
    let end = SpanEnd::new();
    span.in_scope(|| end.entered());
    end.write_recorded(|span| span.set_attributes(site_attributes(site)));
    lease.lasts_as_long_as(end.ids());
}

impl Drop for Open {
    fn drop(&mut self) {
        let outcome = self.outcome;
        let duration = self.started.elapsed();
        self.span.in_scope(|| {
            DURATIONS.record(&[Some(self.system), Some(outcome)], duration.as_secs_f64());
            if self.span.is_disabled() {
                return;
            }
            let context = Context::current();
            let span = context.span();
            // There is no convention for this attribute.
            span.set_attribute(KeyValue::new("sql.transaction.outcome", outcome));
            if outcome == "error" {
                span.set_status(Status::error(""));
            }
        });
    }
}
