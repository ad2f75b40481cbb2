//! Measures how long a task that was woken waits until it is polled.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::catalog;

/// State shared by the admin thread, which wakes, and the probe, which responds.
#[derive(Debug, Default)]
pub(super) struct SchedulerProbe {
    wake: Notify,
    /// Time of the wake-up that has no response yet; locked only briefly.
    woken_at: Mutex<Option<Instant>>,
}

impl SchedulerProbe {
    /// Wakes the probe, unless the last wake-up has no response yet.
    ///
    /// Returns the time since a wake-up without a response, or zero.
    pub(super) fn wake_up(&self, now: Instant) -> Duration {
        let mut woken_at = self.lock();
        if let Some(woken_at) = *woken_at {
            return now.saturating_duration_since(woken_at);
        }
        *woken_at = Some(now);
        self.wake.notify_one();
        Duration::ZERO
    }

    /// Returns the time since a wake-up without a response, or zero.
    pub(super) fn stalled(&self, now: Instant) -> Duration {
        let woken_at = *self.lock();
        woken_at.map_or(Duration::ZERO, |woken_at| {
            now.saturating_duration_since(woken_at)
        })
    }

    /// Takes the open wake-up, and returns the time since it.
    fn respond(&self, now: Instant) -> Option<Duration> {
        let woken_at = self.lock().take()?;
        Some(now.saturating_duration_since(woken_at))
    }

    /// Runs the probe, as a task of the observed runtime.
    pub(super) async fn run(probe: Arc<Self>) {
        let delays = metrics::histogram!(catalog::TOKIO_SCHEDULER_DELAY.name);
        loop {
            probe.wake.notified().await;
            if let Some(delay) = probe.respond(Instant::now()) {
                delays.record(delay);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.woken_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
