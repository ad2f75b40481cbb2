//! The application's tokio runtime: how busy it is, how late it is, and whether it stands still.
//!
//! Async code that blocks (a synchronous call, a lock that is held too long, a loop without an `await`) keeps its runtime
//! from everything else, and shows nowhere: no request is slow by its own doing. So the admin thread, which needs no part
//! of that runtime, wakes a task in it ten times a second and measures how long the task waits for its turn.
//!
//! ```text
//! admin thread ── wake ──▶ probe (a task of the application's runtime) ─▶ tokio_scheduler_delay_seconds
//!            └─ no answer for 3 s ─▶ one WARN line, and another when it goes on; tokio_scheduler_stalled_seconds
//! GET /metrics ──▶ tokio's own stable counters, read when asked
//! ```
//!
//! What it leaves out: what only an unstable tokio knows (poll times, steals, the blocking pool); timers, so a test's paused
//! clock is left alone; and a single worker of several that is blocked, because the others take its work and the probe
//! with it: that one shows as busy time that stands still.

mod collector;
mod scheduler_probe;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{
    runtime::{Handle, RuntimeMetrics},
    task::AbortHandle,
};

use self::scheduler_probe::SchedulerProbe;
pub(crate) use self::watch::watch;

/// Why no runtime is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "observe_runtime() was called outside of a tokio runtime; call it inside of one, such as first thing in an async main"
)]
#[non_exhaustive]
pub struct NoRuntime;

/// The runtime that is observed, if there is one.
#[derive(Debug, Default)]
pub(crate) struct RuntimeObserver {
    observed: Mutex<Option<Observed>>,
}

#[derive(Debug, Clone)]
struct Observed {
    metrics: RuntimeMetrics,
    scheduler: Arc<SchedulerProbe>,
    probe: AbortHandle,
}

impl RuntimeObserver {
    /// Observes the runtime that this is called in, from now on, in place of any other.
    pub(crate) fn observe_current(&self) -> Result<(), NoRuntime> {
        let handle = Handle::try_current().map_err(|_| NoRuntime)?;
        let scheduler = Arc::new(SchedulerProbe::default());
        let observed = Observed {
            metrics: handle.metrics(),
            probe: handle
                .spawn(SchedulerProbe::run(Arc::clone(&scheduler)))
                .abort_handle(),
            scheduler,
        };
        let before = self.lock().replace(observed);
        if let Some(before) = before {
            before.probe.abort();
        }
        Ok(())
    }

    /// Ends the observation: telemetry goes down, and the runtime may.
    pub(crate) fn stop(&self) {
        if let Some(observed) = self.lock().take() {
            observed.probe.abort();
        }
    }

    /// `None` also if the runtime was shut down.
    fn observed(&self) -> Option<Observed> {
        let observed = self.lock().clone();
        observed.filter(|observed| !observed.probe.is_finished())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Observed>> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
