//! The state of a job, for the client that waits for it.

use std::{collections::HashMap, fmt};

use serde::{Serialize, Serializer};
use sqlx::{Error, Pool};

use super::{tables::Tables, task_queue::TaskQueue};

/// The state of a job.
///
/// It is displayed and serialized as the word in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobState {
    /// No attempt has begun (`pending`).
    Pending,
    /// A worker has taken the job (`running`).
    Running,
    /// An attempt has failed or was canceled, and another will follow (`retrying`).
    Retrying,
    /// An attempt has succeeded (`done`).
    Done,
    /// The job has failed and is not tried again (`dead_lettered`).
    ///
    /// See [`retry_dead_letters`](super::retry_dead_letters).
    DeadLettered,
}

impl JobState {
    /// Returns the word for the state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Done => "done",
            Self::DeadLettered => "dead_lettered",
        }
    }

    /// Converts a status of apalis.
    ///
    /// An unknown status comes from a later version, and does not count as an end.
    fn from_status(status: &str, attempts: i64, max_attempts: i64) -> Self {
        match status {
            "Done" => Self::Done,
            "Killed" => Self::DeadLettered,
            "Failed" if attempts >= max_attempts => Self::DeadLettered,
            "Queued" | "Running" => Self::Running,
            _ if attempts > 0 => Self::Retrying,
            _ => Self::Pending,
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for JobState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<J> TaskQueue<J> {
    /// Returns the state of the job with this key.
    ///
    /// It is `None` if there is no such job, or if [`remove_finished`](super::remove_finished) has
    /// removed it.
    ///
    /// # Errors
    ///
    /// Returns errors of the database.
    pub async fn state<DB: Tables>(
        &self,
        pool: &Pool<DB>,
        key: &str,
    ) -> Result<Option<JobState>, Error> {
        let row = DB::job_state(pool, self.name(), key).await?;
        Ok(row.map(|(status, attempts, max)| JobState::from_status(&status, attempts, max)))
    }

    /// Returns the states of the jobs with these keys, in their order, with one query.
    ///
    /// Use it for a list, in which [`state`](Self::state) would be one query for each entry.
    ///
    /// # Errors
    ///
    /// Returns errors of the database.
    pub async fn states<DB: Tables>(
        &self,
        pool: &Pool<DB>,
        keys: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Option<JobState>>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let list = serde_json::to_string(&list).map_err(|error| Error::Encode(error.into()))?;
        let rows = DB::job_states(pool, self.name(), list).await?;
        let states: HashMap<String, JobState> = (rows.into_iter())
            .map(|(key, status, attempts, max)| {
                (key, JobState::from_status(&status, attempts, max))
            })
            .collect();
        let state = |key: &_| states.get(AsRef::<str>::as_ref(key)).copied();
        Ok(keys.iter().map(state).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_follows_status_and_attempts() {
        for (status, attempts, expected) in [
            ("Pending", 0, "pending"),
            ("Pending", 1, "retrying"),
            ("Queued", 0, "running"),
            ("Running", 1, "running"),
            ("Failed", 4, "retrying"),
            ("Failed", 5, "dead_lettered"),
            ("Killed", 1, "dead_lettered"),
            ("Done", 5, "done"),
            ("Paused", 0, "pending"),
        ] {
            let state = JobState::from_status(status, attempts, 5);
            assert_eq!(state.to_string(), expected, "{status}, {attempts}");
        }
    }
}
