//! A cache that answers inside of the window, and asks the source otherwise.
//!
//! `moka` keeps the entries, bounds them, and makes one question of many. What is ours is the age: its own clock starts
//! when the answer has arrived, which is too late, and knows nothing of a test's paused one.

use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{DataType, entry::Entry, metrics::Origin};

/// Most entries, unless set: with values of a kilobyte, some 10 MB, which no service notices, and enough for the keys that
/// most reads are about.
const CAPACITY: u64 = 10_000;

/// moka accepts no more than a thousand years.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A bounded cache in this process, for one type of data, by key. Clones share their entries.
///
/// Values are cloned for each read; put large ones into an [`Arc`]. Entries that are used least make room for others.
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
    /// An empty cache for at most 10,000 entries.
    #[must_use]
    pub fn new(data_type: &'static DataType) -> Self {
        Self::with_capacity(data_type, CAPACITY)
    }

    /// An empty cache for at most `entries`.
    #[must_use]
    pub fn with_capacity(data_type: &'static DataType, entries: u64) -> Self {
        // The declared budget is on the page from the start, for a type that is not read yet.
        data_type.with_metrics(|_| ());
        let entries = moka::future::Cache::builder()
            .max_capacity(entries)
            // Only to free memory: by then no entry is served any more, for its age began before moka's.
            .time_to_live(data_type.window().min(LONGEST))
            .build();
        Self { data_type, entries }
    }

    /// The value of `key`: from the cache inside of the window, from the source otherwise.
    ///
    /// `load` asks the source. It is called at most once: by one of those who read the key at the same time. With a window
    /// of zero each read calls its own. A caller that is cancelled while others wait for its answer makes one of them ask
    /// anew.
    ///
    /// # Errors
    ///
    /// The source's error, shared with all reads that have waited for the same answer. It is not served again: the next read
    /// asks the source.
    ///
    /// # Panics
    ///
    /// Where `load` panics, for the caller whose `load` it is; the others ask themselves.
    pub async fn get<L, F>(&self, key: K, load: L) -> Result<V, Arc<E>>
    where
        L: Fn() -> F + Send + Sync,
        F: Future<Output = Result<V, E>> + Send,
    {
        let began = Instant::now();
        let window = self.data_type.window();
        if window.is_zero() {
            return self.hand_out(Origin::Source, ask(&load).await);
        }
        if let Some(entry) = self.entries.get(&key).await
            && entry.is_fresh(Instant::now(), window)
        {
            return self.hand_out(Origin::Cache, entry);
        }
        loop {
            let mut is_mine = false;
            let question = async {
                is_mine = true;
                ask(&load).await
            };
            let is_old = |entry: &Entry<V, E>| !entry.is_fresh(Instant::now(), window);
            let entry = self
                .entries
                .entry_by_ref(&key)
                .or_insert_with_if(question, is_old)
                .await
                .into_value();
            if is_mine {
                return self.hand_out(Origin::Source, entry);
            }
            // Another read's question may have been asked long before this read. The next one cannot have been: so
            // there are two rounds at most.
            if entry.is_good_for(began, Instant::now(), window) {
                return self.hand_out(Origin::Shared, entry);
            }
        }
    }

    /// Forgets the value of `key`: after a write, so that the writer reads what it has written. A question that is
    /// under way meanwhile may still bring back the value before it, and that is inside of its window.
    pub async fn invalidate(&self, key: &K) {
        self.entries.invalidate(key).await;
    }

    fn hand_out(&self, origin: Origin, entry: Entry<V, E>) -> Result<V, Arc<E>> {
        match &entry.answer {
            Ok(_) => self.data_type.served(origin, entry.age(Instant::now())),
            Err(_) => self.data_type.failed(),
        }
        entry.answer
    }
}

async fn ask<V, E, F>(load: impl Fn() -> F) -> Entry<V, E>
where
    F: Future<Output = Result<V, E>>,
{
    let asked = Instant::now();
    Entry {
        asked,
        answer: load().await.map_err(Arc::new),
    }
}
