//! Measures how long a task that was woken waits until it is polled.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::catalog;

/// Shared by the admin thread, which asks, and the probe, which answers.
#[derive(Debug, Default)]
pub(super) struct SchedulerProbe {
    wake: Notify,
    /// When the question was asked that has no answer yet. Held for an instant only.
    asked: Mutex<Option<Instant>>,
}

impl SchedulerProbe {
    /// Wakes the probe, unless the last question is still open. Returns how long it has been open.
    pub(super) fn ask(&self, now: Instant) -> Duration {
        let mut asked = self.lock();
        if let Some(asked) = *asked {
            return now.saturating_duration_since(asked);
        }
        *asked = Some(now);
        self.wake.notify_one();
        Duration::ZERO
    }

    /// How long the runtime has owed an answer.
    pub(super) fn stalled(&self, now: Instant) -> Duration {
        let asked = *self.lock();
        asked.map_or(Duration::ZERO, |asked| now.saturating_duration_since(asked))
    }

    /// The answer, with the time that it took.
    fn answer(&self, now: Instant) -> Option<Duration> {
        let asked = self.lock().take()?;
        Some(now.saturating_duration_since(asked))
    }

    /// The probe: a task of the runtime that is observed.
    pub(super) async fn run(probe: Arc<Self>) {
        let delays = metrics::histogram!(catalog::TOKIO_SCHEDULER_DELAY.name);
        loop {
            probe.wake.notified().await;
            if let Some(delay) = probe.answer(Instant::now()) {
                delays.record(delay);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
