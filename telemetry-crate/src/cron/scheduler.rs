//! All jobs of a service, until it stops.

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
/// use firstlight::cron::{LocalStore, Schedule, Scheduler};
///
/// let scheduler = Scheduler::new(LocalStore::default())
///     .add(Schedule::cron("@hourly")?.named("report"), || async { Ok::<(), std::io::Error>(()) });
/// // Beside the server, in a task of its own.
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
    /// Without any job yet.
    pub fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            crons: Vec::new(),
            // The standard library's hash keys are the random numbers that we have.
            instance: RandomState::new().hash_one(()),
            drain: shutdown::DRAIN,
            clock: Clock::System,
        }
    }

    /// Adds a job. Each run is a call of `job`; an error, with its causes, is the run's failure, and so is a panic.
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

    /// Names this replica. Only the jitter depends on it; by default each process is one of its own.
    pub fn instance(mut self, name: &str) -> Self {
        // FNV-1a, like the jitter itself.
        self.instance = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self
    }

    /// How long runs may go on once the shutdown has begun; then they are cancelled, counted as `interrupted`, and
    /// repeated by the next process. The default is 20 s: what is left of the 30 s that Kubernetes gives.
    /// `FIRSTLIGHT_DRAIN_TIMEOUT` wins over it.
    pub fn drain(mut self, at_most: Duration) -> Self {
        self.drain = at_most;
        self
    }

    #[cfg(test)]
    pub(super) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Runs all jobs until `shutdown` completes, starts nothing from then on, and returns when what runs has ended or was
    /// cut short. Start telemetry before. Dropping the future cancels what runs at once.
    ///
    /// # Errors
    ///
    /// [`CronError::DuplicateName`], before anything is run.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time enabled.
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
        let (asked, stop) = Stop::new(shutdown::operators_drain().unwrap_or(self.drain));
        // Not the instance: two replicas that were given the same name must not hold each other's claims.
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
            tickers.spawn(ticker.keep());
        }
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = tickers.join_next() => log_end(ended),
            }
        }
        // An error means that there is no job to ask.
        let _ = asked.send(true);
        while let Some(ended) = tickers.join_next().await {
            log_end(ended);
        }
        Ok(())
    }
}

/// A panic of a job is the end of its run; this is one of the store.
fn log_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(target: TARGET, "a scheduled job will not run again before a restart: {error}");
    }
}
