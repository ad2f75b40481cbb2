//! The scheduler: runs all jobs of a service until it stops.

use std::{
    collections::BTreeSet,
    error::Error,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::task::{JoinError, JoinSet};

use super::{
    Cron, CronError, Store,
    clock::Clock,
    lease::Lease,
    run::{Job, TARGET},
    stop::Stop,
    ticker::Ticker,
};
use crate::{shutdown, values::with_causes};

/// Runs declared jobs.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use firstlight::cron::{Cron, LocalStore, Scheduler};
///
/// let scheduler = Scheduler::new(LocalStore::default())
///     .add(Cron::parse("report", "@hourly")?, || async { Ok::<(), std::io::Error>(()) });
/// // The scheduler runs beside the server, in its own task.
/// let scheduler = tokio::spawn(scheduler.run(firstlight::shutdown_signal()));
/// // ... serve ...
/// scheduler.await??;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is scheduled until `run()` is polled"]
pub struct Scheduler<S> {
    store: Arc<S>,
    crons: Vec<(Cron, Job)>,
    instance: u64,
    drain: Duration,
    clock: Clock,
}

impl<S> fmt::Debug for Scheduler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crons = self.crons.iter().map(|(cron, _)| &cron.name);
        f.debug_list().entries(crons).finish()
    }
}

impl<S: Store> Scheduler<S> {
    /// Creates a scheduler without jobs.
    pub fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            crons: Vec::new(),
            // The random keys of the standard library's hasher need no other dependency.
            instance: RandomState::new().hash_one(()),
            drain: shutdown::DEFAULT_DRAIN,
            clock: Clock::System,
        }
    }

    /// Adds a job; each run calls `job`.
    ///
    /// A run fails if `job` panics or returns an error, which is recorded with its causes.
    pub fn add<J, F, E>(mut self, cron: Cron, job: J) -> Self
    where
        J: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let job: Job = Arc::new(move || {
            let run = job();
            Box::pin(async move {
                run.await
                    .map_err(|error| with_causes(error.into().as_ref()))
            })
        });
        self.crons.push((cron, job));
        self
    }

    /// Sets this replica's name for the jitter; by default each process differs.
    pub fn instance(mut self, name: &str) -> Self {
        // FNV-1a, like the jitter.
        self.instance = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self
    }

    /// Sets how long runs may go on after the shutdown has begun; default 20 s.
    ///
    /// Runs that take longer are canceled, counted as `interrupted`, and repeated by the next
    /// process. The default fits into the 30 s after which Kubernetes kills the process.
    /// `FIRSTLIGHT_DRAIN_TIMEOUT` overrides it.
    pub fn drain(mut self, at_most: Duration) -> Self {
        self.drain = at_most;
        self
    }

    #[cfg(test)]
    pub(super) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Runs all jobs until `shutdown` completes.
    ///
    /// No run starts after that. The future completes when the active runs have ended or were cut
    /// short. Dropping the future cancels active runs at once. Start telemetry before this call.
    ///
    /// # Errors
    ///
    /// Returns [`CronError::DuplicateName`] before any job runs, if two jobs have the same name.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime with time enabled.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), CronError> {
        let mut names = BTreeSet::new();
        if let Some((cron, _)) = self
            .crons
            .iter()
            .find(|(cron, _)| !names.insert(cron.name.as_str()))
        {
            return Err(CronError::DuplicateName {
                name: cron.name.clone(),
            });
        }
        let (stop_sender, stop) = Stop::new(shutdown::operators_drain().unwrap_or(self.drain));
        // The holder is not derived from the instance, because two replicas with the same name must
        // not hold each other's claims.
        let holder: Arc<str> = format!("{:016x}", RandomState::new().hash_one(())).into();
        let mut tickers = JoinSet::new();
        for (cron, job) in self.crons {
            let lease = Lease {
                store: Arc::clone(&self.store),
                name: cron.name.clone(),
                holder: Arc::clone(&holder),
            };
            let clock = self.clock.clone();
            let ticker = Ticker::new(cron, job, lease, clock, self.instance, stop.clone());
            tickers.spawn(ticker.run_until_stopped());
        }
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = tickers.join_next() => log_end(ended),
            }
        }
        // An error means that there is no job left to stop.
        let _ = stop_sender.send(true);
        while let Some(ended) = tickers.join_next().await {
            log_end(ended);
        }
        Ok(())
    }
}

/// Logs the panic of a ticker, which can only come from the store.
///
/// A panic of a job ends only its run.
fn log_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(target: TARGET, "a scheduled job will not run again before a restart: {error}");
    }
}
