//! How many statements something runs: a test that fails when a loop begins to ask the database for each row.
//!
//! What it leaves out: how long they take, which a test cannot know.

use std::{fmt, future::Future};

use tracing::Instrument;

use crate::sqlx::recorder::Recording;
use crate::thread::is_in_capture;

/// The statements that ran, in the order in which they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queries(Vec<(String, String)>);

/// Runs `work` and returns with its result what sqlx was asked meanwhile, from its task and from whatever it spawned inside
/// its span.
///
/// Works in parallel tests, with and without telemetry. `BEGIN` and `COMMIT` do not count, nor do SQLite's `PRAGMA`s,
/// which a new connection begins with, nor what is spawned without its span.
///
/// # Panics
///
/// If the process has a `tracing` subscriber of its own, without firstlight's layer, which then sees nothing; and inside a
/// [`Capture`](super::Capture), because SQLite runs its queries on a thread of its own, outside of any capture, and a test
/// that counts none would always pass.
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
        "queries cannot be counted inside a capture; SQLite's thread is outside of it. Count them in a test of its own"
    );
    let recording = Recording::start();
    assert!(
        recording.is_some(),
        "this process has a tracing subscriber without firstlight's layer, so that no query can be counted; \
         use firstlight's, or add Telemetry::layer() to it"
    );
    let Some((recording, span)) = recording else {
        return (work.await, Queries::default());
    };
    let result = work.instrument(span.clone()).await;
    (result, Queries(recording.finish(span)))
}

/// Runs a future and fails the test, with the list of the statements, if it runs more than so many. It is the future's
/// result.
///
/// See [`count_queries`] for what counts.
///
/// ```no_run
/// # async fn orders(pool: &sqlx::SqlitePool) -> Vec<u64> { Vec::new() }
/// # async fn example(pool: sqlx::SqlitePool) {
/// // One for the orders, one for all of their items.
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
            "expected at most {at_most} queries, found {}:\n{queries}",
            queries.len()
        );
        result
    }};
}

#[doc(inline)]
pub use crate::__assert_queries as assert_queries;

impl Queries {
    /// How many there were.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their summaries, such as `SELECT orders`.
    pub fn summaries(&self) -> Vec<&str> {
        self.0.iter().map(|(summary, _)| &**summary).collect()
    }

    /// Their texts, without values.
    pub fn texts(&self) -> Vec<&str> {
        self.0.iter().map(|(_, text)| &**text).collect()
    }
}

/// One a line, equal ones in a row counted.
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
