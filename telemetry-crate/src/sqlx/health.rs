//! Readiness checks of a database: whether it is reached, and whether it stores.
//!
//! Neither goes through the pool. A pool that is busy is no reason to send its requests to the other replicas, which are
//! as busy.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::{Duration, Instant},
};

use log::LevelFilter;
use sqlx::{ConnectOptions, Connection, Database, Error, Executor, Pool};
use tokio::{sync::Mutex, time::timeout};

use super::{
    error_class::{is_busy, is_storage_failure},
    failure::Failure,
    read_only,
};

/// Between two writes of a check, as long as they succeed.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// Below the time-out of readiness checks. A write that takes longer is a busy database, and no news.
const WRITE_TIMEOUT: Duration = Duration::from_millis(400);
/// For so long a failure of the service's own writes counts. It must end, because nothing else says that there is room
/// again once the traffic has gone.
const FAILURE_COUNTS: Duration = Duration::from_secs(10);

/// The service's latest call that found the database unable to store, and its error code.
static LATEST_FAILURE: StdMutex<Option<(Instant, Failure)>> = StdMutex::new(None);

/// Takes note of what a call of the service has found.
pub(crate) fn note(error: &Error) {
    read_only::note(error);
    if is_storage_failure(error)
        && let Some(failure) = Failure::of(error)
    {
        let mut latest = LATEST_FAILURE
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *latest = Some((Instant::now(), failure));
    }
}

/// Why a check fails.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreCheckError {
    /// The database is not reached, or cannot be read.
    Unreachable(Error),
    /// A row could not be written.
    NotWritten(Error),
    /// A call of the service has failed because nothing can be stored, less than ten seconds ago.
    CallFailed {
        /// The SQLSTATE, or SQLite's number.
        code: String,
    },
}

impl fmt::Display for StoreCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "cannot be reached: {error}"),
            Self::NotWritten(error) => write!(f, "cannot write a row: {error}"),
            Self::CallFailed { code } => write!(
                f,
                "cannot store: a call has failed with {code} within the last {} s",
                FAILURE_COUNTS.as_secs()
            ),
        }
    }
}

impl std::error::Error for StoreCheckError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(error) | Self::NotWritten(error) => Some(error),
            Self::CallFailed { .. } => None,
        }
    }
}

/// The future of a check.
type Checked = Pin<Box<dyn Future<Output = Result<(), StoreCheckError>> + Send>>;

/// A [readiness check](crate::Readiness::register) for services that only read: the pool's database is reached.
///
/// A full disk, or a server that turns read-only, leaves the service ready.
pub fn reachable<DB>(pool: &Pool<DB>) -> impl Fn() -> Checked + Send + Sync + 'static
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    check(pool, false)
}

/// A [readiness check](crate::Readiness::register) for services that store: the pool's database is reached, and takes
/// writes.
///
/// Fails if the database cannot be reached, if it refuses to write one row, or if a call of the service that is
/// [`instrumented()`](super::InstrumentQuery::instrumented), or a [transaction](super::begin), has failed within the last ten seconds
/// because nothing can be stored: the disk is full or fails, the file is gone or damaged, or the server can only be read. A database
/// that is busy passes: a row that is locked, or a write that takes longer than 400 ms.
///
/// The row is written every five seconds at most, and at each check while that fails. It is the only one of the table
/// `firstlight_write_check`, which is made at the first use; a service whose user may not make tables makes it in a
/// migration:
///
/// ```sql
/// CREATE TABLE firstlight_write_check (id integer PRIMARY KEY, writes bigint NOT NULL);
/// ```
///
/// ```no_run
/// # fn example(telemetry: &firstlight::TelemetryGuard, pool: sqlx::PgPool) {
/// telemetry.readiness().register("database", firstlight::sqlx::writable(&pool));
/// # }
/// ```
pub fn writable<DB>(pool: &Pool<DB>) -> impl Fn() -> Checked + Send + Sync + 'static
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    check(pool, true)
}

fn check<DB>(pool: &Pool<DB>, writes: bool) -> impl Fn() -> Checked + Send + Sync + 'static
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    // Its statements are no work of the service.
    let options = (*pool.connect_options())
        .clone()
        .log_statements(LevelFilter::Off);
    let probe = Arc::new(Probe::<DB> {
        options,
        writes,
        kept: Mutex::new(Kept {
            connection: None,
            written: None,
        }),
    });
    move || {
        let probe = Arc::clone(&probe);
        Box::pin(async move { probe.run().await })
    }
}

