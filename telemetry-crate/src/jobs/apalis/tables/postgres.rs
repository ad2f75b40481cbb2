//! The tables of `apalis-postgres` 1.0.

use apalis_core::task::{Task, task_id::TaskId};
use apalis_postgres::{Config, Error as QueueError, PostgresStorage, queries::push_tasks};
use sqlx::{Error, PgConnection, Pool, Postgres};

use super::{Statements, storage};
use crate::jobs::apalis::{POSTGRES_POSTPONE, POSTGRES_STATS};

const STATEMENTS: Statements = Statements {
    heartbeat: "UPDATE apalis.workers SET last_seen = now() WHERE id = $1",
    release: "
        UPDATE apalis.jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL
        WHERE lock_by = $1 AND status IN ('Queued', 'Running')",
    postpone: POSTGRES_POSTPONE,
    // The query jumps from name to name in the index, because the table has many finished jobs.
    queues: "
        WITH RECURSIVE queue(name) AS (
            SELECT MIN(job_type) FROM apalis.jobs
            UNION ALL
            SELECT (SELECT MIN(job_type) FROM apalis.jobs WHERE job_type > name) FROM queue WHERE name IS NOT NULL
        )
        SELECT convert_to(name, 'UTF8') FROM queue WHERE name IS NOT NULL LIMIT 100",
    stats: POSTGRES_STATS,
    state: "
        SELECT status, attempts::bigint, max_attempts::bigint FROM apalis.jobs WHERE job_type = $1 AND idempotency_key = $2",
    // The keys become one array, because PostgreSQL finds each element of an array in the index.
    states: "
        SELECT idempotency_key, status, attempts::bigint, max_attempts::bigint FROM apalis.jobs
        WHERE job_type = $1 AND idempotency_key = ANY(ARRAY(SELECT jsonb_array_elements_text($2::text::jsonb)))",
    dead_letters: "
        SELECT convert_to(job_type, 'UTF8'), convert_to(id, 'UTF8'), attempts::bigint, job, convert_to(last_result::text, 'UTF8') FROM apalis.jobs
        WHERE status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts)
        ORDER BY job_type, run_at",
    retry_dead_lettered: "
        UPDATE apalis.jobs
        SET status = 'Pending', attempts = 0, run_at = now(), lock_at = NULL, lock_by = NULL, done_at = NULL
        WHERE (status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts)) AND ($1::text IS NULL OR id = $1)",
    remove_finished: "DELETE FROM apalis.jobs WHERE status = 'Done' AND done_at < now() - $1 * interval '1 second'",
};

storage!(
    Postgres,
    PostgresStorage,
    Config,
    STATEMENTS,
    push,
    dead_letter_unreadable
);

async fn push(
    connection: &mut PgConnection,
    queue: &str,
    task: Task<Vec<u8>>,
) -> Result<(), Error> {
    let pushed = push_tasks(connection, queue, vec![task]).await;
    pushed.map_err(|error| match error {
        QueueError::Database(error) => error,
        other => Error::Encode(other.into()),
    })
}

/// Query for claimable rows, and for the reason if apalis cannot read a row.
///
/// The rows are in the order in which they are claimed, so that the next rows are checked first.
/// The columns' types allow values that apalis cannot handle: times before 1970, negative attempts
/// (apalis counts them unsigned), and an `hstore` with a `NULL`, at which apalis panics.
const CLAIMABLE: &str = "
    SELECT id, CASE
        WHEN array_position(avals(metadata), NULL) IS NOT NULL THEN 'the value of a key in its metadata is NULL'
        WHEN attempts < 0 THEN 'its attempts are negative'
        WHEN LEAST(run_at, lock_at, done_at) < to_timestamp(0) THEN 'one of its times is before 1970'
    END
    FROM apalis.jobs
    WHERE job_type = $1 AND status IN ('Pending', 'Failed')
    ORDER BY priority DESC, run_at LIMIT 10000";

const DEAD_LETTER: &str = "
    UPDATE apalis.jobs SET status = 'Killed', done_at = now(), last_result = jsonb_build_object('Err', $2::text)
    WHERE id = $1 AND (status = 'Pending' OR (status = 'Failed' AND attempts < max_attempts))";

async fn dead_letter_unreadable(
    pool: &Pool<Postgres>,
    queue: &str,
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query_as::<_, (String, Option<String>)>(CLAIMABLE).bind(queue.to_owned());
    let mut dead_lettered = Vec::new();
    for (id, reason) in rows.fetch_all(pool).await? {
        let reason = match (reason, id.parse()) {
            (Some(reason), _) => format!("the row cannot be read: {reason}"),
            (None, Ok(TaskId::Ulid(ulid))) if ulid.to_string() == id => continue,
            (None, _) => format!("the row cannot be read: its id is {id}, expected a ULID"),
        };
        let dead_letter = sqlx::query(DEAD_LETTER)
            .bind(id.clone())
            .bind(reason.clone());
        if dead_letter.execute(pool).await?.rows_affected() > 0 {
            dead_lettered.push((id, reason));
        }
    }
    Ok(dead_lettered)
}
