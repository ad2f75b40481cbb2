//! A queue with the type of its jobs.

use std::{fmt, marker::PhantomData};

use apalis_core::task::builder::TaskBuilder;
use serde::Serialize;
use sqlx::Error;

use super::tables::Tables;
use crate::jobs::{Queue, workerless::record_enqueued};

/// Default number of attempts.
const MAX_ATTEMPTS: u32 = 5;

/// A queue for jobs of one type, in apalis' tables.
///
/// Declare it once, beside the type:
///
/// ```
/// use std::{sync::LazyLock, time::Duration};
/// use firstlight::jobs::{Queue, apalis::TaskQueue};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// pub struct Welcome { pub name: String }
///
/// pub static WELCOMES: LazyLock<TaskQueue<Welcome>> = LazyLock::new(|| {
///     let queue = Queue::declare("welcomes").system("apalis");
///     TaskQueue::new("welcome", queue.latency_budget(Duration::from_secs(60)))
/// });
/// # assert_eq!(WELCOMES.name(), "welcomes");
/// ```
///
/// A job is stored as JSON. The next version of the program reads it as well, so a new field needs
/// a default.
pub struct TaskQueue<J> {
    pub(super) queue: Queue,
    pub(super) kind: &'static str,
    max_attempts: u32,
    jobs: PhantomData<fn() -> J>,
}

impl<J> TaskQueue<J> {
    /// Creates a queue for jobs of this kind; `kind` is a label.
    pub fn new(kind: &'static str, queue: Queue) -> Self {
        Self {
            queue,
            kind,
            max_attempts: MAX_ATTEMPTS,
            jobs: PhantomData,
        }
    }

    /// Sets how often a job is tried before it is dead-lettered; default 5.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Returns the queue's name, as in the label `queue` and in the tables.
    pub fn name(&self) -> &str {
        self.queue.name()
    }
}

impl<J: Serialize> TaskQueue<J> {
    /// Stores a job.
    ///
    /// In a transaction, the job is stored if and only if the transaction commits. If the queue
    /// already has a job with this `key`, nothing is stored on SQLite. On PostgreSQL this is an
    /// error, which aborts the transaction.
    ///
    /// If this process has [`Workers`](super::Workers), and none of them has the queue, a warning is
    /// logged once.
    ///
    /// # Errors
    ///
    /// Returns errors of the database, and `Error::Encode` for a job that cannot be written as
    /// JSON.
    pub async fn enqueue<DB: Tables>(
        &self,
        connection: &mut DB::Connection,
        job: &J,
        key: &str,
    ) -> Result<(), Error> {
        let job = serde_json::to_vec(job).map_err(|error| Error::Encode(error.into()))?;
        let queue = &self.queue;
        let stored = queue.enqueue(self.kind, async |envelope| {
            let task = TaskBuilder::new(job)
                .metadata(&envelope)
                .max_attempts(usize::try_from(self.max_attempts).unwrap_or(usize::MAX))
                .idempotency_key(key)
                .build();
            DB::push(connection, queue.name(), task).await
        });
        stored.await?;
        record_enqueued(queue.name());
        Ok(())
    }
}

impl<J> fmt::Debug for TaskQueue<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("TaskQueue");
        debug.field("queue", &self.queue).field("kind", &self.kind);
        debug.finish_non_exhaustive()
    }
}
