//! The spans that code still refers to, by their ids.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use opentelemetry::trace::SpanId;

use super::{root::Root, spin::try_lock};

/// The number of parts with a lock of their own.
///
/// With fewer parts, threads would more often find a lock taken.
const SHARDS: usize = 64;

/// Size of an entry in bytes, with the free places of the table.
pub(super) const ENTRY_BYTES: usize = 64;

/// A span and its local root.
#[derive(Debug, Clone)]
pub(super) struct OpenSpan {
    pub(super) root: Arc<Root>,
    /// The number of the span among the spans of its root.
    pub(super) number: u32,
}

/// All spans that code still refers to.
#[derive(Debug)]
pub(super) struct OpenSpans {
    shards: [Shard; SHARDS],
    /// Spans that were not removed because their part was locked.
    late: Sender<SpanId>,
    removed_late: Mutex<Receiver<SpanId>>,
    has_late: AtomicBool,
}

type Spans = HashMap<u64, OpenSpan, BuildHasherDefault<RandomBits>>;
type Shard = Mutex<Spans>;

/// The hash of a number whose bits are random: the number itself.
#[derive(Debug, Default)]
pub(super) struct RandomBits(u64);

impl Hasher for RandomBits {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn key(span: SpanId) -> u64 {
    u64::from_be_bytes(span.to_bytes())
}

impl OpenSpans {
    pub(super) fn new() -> Self {
        let (late, removed_late) = channel();
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            late,
            removed_late: Mutex::new(removed_late),
            has_late: AtomicBool::new(false),
        }
    }

    fn shard(&self, key: u64) -> &Shard {
        // The hash table uses the highest and the lowest bits.
        &self.shards[(key >> 24) as usize % SHARDS]
    }

    /// Returns `false` if the span's part is locked.
    pub(super) fn insert(&self, span: SpanId, open: OpenSpan) -> bool {
        let key = key(span);
        let Some(mut spans) = try_lock(self.shard(key)) else {
            return false;
        };
        spans.insert(key, open);
        true
    }

    /// Returns `None` for an unknown span, or if its part is locked.
    pub(super) fn get(&self, span: SpanId) -> Option<OpenSpan> {
        let key = key(span);
        try_lock(self.shard(key))?.get(&key).cloned()
    }

    /// Removes a span, now or in a later call.
    ///
    /// Returns the number of spans that were removed.
    pub(super) fn remove(&self, span: SpanId) -> usize {
        let removed = usize::from(self.try_remove(span));
        if self.has_late.load(Ordering::Relaxed) {
            return removed + self.remove_late();
        }
        removed
    }

    fn try_remove(&self, span: SpanId) -> bool {
        let key = key(span);
        let Some(mut spans) = try_lock(self.shard(key)) else {
            // Fails only if the receiver is gone, and it never is.
            let _ = self.late.send(span);
            self.has_late.store(true, Ordering::Relaxed);
            return false;
        };
        let removed = spans.remove(&key);
        drop(spans);
        // The last reference to a root frees its memory, so it is dropped without the lock.
        removed.is_some()
    }

    #[cold]
    fn remove_late(&self) -> usize {
        let Some(late) = try_lock(&self.removed_late) else {
            return 0;
        };
        self.has_late.store(false, Ordering::Relaxed);
        let spans: Vec<_> = late.try_iter().collect();
        drop(late);
        spans
            .into_iter()
            .filter(|span| self.try_remove(*span))
            .count()
    }

    /// The local roots with a span that code still refers to.
    ///
    /// Each is returned once, the oldest first. Waits for locks, so only readers call it.
    pub(super) fn roots(&self) -> Vec<Arc<Root>> {
        let locked = self.shards.iter().map(Mutex::lock);
        oldest_first(locked.map(|spans| spans.unwrap_or_else(PoisonError::into_inner)))
    }

    /// The same as [`roots`](Self::roots), without those of locked parts.
    pub(super) fn try_roots(&self) -> Vec<Arc<Root>> {
        oldest_first(self.shards.iter().filter_map(try_lock))
    }
}

fn oldest_first<'a>(shards: impl Iterator<Item = MutexGuard<'a, Spans>>) -> Vec<Arc<Root>> {
    let mut roots = Vec::new();
    for spans in shards {
        roots.extend(spans.values().map(|open| open.root.clone()));
    }
    roots.sort_by_key(|root| (root.started, key(root.span_id)));
    roots.dedup_by(|a, b| Arc::ptr_eq(a, b));
    roots
}
