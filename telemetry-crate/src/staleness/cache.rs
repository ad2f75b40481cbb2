//! A cache that serves values within their window, and reads the source otherwise.
//!
//! `moka` keeps the entries, bounds them, and merges concurrent reads. The age is computed here,
//! because moka's clock starts when the answer arrives, which is too late, and ignores the paused
//! clock of a test. The book's decision 26 has measurements.

use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{DataType, entry::Entry, metrics::Origin};

/// Default maximum number of entries, enough for the keys of most reads.
///
/// With values of a kilobyte they take some 10 MB.
const DEFAULT_CAPACITY: u64 = 10_000;

/// Longest time to live; moka accepts at most a thousand years.
const MAX_TIME_TO_LIVE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A bounded in-process cache of values by key, for one type of data.
///
/// Clones share their entries. Values are cloned for each read, so put large values into an
/// [`Arc`].
/// The least used entries are evicted first.
pub struct Cache<K, V, E> {
    data_type: &'static DataType,
    pub(super) entries: moka::future::Cache<K, Entry<V, E>>,
}

impl<K, V, E> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self {
            data_type: self.data_type,
            entries: self.entries.clone(),
        }
    }
}

impl<K, V, E> fmt::Debug for Cache<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("data_type", &self.data_type.name())
            .field("window", &self.data_type.window())
            .finish_non_exhaustive()
    }
}

impl<K, V, E> Cache<K, V, E>
where
    K: Clone + Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Creates an empty cache for at most 10,000 entries.
    #[must_use]
    pub fn new(data_type: &'static DataType) -> Self {
        Self::with_capacity(data_type, DEFAULT_CAPACITY)
    }

    /// Creates an empty cache for at most `entries` entries.
    #[must_use]
    pub fn with_capacity(data_type: &'static DataType, entries: u64) -> Self {
        // Exports the window of a type that has not been read yet.
        data_type.with_metrics(|_| ());
        let entries = moka::future::Cache::builder()
            .max_capacity(entries)
            // The time to live only frees memory. It starts later than the age that decides whether
            // an entry is served, so an expired entry is already too old.
            .time_to_live(data_type.window().min(MAX_TIME_TO_LIVE))
            .build();
        Self { data_type, entries }
    }

    /// Returns the value of `key` from the cache, or from the source.
    ///
    /// `load` reads the source. Of several concurrent reads of a key, one calls its `load`, and the
    /// others wait for the answer. If the calling read is canceled, one of the others calls its own
    /// `load`. With a window of zero, each read calls its own `load`.
    ///
    /// # Errors
    ///
    /// Returns the source's error, shared with all reads that waited for the same answer. An error
    /// is not cached: the next read calls the source.
    ///
    /// # Panics
    ///
    /// Panics if the caller's own `load` panics. A read that waited for it calls its own `load`.
    pub async fn get<L, F>(&self, key: K, load: L) -> Result<V, Arc<E>>
    where
        L: Fn() -> F + Send + Sync,
        F: Future<Output = Result<V, E>> + Send,
    {
        let began = Instant::now();
        let window = self.data_type.window();
        if window.is_zero() {
            return self.serve(Origin::Source, load_entry(&load).await);
        }
        if let Some(entry) = self.entries.get(&key).await
            && entry.is_fresh(Instant::now(), window)
        {
            return self.serve(Origin::Cache, entry);
        }
        loop {
            let mut is_own = false;
            let request = async {
                is_own = true;
                load_entry(&load).await
            };
            let is_old = |entry: &Entry<V, E>| !entry.is_fresh(Instant::now(), window);
            let entry = self
                .entries
                .entry_by_ref(&key)
                .or_insert_with_if(request, is_old)
                .await
                .into_value();
            if is_own {
                return self.serve(Origin::Source, entry);
            }
            // Another read's request may have begun long before this read. A request of the second
            // round begins after this read, so there are at most two rounds.
            if entry.is_usable_after_wait(began, Instant::now(), window) {
                return self.serve(Origin::Shared, entry);
            }
        }
    }

    /// Removes the value of `key`.
    ///
    /// Use it after a write, so that the writer reads its own write. A concurrent read of the
    /// source may still store the previous value, which is within its window.
    pub async fn invalidate(&self, key: &K) {
        self.entries.invalidate(key).await;
    }

    fn serve(&self, origin: Origin, entry: Entry<V, E>) -> Result<V, Arc<E>> {
        match &entry.answer {
            Ok(_) => self.data_type.served(origin, entry.age(Instant::now())),
            Err(_) => self.data_type.failed(),
        }
        entry.answer
    }
}

async fn load_entry<V, E, F>(load: impl Fn() -> F) -> Entry<V, E>
where
    F: Future<Output = Result<V, E>>,
{
    let requested = Instant::now();
    Entry {
        requested,
        answer: load().await.map_err(Arc::new),
    }
}
