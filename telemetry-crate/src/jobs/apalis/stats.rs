//! The state of a queue, from the tables of apalis' storages.

use std::time::Duration;

use crate::jobs::QueueStats;

/// A row of [`SQLITE_STATS`] or [`POSTGRES_STATS`], as `sqlx::query_as` reads it.
pub type StatsRow = (i64, i64, i64, i64, i64, i64);

/// The state of the queue that is bound to the query, from the tables of `apalis-sqlite` 1.0. It reads an index and no
/// finished job.
///
/// ```ignore
/// let watch = emails.watch(Duration::from_secs(15), move || {
///     let pool = pool.clone();
///     async move { sqlx::query_as(SQLITE_STATS).bind("emails").fetch_one(&pool).await.map(stats) }
/// });
/// ```
pub const SQLITE_STATS: &str = "
    SELECT
        COUNT(*) FILTER (WHERE status = 'Pending' AND run_at <= unixepoch()) AS ready,
        COUNT(*) FILTER (WHERE status = 'Pending' AND run_at > unixepoch()) AS scheduled,
        COUNT(*) FILTER (WHERE status IN ('Queued', 'Running')) AS running,
        COUNT(*) FILTER (WHERE status = 'Failed' AND attempts < max_attempts) AS retry,
        COUNT(*) FILTER (WHERE status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts)) AS dead,
        COALESCE(MAX(unixepoch() - run_at) FILTER (
            WHERE status = 'Pending' OR (status = 'Failed' AND attempts < max_attempts)
        ), 0) AS oldest_age
    FROM Jobs
    WHERE job_type = ?1 AND status IN ('Pending', 'Queued', 'Running', 'Failed', 'Killed')";

/// The same for the tables of `apalis-postgres` 1.0.
pub const POSTGRES_STATS: &str = "
    SELECT
        COUNT(*) FILTER (WHERE status = 'Pending' AND run_at <= now()) AS ready,
        COUNT(*) FILTER (WHERE status = 'Pending' AND run_at > now()) AS scheduled,
        COUNT(*) FILTER (WHERE status IN ('Queued', 'Running')) AS running,
        COUNT(*) FILTER (WHERE status = 'Failed' AND attempts < max_attempts) AS retry,
        COUNT(*) FILTER (WHERE status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts)) AS dead,
        COALESCE(EXTRACT(EPOCH FROM MAX(now() - run_at) FILTER (
            WHERE status = 'Pending' OR (status = 'Failed' AND attempts < max_attempts)
        )), 0)::bigint AS oldest_age
    FROM apalis.jobs
    WHERE job_type = $1 AND status IN ('Pending', 'Queued', 'Running', 'Failed', 'Killed')";

/// What the row says. A task that is not due yet has a negative age, which is none.
pub fn stats((ready, scheduled, running, retry, dead, oldest_age): StatsRow) -> QueueStats {
    let count = |jobs: i64| u64::try_from(jobs).unwrap_or(0);
    QueueStats::new()
        .ready(count(ready))
        .scheduled(count(scheduled))
        .running(count(running))
        .retry(count(retry))
        .dead(count(dead))
        .oldest_age(Duration::from_secs(count(oldest_age)))
}
