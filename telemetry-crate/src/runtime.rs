//! Observation of the application's tokio runtime: load, delay and stalls.
//!
//! Async code that blocks (a synchronous call, a lock that is held too long, a loop without an
//! `await`) keeps its runtime from running other tasks, and the spans of these tasks do not show the
//! cause. So the admin thread, which is independent of that runtime, wakes a task of the runtime up to
//! ten times a second and measures how long the task waits until it is polled. `polls` finds the spans
//! of the code that blocks. The book's decision 22 has the reasons why `tokio-metrics` is not used.
//!
//! ```text
//! admin thread ── wake ──▶ probe (a task of the application's runtime) ─▶ tokio_scheduler_delay_seconds
//!            └─ no answer for 3 s ─▶ one WARN line, and another when tasks run again; tokio_scheduler_stalled_seconds
//! GET /metrics ──▶ tokio's own stable counters, read at each scrape
//! ```
//!
//! Metrics that tokio marks as unstable (poll times, steals, the blocking pool) are left out. The
//! probe uses no timers, so it does not affect the paused clock of a test. If one of several workers
//! is blocked, the others take over its tasks and the probe. Such a block is visible in `polls`, and in
//! the busy time of the blocked worker, which tokio does not update during the block.

mod atomic;
mod collector;
mod polls;
mod scheduler_probe;
mod slot;
mod watch;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Handle, Id, RuntimeMetrics},
    task::AbortHandle,
};

use self::{polls::Polls, scheduler_probe::SchedulerProbe};
pub(crate) use self::{
    polls::{LongPoll, enter, exit},
    watch::watch,
};
use crate::{recorder::Recorder, span_ids::SpanContexts};

/// The error of `instrument_runtime()` outside a tokio runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "instrument_runtime() was called outside a tokio runtime; call it inside one, such as at the start of an async main"
)]
#[non_exhaustive]
pub struct NoRuntime;

/// Maximum number of observed runtimes.
///
/// A server with a runtime for each worker has as many as the machine has processors.
const MAX_RUNTIMES: usize = 256;

/// Observer of the application's runtimes.
///
/// Usually there is one. Some servers have a runtime for each of their workers.
#[derive(Debug, Default)]
pub(crate) struct RuntimeObserver {
    runtimes: Mutex<Vec<Observed>>,
    /// The reader of the spans that are polled; `None` without a flight recorder.
    polls: Option<Polls>,
}

/// An observed runtime and the probe that runs in it.
#[derive(Debug, Clone)]
struct Observed {
    id: Id,
    /// Whether it is the runtime in which telemetry was started.
    is_main: bool,
    /// The number of the first worker, by which its metrics are labeled.
    first_worker: usize,
    metrics: RuntimeMetrics,
    probe: Arc<SchedulerProbe>,
    task: AbortHandle,
}

/// The observer of the process, for runtimes that start later.
static INSTALLED: Mutex<Weak<RuntimeObserver>> = Mutex::new(Weak::new());

/// Observes the current runtime as well, if telemetry is running.
#[cfg(feature = "actix")]
pub(crate) fn observe_worker() {
    let installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let (Some(observer), Ok(handle)) = (installed.upgrade(), Handle::try_current()) {
        observer.observe(&handle, false);
    }
}

impl RuntimeObserver {
    /// Creates an observer that names the spans which block the runtime.
    pub(crate) fn new(recorder: Option<Recorder>, contexts: SpanContexts) -> Self {
        Self {
            runtimes: Mutex::default(),
            polls: recorder.map(|recorder| Polls::new(recorder, contexts)),
        }
    }

    /// Lets runtimes that start later find the observer.
    pub(crate) fn install(self: &Arc<Self>) {
        *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(self);
    }

    /// The longest time for which a runtime has run no task that was woken.
    pub(crate) fn stalled(&self) -> Duration {
        let now = Instant::now();
        let observed = self.observed();
        let stalls = observed.iter().map(|observed| observed.probe.stalled(now));
        stalls.max().unwrap_or_default()
    }

    /// The spans that have been in one poll for at least this time, the longest first.
    pub(crate) fn long_polls(&self, at_least: Duration) -> Vec<LongPoll> {
        let polls = self.polls.as_ref();
        polls.map_or_else(Vec::new, |polls| polls.long(at_least, Instant::now()))
    }

    /// Starts to observe the current runtime, instead of a previous one.
    ///
    /// The runtimes of workers stay observed.
    pub(crate) fn observe_current(&self) -> Result<(), NoRuntime> {
        let handle = Handle::try_current().map_err(|_| NoRuntime)?;
        self.observe(&handle, true);
        Ok(())
    }

    fn observe(&self, handle: &Handle, is_main: bool) {
        let id = handle.id();
        let mut runtimes = self.lock();
        let is_replaced =
            |observed: &Observed| observed.task.is_finished() || is_main && observed.is_main;
        for observed in runtimes.extract_if(.., |observed| is_replaced(observed)) {
            observed.task.abort();
        }
        let is_known = runtimes.iter().any(|observed| observed.id == id);
        if is_known || runtimes.len() >= MAX_RUNTIMES {
            return;
        }
        let metrics = handle.metrics();
        let probe = Arc::new(SchedulerProbe::default());
        let task = handle
            .spawn(SchedulerProbe::run(Arc::clone(&probe)))
            .abort_handle();
        let ends = runtimes.iter();
        let ends = ends.map(|observed| observed.first_worker + observed.metrics.num_workers());
        let first_worker = ends.max().unwrap_or_default();
        runtimes.push(Observed {
            id,
            is_main,
            first_worker,
            metrics,
            probe,
            task,
        });
    }

    /// Ends the observation; called when telemetry stops.
    pub(crate) fn stop(&self) {
        for observed in self.lock().drain(..) {
            observed.task.abort();
        }
    }

    /// Returns the observed runtimes that were not shut down.
    fn observed(&self) -> Vec<Observed> {
        let mut observed = self.lock().clone();
        observed.retain(|observed| !observed.task.is_finished());
        observed
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Observed>> {
        self.runtimes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
