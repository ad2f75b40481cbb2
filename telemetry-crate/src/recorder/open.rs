//! The spans that code still refers to, by their ids.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use opentelemetry::trace::SpanId;

use super::{root::Root, spin::try_lock};

/// The number of shards, each with a lock of its own.
///
/// With fewer shards, threads would more often find a lock taken.
const SHARDS: usize = 64;

/// Size of an entry in bytes, including unused slots of the table.
pub(super) const ENTRY_BYTES: usize = 64;

/// The part of a table that is used at least, unless the table is small.
const USED_PART: usize = 8;

/// The number of slots of a small table.
const SMALL_TABLE: usize = 64;

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
}

/// The span's shard is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Locked;

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
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
        }
    }

    fn shard(&self, key: u64) -> &Shard {
        // The hash table uses the highest and the lowest bits.
        &self.shards[(key >> 24) as usize % SHARDS]
    }

    pub(super) fn try_insert(&self, span: SpanId, open: &OpenSpan) -> Result<(), Locked> {
        let key = key(span);
        let mut spans = try_lock(self.shard(key)).ok_or(Locked)?;
        spans.insert(key, open.clone());
        Ok(())
    }

    /// Returns `Ok(None)` for an unknown span.
    pub(super) fn try_get(&self, span: SpanId) -> Result<Option<OpenSpan>, Locked> {
        let key = key(span);
        let spans = try_lock(self.shard(key)).ok_or(Locked)?;
        Ok(spans.get(&key).cloned())
    }

    /// Removes a span; returns whether it was there.
    pub(super) fn try_remove(&self, span: SpanId) -> Result<bool, Locked> {
        let key = key(span);
        let mut spans = try_lock(self.shard(key)).ok_or(Locked)?;
        let removed = spans.remove(&key);
        if spans.len() < spans.capacity() / USED_PART && spans.capacity() > SMALL_TABLE {
            let length = spans.len();
            spans.shrink_to(2 * length);
        }
        drop(spans);
        // The last reference to a root frees its memory, so it is dropped without the lock.
        Ok(removed.is_some())
    }

    /// The local roots with a span that code still refers to.
    ///
    /// Each is returned once, the oldest first. Waits for locks, so only readers call it.
    pub(super) fn roots(&self) -> Vec<Arc<Root>> {
        self.oldest_first(|shard| Some(shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The same as [`roots`](Self::roots), without those of locked shards.
    pub(super) fn try_roots(&self) -> Vec<Arc<Root>> {
        self.oldest_first(try_lock)
    }

    fn oldest_first(&self, lock: fn(&Shard) -> Option<MutexGuard<'_, Spans>>) -> Vec<Arc<Root>> {
        let mut roots = Vec::new();
        for shard in &self.shards {
            // Memory is allocated without the lock, so that it is held only for the copies.
            let length = lock(shard).map_or(0, |spans| spans.len());
            roots.reserve(length + SMALL_TABLE);
            if let Some(spans) = lock(shard) {
                roots.extend(spans.values().map(|open| open.root.clone()));
            }
        }
        roots.sort_by_key(|root| (root.started, key(root.span_id)));
        roots.dedup_by(|a, b| Arc::ptr_eq(a, b));
        roots
    }

    /// Runs code while all shards are locked.
    #[cfg(test)]
    pub(super) fn while_locked<T>(&self, run: impl FnOnce() -> T) -> T {
        let _locked: Vec<_> = self.shards.iter().map(Mutex::lock).collect();
        run()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let capacities = self
            .shards
            .iter()
            .filter_map(|shard| Some(shard.lock().ok()?.capacity()));
        capacities.sum()
    }
}
