//! The queue between the spans that end and the thread that exports them.
//!
//! The SDK's own batch processor gives up a flush after a fixed five seconds, reports a shutdown that lost everything
//! as a success, exports spans that were not sampled, and keeps its count of dropped spans to itself. Ending a span
//! here is one short lock and one move; the thread is woken when a batch is full, not for every span.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Instant,
};

use opentelemetry_sdk::trace::SpanData;
use tokio::sync::Notify;

use super::stats::ExportStats;
use crate::config::ExportSettings;

/// A handle on the queue; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BatchProcessor(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    spans: Mutex<Vec<SpanData>>,
    flushes: Mutex<Vec<mpsc::SyncSender<()>>>,
    /// Wakes the exporter's thread.
    wake: Notify,
    closed: AtomicBool,
    max_queue_size: usize,
    max_batch_size: usize,
    stats: Arc<ExportStats>,
}

/// Spans that a flush did not get out.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) spans: u64,
    pub(crate) cause: String,
}

impl BatchProcessor {
    pub(super) fn new(settings: &ExportSettings, stats: Arc<ExportStats>) -> Self {
        Self(Arc::new(Queue {
            spans: Mutex::default(),
            flushes: Mutex::default(),
            wake: Notify::new(),
            closed: AtomicBool::new(false),
            max_queue_size: settings.max_queue_size,
            max_batch_size: settings.max_batch_size,
            stats,
        }))
    }

    /// Takes a span that has ended, or drops and counts it.
    pub(super) fn push(&self, span: SpanData) {
        let queue = &*self.0;
        if queue.closed.load(Ordering::Relaxed) {
            return queue.stats.dropped_after_shutdown();
        }
        let mut spans = lock(&queue.spans);
        if spans.len() >= queue.max_queue_size {
            drop(spans);
            return queue.stats.dropped_queue_full();
        }
        spans.push(span);
        // Under the lock, so that a flush never sees a span that is queued and not counted.
        queue.stats.queued.fetch_add(1, Ordering::Release);
        let batch_is_full = spans.len() == queue.max_batch_size;
        drop(spans);
        if batch_is_full {
            queue.wake.notify_one();
        }
    }

    /// Waits until every span that ended before this call is delivered or lost.
    ///
    /// Blocks the calling thread and nothing else: the exporter has a thread and a runtime of its own.
    pub(crate) fn flush(&self, deadline: Instant) -> Result<(), Unsent> {
        let stats = &self.0.stats;
        let (lost_before, exported_before) = (stats.total_lost(), stats.total_exported());
        let pending = stats.queued.load(Ordering::Acquire) as u64;
        // Nor is there anybody to answer, if the thread was never started.
        if pending == 0 {
            return Ok(());
        }
        let (done, wait) = mpsc::sync_channel(1);
        lock(&self.0.flushes).push(done);
        self.0.wake.notify_one();

        let left = deadline.saturating_duration_since(Instant::now());
        let in_time = wait.recv_timeout(left).is_ok();
        let lost = stats.total_lost() - lost_before;
        let (spans, fallback) = if in_time {
            (lost, "the export failed")
        } else {
            let delivered = stats.total_exported() - exported_before;
            (
                pending.saturating_sub(delivered).max(lost),
                "the collector did not answer within the deadline",
            )
        };
        if spans == 0 {
            return Ok(());
        }
        let cause = match stats.last_error() {
            Some(error) if in_time => error.text,
            Some(error) => format!("{fallback}; last error: {}", error.text),
            None => fallback.to_owned(),
        };
        Err(Unsent { spans, cause })
    }

    /// From here on spans are dropped and counted.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Spans that are not taken yet.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.0.spans).len()
    }

    pub(super) fn batch_is_full(&self) -> bool {
        self.waiting() >= self.0.max_batch_size
    }

    /// The next spans to export, at most a batch.
    pub(super) fn take_batch(&self) -> Vec<SpanData> {
        let mut spans = lock(&self.0.spans);
        if spans.len() <= self.0.max_batch_size {
            let room = spans.capacity().min(self.0.max_batch_size);
            return std::mem::replace(&mut *spans, Vec::with_capacity(room));
        }
        spans.drain(..self.0.max_batch_size).collect()
    }

    /// Called once a batch is delivered or lost, and counted as such.
    pub(super) fn settled(&self, spans: usize) {
        self.0.stats.queued.fetch_sub(spans, Ordering::Release);
    }

    /// The flushes that wait; taken *before* the batches that they wait for.
    pub(super) fn take_flushes(&self) -> Vec<mpsc::SyncSender<()>> {
        std::mem::take(&mut lock(&self.0.flushes))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
