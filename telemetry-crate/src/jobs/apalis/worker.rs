//! One queue's worker: restarted when it ends by itself, drained at shutdown.
//!
//! The book's decision 25 lists what ends a worker of apalis.

use std::{
    error::Error,
    fmt,
    future::{pending, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use apalis_core::{error::BoxDynError, worker::context::WorkerContext};
use futures_core::Stream;
use sqlx::Pool;
use tokio::{
    sync::{Semaphore, oneshot, watch},
    task::JoinSet,
    time::{self, Instant},
};

use super::{
    draining::Drain,
    postpone::Retry,
    repeats::Repeats,
    service::TaskLayer,
    tables::{HEARTBEAT_INTERVAL, Tables},
};
use crate::{
    jobs::{
        AttemptOutcome, Job, Queue, TARGET,
        catch::catch_panic,
        running::{AttemptEnd, Running, UNDECODABLE},
    },
    panic::message_of,
    shutdown,
    values::counted,
};

/// Time after which a worker has started well, and its next end is a new failure.
///
/// During an outage a worker ends sooner, at its first poll.
const STABLE_AFTER: Duration = Duration::from_secs(15);

/// Pause between the end of a worker and the start of its successor.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

pub(super) type Handler = Arc<
    dyn Fn(Vec<u8>) -> Pin<Box<dyn Future<Output = Result<(), BoxDynError>> + Send>> + Send + Sync,
>;

/// How a worker runs the attempts at its jobs.
#[derive(Clone)]
#[expect(unnameable_types, reason = "part of a sealed trait")]
pub struct Attempts {
    pub(super) handler: Handler,
    pub(super) concurrency: usize,
    /// As many as the concurrency, shared with a successor that begins while jobs run.
    ///
    /// apalis' own limit is that of one worker, which keeps a permit in reserve until it ends.
    pub(super) permits: Arc<Semaphore>,
    pub(super) timeout: Duration,
}

impl Attempts {
    /// Runs one attempt, and cancels it at the timeout.
    pub(super) async fn run(self, job: Vec<u8>) -> Result<(), BoxDynError> {
        // An error means that the semaphore is closed, which never happens.
        let _permit = self.permits.acquire().await;
        let timeout = self.timeout;
        let attempt = time::timeout(timeout, (self.handler)(job)).await;
        attempt.unwrap_or_else(|_| Err(AttemptTimedOut { timeout }.into()))
    }
}

/// The error of an attempt that was canceled at its timeout.
#[derive(Debug, thiserror::Error)]
#[error("the attempt took longer than {} s", timeout.as_secs_f64())]
pub(super) struct AttemptTimedOut {
    timeout: Duration,
}

impl fmt::Debug for Attempts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Attempts").finish_non_exhaustive()
    }
}

/// The worker of one queue, which is restarted when it ends by itself.
#[derive(Debug)]
pub(super) struct Worker<DB: Tables> {
    pub(super) pool: Pool<DB>,
    pub(super) queue: Queue,
    pub(super) kind: &'static str,
    pub(super) attempts: Attempts,
    pub(super) drain: Duration,
}

/// When the successor of a worker begins.
enum Next {
    /// At once: the worker met a row that apalis cannot read.
    ///
    /// The row is dead-lettered now.
    AtOnce,
    /// After a pause: the worker has ended, because of an error if there is one.
    AfterPause(Option<BoxDynError>),
}

