//! A thread-local cache of the handles that a thread uses most.
//!
//! A hit in the shared cache takes a lock and a reference count, whose cache lines move between the threads that use the
//! same key. A hit here is one comparison.
//!
//! The cache is direct-mapped. A key that misses twice in a row replaces the cached key. So alternating keys do not evict
//! each other at every use.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
};

use ::metrics::Key;

use super::handle::Handle;

/// Entries per thread, some 5 KB.
///
/// One request handler uses fewer keys.
const ENTRIES: usize = 32;

thread_local! {
    static ENTRIES_OF_THREAD: RefCell<[Entry; ENTRIES]> = const { RefCell::new([const { Entry::EMPTY }; ENTRIES]) };
}

/// The unique number of a registry. A thread may use several registries, in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RegistryId(u64);

impl RegistryId {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Room for one key.
struct Entry {
    cached: Option<(RegistryId, Key, Handle)>,
    /// The hash of the last key that missed.
    missed: u64,
}

impl Entry {
    const EMPTY: Self = Self {
        cached: None,
        missed: 0,
    };
}

/// Applies `pick` to this thread's handle of `key`, or to the handle of `find`.
///
/// The handle from `find` is kept if the entry is empty or the last miss was for the same key.
/// `find` looks up the handle in the shared cache, and returns it with an owned key.
pub(super) fn get<T>(
    registry: RegistryId,
    key: &Key,
    pick: impl Fn(&Handle) -> Option<T>,
    find: impl Fn() -> Option<(Key, Handle)>,
) -> Option<T> {
    let find_and_pick = || find().as_ref().and_then(|(_, handle)| pick(handle));
    let get = |entries: &RefCell<[Entry; ENTRIES]>| {
        // The borrow succeeds, because no code that might record another metric runs during it. The
        // shared cache is used otherwise, because recording a metric must not panic.
        let Ok(mut entries) = entries.try_borrow_mut() else {
            return find_and_pick();
        };
        let hash = key.get_hash();
        let entry = &mut entries[(hash >> 16) as usize % ENTRIES];
        if let Some((cached_for, cached, handle)) = &entry.cached
            && *cached_for == registry
            && is_same(cached, key)
        {
            return pick(handle);
        }
        let (key, handle) = find()?;
        let picked = pick(&handle)?;
        if entry.cached.is_none() || entry.missed == hash {
            entry.cached = Some((registry, key, handle));
        }
        entry.missed = hash;
        Some(picked)
    };
    // A thread that is ending has no thread-locals any more. The shared cache still works.
    ENTRIES_OF_THREAD
        .try_with(get)
        .unwrap_or_else(|_| find_and_pick())
}

/// Whether two keys are equal.
///
/// Compares addresses first: the keys of one macro call with literals are at the same address, and comparing that is
/// cheaper than comparing text. The address of a cached key cannot be reused, because the cached key keeps it alive.
fn is_same(cached: &Key, key: &Key) -> bool {
    let (cached_labels, labels) = (cached.labels(), key.labels());
    std::ptr::eq(cached.name(), key.name())
        && std::ptr::eq(cached_labels.as_slice(), labels.as_slice())
        || cached == key
}
