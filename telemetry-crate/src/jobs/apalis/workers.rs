//! All workers of a program.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use apalis_core::error::BoxDynError;
use serde::de::DeserializeOwned;
use sqlx::Pool;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    error::WorkersError,
    payload::decode,
    stats::stats,
    tables::Tables,
    task_queue::TaskQueue,
    worker::{Attempts, Worker},
};
use crate::jobs::{Queue, QueueWatch, workerless::RunningWorkers};

/// Default number of concurrent jobs of one queue.
///
/// It is one less than the pool size in the template's deployment.
const CONCURRENCY: usize = 4;

/// Default interval of reading the queues' state, the usual scrape interval.
const WATCH_INTERVAL: Duration = Duration::from_secs(15);

/// Interval of searching the tables for undeclared queues.
const SEARCH_INTERVAL: Duration = Duration::from_secs(60);

/// Maximum number of undeclared queues that become labels.
///
/// Names in a table do not come from the program's source, so their number is limited.
const MAX_UNDECLARED: usize = 20;

/// Shortest time after which a running task is stuck.
///
/// After this time, other workers have taken over the tasks of a process that died.
const MIN_STUCK_AFTER: Duration = Duration::from_secs(60);

/// The workers of all queues of a program, on apalis' tables.
///
/// ```ignore
/// Workers::new(pool)
///     .add(&WELCOMES, |welcome| send(welcome))
///     .add(&INVOICES, move |invoice| print(invoice, printer.clone()))
///     .run(firstlight::shutdown_signal())
///     .await?;
/// ```
///
/// A job runs **at least once**: if a process dies after the work and before it records the result,
/// another process repeats the job.
///
/// | a job | becomes |
/// | --- | --- |
/// | whose function fails, panics or takes longer than the timeout | tried again about 1, 2, 4 … s later; dead-lettered after its last attempt |
/// | whose function returns an [`AbortError`](super::AbortError) | dead-lettered at once |
/// | that cannot be decoded, or whose row cannot be read | dead-lettered at once, with the reason, without effect on other jobs |
/// | that this program cancels: the drain is over, or the worker has lost its database | released, with the attempt not counted |
/// | whose process dies | taken over 15 s later, with the attempt counted; dead-lettered once all attempts are used |
///
/// The state of each queue is exported as [`Queue::watch`] describes. This includes undeclared
/// queues in the tables, which have no latency budget. The first 100 names are considered, and 20
/// undeclared queues are watched. A warning is logged once if a queue is not watched, which
/// includes a queue whose name is not UTF-8.
#[derive(Debug)]
#[must_use = "they do nothing until they run"]
pub struct Workers<DB: Tables> {
    pool: Pool<DB>,
    concurrency: usize,
    watch_interval: Duration,
    timeout: Duration,
    drain: Duration,
    workers: Vec<Worker<DB>>,
}

impl<DB: Tables> Workers<DB> {
    /// Creates a set without workers, on this pool.
    ///
    /// The pool's options should be [instrumented](crate::sqlx::instrument_options): apalis begins
    /// transactions with sqlx's own `begin`, and an instrumented pool closes a connection whose
    /// commit has failed. It also closes one whose `BEGIN` was canceled, as happens when a worker
    /// stops. In another pool, later changes on that connection are lost.
    pub fn new(pool: Pool<DB>) -> Self {
        Self {
            pool,
            concurrency: CONCURRENCY,
            watch_interval: WATCH_INTERVAL,
            timeout: Duration::from_secs(15),
            drain: Duration::from_secs(18),
            workers: Vec::new(),
        }
    }

    /// Sets the concurrent jobs of one queue in each process; default 4.
    ///
    /// Each job may hold a connection, so keep the sum of all queues below the pool's size. The
    /// setting applies to queues that are added afterward.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// Sets how often the state of the queues is read; default 15 s.
    pub fn watch_interval(mut self, interval: Duration) -> Self {
        self.watch_interval = interval;
        self
    }

    /// Sets how long one attempt may take; default 15 s.
    ///
    /// The setting applies to queues that are added afterward.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long running attempts may take after the signal to stop; default 18 s.
    ///
    /// Attempts that still run at that time are canceled and released. The release takes a moment,
    /// so leave the process a second or two more. The setting applies to queues that are added
    /// afterward. `FIRSTLIGHT_DRAIN_TIMEOUT` overrides it.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Adds a worker that runs this function for the jobs of a queue.
    ///
    /// Each kind of job needs a queue of its own.
    pub fn add<J, F, E>(
        mut self,
        queue: &TaskQueue<J>,
        run: impl Fn(J) -> F + Send + Sync + 'static,
    ) -> Self
    where
        J: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxDynError> + 'static,
    {
        let run = std::sync::Arc::new(run);
        let attempts = Attempts {
            handler: std::sync::Arc::new(move |bytes| {
                let run = std::sync::Arc::clone(&run);
                Box::pin(async move {
                    let job = decode(&bytes)?;
                    drop(bytes);
                    run(job).await.map_err(Into::into)
                })
            }),
            concurrency: self.concurrency,
            permits: std::sync::Arc::new(tokio::sync::Semaphore::new(self.concurrency)),
            timeout: self.timeout,
        };
        self.workers.push(Worker {
            pool: self.pool.clone(),
            queue: queue.queue.clone(),
            kind: queue.kind,
            attempts,
            drain: self.drain,
        });
        self
    }