impl<DB: Tables> Worker<DB> {
    /// Works until `stop` is true and the running jobs have ended.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let worker = Arc::new(self);
        let mut failures = Repeats::default();
        // There are several while jobs of a worker run whose successor has begun at once.
        let mut sessions = JoinSet::new();
        loop {
            worker.dead_letter_unreadable().await;
            let started = Instant::now();
            let (sender, next) = oneshot::channel();
            sessions.spawn(Arc::clone(&worker).session(stop.clone(), sender));
            let error = match next.await {
                Ok(Next::AtOnce) => {
                    while sessions.try_join_next().is_some() {}
                    continue;
                }
                Ok(Next::AfterPause(error)) => error,
                Err(_) if *stop.borrow() => break,
                Err(_) => Some("its task panicked".into()),
            };
            if started.elapsed() >= STABLE_AFTER {
                failures = Repeats::default();
            }
            if let Some(error) = &error
                && let Some(count) = failures.fail()
            {
                let (queue, error): (_, &dyn Error) = (worker.queue.name(), &**error);
                let times = counted(count, "time", "times");
                tracing::warn!(
                    target: TARGET,
                    { messaging.destination.name = queue, exception.message = error },
                    "the worker of the queue {queue} ended and is restarted, {times} in a row"
                );
            }
            let stopped = async { stop.wait_for(|stop| *stop).await.map(drop) };
            if time::timeout(RESTART_PAUSE, stopped).await.is_ok() {
                break;
            }
        }
        while sessions.join_next().await.is_some() {}
    }

    /// Runs one worker of apalis, and releases its tasks.
    ///
    /// It sends when its successor may begin, and nothing at a stop.
    async fn session(self: Arc<Self>, stop: watch::Receiver<bool>, next: oneshot::Sender<Next>) {
        let name = self.unique_name();
        let mut next = Some(next);
        // A panic is caught, because apalis panics at some rows.
        let work = catch_panic(self.work(&name, stop.clone(), &mut next)).await;
        let error = match work {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(payload) => Some(format!("panicked: {}", message_of(&*payload)).into()),
        };
        // Until their release, the tasks of an ended worker look like those of a process that died.
        // So the next worker, which may run for days, starts only after the release.
        self.release(&name, stop.clone()).await;
        if *stop.borrow() {
            return;
        }
        let Some(next) = next else { return };
        let _ = next.send(match self.dead_letter_unreadable().await {
            0 => Next::AfterPause(error),
            _ => Next::AtOnce,
        });
    }

    /// Runs one worker of apalis.
    ///
    /// After an error, the worker takes no new task, and waits for its running tasks.
    async fn work(
        self: &Arc<Self>,
        name: &str,
        mut stop: watch::Receiver<bool>,
        next: &mut Option<oneshot::Sender<Next>>,
    ) -> Result<(), BoxDynError> {
        let context = WorkerContext::new(name);
        let (queue, attempts) = (self.queue.name(), &self.attempts);
        let drain = Drain::default();
        let mut events = pin!(DB::work(
            &self.pool,
            &context,
            queue,
            self.layer(),
            attempts,
            &drain
        ));
        let mut error: Option<BoxDynError> = None;
        let mut next = Some(next);
        let mut draining = pin!(None);
        let mut is_stopping = false;
        loop {
            let is_draining = draining.is_some();
            let drained = async {
                match draining.as_mut().as_pin_mut() {
                    Some(draining) => draining.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                event = poll_fn(|context| events.as_mut().poll_next(context)) => match event {
                    None => break,
                    Some(Ok(_)) if !is_draining => continue,
                    Some(Ok(_)) => {}
                    Some(Err(found)) => {
                        error.get_or_insert(found.into());
                    }
                },
                _ = stop.wait_for(|stop| *stop), if !is_draining => {}
                () = drained => {
                    let queue = self.queue.name();
                    tracing::warn!(target: TARGET, "jobs of the queue {queue} still run; they are canceled and released");
                    break;
                }
            }
            if !is_draining {
                drain.begin();
                // At a stop there is no successor.
                let next = next.take().filter(|_| error.is_some());
                let (drained, replaced) = (self.send_heartbeats(name), self.replace(next));
                draining.set(Some(async {
                    tokio::select! {
                        () = drained => {}
                        () = replaced => {}
                    }
                }));
            }
            // After an error the worker is told to stop at once. Otherwise it is told only when no
            // job runs, for the reason that `draining` gives.
            if !is_stopping && (error.is_some() || context.task_count() == 0) {
                is_stopping = true;
                // A worker that has not started has nothing to drain.
                if context.stop().is_err() {
                    break;
                }
            }
        }
        error.map_or(Ok(()), Err)
    }

    /// Lets the successor begin at once after an unreadable row; never ends.
    ///
    /// Other jobs of the queue thus need not wait until the running jobs of this worker have ended.
    async fn replace(self: &Arc<Self>, next: Option<&mut Option<oneshot::Sender<Next>>>) {
        if let Some(next) = next
            && self.dead_letter_unreadable().await > 0
            && let Some(next) = next.take()
        {
            let _ = next.send(Next::AtOnce);
        }
        pending().await
    }

    /// Sends heartbeats until the time of the drain is over.
    ///
    /// apalis sends none while it stops, and without heartbeats other workers would take over the
    /// running tasks.
    async fn send_heartbeats(&self, name: &str) {
        let heartbeats = async {
            loop {
                let _ = DB::heartbeat(&self.pool, name).await;
                time::sleep(HEARTBEAT_INTERVAL).await;
            }
        };
        // A tenth of the operator's time is left for releasing the canceled tasks.
        let drain = shutdown::operators_drain().map_or(self.drain, |drain| drain * 9 / 10);
        let _: Result<(), _> = time::timeout(drain, heartbeats).await;
    }

    fn layer(&self) -> TaskLayer {
        let pool = self.pool.clone();
        TaskLayer::new(&self.queue)
            .kind(self.kind)
            .before_retry(move |retry| postpone(pool.clone(), retry))
    }

    /// Releases the tasks of an ended worker, without counting their attempts.
    ///
    /// It is tried again until it works or `stop` is true. A process that dies cannot release its
    /// tasks. Other workers take them over, and their attempts count.
    async fn release(&self, name: &str, mut stop: watch::Receiver<bool>) {
        let queue = self.queue.name();
        let mut failures = Repeats::default();
        loop {
            let Err(error) = DB::release(&self.pool, name).await else {
                break;
            };
            // The instrumented pool does not see apalis' own errors.
            crate::sqlx::record_storage_failure(&error);
            let logged = failures.fail();
            let stopped = *stop.borrow();
            if logged.is_some() || stopped {
                let error: &dyn Error = &error;
                let tries = counted(failures.count(), "try", "tries");
                let then = match stopped {
                    true => "another worker takes them over, and their attempts count",
                    false => "it is tried every second",
                };
                tracing::warn!(
                    target: TARGET,
                    { messaging.destination.name = queue, exception.message = error },
                    "jobs of the queue {queue} cannot be released, {tries} so far; {then}"
                );
            }
            if stopped {
                return;
            }
            let stopping = stop.wait_for(|stop| *stop);
            let _ = time::timeout(RESTART_PAUSE, stopping).await;
        }
        if failures.count() > 0 {
            let tries = counted(failures.count(), "failed try", "failed tries");
            tracing::info!(
                target: TARGET,
                { messaging.destination.name = queue },
                "jobs of the queue {queue} are released, after {tries}"
            );
        }
    }

    /// Dead-letters rows that apalis cannot read.
    ///
    /// Such a row ends each worker that claims it and blocks the queue, so it is removed before a
    /// worker starts. Returns the number of rows.
    async fn dead_letter_unreadable(self: &Arc<Self>) -> usize {
        let worker = Arc::clone(self);
        // A task, because the end of an apalis worker cancels this call, and with it the log line.
        let dead_lettering = tokio::spawn(async move {
            let rows = DB::dead_letter_unreadable(&worker.pool, worker.queue.name()).await;
            let rows = rows.unwrap_or_default();
            for (id, reason) in &rows {
                let job = Job::new(worker.kind).id(id);
                Running::start(&worker.queue, &job).finish(&AttemptEnd {
                    outcome: AttemptOutcome::DeadLettered,
                    error_type: Some(UNDECODABLE),
                    message: Some(reason.clone()),
                    next_attempt: None,
                });
            }
            rows.len()
        });
        dead_lettering.await.unwrap_or_default()
    }

    /// Returns a name that no other worker has.
    ///
    /// It also differs from that of the previous worker of this process, because the database
    /// treats a second worker of the same name as dead.
    fn unique_name(&self) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanoseconds = since.unwrap_or_default().as_nanos();
        format!("{}-{}-{nanoseconds}", self.queue.name(), std::process::id())
    }
}

/// Stores a later time in the row of a failed task.
///
/// The pause survives a restart. A failure corrects the log line of the attempt.
async fn postpone<DB: Tables>(pool: Pool<DB>, retry: Retry) {
    let seconds = retry.pause_seconds();
    if let Err(error) = DB::postpone(&pool, retry).await {
        let error: &dyn Error = &error;
        tracing::warn!(
            target: TARGET,
            { exception.message = error },
            "the next attempt may come at once, and not in {seconds} s, because its time cannot be stored"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn timed_out_attempts_name_their_limit() {
        let attempts = Attempts {
            handler: Arc::new(|_| Box::pin(pending())),
            concurrency: 1,
            permits: Arc::new(Semaphore::new(1)),
            timeout: Duration::from_millis(10),
        };
        let error = attempts.run(Vec::new()).await.map_err(|error| {
            assert!(error.is::<AttemptTimedOut>(), "{error}");
            error.to_string()
        });
        assert_eq!(error, Err("the attempt took longer than 0.01 s".to_owned()));
    }
}
