//! Dead letters of all queues, including those without a worker.

use std::{fmt, time::Duration};

use serde::Deserialize;
use sqlx::{Error, Pool};

use super::tables::Tables;
use crate::values::counted;

/// A task that used all attempts, aborted itself, or could not be read.
///
/// It is displayed as one line: queue, id, attempts, job and error, separated by tabs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The queue's name.
    pub queue: String,
    /// The task's id, for [`retry_dead_letters`].
    pub id: String,
    /// The number of attempts.
    pub attempts: u32,
    /// The job as it was stored, usually JSON.
    pub job: Vec<u8>,
    /// The error of the last attempt, if it is known.
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
        let job = one_line(&String::from_utf8_lossy(&self.job));
        let error = one_line(self.error.as_deref().unwrap_or("no result"));
        write!(
            formatter,
            "{queue}\t{id}\t{}\t{job}\t{error}",
            counted(u64::from(*attempts), "attempt", "attempts")
        )
    }
}

/// Escapes control characters, which would break the line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        match char.is_control() {
            true => line.extend(char.escape_debug()),
            false => line.push(char),
        }
    }
    line
}

/// The result of a failed task, as apalis stores it.
#[derive(Deserialize)]
struct FailedResult {
    #[serde(rename = "Err")]
    error: String,
}

/// Returns the error in a stored result; other text is returned as it is.
fn error_text(result: Vec<u8>) -> String {
    match serde_json::from_slice::<FailedResult>(&result) {
        Ok(failed) => failed.error,
        Err(_) => lossy(result),
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the dead letters of all queues, by queue and time.
///
/// # Errors
///
/// Returns errors of the database.
pub async fn dead_letters<DB: Tables>(pool: &Pool<DB>) -> Result<Vec<DeadLetter>, Error> {
    let rows = DB::dead_letters(pool).await?;
    let letters = rows
        .into_iter()
        .map(|(queue, id, attempts, job, error)| DeadLetter {
            queue: lossy(queue),
            id: lossy(id),
            attempts: u32::try_from(attempts).unwrap_or(0),
            job,
            error: error.map(error_text),
        });
    Ok(letters.collect())
}

/// The reason for which [`retry_dead_letters`] did not retry all tasks.
#[derive(Debug)]
#[non_exhaustive]
pub enum RetryError {
    /// An error of the database; the ids before the failed one are retried.
    Database(Error),
    /// Ids that are not, or no longer, those of dead letters; the others are retried.
    Unknown {
        /// The unknown ids.
        ids: Vec<String>,
        /// The number of the other dead letters, which are retried.
        retried: u64,
    },
}

impl fmt::Display for RetryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(formatter),
            Self::Unknown { ids, retried } => {
                let ids = ids
                    .iter()
                    .map(|id| format!("{id:?}"))
                    .collect::<Vec<_>>()
                    .join(", ");
                write!(
                    formatter,
                    "no dead letter has the id {ids}: expected an id from the second column of the list of dead letters \
                     (in a service from the template, the command `dead-letters`); a job that was retried has left the list"
                )?;
                if *retried == 0 {
                    return Ok(());
                }
                let others = counted(*retried, "other dead letter is", "other dead letters are");
                write!(formatter, "; {others} tried again")
            }
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

/// Returns dead letters to the workers, beginning with their first attempt.
///
/// Without ids, all dead letters of every queue are retried. Returns their number.
///
/// A job that cannot be decoded, or whose row cannot be read, is dead-lettered again at once,
/// unless a new version reads it or the row was repaired.
///
/// # Errors
///
/// Returns errors of the database, and the ids that belong to no dead letter.
pub async fn retry_dead_letters<DB: Tables>(
    pool: &Pool<DB>,
    ids: &[String],
) -> Result<u64, RetryError> {
    if ids.is_empty() {
        return Ok(DB::retry_dead_lettered(pool, None).await?);
    }
    let mut retried = 0;
    let mut unknown = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        // A repeated id is already retried.
        if ids[..index].contains(id) {
            continue;
        }
        match DB::retry_dead_lettered(pool, Some(id)).await? {
            0 => unknown.push(id.clone()),
            count => retried += count,
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

/// Removes the jobs of all queues that ended successfully at least `age` ago.
///
/// Logs their number. Dead letters stay. Takes the pool by value, so a schedule can run the
/// returned future.
///
/// # Errors
///
/// Returns errors of the database.
pub async fn remove_finished<DB: Tables>(pool: Pool<DB>, age: Duration) -> Result<(), Error> {
    let removed = DB::remove_finished(&pool, age).await?;
    tracing::info!(removed, "finished jobs removed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letter_is_one_line_with_its_error() {
        for (stored, shown) in [
            (r#"{"Err":"smtp says no"}"#, "smtp says no"),
            (r#"{"Err":"two\nlines"}"#, r"two\nlines"),
            (r#"{"Ok":1}"#, r#"{"Ok":1}"#),
            ("timeout", "timeout"),
        ] {
            let letter = DeadLetter {
                queue: "mails".to_owned(),
                id: "1".to_owned(),
                attempts: 5,
                job: b"{\"name\": \"Zoe's\"}\n".to_vec(),
                error: Some(error_text(stored.into())),
            };
            let expected = format!("mails\t1\t5 attempts\t{{\"name\": \"Zoe's\"}}\\n\t{shown}");
            assert_eq!(letter.to_string(), expected);
        }
    }
}
