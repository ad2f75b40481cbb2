//! From a key as the program spells it to its handle, in one comparison or one hash lookup.
//!
//! The macros of the `metrics` facade ask for a handle on every use, so this is the hot path: a key carries its hash, and
//! a hit neither hashes nor clones the key. Each thread keeps the keys that it uses most for itself; the rest is here.
//! What it leaves out: limits. The caller has checked that the key is small and that its metric has room.

use std::{
    array,
    sync::{PoisonError, RwLock},
};

use ::metrics::Key;
use hashbrown::HashTable;

use super::{
    handle::{Handle, Series},
    local::{self, Owner},
};

/// Enough that threads which use different metrics seldom meet at one lock.
const SHARDS: usize = 32;

type Shard = RwLock<HashTable<(Key, Series)>>;

/// All keys seen so far, as the program spells them; several may have the same series.
#[derive(Debug)]
pub(super) struct Cache {
    owner: Owner,
    shards: [Shard; SHARDS],
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            owner: Owner::new(),
            shards: array::from_fn(|_| Shard::default()),
        }
    }

    /// Applies `pick` to the handle of `key`; `None` if there is none or if `pick` does not want its kind.
    pub(super) fn get<T>(&self, key: &Key, pick: impl Fn(&Handle) -> Option<T>) -> Option<T> {
        local::get(self.owner, key, pick, || self.find(key))
    }

    fn find(&self, key: &Key) -> Option<(Key, Handle)> {
        // No code that can panic runs under the locks; a poisoned one is as good as any.
        let shard = self
            .shard(key)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (known, series) = shard.find(key.get_hash(), |(known, _)| known == key)?;
        let found = (known.clone(), series.clone());
        drop(shard);
        Some((found.0, found.1.into()))
    }

    /// Remembers `series` for `key`.
    pub(super) fn insert(&self, key: &Key, series: Series) {
        let mut shard = self
            .shard(key)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster; both have the same series.
        if shard
            .find(key.get_hash(), |(known, _)| known == key)
            .is_none()
        {
            let entry = (key.to_retained(), series);
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
