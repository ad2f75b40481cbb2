//! The spans that code still refers to, by their ids.

use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::HashMap;
use opentelemetry::trace::SpanId;

use super::{root::Root, spin::try_lock};

/// The number of shards, each with a lock of its own.
///
/// With fewer shards, threads would more often find a lock taken.
const SHARDS: usize = 64;

/// Size of an entry in bytes, with the unused places of its table.
///
/// A table that takes more for each of its entries becomes smaller.
pub(super) const ENTRY_BYTES: usize = 88;

/// Size of a table in bytes that does not become smaller: one with eight places.
const SMALL_TABLE: usize = 8 * (size_of::<(u64, OpenSpan)>() + 1) + 16;

/// Size of all small tables in bytes.
pub(super) const SMALL_TABLES: usize = SHARDS * SMALL_TABLE;

/// The largest number of roots that lose their detail at a time.
const OLDEST: usize = 1_024;

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

    /// Returns the span if its shard is locked.
    pub(super) fn try_insert(&self, span: SpanId, open: OpenSpan) -> Result<(), OpenSpan> {
        let key = key(span);
        let Some(mut spans) = try_lock(self.shard(key)) else {
            return Err(open);
        };
        spans.insert(key, open);
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
        let (length, bytes) = (spans.len(), spans.allocation_size());
        if bytes > length * ENTRY_BYTES && bytes > SMALL_TABLE {
            // The table has half the places then, and room for half as many entries again.
            spans.shrink_to(length + length / 2);
        }
        drop(spans);
        // The last reference to a root frees its memory, so it is dropped without the lock.
        Ok(removed.is_some())
    }

    /// The local roots with a span that code still refers to.
    ///
    /// Each is returned once, the oldest first. Waits for locks, so only readers call it.
    pub(super) fn roots(&self) -> Vec<Arc<Root>> {
        let lock = |shard| Some(Mutex::lock(shard).unwrap_or_else(PoisonError::into_inner));
        let mut roots = Vec::new();
        for shard in &self.shards {
            copy_roots(shard, lock, &mut roots);
        }
        sort(&mut roots);
        roots
    }

    /// At most `most` of the roots that have not ended, the oldest first.
    ///
    /// Waits for locks, so only readers call it.
    pub(super) fn oldest(&self, most: usize) -> Vec<Arc<Root>> {
        let mut oldest = Vec::with_capacity(2 * most + 1);
        let mut latest = u64::MAX;
        for shard in &self.shards {
            let spans = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let roots = spans.values().map(|open| &open.root);
            for root in roots.filter(|root| !root.has_ended()) {
                if root.started > latest {
                    continue;
                }
                oldest.push(root.clone());
                // Without an allocation, because the shard is locked.
                if oldest.len() > 2 * most {
                    latest = keep_oldest(&mut oldest, most);
                }
            }
        }
        keep_oldest(&mut oldest, most);
        oldest
    }

    /// The oldest of these roots that have detail, without those that are locked.
    ///
    /// They are a part of the roots, because a list of all would take much memory when there is none.
    pub(super) fn try_oldest(&self) -> Vec<Arc<Root>> {
        let (mut oldest, mut roots) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            copy_roots(shard, try_lock, &mut roots);
            oldest.extend(roots.drain(..).filter(|root| root.has_detail()));
            if oldest.len() > OLDEST {
                sort(&mut oldest);
                oldest.truncate(OLDEST);
            }
        }
        sort(&mut oldest);
        oldest
    }

    /// Runs code while all shards are locked.
    #[cfg(test)]
    pub(super) fn while_locked<T>(&self, run: impl FnOnce() -> T) -> T {
        let _locked: Vec<_> = self.shards.iter().map(Mutex::lock).collect();
        run()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let shards = self.shards.iter();
        let bytes = shards.filter_map(|shard| Some(shard.lock().ok()?.allocation_size()));
        bytes.sum()
    }
}

/// Adds the roots of a shard, once for each of their spans.
fn copy_roots<'a>(
    shard: &'a Shard,
    lock: impl Fn(&'a Shard) -> Option<MutexGuard<'a, Spans>>,
    roots: &mut Vec<Arc<Root>>,
) {
    // Memory is allocated without the lock, so that it is held only for the copies.
    let length = lock(shard).map_or(0, |spans| spans.len());
    roots.reserve(length + 8);
    if let Some(spans) = lock(shard) {
        roots.extend(spans.values().map(|open| open.root.clone()));
    }
}

/// Sorts roots by their start, each once.
fn sort(roots: &mut Vec<Arc<Root>>) {
    roots.sort_unstable_by_key(|root| (root.started, key(root.span_id)));
    roots.dedup_by(|a, b| Arc::ptr_eq(a, b));
}

/// Keeps at most `most` roots, the oldest ones.
///
/// Returns the latest start of a root that may be among them.
fn keep_oldest(roots: &mut Vec<Arc<Root>>, most: usize) -> u64 {
    sort(roots);
    roots.truncate(most);
    let last = roots.last().filter(|_| roots.len() == most);
    last.map_or(u64::MAX, |root| root.started)
}
