//! The layer, and what it puts around a worker's function.

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
    future::{Ending, TaskFuture},
    postpone::{Postpone, Retry},
};
use crate::jobs::{Envelope, Job, Queue, catch, running::Running};

/// Measures every attempt at a task as [`Queue::run`] measures a job: the span, the wait, the run, the outcome, the line.
///
/// A panic is an error like any other, so `catch_panic()` is not needed. A task's error is `dead` if it is apalis'
/// `AbortError` or if its last attempt failed, and `retry` otherwise.
///
/// It also repairs what apalis 1.0 stores of an attempt that did not end by itself. After a panic or a timeout the status is
/// `Running`, and after a `RetryAfterError` or a `DeferredError` it is `Pending`; acknowledged like that, SQLite keeps the task
/// locked and hands it out to no worker. Here it is `Failed`, and goes on as a failed task does.
///
/// And it ends what apalis 1.0 would try for ever: a task whose process dies with it, because it runs out of memory or aborts. The
/// store counts such an attempt and hands the task out again whatever the count. Here it is `dead` once its attempts are used
/// up, with the error type `orphaned`, and the function is not called.
#[derive(Debug, Clone)]
pub struct TaskLayer {
    queue: Queue,
    kind: Option<Arc<str>>,
    has_own_trace: bool,
    postpone: Option<Postpone>,
}

impl TaskLayer {
    /// For a worker of that queue. Call the queue in `apalis`' configuration by the same name.
    pub fn new(queue: &Queue) -> Self {
        Self {
            queue: queue.clone(),
            kind: None,
            has_own_trace: false,
            postpone: None,
        }
    }

    /// What the tasks do, for the label `kind`. By default the name of the arguments' type, without its path.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Begins a trace for every attempt, with a link to the request's: see [`Job::new_linked_trace`].
    #[must_use]
    pub fn new_linked_traces(mut self) -> Self {
        self.has_own_trace = true;
        self
    }

    /// What to do about a task that failed and has attempts left, before apalis is told that it failed: the place to set the
    /// time of the next attempt in its row, with [`SQLITE_POSTPONE`](super::SQLITE_POSTPONE) or
    /// [`POSTGRES_POSTPONE`](super::POSTGRES_POSTPONE). Without this a store hands the task out again at once.
    ///
    /// It has no result, because there is nothing that the worker could do about one: a failure of its own is for it to log,
    /// and then the retry comes at once. The same goes for a panic.
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
        // The store counts the attempts that were; it counts this one when it is first polled.
        let attempt = u32::try_from(task.attempt()).unwrap_or(u32::MAX);
        let most = task.max_attempts().map_or(u32::MAX, most_attempts);
        let mut job = Job::new(kind)
            .attempt(attempt.saturating_add(1), most)
            .envelope(Envelope::from_pairs(task.metadata().iter()));
        if let Some(id) = task.task_id() {
            job = job.id(id.to_string());
        }
        // In whole seconds, so it is the past for a task that is due at once.
        let due = task.run_at().map(Duration::from_secs);
        if let Some(due) = due.and_then(|due| UNIX_EPOCH.checked_add(due)) {
            job = job.due_at(due);
        }
        if self.has_own_trace {
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

/// A worker's function with a [`TaskLayer`] around it.
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
        let attempts_used = job.attempts.filter(|most| job.attempt > *most);
        let retry = self.layer.postpone.clone().zip(job.id);
        let end = Ending {
            running,
            status: task.raw_status().clone(),
            retry: retry.map(|(postpone, id)| (postpone, Retry::new(id, job.attempt))),
        };
        if let Some(attempts) = attempts_used {
            return TaskFuture::orphaned(attempts, end);
        }
        let span = end.running.span().clone();
        // A panic here would be the worker's, and end all of its tasks.
        let call = AssertUnwindSafe(|| span.in_scope(|| self.inner.call(task)));
        match catch_unwind(call) {
            Ok(inner) => TaskFuture::new(inner, end),
            Err(payload) => TaskFuture::panicked(&catch::message(&*payload), end),
        }
    }
}

/// One at least. A number below zero in the row is beyond `isize` here.
fn most_attempts(most: usize) -> u32 {
    isize::try_from(most).map_or(1, |most| u32::try_from(most).unwrap_or(u32::MAX).max(1))
}

/// `SendEmail` of `shop::emails::SendEmail`; of a generic type without what it is generic over.
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
