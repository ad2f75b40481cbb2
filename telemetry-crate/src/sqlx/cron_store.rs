//! The store of scheduled jobs, in PostgreSQL or SQLite.
//!
//! As [`Store`] describes, there is one row for each job and one statement for each method, and
//! leases use the database's clock. Times are milliseconds since the Unix epoch, because SQLite has
//! no type for a time, and a number is the same in both databases.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::{
    ColumnIndex, Database, Decode, Encode, Error, Executor, IntoArguments, Pool, Row, Type,
};
use tokio::sync::OnceCell;

use crate::cron::{Claim, ClaimRequest, RunOutcome, Store};

/// Keeps the state of scheduled jobs in a database, for all replicas of a service.
///
/// The table `firstlight_cron` is created at the first use. A service whose user may not create
/// tables creates it in a migration:
///
/// ```sql
/// CREATE TABLE firstlight_cron (
///     name          text   PRIMARY KEY,
///     scheduled_for bigint NOT NULL, -- the latest tick that was claimed
///     holder        text   NOT NULL, -- the process that claimed it
///     leased_until  bigint,          -- NULL once its run has succeeded or failed
///     last_success  bigint,
///     first_seen    bigint           -- all times in milliseconds since 1970, UTC
/// );
/// ```
///
/// The store's statements run outside any request, so they are in the metrics but not in a trace.
///
/// ```no_run
/// use firstlight::{cron::{Cron, Scheduler}, sqlx::CronStore};
///
/// # async fn example(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// Scheduler::new(CronStore::new(pool))
///     .add(Cron::parse("cleanup", "0 3 * * *")?, || async { Ok::<_, sqlx::Error>(()) })
///     .run(firstlight::shutdown_signal())
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CronStore<DB: Database> {
    pool: Pool<DB>,
    statements: Statements,
    is_ready: OnceCell<()>,
}

/// The statements that differ between the databases.
#[derive(Debug, Clone, Copy)]
struct Statements {
    create: &'static str,
    claim: &'static str,
    extend: &'static str,
    finish: &'static str,
}

const FIND: &str =
    "SELECT scheduled_for, leased_until, last_success FROM firstlight_cron WHERE name = $1";

const FIRST_SEEN: &str = concat!(
    "INSERT INTO firstlight_cron AS held (name, scheduled_for, holder, first_seen) VALUES ($1, 0, '', $2) ",
    "ON CONFLICT (name) DO UPDATE SET first_seen = coalesce(held.first_seen, excluded.first_seen) RETURNING first_seen"
);

/// The statement that creates the table, after a prefix.
macro_rules! create {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "CREATE TABLE IF NOT EXISTS firstlight_cron (name text PRIMARY KEY, scheduled_for bigint NOT NULL, ",
            "holder text NOT NULL, leased_until bigint, last_success bigint, first_seen bigint)"
        )
    };
}

/// Builds the statements; `$now` is the database's clock.
macro_rules! statements {
    ($create:expr, $now:literal) => {
        Statements {
            create: $create,
            claim: concat!(
                "INSERT INTO firstlight_cron AS held (name, scheduled_for, holder, leased_until) VALUES ($1, $2, $3, ", $now, " + $4) ",
                "ON CONFLICT (name) DO UPDATE ",
                "SET scheduled_for = excluded.scheduled_for, holder = excluded.holder, leased_until = excluded.leased_until ",
                "WHERE held.scheduled_for < excluded.scheduled_for AND (held.leased_until IS NULL OR held.leased_until <= ", $now, ") ",
                "OR held.scheduled_for = excluded.scheduled_for AND held.leased_until <= ", $now, " ",
                "RETURNING scheduled_for"
            ),
            extend: concat!(
                "UPDATE firstlight_cron SET leased_until = ", $now, " + $4 ",
                "WHERE name = $1 AND scheduled_for = $2 AND holder = $3 AND leased_until IS NOT NULL RETURNING scheduled_for"
            ),
            finish: concat!(
                "UPDATE firstlight_cron SET leased_until = CASE WHEN $4 = 1 THEN ", $now, " END, ",
                "last_success = coalesce($5, last_success) WHERE name = $1 AND scheduled_for = $2 AND holder = $3"
            ),
        }
    };
}

const POSTGRESQL: Statements = statements!(
    // Two replicas that create the table at the same time would conflict in the catalog. Both
    // statements are one message, and so one transaction. The number is arbitrary, and the same as
    // in `health`.
    create!("SELECT pg_advisory_xact_lock(439956566900); "),
    "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
);
const SQLITE: Statements = statements!(
    create!(""),
    "CAST((julianday('now') - 2440587.5) * 86400000 AS bigint)"
);

