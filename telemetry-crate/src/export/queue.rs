//! The queue of spans or log records that wait for export.
//!
//! The SDK's own batch processor ends a flush after a fixed five seconds, reports a shutdown that lost everything as a
//! success, exports spans that were not sampled, and does not expose its count of dropped spans. With the queue of this
//! module, the end of a span costs one short lock and one move. A full batch wakes the exporter's thread, and a single
//! span does not.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    flush::{Flush, Flushes},
    stats::ExportStats,
};
use crate::config::Batching;

/// A handle on the queue; all clones share the queue.
pub(crate) struct Queue<T>(Arc<Shared<T>>);

/// The state of the queue.
struct Shared<T> {
    items: Mutex<Vec<T>>,
    flushes: Arc<Flushes>,
    closed: AtomicBool,
    max_queue_size: usize,
    max_batch_size: usize,
    stats: Arc<ExportStats>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("stats", &self.0.stats)
            .finish_non_exhaustive()
    }
}

impl<T> Queue<T> {
    pub(crate) fn new(settings: &Batching, stats: Arc<ExportStats>) -> Self {
        Self(Arc::new(Shared {
            items: Mutex::default(),
            flushes: Arc::default(),
            closed: AtomicBool::new(false),
            max_queue_size: settings.max_queue_size,
            max_batch_size: settings.max_batch_size,
            stats,
        }))
    }

    /// A queue without an exporter, which keeps the first items.
    #[cfg(any(feature = "testing", all(test, feature = "db")))]
    pub(crate) fn kept(signal: crate::signal::Signal, max_queue_size: usize) -> Self {
        let zero = std::time::Duration::ZERO;
        let batching = Batching {
            timeout: zero,
            timeout_variable: "",
            schedule_delay: zero,
            max_queue_size,
            max_batch_size: usize::MAX,
        };
        Self::new(
            &batching,
            Arc::new(ExportStats::new(signal, max_queue_size)),
        )
    }

    /// Adds an item, or drops and counts it if the queue is full or closed.
    pub(crate) fn push(&self, item: T) {
        let queue = &*self.0;
        if queue.closed.load(Ordering::Relaxed) {
            return queue.stats.dropped_after_shutdown();
        }
        let mut items = self.lock();
        if items.len() >= queue.max_queue_size {
            drop(items);
            return queue.stats.dropped_queue_full();
        }
        items.push(item);
        // The item is counted under the lock, so that the exporter cannot take it before it is counted.
        queue.stats.queued(1);
        let batch_is_full = items.len() == queue.max_batch_size;
        drop(items);
        if batch_is_full {
            queue.flushes.wake();
        }
    }

    /// Starts sending everything that was pushed before this call.
    pub(crate) fn flush(&self) -> Flush {
        let stats = &self.0.stats;
        Flush::begin(&self.0.flushes, stats, Some(stats.in_flight()))
    }

    /// Drops and counts everything that is pushed after this call.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> &Arc<ExportStats> {
        &self.0.stats
    }

    pub(super) fn flushes(&self) -> &Arc<Flushes> {
        &self.0.flushes
    }

    /// The number of waiting items.
    pub(super) fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Returns copies of the waiting items.
    ///
    /// In a test without an exporter, these are all items that fit into the queue.
    #[cfg(any(feature = "testing", all(test, feature = "db")))]
    pub(crate) fn items(&self) -> Vec<T>
    where
        T: Clone,
    {
        self.lock().clone()
    }

    pub(super) fn batch_is_full(&self) -> bool {
        self.waiting() >= self.0.max_batch_size
    }

    /// Takes the next items to export, at most one batch.
    pub(super) fn take_batch(&self) -> Vec<T> {
        let mut items = self.lock();
        let batch = if items.len() <= self.0.max_batch_size {
            let room = items.capacity().min(self.0.max_batch_size);
            std::mem::replace(&mut *items, Vec::with_capacity(room))
        } else {
            items.drain(..self.0.max_batch_size).collect()
        };
        self.0.stats.taken(batch.len());
        batch
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
