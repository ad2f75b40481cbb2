//! The layer for tasks of apalis, and its service.
//!
//! The book's decision 25 has the defects of apalis 1.0 for which the layer makes up.

use std::{
    any::type_name,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, UNIX_EPOCH},
};

use apalis_core::{error::BoxDynError, task::Task};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    future::{PendingEnd, TaskFuture},
    postpone::{Postpone, Retry},
};
use crate::{
    jobs::{Envelope, Job, Queue, running::Running},
    panic::message_of,
};

/// Traces and measures every attempt at a task, as [`Queue::run`] does for a job.
///
/// It records the span, the wait, the run, the outcome and the log line. A panic is an error like
/// any other, so `catch_panic()` is not needed. The outcome of an error is `dead_lettered` for
/// apalis' `AbortError` and for the last attempt, and `retry` otherwise.
///
/// The layer also corrects the status that apalis 1.0 stores for some attempts. After a panic or a
/// timeout the status would be `Running`, and after a `RetryAfterError` or a `DeferredError` it
/// would be `Pending`. SQLite keeps a task that is acknowledged with such a status locked and never
/// hands it out again. The layer sets `Failed`, and the task continues as a failed one.
///
/// The layer also ends a task that apalis 1.0 would try without end: a task whose process dies with
/// it, because it aborts or runs out of memory. The store counts such an attempt, but hands the
/// task out again whatever the count. Once the task's attempts are used up, the layer records it as
/// `dead_lettered` with the error type `orphaned`, and does not call the function.
#[derive(Debug, Clone)]
pub struct TaskLayer {
    queue: Queue,
    kind: Option<Arc<str>>,
    is_linked: bool,
    postpone: Option<Postpone>,
}

impl TaskLayer {
    /// Creates a layer for a worker of this queue.
    ///
    /// The queue in apalis' configuration must have the same name.
    pub fn new(queue: &Queue) -> Self {
        Self {
            queue: queue.clone(),
            kind: None,
            is_linked: false,
            postpone: None,
        }
    }

    /// Sets the label `kind`, which says what the tasks do.
    ///
    /// The default is the name of the arguments' type, without its path.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Begins a trace for every attempt, with a link to the trace of the request.
    ///
    /// See [`Job::new_linked_trace`].
    #[must_use]
    pub fn new_linked_traces(mut self) -> Self {
        self.is_linked = true;
        self
    }

    /// Sets a function that runs before apalis records a failure with attempts left.
    ///
    /// It should store the time of the next attempt in the task's row, with
    /// [`SQLITE_POSTPONE`](super::SQLITE_POSTPONE) or
    /// [`POSTGRES_POSTPONE`](super::POSTGRES_POSTPONE). Without it the store hands the task out
    /// again at once.
    ///
    /// The function has no result, because the worker could not react to one. It logs its own
    /// failure, and the retry then comes at once, as it does after a panic.
    ///
    /// ```ignore
    /// TaskLayer::new(&emails).before_retry(move |retry| {
    ///     let pool = pool.clone();
    ///     async move {
    ///         let query = sqlx::query(SQLITE_POSTPONE).bind(retry.pause_seconds()).bind(retry.task_id);
    ///         if let Err(error) = query.execute(&pool).await {
    ///             tracing::warn!(%error, "a task is tried again at once");
    ///         }
    ///     }
    /// })
    /// ```
    #[must_use]
    pub fn before_retry<F>(mut self, postpone: impl Fn(Retry) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.postpone = Some(Postpone::new(postpone));
        self
    }

    fn job<Args>(&self, task: &Task<Args>) -> Job {
        let kind = match &self.kind {
            Some(kind) => kind,
            None => short_name::<Args>(),
        };
        // `Task::attempt` is the number of past attempts. apalis adds this one at its first poll.
        let attempt = u32::try_from(task.attempt()).unwrap_or(u32::MAX);
        let max = task.max_attempts().map_or(u32::MAX, max_attempts);
        let mut job = Job::new(kind)
            .attempt(attempt.saturating_add(1), max)
            .envelope(Envelope::from_pairs(task.metadata().iter()));
        if let Some(id) = task.task_id() {
            job = job.id(id.to_string());
        }
        // The time has whole seconds, so a task that is due at once has a time in the past.
        let due = task.run_at().map(Duration::from_secs);
        if let Some(due) = due.and_then(|due| UNIX_EPOCH.checked_add(due)) {
            job = job.due_at(due);
        }
        if self.is_linked {
            job = job.new_linked_trace();
        }
        job
    }
}

impl<S> Layer<S> for TaskLayer {
    type Service = TaskService<S>;

    fn layer(&self, inner: S) -> TaskService<S> {
        TaskService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A worker's function with telemetry, returned by [`TaskLayer`].
#[derive(Debug, Clone)]
pub struct TaskService<S> {
    inner: S,
    layer: TaskLayer,
}

impl<S, Args> Service<Task<Args>> for TaskService<S>
where
    S: Service<Task<Args>>,
    S::Error: Into<BoxDynError>,
{
    type Response = S::Response;
    type Error = BoxDynError;
    type Future = TaskFuture<S::Future, S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Args>) -> Self::Future {
        let job = self.layer.job(&task);
        let running = Running::start(&self.layer.queue, &job);
        let used_attempts = job.attempts.filter(|max| job.attempt > *max);
        let retry = self.layer.postpone.clone().zip(job.id);
        let end = PendingEnd {
            running,
            status: task.raw_status().clone(),
            retry: retry.map(|(postpone, id)| (postpone, Retry::new(id, job.attempt))),
        };
        if let Some(attempts) = used_attempts {
            return TaskFuture::orphaned(attempts, end);
        }
        let span = end.running.span().clone();
        // A panic here would end the worker with all of its tasks.
        let call = AssertUnwindSafe(|| span.in_scope(|| self.inner.call(task)));
        match catch_unwind(call) {
            Ok(inner) => TaskFuture::new(inner, end),
            Err(payload) => TaskFuture::panicked(message_of(&*payload), end),
        }
    }
}

/// Returns the maximum number of attempts, at least 1.
///
/// A negative number in the row arrives here as one that exceeds `isize`.
fn max_attempts(max: usize) -> u32 {
    isize::try_from(max).map_or(1, |max| u32::try_from(max).unwrap_or(u32::MAX).max(1))
}

/// Returns the last part of a type's path, without type parameters.
///
/// It is `SendEmail` for `shop::emails::SendEmail`.
fn short_name<T>() -> &'static str {
    let name = type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn kind_is_the_last_part_of_the_type() {
        assert_eq!(short_name::<u32>(), "u32");
        assert_eq!(short_name::<String>(), "String");
        assert_eq!(short_name::<Vec<std::time::Duration>>(), "Vec");
    }
}
