//! The databases of the tests, with statements in the SQL of each.

use std::{path::PathBuf, str::FromStr};

use firstlight::{
    jobs::apalis::{POSTGRES_STATS, SQLITE_STATS, StatsRow, Tables, migrations},
    sqlx::instrument_options,
};
use sqlx::{
    AssertSqlSafe, PgPool, Pool, Postgres, Sqlite, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use crate::POSTGRES;

/// A database with apalis' tables, and statements for the tests.
pub(crate) trait TestDatabase: Tables {
    /// Makes three rows unreadable for apalis.
    const MAKE_UNREADABLE: &str;
    /// Hides the table of jobs.
    const HIDE: &str;
    /// Restores the hidden table.
    const SHOW: &str;
    /// Leaves five of eleven jobs in `stuck`, and one in each of the other states.
    ///
    /// Jobs that are due have been due for an hour.
    const STATES: &[&str];
    /// Dead-letters the jobs of the queue `gone`.
    const KILL_GONE: &str;
    /// Assignments that set the end of a job to 8 days ago, and to 6 days ago.
    const DONE: [&str; 2];
    /// Adds a job whose queue has a name that is not UTF-8, if the database allows it.
    const ADD_INVALID_NAME: &str;

    /// Runs statements that must succeed.
    fn execute(pool: &Pool<Self>, sql: &str) -> impl Future<Output = ()> + Send;
    /// Sets columns of the job with this number.
    fn change(pool: &Pool<Self>, number: usize, set: &str) -> impl Future<Output = ()> + Send;
    /// Counts the jobs that satisfy a condition.
    fn count(pool: &Pool<Self>, condition: &str) -> impl Future<Output = i64> + Send;
    /// Adds a job whose id is this SQL expression.
    fn insert_as(
        pool: &Pool<Self>,
        queue: &str,
        id: &str,
        job: &[u8],
    ) -> impl Future<Output = ()> + Send;
    /// Adds a job with a valid random id.
    fn insert(pool: &Pool<Self>, queue: &str, job: &[u8]) -> impl Future<Output = ()> + Send;
    /// Counts the workers of a queue that have been started.
    fn workers(pool: &Pool<Self>, queue: &str) -> impl Future<Output = i64> + Send;
    /// Returns the age of a queue's oldest due job in seconds, and its depth by state.
    fn state(pool: &Pool<Self>, queue: &str) -> impl Future<Output = (i64, [i64; 6])> + Send;
}

macro_rules! database {
    ($db:ty, $jobs:literal, $workers:literal, $stats:expr, $id:literal, $consts:tt) => {
        impl TestDatabase for $db {
            database!(@ $consts);

            async fn execute(pool: &Pool<Self>, sql: &str) {
                let sql = AssertSqlSafe(sql.to_owned());
                sqlx::raw_sql(sql).execute(pool).await.unwrap();
            }

            async fn change(pool: &Pool<Self>, number: usize, set: &str) {
                let sql = format!(
                    concat!("UPDATE ", $jobs, " SET {} WHERE idempotency_key = '{}'"),
                    set, number
                );
                Self::execute(pool, &sql).await;
            }

            async fn count(pool: &Pool<Self>, condition: &str) -> i64 {
                let sql = format!(concat!("SELECT COUNT(*) FROM ", $jobs, " WHERE {}"), condition);
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
            }

            async fn insert_as(pool: &Pool<Self>, queue: &str, id: &str, job: &[u8]) {
                let sql = format!(
                    concat!(
                        "INSERT INTO ",
                        $jobs,
                        " (job, id, job_type, max_attempts) VALUES ($1, {}, $2, 1)"
                    ),
                    id
                );
                let query = sqlx::query(AssertSqlSafe(sql))
                    .bind(job.to_owned())
                    .bind(queue.to_owned());
                query.execute(pool).await.unwrap();
            }

            async fn insert(pool: &Pool<Self>, queue: &str, job: &[u8]) {
                Self::insert_as(pool, queue, $id, job).await;
            }

            async fn workers(pool: &Pool<Self>, queue: &str) -> i64 {
                let sql = concat!("SELECT COUNT(*) FROM ", $workers, " WHERE worker_type = $1");
                let query = sqlx::query_scalar(sql).bind(queue.to_owned());
                query.fetch_one(pool).await.unwrap()
            }

            async fn state(pool: &Pool<Self>, queue: &str) -> (i64, [i64; 6]) {
                let row = sqlx::query_as($stats).bind(queue.to_owned()).bind(60_i64);
                let (a, b, c, d, e, f, age): StatsRow = row.fetch_one(pool).await.unwrap();
                (age, [a, b, c, d, e, f])
            }
        }
    };
    (@ { $($consts:item)* }) => { $($consts)* };
}

database!(
    Sqlite,
    "Jobs",
    "Workers",
    SQLITE_STATS,
    "'0' || substr(hex(randomblob(13)), 1, 25)",
    {
        const MAKE_UNREADABLE: &str = "
        UPDATE Jobs SET id = 'no ULID' WHERE idempotency_key = '0';
        UPDATE Jobs SET id = 'ZZZZZZZZZZZZZZZZZZZZZZZZZZ' WHERE idempotency_key = '2';
        UPDATE Jobs SET metadata = CAST(x'ff' AS TEXT) WHERE idempotency_key = '1'";
        const HIDE: &str = "ALTER TABLE Jobs RENAME TO hidden";
        const SHOW: &str = "ALTER TABLE hidden RENAME TO Jobs";
        const STATES: &[&str] = &[
            "UPDATE Jobs SET run_at = unixepoch() - 3600",
            "INSERT INTO Workers (id, worker_type, storage_name, last_seen)
            VALUES ('here', 'states', '', unixepoch()), ('gone', 'states', '', 1)",
            "UPDATE Jobs SET run_at = unixepoch() + 3600 WHERE idempotency_key = '1'",
            "UPDATE Jobs SET status = 'Running', lock_by = 'here', lock_at = unixepoch() WHERE idempotency_key = '2'",
            "UPDATE Jobs SET status = 'Failed', attempts = 0 WHERE idempotency_key = '3'",
            "UPDATE Jobs SET status = 'Killed' WHERE idempotency_key = '4'",
            "UPDATE Jobs SET status = 'Queued', lock_by = 'gone', lock_at = unixepoch() WHERE idempotency_key = '5'",
            "UPDATE Jobs SET status = 'Running', lock_by = 'here', lock_at = 1 WHERE idempotency_key = '6'",
            "UPDATE Jobs SET status = 'Paused' WHERE idempotency_key = '7'",
            "UPDATE Jobs SET status = 'Queued' WHERE idempotency_key = '8'",
            "UPDATE Jobs SET status = 'Done' WHERE idempotency_key = '9'",
            "UPDATE Jobs SET status = 'Running', lock_by = 'here', lock_at = unixepoch() + 3600 WHERE idempotency_key = '10'",
        ];
        const DONE: [&str; 2] = [
            "done_at = unixepoch() - 8 * 86400",
            "done_at = unixepoch() - 6 * 86400",
        ];
        const KILL_GONE: &str = "UPDATE Jobs SET status = 'Killed' WHERE job_type = 'gone'";
        const ADD_INVALID_NAME: &str = "INSERT INTO Jobs (job, id, job_type, max_attempts) VALUES (x'7b7d', 'bad', CAST(x'ff' AS TEXT), 1)";
    }
);

database!(
    Postgres,
    "apalis.jobs",
    "apalis.workers",
    POSTGRES_STATS,
    "'0' || upper(substr(md5(random()::text), 1, 25))",
    {
        const MAKE_UNREADABLE: &str = "
        UPDATE apalis.jobs SET id = 'no ULID' WHERE idempotency_key = '0';
        UPDATE apalis.jobs SET id = 'ZZZZZZZZZZZZZZZZZZZZZZZZZZ' WHERE idempotency_key = '2';
        UPDATE apalis.jobs SET metadata = hstore('key', NULL) WHERE idempotency_key = '1'";
        const HIDE: &str = "ALTER TABLE apalis.jobs RENAME TO hidden";
        const SHOW: &str = "ALTER TABLE apalis.hidden RENAME TO jobs";
        const STATES: &[&str] = &[
            "UPDATE apalis.jobs SET run_at = now() - interval '1 hour'",
            "INSERT INTO apalis.workers (id, worker_type, storage_name, last_seen)
            VALUES ('here', 'states', '', now()), ('gone', 'states', '', '2020-01-01')",
            "UPDATE apalis.jobs SET run_at = now() + interval '1 hour' WHERE idempotency_key = '1'",
            "UPDATE apalis.jobs SET status = 'Running', lock_by = 'here', lock_at = now() WHERE idempotency_key = '2'",
            "UPDATE apalis.jobs SET status = 'Failed', attempts = 0 WHERE idempotency_key = '3'",
            "UPDATE apalis.jobs SET status = 'Killed' WHERE idempotency_key = '4'",
            "UPDATE apalis.jobs SET status = 'Queued', lock_by = 'gone', lock_at = now() WHERE idempotency_key = '5'",
            "UPDATE apalis.jobs SET status = 'Running', lock_by = 'here', lock_at = '2020-01-01' WHERE idempotency_key = '6'",
            "UPDATE apalis.jobs SET status = 'Paused' WHERE idempotency_key = '7'",
            "UPDATE apalis.jobs SET status = 'Queued' WHERE idempotency_key = '8'",
            "UPDATE apalis.jobs SET status = 'Done' WHERE idempotency_key = '9'",
            "UPDATE apalis.jobs SET status = 'Running', lock_by = 'here', lock_at = now() + interval '1 hour' WHERE idempotency_key = '10'",
        ];
        const DONE: [&str; 2] = [
            "done_at = now() - interval '8 days'",
            "done_at = now() - interval '6 days'",
        ];
        const KILL_GONE: &str = "UPDATE apalis.jobs SET status = 'Killed' WHERE job_type = 'gone'";
        const ADD_INVALID_NAME: &str = "SELECT 'PostgreSQL rejects it'";
    }
);

/// Opens a pool on a new file with apalis' tables.
pub(crate) async fn sqlite(test: &str) -> SqlitePool {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("workers-{test}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.join("jobs.db"))
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = instrument_options(SqlitePoolOptions::new());
    let pool = pool.connect_with(options).await.unwrap();
    migrations::<Sqlite>().run(&pool).await.unwrap();
    pool
}

/// Opens a pool on a new database with apalis' tables.
///
/// Each test needs a database, because the name of apalis' schema is fixed. The pool is instrumented, because a worker that
/// stops may cancel a `BEGIN` of apalis. In another pool, that connection would return with an open transaction.
pub(crate) async fn postgres(test: &str) -> PgPool {
    let options = PgConnectOptions::from_str(&std::env::var(POSTGRES).unwrap()).unwrap();
    let server = PgPool::connect_with(options.clone()).await.unwrap();
    for sql in [
        format!("DROP DATABASE IF EXISTS {test} WITH (FORCE)"),
        format!("CREATE DATABASE {test}"),
    ] {
        let sql = AssertSqlSafe(sql);
        sqlx::raw_sql(sql).execute(&server).await.unwrap();
    }
    server.close().await;
    let pool = instrument_options(PgPoolOptions::new().max_connections(5));
    let pool = pool.connect_with(options.database(test)).await.unwrap();
    migrations::<Postgres>().run(&pool).await.unwrap();
    pool
}
