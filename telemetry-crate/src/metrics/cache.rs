//! From a key as the program spells it to its handle, in one hash lookup.
//!
//! The macros of the `metrics` facade ask for a handle on every use, so this is the hot path: a key carries its hash, a
//! hit takes one shared lock and clones one `Arc`, and neither hashes nor clones the key. What it leaves out: limits.
//! Whoever inserts has checked that the key is small and that its metric has room.

use std::{
    array,
    sync::{Arc, PoisonError, RwLock},
};

use ::metrics::{Counter, Gauge, Key};
use hashbrown::HashTable;

use super::histogram::Histogram;

/// Enough that threads which use different metrics seldom meet at one lock.
const SHARDS: usize = 32;

/// One series, ready for use.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Arc<Histogram>),
}

type Shard = RwLock<HashTable<(Key, Handle)>>;

/// All keys seen so far, as the program spells them; several may have the same handle.
#[derive(Debug)]
pub(super) struct Cache {
    shards: [Shard; SHARDS],
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            shards: array::from_fn(|_| Shard::default()),
        }
    }

    /// Applies `pick` to the handle of `key`; `None` if there is none or if `pick` does not want its kind.
    pub(super) fn get<T>(&self, key: &Key, pick: impl FnOnce(&Handle) -> Option<T>) -> Option<T> {
        // No code that can panic runs under the locks; a poisoned one is as good as any.
        let shard = self
            .shard(key)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (_, handle) = shard.find(key.get_hash(), |(known, _)| known == key)?;
        pick(handle)
    }

    /// Remembers `handle` for `key`.
    pub(super) fn insert(&self, key: &Key, handle: Handle) {
        let mut shard = self
            .shard(key)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster; both have the same handle.
        if shard
            .find(key.get_hash(), |(known, _)| known == key)
            .is_none()
        {
            let entry = (key.to_retained(), handle);
            shard.insert_unique(key.get_hash(), entry, |(key, _)| key.get_hash());
        }
    }

    /// How many keys are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let len = |shard: &Shard| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.shards.iter().map(len).sum()
    }

    fn shard(&self, key: &Key) -> &Shard {
        // The table inside uses the lowest and the highest bits.
        &self.shards[(key.get_hash() >> 32) as usize % SHARDS]
    }
}