struct Probe<DB: Database> {
    options: <DB::Connection as Connection>::Options,
    writes: bool,
    kept: Mutex<Kept<DB>>,
}

/// From one check to the next.
struct Kept<DB: Database> {
    connection: Option<DB::Connection>,
    /// When a write has succeeded, unless one has failed since.
    written: Option<Instant>,
}

impl<DB> Probe<DB>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn run(&self) -> Result<(), StoreCheckError> {
        let mut kept = self.kept.lock().await;
        let mut connection = match kept.connection.take() {
            Some(connection) => connection,
            None => (self.options.connect().await).map_err(StoreCheckError::Unreachable)?,
        };
        connection
            .ping()
            .await
            .map_err(StoreCheckError::Unreachable)?;
        if self.writes {
            if let Some(code) = latest_failure() {
                kept.written = None;
                return Err(StoreCheckError::CallFailed { code });
            }
            if kept.written.is_none_or(|at| at.elapsed() >= WRITE_EVERY) {
                kept.written = None;
                match timeout(WRITE_TIMEOUT, write::<DB>(&mut connection)).await {
                    Ok(Ok(())) => kept.written = Some(Instant::now()),
                    Ok(Err(error)) if is_busy(&error) => {}
                    Ok(Err(error)) => {
                        read_only::note(&error);
                        return Err(StoreCheckError::NotWritten(error));
                    }
                    // What it is in is unknown.
                    Err(_) => return Ok(()),
                }
            }
        }
        if is_sqlite::<DB>() {
            // The last connection to close writes the log back into the file, and that is to be the pool's.
            connection
                .close()
                .await
                .map_err(StoreCheckError::Unreachable)?;
        } else {
            kept.connection = Some(connection);
        }
        Ok(())
    }
}

fn is_sqlite<DB: Database>() -> bool {
    DB::NAME == "SQLite"
}

fn latest_failure() -> Option<String> {
    let latest = LATEST_FAILURE
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let (at, failure) = latest.as_ref()?;
    (at.elapsed() < FAILURE_COUNTS).then(|| failure.error_type.clone().into_owned())
}

/// The table, behind a prefix.
macro_rules! make {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "CREATE TABLE IF NOT EXISTS firstlight_write_check (id integer PRIMARY KEY, writes bigint NOT NULL)"
        )
    };
}

const WRITE: &str = "INSERT INTO firstlight_write_check (id, writes) VALUES (1, 1) \
    ON CONFLICT (id) DO UPDATE SET writes = firstlight_write_check.writes + 1";

async fn write<DB>(connection: &mut DB::Connection) -> Result<(), Error>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let make = if is_sqlite::<DB>() {
        // A dropped call would go on waiting on SQLite's thread.
        let wait = sqlx::raw_sql("PRAGMA busy_timeout = 200");
        wait.execute(&mut *connection).await?;
        make!("")
    } else {
        // Replicas that make it at once would trip over each other in the catalogue.
        make!("SELECT pg_advisory_xact_lock(439956566900); ")
    };
    let written = sqlx::raw_sql(WRITE).execute(&mut *connection).await;
    if !written.as_ref().is_err_and(is_table_missing) {
        return written.map(drop);
    }
    sqlx::raw_sql(make).execute(&mut *connection).await?;
    sqlx::raw_sql(WRITE).execute(connection).await.map(drop)
}

/// 42P01, or SQLite's general error for SQL that it cannot run.
fn is_table_missing(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "42P01" || code == "1")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::sqlx::InstrumentQuery;

    /// The only test of this process that notes one.
    #[tokio::test]
    async fn failed_calls_fail_the_check() {
        let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
        let check = writable(&pool);
        check().await.unwrap();
        let refused = sqlx::raw_sql("PRAGMA query_only = 1; CREATE TABLE orders (id integer)");
        refused.execute(&pool).instrumented().await.unwrap_err();
        let error = check().await.unwrap_err();
        assert!(
            matches!(&error, StoreCheckError::CallFailed { code } if code == "8"),
            "{error}"
        );
        reachable(&pool)().await.unwrap();
    }
}
