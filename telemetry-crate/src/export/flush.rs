//! Flushes: a caller waits, with a deadline, until what is there is delivered or lost.
//!
//! The waiting thread blocks and nothing else does: the exporter has a thread and a runtime of its own.

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

/// A year. Added to the present, a longer one may be beyond what a clock has.
pub(crate) const LONGEST_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What a flush did not get out.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) count: u64,
    pub(crate) cause: String,
}

/// The flushes of one signal that wait, and what wakes its exporter.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    waiting: Mutex<Vec<mpsc::SyncSender<()>>>,
    /// A caller waits, so a retry must not take its time.
    hurry: AtomicBool,
    wake: Notify,
}

impl Flushes {
    fn ask(&self) -> mpsc::Receiver<()> {
        let (done, wait) = mpsc::sync_channel(1);
        self.lock().push(done);
        self.hurry.store(true, Ordering::Release);
        self.wake.notify_one();
        wait
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) async fn notified(&self) {
        self.wake.notified().await;
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.hurry.load(Ordering::Acquire)
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Those that wait; taken *before* what they wait for.
    pub(super) fn take(&self) -> Vec<mpsc::SyncSender<()>> {
        std::mem::take(&mut self.lock())
    }

    pub(super) fn answer(&self, flushes: Vec<mpsc::SyncSender<()>>) {
        for flush in flushes {
            // The caller may have given up.
            let _ = flush.send(());
        }
        let waiting = self.lock();
        self.hurry.store(!waiting.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<mpsc::SyncSender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flush that has begun.
#[derive(Debug)]
pub(crate) struct Flush {
    /// Absent if there was nothing to do.
    wait: Option<mpsc::Receiver<()>>,
    stats: Arc<ExportStats>,
    pending: u64,
    lost_before: u64,
    exported_before: u64,
}

impl Flush {
    /// Begins one for `pending` things; `None` if their number shows only when they are exported.
    pub(super) fn begin(flushes: &Flushes, stats: &Arc<ExportStats>, pending: Option<u64>) -> Self {
        let (lost_before, exported_before) = (stats.total_lost(), stats.total_exported());
        // With nothing to do nothing answers, either, if the thread was never started.
        let wait = (pending != Some(0)).then(|| flushes.ask());
        Self {
            wait,
            stats: Arc::clone(stats),
            pending: pending.unwrap_or(0),
            lost_before,
            exported_before,
        }
    }

    /// Waits until everything is delivered or lost, or the deadline has come.
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
