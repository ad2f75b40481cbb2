//! Flushes of one signal.
//!
//! The caller waits until the pending items are delivered or lost, or until a deadline. Only the calling thread blocks:
//! the exporter has a thread and a runtime of its own.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::stats::ExportStats;

/// The longest deadline: a year.
///
/// A longer deadline could overflow the clock.
pub(crate) const LONGEST_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The items that a flush did not deliver.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) count: u64,
    pub(crate) cause: String,
}

/// The waiting flushes of one signal, and the notification of its exporter.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    waiting: Mutex<Vec<mpsc::SyncSender<()>>>,
    /// Whether a caller waits, so retries must not wait long.
    is_urgent: AtomicBool,
    wake: Notify,
}

impl Flushes {
    /// Registers a flush and wakes the exporter.
    ///
    /// The exporter sends the answer to the returned receiver.
    fn register(&self) -> mpsc::Receiver<()> {
        let (done, wait) = mpsc::sync_channel(1);
        self.lock().push(done);
        self.is_urgent.store(true, Ordering::Release);
        self.wake.notify_one();
        wait
    }

    /// Wakes the exporter.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until the exporter is woken.
    pub(super) async fn notified(&self) {
        self.wake.notified().await;
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent.load(Ordering::Acquire)
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Takes the waiting flushes.
    ///
    /// The exporter takes the flushes before it takes the items. In the reverse order it could answer a flush whose items
    /// it has not exported.
    pub(super) fn take(&self) -> Vec<mpsc::SyncSender<()>> {
        std::mem::take(&mut self.lock())
    }

    /// Tells the callers that the flushes are complete.
    pub(super) fn answer(&self, flushes: Vec<mpsc::SyncSender<()>>) {
        for flush in flushes {
            // The caller may no longer wait.
            let _ = flush.send(());
        }
        let waiting = self.lock();
        self.is_urgent.store(!waiting.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<mpsc::SyncSender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flush in progress.
#[derive(Debug)]
pub(crate) struct Flush {
    /// `None` if nothing was pending.
    wait: Option<mpsc::Receiver<()>>,
    stats: Arc<ExportStats>,
    pending: u64,
    lost_before: u64,
    exported_before: u64,
}

impl Flush {
    /// Starts a flush of `pending` items.
    ///
    /// `pending` is `None` if the number of items is known only at the export.
    pub(super) fn begin(flushes: &Flushes, stats: &Arc<ExportStats>, pending: Option<u64>) -> Self {
        let (lost_before, exported_before) = (stats.total_lost(), stats.total_exported());
        // Without pending items the exporter's thread may not have been started, so no answer would come.
        let wait = (pending != Some(0)).then(|| flushes.register());
        Self {
            wait,
            stats: Arc::clone(stats),
            pending: pending.unwrap_or(0),
            lost_before,
            exported_before,
        }
    }

    /// Waits until everything is delivered or lost, or until the deadline.
    pub(crate) fn wait(self, deadline: Instant) -> Result<(), Unsent> {
        let Some(wait) = self.wait else { return Ok(()) };
        let left = deadline.saturating_duration_since(Instant::now());
        let in_time = wait.recv_timeout(left).is_ok();
        let lost = self.stats.total_lost() - self.lost_before;
        let (count, fallback) = if in_time {
            (lost, "the export failed")
        } else {
            let delivered = self.stats.total_exported() - self.exported_before;
            let pending = self.pending.max(self.stats.in_flight());
            (
                pending.saturating_sub(delivered).max(lost),
                "the collector did not answer within the deadline",
            )
        };
        if count == 0 {
            return Ok(());
        }
        let cause = match self.stats.last_error() {
            Some(error) if in_time => error.text,
            Some(error) => format!("{fallback}; last error: {}", error.text),
            None => fallback.to_owned(),
        };
        Err(Unsent { count, cause })
    }
}
