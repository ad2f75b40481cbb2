//! A queue that knows the type of its jobs.

use std::{fmt, marker::PhantomData};

use apalis_core::task::builder::TaskBuilder;
use serde::Serialize;
use sqlx::Error;

use super::tables::Tables;
use crate::jobs::Queue;

/// How often a job is tried, unless the queue says otherwise.
const MAX_ATTEMPTS: u32 = 5;

/// A queue for jobs of one type, in apalis' tables. Declare it once, beside the type:
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
/// A job is stored as JSON, and read by the next version of the program as well: a field that is added needs a default.
pub struct TaskQueue<J> {
    pub(super) queue: Queue,
    pub(super) kind: &'static str,
    max_attempts: u32,
    jobs: PhantomData<fn() -> J>,
}

impl<J> TaskQueue<J> {
    /// A queue for jobs that do what `kind` says: the label `kind`.
    pub fn new(kind: &'static str, queue: Queue) -> Self {
        Self {
            queue,
            kind,
            max_attempts: MAX_ATTEMPTS,
            jobs: PhantomData,
        }
    }

    /// How often a job is tried until it is a dead letter; 5 by default.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// The queue's name, as in the label `queue` and in the tables.
    pub fn name(&self) -> &str {
        self.queue.name()
    }
}

impl<J: Serialize> TaskQueue<J> {
    /// Stores a job; in a transaction, it is there if and only if what it belongs to is. A `key` that the queue knows already
    /// stores nothing on SQLite, and is an error on PostgreSQL, which breaks the transaction.
    ///
    /// # Errors
    ///
    /// Those of the database, and `Error::Encode` for a job that cannot be written as JSON.
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
        stored.await
    }
}

impl<J> fmt::Debug for TaskQueue<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("TaskQueue");
        debug.field("queue", &self.queue).field("kind", &self.kind);
        debug.finish_non_exhaustive()
    }
}
