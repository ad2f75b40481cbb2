//! All workers of a program.

use std::{collections::BTreeMap, time::Duration};

use apalis_core::error::BoxDynError;
use serde::de::DeserializeOwned;
use sqlx::Pool;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    payload::decode,
    stats::stats,
    tables::Tables,
    task_queue::TaskQueue,
    worker::{Attempts, Worker},
};
use crate::jobs::{Queue, Watch};

/// Jobs of one queue that run at the same time, unless told otherwise: one less than the pool of the template's pods.
const CONCURRENCY: usize = 4;

/// How often the state of the queues is read, unless told otherwise: as often as Prometheus asks.
const LOOK: Duration = Duration::from_secs(15);

/// How often the tables are searched for queues that no worker here knows.
const SEARCH: Duration = Duration::from_secs(60);

/// Names in a table are no program's source: so many become labels.
const MAX_UNDECLARED: usize = 20;

/// The least after which a task that runs is stuck: by then other workers have taken over what a dead one had.
const LEAST_STUCK: Duration = Duration::from_secs(60);

/// The workers of all queues of a program, on apalis' tables.
///
/// ```ignore
/// Workers::new(pool)
///     .add(&WELCOMES, |welcome| send(welcome))
///     .add(&INVOICES, move |invoice| print(invoice, printer.clone()))
///     .run(firstlight::shutdown_signal())
///     .await;
/// ```
///
/// A job runs **at least once**: a process that dies between the work and the note that it is done leaves it to another.
///
/// | a job | becomes |
/// | --- | --- |
/// | whose function fails, panics or takes longer than the timeout | tried again about 1, 2, 4 … s later; a dead letter after its last attempt |
/// | whose function returns an [`AbortError`](super::AbortError) | a dead letter at once |
/// | that cannot be decoded, or whose row cannot be read | a dead letter at once, with the reason, and nothing else notices |
/// | that is cancelled by this program: the drain is over, or the worker has lost its database | given back, with the attempt not counted |
/// | whose process dies | taken over 15 s later, with the attempt counted; a dead letter once all are used up |
///
/// The state of each queue is exported as [`Queue::watch`] says, also of queues in the tables that this program does not
/// know: those have no latency budget. Of these, 20 are watched, and the first 100 of all names are looked at; a warning says so
/// once if one is not watched, which is also the case of a name that is not UTF-8.
#[derive(Debug)]
#[must_use = "they do nothing until they run"]
pub struct Workers<DB: Tables> {
    pool: Pool<DB>,
    concurrency: usize,
    look: Duration,
    timeout: Duration,
    drain: Duration,
    workers: Vec<Worker<DB>>,
}

impl<DB: Tables> Workers<DB> {
    /// No workers yet. The pool's options should be [instrumented](crate::sqlx::instrument_options): apalis begins transactions with sqlx's
    /// own `begin`, and such a pool closes a connection whose commit has failed.
    pub fn new(pool: Pool<DB>) -> Self {
        Self {
            pool,
            concurrency: CONCURRENCY,
            look: LOOK,
            timeout: Duration::from_secs(15),
            drain: Duration::from_secs(18),
            workers: Vec::new(),
        }
    }

    /// Jobs of one queue that run at the same time, in each process; 4 by default. Each may hold a connection, so keep the sum
    /// of all queues below the pool's size. For the queues that are added afterwards.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// How often the state of the queues is read; 15 s by default.
    pub fn watch_interval(mut self, interval: Duration) -> Self {
        self.look = interval;
        self
    }

    /// How long one attempt may take; 15 s by default. For the queues that are added afterwards.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long the attempts that run may take to end after the signal to stop; 18 s by default. Those that still run
    /// by then are cancelled and given back, which takes a moment: leave the process a second or two. For the queues
    /// that are added afterwards. `FIRSTLIGHT_DRAIN_TIMEOUT` wins over it.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Works off a queue with this function.
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

    /// Works until `stop` completes, then ends what runs. A worker that has lost its database makes room for a new one.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let mut watches = BTreeMap::new();
        for worker in &self.workers {
            let stuck_after = LEAST_STUCK.max(worker.attempts.timeout.saturating_mul(2));
            let watch = look(&self.pool, worker.queue.clone(), self.look, stuck_after);
            watches.insert(worker.queue.name().to_owned(), watch);
        }
        let jobs = self.workers.iter().map(|it| it.attempts.concurrency).sum();
        let connections = self.pool.options().get_max_connections();
        if is_crowded(jobs, connections) {
            tracing::warn!(
                jobs,
                connections,
                "the queues' concurrency adds up to the pool's size or more: jobs may hold all connections, and requests wait for one; \
                 raise the pool's max_connections or lower Workers::concurrency"
            );
        }
        let mut workers = JoinSet::new();
        for worker in self.workers {
            workers.spawn(worker.run(stopped.clone()));
        }
        let search = search(&self.pool, self.look, &mut watches);
        tokio::select! {
            () = stop => {}
            () = search => {}
        }
        stopping.send_replace(true);
        while workers.join_next().await.is_some() {}
    }
}

/// Whether jobs may hold all connections. Each may hold one.
fn is_crowded(jobs: usize, connections: u32) -> bool {
    usize::try_from(connections).is_ok_and(|connections| jobs >= connections)
}

fn look<DB: Tables>(
    pool: &Pool<DB>,
    queue: Queue,
    every: Duration,
    stuck_after: Duration,
) -> Watch {
    let (pool, name) = (pool.clone(), queue.name().to_owned());
    queue.watch(every, move || {
        let (pool, name) = (pool.clone(), name.clone());
        async move { DB::stats(&pool, &name, stuck_after).await.map(stats) }
    })
}

/// Jobs in a queue that was renamed or taken away wait without a worker. Never ends.
async fn search<DB: Tables>(
    pool: &Pool<DB>,
    every: Duration,
    watches: &mut BTreeMap<String, Watch>,
) {
    let most = watches.len() + MAX_UNDECLARED;
    let mut is_warned = false;
    let mut ticks = interval(SEARCH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A database that is away is told by the watches.
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
                watches.insert(name.clone(), look(pool, queue, every, LEAST_STUCK));
            } else if !is_warned {
                is_warned = true;
                tracing::warn!(
                    queue = name.unwrap_or_else(|error| error),
                    most = MAX_UNDECLARED,
                    "a queue that no worker here knows is not watched, because there are too many or its name is not UTF-8: it has no metrics and no alerts"
                );
            }
        }
    }
}

#[cfg(all(test, feature = "apalis-sqlite", feature = "testing"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use apalis_core::error::BoxDynError;
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Note {}

    #[tokio::test]
    async fn sum_of_concurrency_is_warned_of() {
        let capture = crate::testing::capture();
        for (concurrency, warnings) in [(2, 0), (3, 1)] {
            let pool = SqlitePoolOptions::new().max_connections(5);
            let pool = pool.connect_lazy("sqlite::memory:").unwrap();
            let mut workers = Workers::new(pool).concurrency(concurrency);
            for name in ["mails", "invoices"] {
                let queue = Queue::declare(name).latency_budget(Duration::from_secs(60));
                let queue = TaskQueue::<Note>::new("note", queue);
                workers = workers.add(&queue, |_| async { Ok::<_, BoxDynError>(()) });
            }
            workers.run(std::future::ready(())).await;
            let logs = capture.logs();
            let logged = logs
                .iter()
                .filter(|line| line.message.starts_with("the queues' concurrency"));
            assert_eq!(
                logged.count(),
                warnings,
                "{concurrency} of each queue, of 5 connections"
            );
        }
    }
}
