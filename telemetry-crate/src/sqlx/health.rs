//! Readiness checks of a database: whether it is reachable and writable.
//!
//! The checks do not use the pool. A busy pool is no reason to send requests to other replicas,
//! which are equally busy.

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
    error_class::{is_busy, is_storage_failure, meaning},
    failure::failure,
    read_only,
};
use crate::db::Failure;

/// Interval of test writes while they succeed.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);
/// Timeout of a test write, below that of readiness checks.
///
/// A write that takes longer means a busy database, which is not a failure.
const WRITE_TIMEOUT: Duration = Duration::from_millis(400);
/// Time for which a failure of the service's own writes counts.
///
/// The time is limited, because without traffic no other write shows that the database has
/// recovered.
const FAILURE_WINDOW: Duration = Duration::from_secs(10);

/// Time and error of the latest call that failed because nothing can be stored.
static LATEST_FAILURE: StdMutex<Option<(Instant, Failure)>> = StdMutex::new(None);

/// Records a call's error if it means that nothing can be stored.
pub(crate) fn record_storage_failure(error: &Error) {
    read_only::record_refused_write(error);
    if is_storage_failure(error)
        && let Some(failure) = failure(error)
    {
        let mut latest = LATEST_FAILURE
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *latest = Some((Instant::now(), failure));
    }
}

/// The reason for which a check fails.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreCheckError {
    /// The database cannot be reached or read.
    Unreachable(Error),
    /// A row could not be written.
    NotWritten(Error),
    /// The check's table is missing, although an earlier check wrote to it.
    ///
    /// The database was replaced or emptied, so it may lack the service's tables as well.
    Replaced,
    /// A call of the service failed within the last ten seconds.
    ///
    /// It failed because nothing can be stored.
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
            Self::Replaced => f.write_str(
                "was replaced or emptied: the table firstlight_write_check is missing; restart the service, so that its migrations run",
            ),
            Self::CallFailed { code } => write!(
                f,
                "cannot store: a call has failed within the last {} s with {code}{}",
                FAILURE_WINDOW.as_secs(),
                meaning(code)
            ),
        }
    }
}

impl std::error::Error for StoreCheckError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The message contains that of the error.
            Self::Unreachable(error) | Self::NotWritten(error) => error.source(),
            Self::Replaced | Self::CallFailed { .. } => None,
        }
    }
}

/// The future of a check.
type CheckFuture = Pin<Box<dyn Future<Output = Result<(), StoreCheckError>> + Send>>;

/// A readiness check for services that only read: the database is reachable.
///
/// Register it with [`Readiness::register`](crate::Readiness::register). A full disk, or a server
/// that becomes read-only, leaves the service ready.
pub fn reachable<DB>(pool: &Pool<DB>) -> impl Fn() -> CheckFuture + Send + Sync + 'static
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    check(pool, false)
}

/// A readiness check for services that write: the database accepts writes.
///
/// Register it with [`Readiness::register`](crate::Readiness::register).
///
/// The check fails if the database cannot be reached or refuses to write one row. It also fails if
/// a call of the service failed within the last ten seconds because nothing can be stored: the disk
/// is full or fails, the file is missing or damaged, or the server is read-only. This covers calls
/// with [`instrumented()`](super::InstrumentQuery::instrumented) and [transactions](super::begin).
/// A busy database passes: a row that is locked, or a write that takes longer than 400 ms.
///
/// The row is written at most every five seconds, and at each check while that fails. It is the
/// only row of the table `firstlight_write_check`, which is created at the first use. If it is
/// missing later, the database was replaced or emptied, and the check fails until the service is
/// restarted. A service whose user may not create tables creates it in a migration:
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
pub fn writable<DB>(pool: &Pool<DB>) -> impl Fn() -> CheckFuture + Send + Sync + 'static
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    check(pool, true)
}