impl<DB: Database> CronStore<DB> {
    /// Creates a store in the pool's database, without running a statement.
    pub fn new(pool: Pool<DB>) -> Self {
        let is_sqlite = DB::NAME == "SQLite";
        Self {
            pool,
            statements: if is_sqlite { SQLITE } else { POSTGRESQL },
            is_ready: OnceCell::new(),
        }
    }
}

/// Statements with types of both databases: text, numbers, and optional numbers.
impl<DB> CronStore<DB>
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    for<'q> Option<i64>: Encode<'q, DB>,
    usize: ColumnIndex<DB::Row>,
{
    /// Creates the table at the first call, if it is missing.
    ///
    /// The table is read first, because a migration may have created it for a user that may not
    /// create tables.
    async fn ensure_table(&self) -> Result<(), Error> {
        let find_or_make = async || match self.find("").await {
            Err(Error::Database(_)) => {
                let create = sqlx::raw_sql(self.statements.create);
                create.execute(&self.pool).await.map(drop)
            }
            found => found.map(drop),
        };
        self.is_ready.get_or_try_init(find_or_make).await.map(drop)
    }

    /// Returns the row of a job, if there is one.
    async fn find(&self, cron: &str) -> Result<Option<CronRow>, Error> {
        let row = sqlx::query::<DB>(FIND)
            .bind(cron.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            Ok(CronRow {
                scheduled_for: row.try_get(0)?,
                leased_until: row.try_get(1)?,
                last_success: row.try_get(2)?,
            })
        })
        .transpose()
    }

    /// Runs a statement, and returns whether it has changed a row.
    async fn changed(
        &self,
        sql: &'static str,
        request: ClaimRequest<'_>,
        lease: Duration,
    ) -> Result<bool, Error> {
        let row = sqlx::query::<DB>(sql)
            .bind(request.cron.to_owned())
            .bind(milliseconds(request.tick))
            .bind(request.holder.to_owned())
            .bind(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2))
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }
}

#[derive(Debug)]
struct CronRow {
    scheduled_for: i64,
    leased_until: Option<i64>,
    last_success: Option<i64>,
}

impl<DB> Store for CronStore<DB>
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    for<'q> Option<i64>: Encode<'q, DB>,
    usize: ColumnIndex<DB::Row>,
{
    type Error = Error;

    async fn claim(&self, request: ClaimRequest<'_>, lease: Duration) -> Result<Claim, Error> {
        self.ensure_table().await?;
        if self.changed(self.statements.claim, request, lease).await? {
            return Ok(Claim::Granted);
        }
        let Some(row) = self.find(request.cron).await? else {
            // Another process has deleted the row; the next attempt creates one.
            return Ok(Claim::Running);
        };
        let is_open = row.leased_until.is_some();
        Ok(match row.scheduled_for.cmp(&milliseconds(request.tick)) {
            std::cmp::Ordering::Equal if is_open => Claim::Running,
            std::cmp::Ordering::Less => Claim::Overlaps,
            _ => Claim::Done,
        })
    }

    async fn extend(&self, request: ClaimRequest<'_>, lease: Duration) -> Result<bool, Error> {
        self.ensure_table().await?;
        self.changed(self.statements.extend, request, lease).await
    }

    async fn finish(
        &self,
        request: ClaimRequest<'_>,
        ended: RunOutcome,
        at: SystemTime,
    ) -> Result<(), Error> {
        self.ensure_table().await?;
        sqlx::query::<DB>(self.statements.finish)
            .bind(request.cron.to_owned())
            .bind(milliseconds(request.tick))
            .bind(request.holder.to_owned())
            .bind(i64::from(ended == RunOutcome::Interrupted))
            .bind((ended == RunOutcome::Succeeded).then(|| milliseconds(at)))
            .execute(&self.pool)
            .await
            .map(drop)
    }

    async fn first_seen(&self, cron: &str, now: SystemTime) -> Result<SystemTime, Error> {
        self.ensure_table().await?;
        let row = sqlx::query::<DB>(FIRST_SEEN)
            .bind(cron.to_owned())
            .bind(milliseconds(now))
            .fetch_one(&self.pool)
            .await?;
        Ok(system_time(row.try_get(0)?).unwrap_or(now))
    }

    async fn last_success(&self, cron: &str) -> Result<Option<SystemTime>, Error> {
        self.ensure_table().await?;
        let row = self.find(cron).await?;
        let success = row.and_then(|row| row.last_success);
        Ok(success.and_then(system_time))
    }
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn system_time(milliseconds: i64) -> Option<SystemTime> {
    let since = Duration::from_millis(u64::try_from(milliseconds).ok()?);
    UNIX_EPOCH.checked_add(since)
}
