//! The store of schedules, in PostgreSQL or SQLite.
//!
//! One row for each job, one statement for each question, and the database's clock for all leases, as
//! [`Store`] says. Times are milliseconds since the Unix epoch, because SQLite has no type for a time and a number is the
//! same in both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::{
    ColumnIndex, Database, Decode, Encode, Error, Executor, IntoArguments, Pool, Type,
};
use tokio::sync::OnceCell;

use crate::cron::{Claim, Ended, Store};

/// Keeps claims and successes in the table `firstlight_cron` of a database, for all replicas of a service.
///
/// The table is made at the first use if it is not there; a service whose user may not make tables makes it in a
/// migration:
///
/// ```sql
/// CREATE TABLE firstlight_cron (
///     name          text   PRIMARY KEY,
///     scheduled_for bigint NOT NULL, -- the latest tick that was claimed
///     leased_until  bigint,          -- NULL once its run has ended
///     last_success  bigint           -- all of them milliseconds since 1970, UTC
/// );
/// ```
///
/// Its statements run outside of any request, so they are in the metrics and in no trace.
///
/// ```no_run
/// use firstlight::{cron::{Schedule, Scheduler}, sqlx::CronStore};
///
/// # async fn example(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// Scheduler::new(CronStore::new(pool))
///     .add(Schedule::cron("0 3 * * *")?.named("cleanup"), || async { Ok::<_, sqlx::Error>(()) })
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

/// What differs between the two.
#[derive(Debug, Clone, Copy)]
struct Statements {
    create: &'static str,
    claim: &'static str,
    extend: &'static str,
    finish: &'static str,
}

const FIND: &str = "SELECT scheduled_for, leased_until, last_success FROM firstlight_cron WHERE name = $1";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS firstlight_cron (name text PRIMARY KEY, scheduled_for bigint NOT NULL, leased_until bigint, last_success bigint)";

/// `$now` is the database's clock.
macro_rules! statements {
    ($create:expr, $now:literal) => {
        Statements {
            create: $create,
            claim: concat!(
                "INSERT INTO firstlight_cron AS held (name, scheduled_for, leased_until) VALUES ($1, $2, ", $now, " + $3) ",
                "ON CONFLICT (name) DO UPDATE SET scheduled_for = excluded.scheduled_for, leased_until = excluded.leased_until ",
                "WHERE held.scheduled_for < excluded.scheduled_for AND (held.leased_until IS NULL OR held.leased_until <= ", $now, ") ",
                "OR held.scheduled_for = excluded.scheduled_for AND held.leased_until <= ", $now, " ",
                "RETURNING scheduled_for"
            ),
            extend: concat!(
                "UPDATE firstlight_cron SET leased_until = ", $now, " + $3 ",
                "WHERE name = $1 AND scheduled_for = $2 AND leased_until IS NOT NULL RETURNING scheduled_for"
            ),
            finish: concat!(
                "UPDATE firstlight_cron SET leased_until = CASE WHEN $3 = 1 THEN ", $now, " END, ",
                "last_success = coalesce($4, last_success) WHERE name = $1 AND scheduled_for = $2"
            ),
        }
    };
}

const POSTGRESQL: Statements = statements!(
    // Two replicas that make it at once would trip over each other in the catalogue. In one message, so in one
    // transaction. The number is "first" in ASCII.
    "SELECT pg_advisory_xact_lock(440147014772); \
     CREATE TABLE IF NOT EXISTS firstlight_cron (name text PRIMARY KEY, scheduled_for bigint NOT NULL, leased_until bigint, last_success bigint)",
    "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
);
const SQLITE: Statements = statements!(
    TABLE,
    "CAST((julianday('now') - 2440587.5) * 86400000 AS bigint)"
);