fn check<DB>(pool: &Pool<DB>, writes: bool) -> impl Fn() -> CheckFuture + Send + Sync + 'static
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    // sqlx emits no events for the check's statements, so they have no spans, metrics or log lines.
    let options = (*pool.connect_options())
        .clone()
        .log_statements(LevelFilter::Off);
    let probe = Arc::new(Probe::<DB> {
        options,
        writes,
        state: Mutex::new(ProbeState {
            connection: None,
            written: None,
            has_table: false,
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
    state: Mutex<ProbeState<DB>>,
}

/// State between checks.
struct ProbeState<DB: Database> {
    connection: Option<DB::Connection>,
    /// Time of the last successful write; `None` if a later write has failed.
    written: Option<Instant>,
    /// Whether a write has succeeded, so that the table exists.
    has_table: bool,
}

impl<DB> Probe<DB>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn run(&self) -> Result<(), StoreCheckError> {
        let mut state = self.state.lock().await;
        let mut connection = match state.connection.take() {
            Some(connection) => connection,
            None => (self.options.connect().await).map_err(StoreCheckError::Unreachable)?,
        };
        connection
            .ping()
            .await
            .map_err(StoreCheckError::Unreachable)?;
        if self.writes {
            if let Some(code) = latest_failure() {
                state.written = None;
                return Err(StoreCheckError::CallFailed { code });
            }
            if state
                .written
                .is_none_or(|at| at.elapsed() >= WRITE_INTERVAL)
            {
                state.written = None;
                let write = write::<DB>(&mut connection, state.has_table);
                match timeout(WRITE_TIMEOUT, write).await {
                    Ok(Ok(())) => {
                        state.written = Some(Instant::now());
                        state.has_table = true;
                    }
                    Ok(Err(error)) if state.has_table && is_table_missing(&error) => {
                        return Err(StoreCheckError::Replaced);
                    }
                    Ok(Err(error)) if is_busy(&error) => {}
                    Ok(Err(error)) => {
                        read_only::record_refused_write(&error);
                        return Err(StoreCheckError::NotWritten(error));
                    }
                    // The state of the connection is unknown, so it is dropped.
                    Err(_) => return Ok(()),
                }
            }
        }
        if is_sqlite::<DB>() {
            // The last connection that is closed writes the write-ahead log back into the file. It
            // should be a connection of the pool, so the check's connection is closed early.
            connection
                .close()
                .await
                .map_err(StoreCheckError::Unreachable)?;
        } else {
            state.connection = Some(connection);
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
    (at.elapsed() < FAILURE_WINDOW).then(|| failure.error_type.clone().into_owned())
}

/// The statement that creates the table, after a prefix.
macro_rules! create_table {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "CREATE TABLE IF NOT EXISTS firstlight_write_check (id integer PRIMARY KEY, writes bigint NOT NULL)"
        )
    };
}

const WRITE: &str = "INSERT INTO firstlight_write_check (id, writes) VALUES (1, 1) \
    ON CONFLICT (id) DO UPDATE SET writes = firstlight_write_check.writes + 1";

/// Writes the row; creates its table at the first use.
async fn write<DB>(connection: &mut DB::Connection, has_table: bool) -> Result<(), Error>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let create_table = if is_sqlite::<DB>() {
        // Even if this call is dropped at its timeout, SQLite's thread keeps waiting for a lock. So
        // SQLite's own timeout, in milliseconds, is shorter.
        let wait = sqlx::raw_sql("PRAGMA busy_timeout = 200");
        wait.execute(&mut *connection).await?;
        create_table!("")
    } else {
        // Replicas that create the table at the same time would conflict in the catalog.
        create_table!("SELECT pg_advisory_xact_lock(439956566900); ")
    };
    let written = sqlx::raw_sql(WRITE).execute(&mut *connection).await;
    if has_table || !written.as_ref().is_err_and(is_table_missing) {
        return written.map(drop);
    }
    sqlx::raw_sql(create_table)
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(WRITE).execute(connection).await.map(drop)
}

/// Returns whether the error is 42P01, or SQLite's general error for invalid SQL.
fn is_table_missing(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "42P01" || code == "1")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::sqlx::InstrumentQuery;

    /// Checks that a failed call of the service fails the readiness check.
    ///
    /// It is the only test in this process that records a failure.
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
        let text = error.to_string();
        assert!(
            text.contains("8 (SQLITE_READONLY): the file is read-only; "),
            "{text}"
        );
        reachable(&pool)().await.unwrap();
    }

    #[tokio::test]
    async fn lost_tables_are_not_created_again() {
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:")
            .await
            .unwrap();
        write::<sqlx::Sqlite>(&mut connection, false).await.unwrap();
        let lost = sqlx::raw_sql("DROP TABLE firstlight_write_check");
        lost.execute(&mut connection).await.unwrap();
        for _ in 0..2 {
            let written = write::<sqlx::Sqlite>(&mut connection, true).await;
            assert!(written.is_err_and(|error| is_table_missing(&error)));
        }
    }
}
