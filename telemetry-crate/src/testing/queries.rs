//! Assertions about the number of SQL statements.
//!
//! They make a test fail when, for example, a loop runs one query for each row.

use std::{fmt, future::Future};

use tracing::Instrument;

use crate::db::recording::Recording;
use crate::thread::is_in_capture;

/// The recorded statements, in the order in which they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queries(Vec<(String, String)>);

/// Runs `work` and returns its result and the statements that sqlx ran.
///
/// Runs `work` inside a span, and counts the statements inside that span. A task that `work` spawns
/// is inside it with [`context::spawn`](crate::context::spawn), but not with `tokio::spawn`.
///
/// Works in parallel tests, with and without telemetry. The count leaves out `BEGIN`, `COMMIT`, and
/// SQLite's `PRAGMA`s at the start of a connection.
///
/// # Panics
///
/// Panics if the process has a `tracing` subscriber without firstlight's layer, which could not record statements. Also
/// panics inside a [`Capture`](super::Capture): SQLite runs its queries on a thread outside the capture, so a test would
/// count none and always pass.
///
/// ```no_run
/// # async fn example(pool: sqlx::SqlitePool) -> Result<(), sqlx::Error> {
/// let (rows, queries) = firstlight::testing::count_queries(async {
///     sqlx::query("SELECT * FROM orders").fetch_all(&pool).await
/// })
/// .await;
/// assert_eq!(rows?.len(), 0);
/// assert_eq!(queries.summaries(), ["SELECT orders"]);
/// # Ok(())
/// # }
/// ```
pub async fn count_queries<T>(work: impl Future<Output = T>) -> (T, Queries) {
    assert!(
        !is_in_capture(),
        "queries cannot be counted inside a capture, because SQLite runs them on a thread outside it; count them in a test without a capture"
    );
    let recording = Recording::start();
    assert!(
        recording.is_some(),
        "this process has a tracing subscriber without firstlight's layer, so no query can be counted; \
         use firstlight's subscriber, or add Telemetry::layer() to that subscriber"
    );
    let Some((recording, span)) = recording else {
        return (work.await, Queries::default());
    };
    let result = work.instrument(span.clone()).await;
    (result, Queries(recording.finish(span)))
}

/// Runs a future, and fails the test if it runs more statements than allowed.
///
/// The failure lists the statements. Evaluates to the result of the future.
///
/// [`count_queries`] says which statements count.
///
/// ```no_run
/// # async fn orders(pool: &sqlx::SqlitePool) -> Vec<u64> { Vec::new() }
/// # async fn example(pool: sqlx::SqlitePool) {
/// // One statement for the orders, one for all of their items.
/// let orders = firstlight::testing::assert_queries!(2, orders(&pool));
/// # drop(orders);
/// # }
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __assert_queries {
    ($at_most:expr, $work:expr $(,)?) => {{
        let at_most: usize = $at_most;
        let (result, queries) = $crate::testing::count_queries($work).await;
        ::core::assert!(
            queries.len() <= at_most,
            "queries: expected at most {at_most}, found {}:\n{queries}",
            queries.len()
        );
        result
    }};
}

#[doc(inline)]
pub use crate::__assert_queries as assert_queries;

impl Queries {
    /// Returns the number of statements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no statements.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the summaries of the statements, such as `SELECT orders`.
    pub fn summaries(&self) -> Vec<&str> {
        self.0.iter().map(|(summary, _)| &**summary).collect()
    }

    /// Returns the texts of the statements, without values.
    pub fn texts(&self) -> Vec<&str> {
        self.0.iter().map(|(_, text)| &**text).collect()
    }
}

/// Shows one statement per line, with the number of its repetitions in a row.
impl fmt::Display for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for run in self.0.chunk_by(|a, b| a == b) {
            if let Some((_, text)) = run.first() {
                writeln!(f, "{:>6} x {text}", run.len())?;
            }
        }
        Ok(())
    }
}
