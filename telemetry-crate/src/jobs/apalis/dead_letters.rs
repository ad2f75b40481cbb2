//! Tasks that failed for good, of every queue: also of one that no worker knows any more.

use std::{fmt, time::Duration};

use sqlx::{Error, Pool};

use super::tables::Tables;
use crate::values::counted;

/// A task that was tried as often as it may be, that gave up itself, or that could not be read.
///
/// Displayed it is one line: queue, id, attempts, job, error, with tabs between them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The queue's name.
    pub queue: String,
    /// For [`retry_dead_letters`].
    pub id: String,
    /// How often it was tried.
    pub attempts: u32,
    /// As it was stored; usually JSON.
    pub job: Vec<u8>,
    /// How its last attempt ended, if that is known.
    pub error: Option<String>,
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            queue,
            id,
            attempts,
            ..
        } = self;
        let job = String::from_utf8_lossy(&self.job);
        let (job, error) = (
            job.escape_debug(),
            self.error.as_deref().unwrap_or("no result"),
        );
        // A job may be anything; the line stays one.
        let job = job.to_string().replace("\\\"", "\"");
        write!(
            formatter,
            "{queue}\t{id}\t{}\t{job}\t{error}",
            counted(u64::from(*attempts), "attempt", "attempts")
        )
    }
}

/// The dead letters of all queues, by queue and time.
///
/// # Errors
///
/// Those of the database.
pub async fn dead_letters<DB: Tables>(pool: &Pool<DB>) -> Result<Vec<DeadLetter>, Error> {
    let rows = DB::dead(pool).await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let letters = rows
        .into_iter()
        .map(|(queue, id, attempts, job, error)| DeadLetter {
            queue: text(queue),
            id: text(id),
            attempts: u32::try_from(attempts).unwrap_or(0),
            job,
            error: error.map(text),
        });
    Ok(letters.collect())
}

/// What kept [`retry_dead_letters`] from giving back all that it was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum RetryError {
    /// The database's. Ids before that are done.
    Database(Error),
    /// These are no ids of dead letters, or are not any more; the others are done.
    Unknown {
        /// As they were asked for.
        ids: Vec<String>,
        /// How many others there were.
        retried: u64,
    },
}

impl fmt::Display for RetryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(formatter),
            Self::Unknown { ids, retried } => write!(
                formatter,
                "no dead letter has the id {}; expected one that the list of dead letters shows; other dead letters that \
                 will be tried again: {retried}",
                ids.join(", ")
            ),
        }
    }
}

impl std::error::Error for RetryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => error.source(),
            Self::Unknown { .. } => None,
        }
    }
}

impl From<Error> for RetryError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Gives the dead letters with these ids to the workers again, from their first attempt; all of them, of every queue, if there
/// is no id. Returns how many there were.
///
/// A job that cannot be decoded, or whose row cannot be read, is a dead letter again at once, unless a new version reads it or
/// the row was repaired.
///
/// # Errors
///
/// Those of the database, and ids of no dead letter.
pub async fn retry_dead_letters<DB: Tables>(
    pool: &Pool<DB>,
    ids: &[String],
) -> Result<u64, RetryError> {
    if ids.is_empty() {
        return Ok(DB::revive(pool, None).await?);
    }
    let mut retried = 0;
    let mut unknown = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        // Given back the first time.
        if ids[..index].contains(id) {
            continue;
        }
        match DB::revive(pool, Some(id)).await? {
            0 => unknown.push(id.clone()),
            revived => retried += revived,
        }
    }
    if unknown.is_empty() {
        return Ok(retried);
    }
    Err(RetryError::Unknown {
        ids: unknown,
        retried,
    })
}

/// Forgets the jobs of all queues that were done so long ago, and returns how many there were. Dead letters stay.
///
/// # Errors
///
/// Those of the database.
pub async fn remove_finished<DB: Tables>(pool: &Pool<DB>, age: Duration) -> Result<u64, Error> {
    DB::remove_finished(pool, age).await
}
