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
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Handle, RuntimeMetrics},
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

/// Observer of at most one runtime.
#[derive(Debug, Default)]
pub(crate) struct RuntimeObserver {
    observed: Mutex<Option<Observed>>,
    /// The reader of the spans that are polled; `None` without a flight recorder.
    polls: Option<Polls>,
}

/// The observed runtime and the probe that runs in it.
#[derive(Debug, Clone)]
struct Observed {
    metrics: RuntimeMetrics,
    probe: Arc<SchedulerProbe>,
    task: AbortHandle,
}

impl RuntimeObserver {
    /// Creates an observer that names the spans which block the runtime.
    pub(crate) fn new(recorder: Option<Recorder>, contexts: SpanContexts) -> Self {
        Self {
            observed: Mutex::default(),
            polls: recorder.map(|recorder| Polls::new(recorder, contexts)),
        }
    }

    /// The time for which the runtime has run no task that was woken.
    pub(crate) fn stalled(&self) -> Duration {
        let observed = self.observed();
        observed.map_or(Duration::ZERO, |observed| {
            observed.probe.stalled(Instant::now())
        })
    }

    /// The spans that have been in one poll for at least this time, the longest first.
    pub(crate) fn long_polls(&self, at_least: Duration) -> Vec<LongPoll> {
        let polls = self.polls.as_ref();
        polls.map_or_else(Vec::new, |polls| polls.long(at_least, Instant::now()))
    }

    /// Starts to observe the current runtime, instead of a previous one.
    pub(crate) fn observe_current(&self) -> Result<(), NoRuntime> {
        let handle = Handle::try_current().map_err(|_| NoRuntime)?;
        let probe = Arc::new(SchedulerProbe::default());
        let observed = Observed {
            metrics: handle.metrics(),
            task: handle
                .spawn(SchedulerProbe::run(Arc::clone(&probe)))
                .abort_handle(),
            probe,
        };
        let before = self.lock().replace(observed);
        if let Some(before) = before {
            before.task.abort();
        }
        Ok(())
    }

    /// Ends the observation; called when telemetry stops.
    pub(crate) fn stop(&self) {
        if let Some(observed) = self.lock().take() {
            observed.task.abort();
        }
    }

    /// Returns the observed runtime, unless it was shut down.
    fn observed(&self) -> Option<Observed> {
        let observed = self.lock().clone();
        observed.filter(|observed| !observed.task.is_finished())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Observed>> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
