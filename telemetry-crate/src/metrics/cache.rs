//! The cache from a key, as the program spells it, to its handle.
//!
//! The macros of the `metrics` facade look up a handle on every use, so this is the hot path. A key carries its hash, and a
//! hit neither hashes nor clones the key. This cache has all known keys, and [`local`] has the keys that a thread uses
//! most.
//!
//! The cache has no limits of its own. The caller has checked that the key is small and that its metric has room.

use std::{
    array,
    sync::{PoisonError, RwLock},
};

use ::metrics::Key;
use hashbrown::HashTable;

use super::{
    handle::{Handle, Series},
    local::{self, RegistryId},
};

/// Number of parts of the cache, each with a lock of its own.
///
/// With 32 locks, threads that use different metrics seldom contend for a lock.
const SHARDS: usize = 32;

type Shard = RwLock<HashTable<(Key, Series)>>;

/// The known keys, as the program spells them.
///
/// Several keys may have the same series.
#[derive(Debug)]
pub(super) struct Cache {
    registry: RegistryId,
    shards: [Shard; SHARDS],
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            registry: RegistryId::new(),
            shards: array::from_fn(|_| Shard::default()),
        }
    }

    /// Applies `pick` to the handle of `key`.
    ///
    /// `None` if the key is unknown, or if `pick` returns `None` because the handle is of another kind.
    pub(super) fn get<T>(&self, key: &Key, pick: impl Fn(&Handle) -> Option<T>) -> Option<T> {
        local::get(self.registry, key, pick, || self.find(key))
    }

    fn find(&self, key: &Key) -> Option<(Key, Handle)> {
        // Code under the locks cannot panic, so a poisoned lock still guards consistent data.
        let shard = self
            .shard(key)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (stored, series) = shard.find(key.get_hash(), |(stored, _)| stored == key)?;
        let found = (stored.clone(), series.clone());
        drop(shard);
        Some((found.0, found.1.into()))
    }

    /// Stores `series` under `key`.
    pub(super) fn insert(&self, key: &Key, series: Series) {
        let mut shard = self
            .shard(key)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Another thread may have inserted the key, with the same series.
        if shard
            .find(key.get_hash(), |(stored, _)| stored == key)
            .is_none()
        {
            let entry = (key.to_retained(), series);
            shard.insert_unique(key.get_hash(), entry, |(key, _)| key.get_hash());
        }
    }

    /// The number of stored keys.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let len = |shard: &Shard| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.shards.iter().map(len).sum()
    }

    fn shard(&self, key: &Key) -> &Shard {
        // The middle bits choose the shard, because the hash table uses the lowest and the highest bits.
        &self.shards[(key.get_hash() >> 32) as usize % SHARDS]
    }
}
