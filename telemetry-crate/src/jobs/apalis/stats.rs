//! Queries for the state of a queue in apalis' tables.

use std::time::Duration;

use crate::jobs::QueueStats;

/// A row of [`SQLITE_STATS`] or [`POSTGRES_STATS`], as `sqlx::query_as` reads it.
pub type StatsRow = (i64, i64, i64, i64, i64, i64, i64);

/// Query for the state of a queue in the tables of `apalis-sqlite` 1.0.
///
/// Bind the queue's name, and the seconds after which a running task is stuck. The query uses an
/// index and reads no finished task.
///
/// Each unfinished task is in exactly one state. A task is stuck if
///
/// - a worker has had it for longer than these seconds,
/// - its worker has not been seen for these seconds,
/// - its lock or its worker's last heartbeat is more than these seconds in the future, because a
///   clock was set back,
/// - it is locked although it waits, or
/// - its status or time is invalid for apalis.
///
/// ```ignore
/// let watch = emails.watch(Duration::from_secs(15), move || {
///     let pool = pool.clone();
///     async move {
///         let row = sqlx::query_as(SQLITE_STATS).bind("emails").bind(60_i64);
///         row.fetch_one(&pool).await.map(stats)
///     }
/// });
/// ```
pub const SQLITE_STATS: &str = "
    WITH task AS (
        SELECT run_at, CASE
            WHEN status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts) THEN 'dead_lettered'
            WHEN status NOT IN ('Pending', 'Queued', 'Running', 'Failed') OR typeof(run_at) <> 'integer' THEN 'stuck'
            WHEN status = 'Failed' THEN 'retry'
            WHEN status = 'Pending' AND lock_by IS NOT NULL THEN 'stuck'
            WHEN status = 'Pending' AND run_at <= unixepoch() THEN 'ready'
            WHEN status = 'Pending' THEN 'scheduled'
            WHEN COALESCE(lock_at, 0) NOT BETWEEN unixepoch() - ?2 AND unixepoch() + ?2 OR NOT EXISTS (
                SELECT 1 FROM Workers
                WHERE id = lock_by AND worker_type = job_type
                    AND last_seen BETWEEN unixepoch() - ?2 AND unixepoch() + ?2
            ) THEN 'stuck'
            ELSE 'running'
        END AS state
        FROM Jobs
        WHERE job_type = ?1 AND (status < 'Done' OR status > 'Done')
    )
    SELECT
        COUNT(*) FILTER (WHERE state = 'ready'),
        COUNT(*) FILTER (WHERE state = 'scheduled'),
        COUNT(*) FILTER (WHERE state = 'running'),
        COUNT(*) FILTER (WHERE state = 'retry'),
        COUNT(*) FILTER (WHERE state = 'stuck'),
        COUNT(*) FILTER (WHERE state = 'dead_lettered'),
        COALESCE(MAX(unixepoch() - CAST(run_at AS INTEGER)) FILTER (WHERE state IN ('ready', 'retry', 'stuck')), 0)
    FROM task";

/// Query for the state of a queue in the tables of `apalis-postgres` 1.0.
///
/// Its parameters and states are those of [`SQLITE_STATS`], except that a waiting task with a lock
/// is not stuck, because a worker on PostgreSQL claims it.
pub const POSTGRES_STATS: &str = "
    WITH task AS (
        SELECT run_at, CASE
            WHEN status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts) THEN 'dead_lettered'
            WHEN status NOT IN ('Pending', 'Queued', 'Running', 'Failed') OR NOT isfinite(run_at) THEN 'stuck'
            WHEN status = 'Failed' THEN 'retry'
            WHEN status = 'Pending' AND run_at <= now() THEN 'ready'
            WHEN status = 'Pending' THEN 'scheduled'
            WHEN COALESCE(lock_at, '-infinity') NOT BETWEEN now() - $2 * interval '1 second' AND now() + $2 * interval '1 second'
                OR NOT EXISTS (
                    SELECT 1 FROM apalis.workers
                    WHERE id = lock_by AND worker_type = job_type
                        AND last_seen BETWEEN now() - $2 * interval '1 second' AND now() + $2 * interval '1 second'
                ) THEN 'stuck'
            ELSE 'running'
        END AS state
        FROM apalis.jobs
        WHERE job_type = $1 AND (status < 'Done' OR status > 'Done')
    )
    SELECT
        COUNT(*) FILTER (WHERE state = 'ready'),
        COUNT(*) FILTER (WHERE state = 'scheduled'),
        COUNT(*) FILTER (WHERE state = 'running'),
        COUNT(*) FILTER (WHERE state = 'retry'),
        COUNT(*) FILTER (WHERE state = 'stuck'),
        COUNT(*) FILTER (WHERE state = 'dead_lettered'),
        COALESCE(EXTRACT(EPOCH FROM MAX(now() - run_at) FILTER (
            WHERE state IN ('ready', 'retry', 'stuck') AND isfinite(run_at)
        )), 0)::bigint
    FROM task";

/// Converts a row to [`QueueStats`].
///
/// A task that is not due yet has a negative age, which becomes zero.
pub fn stats(
    (ready, scheduled, running, retry, stuck, dead_lettered, oldest_age): StatsRow,
) -> QueueStats {
    let count = |jobs: i64| u64::try_from(jobs).unwrap_or(0);
    QueueStats::new()
        .ready(count(ready))
        .scheduled(count(scheduled))
        .running(count(running))
        .retry(count(retry))
        .stuck(count(stuck))
        .dead_lettered(count(dead_lettered))
        .oldest_age(Duration::from_secs(count(oldest_age)))
}