    /// Works until `stop` completes, then drains the running attempts.
    ///
    /// A worker that loses its database is replaced by a new one.
    ///
    /// # Errors
    ///
    /// Returns [`WorkersError::DuplicateQueue`] before any worker runs, if two have the same queue.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), WorkersError> {
        let mut names = BTreeSet::new();
        let mut queues = self.workers.iter().map(|worker| worker.queue.name());
        if let Some(name) = queues.find(|name| !names.insert(*name)) {
            return Err(WorkersError::DuplicateQueue {
                name: name.to_owned(),
            });
        }
        let _running = RunningWorkers::register(names.into_iter());
        let (stopping, stopped) = watch::channel(false);
        let mut watches = BTreeMap::new();
        for worker in &self.workers {
            let stuck_after = MIN_STUCK_AFTER.max(worker.attempts.timeout.saturating_mul(2));
            let watch = watch_queue(
                &self.pool,
                worker.queue.clone(),
                self.watch_interval,
                stuck_after,
            );
            watches.insert(worker.queue.name().to_owned(), watch);
        }
        let jobs = self.workers.iter().map(|it| it.attempts.concurrency).sum();
        let connections = self.pool.options().get_max_connections();
        if may_exhaust_pool(jobs, connections) {
            let size = crate::sqlx::size_variable(&self.pool);
            let size = size.unwrap_or_else(|| "the pool's max_connections".to_owned());
            tracing::warn!(
                jobs,
                connections,
                "the queues' concurrency adds up to the pool's size or more: jobs may hold all connections, and requests wait for one; \
                 raise {size} or lower Workers::concurrency"
            );
        }
        let mut workers = JoinSet::new();
        for worker in self.workers {
            workers.spawn(worker.run(stopped.clone()));
        }
        let search = watch_undeclared(&self.pool, self.watch_interval, &mut watches);
        tokio::select! {
            () = stop => {}
            () = search => {}
        }
        stopping.send_replace(true);
        while workers.join_next().await.is_some() {}
        Ok(())
    }
}

/// Returns whether jobs, each with one connection, may hold all connections.
fn may_exhaust_pool(jobs: usize, connections: u32) -> bool {
    usize::try_from(connections).is_ok_and(|connections| jobs >= connections)
}

fn watch_queue<DB: Tables>(
    pool: &Pool<DB>,
    queue: Queue,
    every: Duration,
    stuck_after: Duration,
) -> QueueWatch {
    let (pool, name) = (pool.clone(), queue.name().to_owned());
    queue.watch(every, move || {
        let (pool, name) = (pool.clone(), name.clone());
        async move { DB::stats(&pool, &name, stuck_after).await.map(stats) }
    })
}

/// Watches queues that no worker knows; never ends.
///
/// The jobs of such a queue wait without a worker after the queue was renamed or removed.
async fn watch_undeclared<DB: Tables>(
    pool: &Pool<DB>,
    every: Duration,
    watches: &mut BTreeMap<String, QueueWatch>,
) {
    let most = watches.len() + MAX_UNDECLARED;
    let mut is_warned = false;
    let mut ticks = interval(SEARCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // The watches report a database that is unavailable.
        let Ok(names) = DB::queues(pool).await else {
            continue;
        };
        for name in names {
            let name = String::from_utf8(name).map_err(|name| name.to_string());
            if name.as_ref().is_ok_and(|name| watches.contains_key(name)) {
                continue;
            }
            if let Ok(name) = &name
                && watches.len() < most
            {
                let queue = Queue::declare(name.clone()).undeclared();
                watches.insert(
                    name.clone(),
                    watch_queue(pool, queue, every, MIN_STUCK_AFTER),
                );
            } else if !is_warned {
                is_warned = true;
                tracing::warn!(
                    queue = name.unwrap_or_else(|error| error),
                    most = MAX_UNDECLARED,
                    "an undeclared queue is not watched, because there are too many or its name is not UTF-8: it has no metrics and no alerts"
                );
            }
        }
    }
}

#[cfg(all(test, feature = "apalis-sqlite", feature = "testing"))]
mod tests;
