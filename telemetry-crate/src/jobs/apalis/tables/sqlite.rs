//! The tables of `apalis-sqlite` 1.0.

use apalis_core::task::{Task, task_id::TaskId};
use apalis_sqlite::{Config, Error as QueueError, SqliteStorage, queries::push_tasks};
use sqlx::{Error, Pool, Row, Sqlite, SqliteConnection, sqlite::SqliteRow};

use super::{Statements, storage};
use crate::jobs::apalis::{SQLITE_POSTPONE, SQLITE_STATS};

const STATEMENTS: Statements = Statements {
    heartbeat: "UPDATE Workers SET last_seen = unixepoch() WHERE id = ?1",
    release: "
        UPDATE Jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL
        WHERE lock_by = ?1 AND status IN ('Queued', 'Running')",
    postpone: SQLITE_POSTPONE,
    // The query jumps from name to name in the index, because the table has many finished jobs.
    queues: "
        WITH RECURSIVE queue(name) AS (
            SELECT MIN(job_type) FROM Jobs
            UNION ALL
            SELECT (SELECT MIN(job_type) FROM Jobs WHERE job_type > name) FROM queue WHERE name IS NOT NULL
        )
        SELECT CAST(name AS BLOB) FROM queue WHERE name IS NOT NULL LIMIT 100",
    stats: SQLITE_STATS,
    state: "SELECT status, attempts, max_attempts FROM Jobs WHERE job_type = ?1 AND idempotency_key = ?2",
    // One parameter for all keys, because the number of parameters is limited.
    states: "
        SELECT idempotency_key, status, attempts, max_attempts FROM Jobs
        WHERE job_type = ?1 AND idempotency_key IN (SELECT value FROM json_each(?2))",
    dead_letters: "
        SELECT CAST(job_type AS BLOB), CAST(id AS BLOB), CAST(attempts AS INTEGER), CAST(job AS BLOB), CAST(last_result AS BLOB) FROM Jobs
        WHERE status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts)
        ORDER BY job_type, run_at",
    retry_dead_lettered: "
        UPDATE Jobs
        SET status = 'Pending', attempts = 0, run_at = unixepoch(), lock_at = NULL, lock_by = NULL, done_at = NULL
        WHERE (status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts)) AND (?1 IS NULL OR id = ?1)",
    remove_finished: "DELETE FROM Jobs WHERE status = 'Done' AND done_at < unixepoch() - ?1",
};

storage!(
    Sqlite,
    SqliteStorage,
    Config,
    STATEMENTS,
    push,
    dead_letter_unreadable
);

async fn push(
    connection: &mut SqliteConnection,
    queue: &str,
    task: Task<Vec<u8>>,
) -> Result<(), Error> {
    let pushed = push_tasks(connection, queue, &[task]).await;
    pushed.map_err(|error| match error {
        QueueError::Database(error) => error,
        other => Error::Encode(other.into()),
    })
}

/// Query for claimable rows, in the order in which they are claimed.
const CLAIMABLE: &str = "
    SELECT ROWID AS position, id, attempts, job_type, status, lock_by, metadata, idempotency_key, last_result FROM Jobs
    WHERE job_type = ?1 AND status IN ('Pending', 'Failed')
    ORDER BY priority DESC, run_at, id LIMIT 10000";

const DEAD_LETTER: &str = "
    UPDATE Jobs SET status = 'Killed', done_at = unixepoch(), last_result = json_object('Err', ?2)
    WHERE ROWID = ?1 AND (status = 'Pending' OR (status = 'Failed' AND attempts < max_attempts))";

async fn dead_letter_unreadable(
    pool: &Pool<Sqlite>,
    queue: &str,
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query(CLAIMABLE).bind(queue.to_owned());
    let mut dead_lettered = Vec::new();
    for row in rows.fetch_all(pool).await? {
        let Err(reason) = check(&row) else { continue };
        let dead_letter = sqlx::query(DEAD_LETTER)
            .bind(row.try_get_unchecked::<i64, _>("position")?)
            .bind(reason.clone());
        if dead_letter.execute(pool).await?.rows_affected() > 0 {
            let id = row.try_get_unchecked::<Vec<u8>, _>("id")?;
            dead_lettered.push((String::from_utf8_lossy(&id).into_owned(), reason));
        }
    }
    Ok(dead_lettered)
}

/// Checks whether apalis can read a row.
///
/// apalis reads any value of a numeric column as a number. Text has to be UTF-8. An id has to be
/// spelled as apalis writes it: apalis reads other spellings, but never acknowledges such a row.
fn check(row: &SqliteRow) -> Result<(), String> {
    for column in [
        "job_type",
        "status",
        "lock_by",
        "metadata",
        "idempotency_key",
        "last_result",
    ] {
        let text = row.try_get_unchecked::<Option<String>, _>(column);
        text.map_err(|error| format!("the row cannot be read: {error}"))?;
    }
    // apalis counts attempts as an unsigned number.
    let attempts = row.try_get_unchecked::<i64, _>("attempts");
    if attempts.is_ok_and(|attempts| attempts < 0) {
        return Err("the row cannot be read: its attempts are negative".to_owned());
    }
    let id = row.try_get_unchecked::<String, _>("id");
    let id = id.map_err(|error| format!("the row cannot be read: {error}"))?;
    match id.parse() {
        Ok(TaskId::Ulid(ulid)) if ulid.to_string() == id => Ok(()),
        _ => Err(format!(
            "the row cannot be read: its id is {id}, expected a ULID"
        )),
    }
}
